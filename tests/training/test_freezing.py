"""Parts of a model stay as they are, or learn at a rate of their own."""

from pathlib import Path

import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.models import FFNN
from autrainer.models.freezing import freeze
from autrainer.optimizers import build_optimizer
from tests.training.conftest import state, trained

FACTORS = {"_target_": "torch.optim.SGD", "learning_rate_factors": {"Linear0": 0.1, "*": 2.0}}


def test_what_is_frozen_is_as_it_was_after_a_run(tmp_path):
    trainer = trained(tmp_path, "+model.freeze=[Linear0]")
    began = state(Path(trainer.output_directory), "_initial")
    ended = trainer.model.state_dict()
    same = {name for name in ended if torch.equal(ended[name], began[name])}
    assert same == {"Linear0.weight", "Linear0.bias"}


@pytest.mark.parametrize("pattern", ["Linear9", "*"])
def test_a_pattern_that_means_nothing_or_everything_is_refused(pattern):
    with pytest.raises(ConfigError, match=r"model\.freeze"):
        freeze(FFNN(1, 2, 3), [pattern])


def rates(optimizer, model):
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {names[p]: group["lr"] for group in optimizer.param_groups for p in group["params"]}


@pytest.mark.parametrize("decay", [{}, {"weight_decay": 0.5}])
def test_the_first_pattern_that_fits_multiplies_the_learning_rate(decay):
    model = FFNN(1, 2, 3)
    optimizer = build_optimizer({**FACTORS, **decay}, model, 0.5)
    found = rates(optimizer, model)
    assert found == pytest.approx(
        {"Linear0.weight": 0.05, "Linear0.bias": 0.05, "Linear1.weight": 1.0, "Linear1.bias": 1.0}
    )
    decays = {g["weight_decay"] for g in optimizer.param_groups}
    assert decays == ({0.5, 0.0} if decay else {0})


def test_a_single_group_keeps_its_rate():
    factors = {"_target_": "torch.optim.Adam", "learning_rate_factors": {"*": 0.5}}
    optimizer = build_optimizer(factors, FFNN(1, 2, 3), 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25]


@pytest.mark.parametrize("factors", [{"Linear0": -1}, {"Linear0": "x"}, [1], {"Linear7": 1}])
def test_factors_that_mean_nothing_are_refused(factors):
    config = {"_target_": "torch.optim.SGD", "learning_rate_factors": factors}
    with pytest.raises(ConfigError, match=r"optimizer\.learning_rate_factors"):
        build_optimizer(config, FFNN(1, 2, 3), 0.5)
