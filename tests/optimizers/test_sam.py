import copy

import pytest
import torch
from torch import nn

from autrainer.data.items import DataBatch
from autrainer.errors import ConfigError
from autrainer.models import FFNN, SmallCNN
from autrainer.optimizers import SAM

LOSS = nn.CrossEntropyLoss(reduction="none")


def batch(num=8, shape=(4,)):
    torch.manual_seed(1)
    return DataBatch(torch.rand(num, *shape), torch.randint(0, 3, (num,)), torch.arange(num))


def model():
    torch.manual_seed(0)
    return FFNN(3, 4, 5, dropout=0.0)


def train(network, optimizer, num_steps, data=None):
    for _ in range(num_steps):
        result = optimizer.custom_step(network, data or batch(), LOSS, lambda x: x)
    return result


def values(network):
    return [parameter.detach().clone() for parameter in network.parameters()]


def by_hand(network, optimizer, rho, adaptive):
    """The two steps of the paper, written down directly."""
    data = batch()
    before = values(network)
    optimizer.zero_grad()
    LOSS(network(data.features), data.target).mean().backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    weights = [p.abs() if adaptive else torch.ones_like(p) for p in before]
    norm = torch.cat([(g * w).flatten() for g, w in zip(gradients, weights, strict=True)]).norm()
    with torch.no_grad():
        for p, g, w in zip(network.parameters(), gradients, weights, strict=True):
            p.add_(rho / (norm + 1e-12) * g * w**2)
    optimizer.zero_grad()
    LOSS(network(data.features), data.target).mean().backward()
    with torch.no_grad():
        for p, old in zip(network.parameters(), before, strict=True):
            p.copy_(old)
    optimizer.step()


@pytest.mark.parametrize("adaptive", [False, True])
def test_step_is_that_of_the_paper(adaptive):
    ours, reference = model(), model()
    sam = SAM(ours.parameters(), "torch.optim.SGD", 0.1, adaptive, lr=0.1, momentum=0.9)
    base = torch.optim.SGD(reference.parameters(), lr=0.1, momentum=0.9)
    train(ours, sam, 3)
    for _ in range(3):
        by_hand(reference, base, 0.1, adaptive)
    for found, expected in zip(values(ours), values(reference), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)


def test_losses_and_outputs_are_those_of_the_second_pass_and_gradients_are_cleared():
    network = model()
    loss, output = train(network, SAM(network.parameters(), "torch.optim.SGD", lr=0.1), 1)
    assert loss.shape == (8,)
    assert output.shape == (8, 3)
    assert torch.equal(loss, LOSS(output, batch().target))
    assert all(parameter.grad is None for parameter in network.parameters())


def test_training_goes_on_from_its_state_as_if_it_had_never_stopped():
    straight, resumed = model(), model()
    sam = SAM(straight.parameters(), "torch.optim.Adam", lr=0.01)
    first = SAM(resumed.parameters(), "torch.optim.Adam", lr=0.01)
    train(straight, sam, 4)
    train(resumed, first, 2)
    second = SAM(resumed.parameters(), "torch.optim.Adam", lr=0.5)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(resumed, second, 2)
    for found, expected in zip(values(resumed), values(straight), strict=True):
        assert torch.equal(found, expected)


def test_state_holds_the_base_optimizer_and_no_weights():
    network = model()
    sam = SAM(network.parameters(), "torch.optim.SGD", lr=0.1, momentum=0.9)
    train(network, sam, 1)
    state = sam.state_dict()
    assert {key for entry in state["state"].values() for key in entry} == {"momentum_buffer"}
    assert sam._before == []


def test_state_of_earlier_versions_loads_without_its_weights():
    network = model()
    sam = SAM(network.parameters(), "torch.optim.Adam", lr=0.1)
    state = sam.state_dict()
    state["state"] = {0: {"old_p": torch.zeros(5, 4)}}
    sam.load_state_dict(state)
    train(network, sam, 1)
    assert "old_p" not in sam.state_dict()["state"][0]


def test_norm_layers_count_each_batch_once():
    torch.manual_seed(0)
    network = SmallCNN(3, channels=[2, 2])
    reference = copy.deepcopy(network)
    data = batch(shape=(1, 8, 8))
    train(network, SAM(network.parameters(), "torch.optim.SGD", lr=0.1), 1, data)
    reference(data.features)
    for (name, found), expected in zip(network.named_buffers(), reference.buffers(), strict=True):
        assert torch.equal(found, expected), name
    assert all(
        module.track_running_stats and module.momentum == 0.1
        for module in network.modules()
        if isinstance(module, nn.BatchNorm2d)
    )


def test_schedulers_turn_the_rate_of_the_base_and_see_the_steps():
    network = model()
    sam = SAM(network.parameters(), torch.optim.SGD, lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(sam, 1, gamma=0.5)
    train(network, sam, 1)
    scheduler.step()
    assert sam.base_optimizer.param_groups[0]["lr"] == 0.05


@pytest.mark.parametrize(
    ("base", "rho", "message"),
    [
        ("torch.optim.SGD", -1, "rho is -1"),
        ("torch.optim.SDG", 0.1, "did you mean"),
        ("torch.nn.ReLU", 0.1, "name a class of optimizers"),
    ],
)
def test_bad_arguments_are_refused(base, rho, message):
    with pytest.raises(ConfigError, match=message):
        SAM(model().parameters(), base, rho, lr=0.1)


def test_step_needs_a_closure():
    with pytest.raises(ValueError, match="closure"):
        SAM(model().parameters(), torch.optim.SGD, lr=0.1).step()
