"""An update by several processes is that of one: the same samples, the same weights."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.engine import gradient_sum
from autrainer.engine.gradient_sum import GradientSum
from autrainer.engine.runtime import Runtime
from autrainer.engine.update import Limits, SkippedBatch, Update
from autrainer.errors import ConfigError
from autrainer.optimizers.sam import SAM
from autrainer.runs.process.communicator import ALONE
from tests.engine.batches import batches, criterion
from tests.ranks import on_all

CPU = torch.device("cpu")


class Net(torch.nn.Module):
    """Two layers that train, one that nobody uses, one that only positive samples use."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = torch.nn.Linear(3, 5)
        self.last = torch.nn.Linear(5, 2)
        self.unused = torch.nn.Linear(2, 2)
        self.rare = torch.nn.Linear(5, 2)
        self.register_buffer("seen", torch.zeros(3))
        self.double()
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)

    def forward(self, features):
        self.seen = self.seen + features.detach().sum(dim=0)
        hidden = self.first(features).tanh()
        rare = features[:, 0] > 1
        if rare.any():
            return self.last(hidden) + self.rare(hidden) * rare[:, None]
        return self.last(hidden)

    def select_inputs(self, batch):
        return {"features": batch.features}


def share(batch, process):
    rows = slice(*process.share(len(batch.index)))
    if rows.start == rows.stop:
        return None
    parts = {name: value[rows] for name, value in vars(batch).items()}
    return SimpleNamespace(**parts)


def same(output):
    return output


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.1),
    "AdamW": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.1),
    "LBFGS": lambda p: torch.optim.LBFGS(p, 0.5, max_iter=3, line_search_fn="strong_wolfe"),
    "SAM": lambda p: SAM(p, torch.optim.SGD, rho=0.1, lr=0.1, momentum=0.9),
}


def trained(communicator, optimizer, sizes, limits, samples_per_update=1):
    """Weights, buffers and losses after an update with each batch."""
    model = Net()
    update = Update(
        OPTIMIZERS[optimizer](model.parameters()),
        None,
        limits,
        Runtime(CPU, communicator),
        samples_per_update=samples_per_update,
    )
    losses = []
    for batch in batches(sizes):
        own = share(batch, communicator.process)
        if own is None:
            update.join(model, criterion)
        else:
            loss, _ = update.step(model, own, criterion, same)
        losses.append((loss.mean() if update.mean_loss is None else update.mean_loss).item())
    return [p.detach() for p in model.parameters()], model.seen, losses


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@settings(max_examples=5)
@given(
    large=st.sampled_from([0, gradient_sum.LARGE]),
    samples_per_update=st.integers(1, 9),
    bucket_bytes=st.sampled_from([64, gradient_sum.BUCKET_BYTES]),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    micro_batch_size=st.none() | st.integers(1, 3),
    max_grad_norm=st.none() | st.just(0.05),
    max_grad_value=st.none() | st.just(0.01),
)
def test_an_update_by_several_processes_is_that_of_one(
    optimizer,
    world_size,
    large,
    samples_per_update,
    bucket_bytes,
    sizes,
    micro_batch_size,
    max_grad_norm,
    max_grad_value,
):
    limits = Limits(micro_batch_size, max_grad_norm, max_grad_value)
    expected, _, losses = trained(ALONE, optimizer, sizes, limits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GradientSum.__init__, "__defaults__", (bucket_bytes,))
        patch.setattr(gradient_sum, "LARGE", large)
        found = on_all(
            world_size, lambda one: trained(one, optimizer, sizes, limits, samples_per_update)
        )

    for weights, seen, told in found:
        for one, other in zip(weights, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
        # Of the processes themselves, not one bit differs.
        assert [*map(torch.Tensor.tolist, weights)] == [*map(torch.Tensor.tolist, found[0][0])]
        assert seen.tolist() == found[0][1].tolist()
        assert told == pytest.approx(losses, abs=1e-6)


class Halting:
    """A loss that is infinite for the last sample of a batch of five."""

    def __call__(self, output, target):
        loss = criterion(output, target)
        return loss / (output.new_tensor([1.0] * (len(loss) - 1) + [0.0]))


@pytest.mark.parametrize("optimizer", ["SGD", "SAM"])
@pytest.mark.parametrize("micro_batch_size", [None, 1])
def test_a_batch_that_one_process_leaves_out_is_left_out_by_all(optimizer, micro_batch_size):
    def skipped(communicator):
        model = Net()
        runtime = Runtime(CPU, communicator)
        limits = Limits(micro_batch_size, skips_nonfinite=True)
        update = Update(OPTIMIZERS[optimizer](model.parameters()), None, limits, runtime)
        (batch,) = batches([5])
        own = share(batch, communicator.process)
        loss_of = Halting() if communicator.process.rank == 1 else criterion
        with pytest.raises(SkippedBatch) as left_out:
            update.step(model, own, loss_of, same)
        same_weights = zip(model.parameters(), Net().parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in same_weights)
        return left_out.value.loss.isfinite().all().item()

    assert on_all(2, skipped) == [True, False]


def test_parameters_may_come_and_go_while_a_run_trains():
    def weights(communicator):
        model = Net()
        optimizer = torch.optim.SGD(model.last.parameters(), 0.1)
        update = Update(optimizer, runtime=Runtime(CPU, communicator))
        for number, batch in enumerate(batches([6, 6, 6])):
            if number == 1:
                optimizer.add_param_group({"params": list(model.first.parameters())})
                model.last.bias.requires_grad_(False)
            update.step(model, share(batch, communicator.process), criterion, same)
        return [*map(torch.Tensor.detach, model.parameters())]

    expected = weights(ALONE)
    for found in on_all(2, weights):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


class Selfish(torch.optim.SGD):
    def custom_step(self, model, data, criterion, probabilities_fn): ...


def test_what_cannot_be_shared_is_refused():
    def refused(communicator):
        optimizer = Selfish(Net().parameters(), 0.1)
        with pytest.raises(ConfigError, match="Selfish updates the model by itself, which several"):
            Update(optimizer, runtime=Runtime(CPU, communicator))
        table = torch.nn.Embedding(4, 2, sparse=True)
        update = Update(
            torch.optim.SGD(table.parameters(), 0.1), runtime=Runtime(CPU, communicator)
        )
        batch = SimpleNamespace(features=torch.tensor([1, 2]), index=[0, 1], target=None)
        table.select_inputs = lambda batch: {"input": batch.features}
        with pytest.raises(ConfigError, match="sparse=False"):
            update.step(table, batch, lambda output, target: output.sum(dim=1), same)

    on_all(2, refused)
