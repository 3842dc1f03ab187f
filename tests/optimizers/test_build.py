import pytest
import torch
import yaml
from torch import nn

from autrainer.errors import ConfigError
from autrainer.optimizers import SAM, build_optimizer
from tests.conftest import CONF


def build(**config):
    return build_optimizer(config, nn.Linear(3, 2), 0.25)


def test_learning_rate_and_arguments_arrive():
    config = {"id": "SGD", "_target_": "torch.optim.SGD", "momentum": 0.5}
    model = nn.Linear(3, 2)
    optimizer = build_optimizer(config, model, 0.25)
    assert config == {"id": "SGD", "_target_": "torch.optim.SGD", "momentum": 0.5}
    (group,) = optimizer.param_groups
    assert (group["lr"], group["momentum"]) == (0.25, 0.5)
    assert [id(p) for p in group["params"]] == [id(p) for p in model.parameters()]


def test_weight_decay_makes_two_groups():
    optimizer = build(_target_="torch.optim.AdamW", weight_decay=0.1)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    optimizer = build(
        _target_="torch.optim.AdamW", weight_decay=0.1, apply_weight_decay_to_bias=True
    )
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 0]


@pytest.mark.parametrize("kind", ["Adam", "AdamW"])
def test_adam_updates_all_parameters_in_one_pass(kind):
    (group,) = build(_target_=f"torch.optim.{kind}").param_groups
    assert group["fused"]


@pytest.mark.parametrize("way", ["fused", "foreach", "capturable", "differentiable"])
def test_how_an_optimizer_works_can_be_chosen(way):
    (group,) = build(_target_="torch.optim.Adam", **{way: False}).param_groups
    assert not group["fused"]


def test_parameters_that_cannot_be_fused_are_not():
    model = nn.Linear(3, 2, dtype=torch.complex64)
    (group,) = build_optimizer({"_target_": "torch.optim.Adam"}, model, 0.25).param_groups
    assert not group["fused"]


def test_a_fused_step_is_that_of_the_others_but_for_rounding():
    models = [nn.Linear(30, 20) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    for model, fused in zip(models, ({}, {"fused": False}), strict=True):
        optimizer = build_optimizer({"_target_": "torch.optim.AdamW", **fused}, model, 0.01)
        for step in range(20):
            optimizer.zero_grad()
            model(torch.linspace(-step, step, 30)).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(models[0].state_dict(), models[1].state_dict())


def test_sam_takes_its_base_and_its_groups():
    optimizer = build(
        _target_="autrainer.optimizers.SAM",
        base_optimizer="torch.optim.SGD",
        momentum=0.9,
        weight_decay=0.1,
    )
    assert isinstance(optimizer, SAM)
    assert [group["weight_decay"] for group in optimizer.base_optimizer.param_groups] == [0.1, 0.0]


@pytest.mark.parametrize("path", sorted((CONF / "optimizer").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_configuration_builds_an_optimizer(path):
    config = yaml.safe_load(path.read_text())
    assert config["id"] == path.stem
    optimizer = build(**config)
    assert optimizer.param_groups[0]["lr"] == 0.25


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"_target_": "torch.optim.Adamm"}, "did you mean"),
        ({"_target_": "torch.nn.ReLU"}, "."),
        ({"_target_": "torch.optim.SGD", "momentun": 1}, "momentum"),
        ({"_target_": "torch.optim.Rprop", "weight_decay": 0.1}, "Rprop knows no weight decay"),
        ({}, "_target_ is missing"),
    ],
)
def test_what_makes_no_optimizer_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        build(**config)


def test_optimizer_made_by_a_function_is_fine():
    optimizer = build(_target_="tests.optimizers.test_build.make_sgd")
    assert isinstance(optimizer, torch.optim.SGD)


def make_sgd(params, lr):
    return torch.optim.SGD(params, lr=lr)
