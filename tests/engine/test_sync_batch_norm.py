"""Batch normalisation by several processes is that of one."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.data.items import DataBatch
from autrainer.engine.runtime import Runtime
from autrainer.engine.sync_batch_norm import SyncBatchNorm, synchronise
from autrainer.engine.update import Update
from autrainer.optimizers.sam import SAM
from autrainer.runs.process.communicator import ALONE
from tests.ranks import on_all

CPU = torch.device("cpu")
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
    "SAM": lambda p: SAM(p, torch.optim.SGD, rho=0.1, lr=0.1),
}


class Net(torch.nn.Module):
    """Convolves, normalises, pools and normalises again."""

    def __init__(self, **options):
        super().__init__()
        self.first = torch.nn.Conv2d(1, 3, 2)
        self.over_pixels = torch.nn.BatchNorm2d(3, **options)
        self.over_samples = torch.nn.BatchNorm1d(3, affine=False)
        self.last = torch.nn.Linear(3, 2)

    def forward(self, features):
        pooled = self.over_pixels(self.first(features)).relu().amax(dim=(2, 3))
        return self.last(self.over_samples(pooled))

    def select_inputs(self, batch):
        return {"features": batch.features}


def trained(communicator, optimizer, sizes, options):
    """What a model has in its state after an update with each batch."""
    generator = torch.Generator().manual_seed(1)
    net = Net(**options).double()
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    if communicator is not ALONE:
        synchronise(net, communicator)
    runtime = Runtime(CPU, communicator)
    update = Update(OPTIMIZERS[optimizer](net.parameters()), runtime=runtime, sends_early=False)
    for size in sizes:
        features = torch.randn(size, 1, 4, 4, generator=generator, dtype=torch.float64) + 100
        target = torch.randint(2, (size,), generator=generator)
        own = slice(*communicator.process.share(size))
        batch = DataBatch(features[own], target[own], torch.arange(size)[own])
        criterion = torch.nn.CrossEntropyLoss(reduction="none")
        update.step(net, batch, criterion, lambda output: output)
    return net.state_dict()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("world_size", [2, 3])
@given(
    sizes=st.lists(st.integers(3, 9), min_size=1, max_size=3),
    momentum=st.sampled_from([0.1, None]),
    tracks=st.booleans(),
)
@settings(max_examples=5)
def test_an_update_with_batch_normalisation_is_that_of_one_process(
    optimizer, world_size, sizes, momentum, tracks
):
    options = {"momentum": momentum, "track_running_stats": tracks}
    expected = trained(ALONE, optimizer, sizes, options)
    for found in on_all(world_size, lambda one: trained(one, optimizer, sizes, options)):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, rtol=1e-8, atol=1e-6)


def test_evaluation_is_torchs_and_layers_of_other_classes_stay():
    class Own(torch.nn.BatchNorm1d): ...

    net = torch.nn.Sequential(torch.nn.BatchNorm1d(3), Own(3), torch.nn.LayerNorm(3))
    plain = copy.deepcopy(net).eval()
    synchronise(net, ALONE)
    assert [isinstance(layer, SyncBatchNorm) for layer in net] == [True, False, False]
    features = torch.randn(4, 3)
    assert torch.equal(net.eval()(features), plain(features))
    # One process normalises as torch does.
    torch.testing.assert_close(net.train()(features), plain.train()(features))
