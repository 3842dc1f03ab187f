"""What a configuration names, and what it is called with."""

import pytest

from autrainer.config.schema.run import RunConfig
from autrainer.config.schema.targets import Target, TargetList
from autrainer.errors import ConfigError
from autrainer.training.checks.configuration import find_problems
from tests.training.any_config import plain
from tests.training.conftest import configured


def test_a_class_does_not_get_what_others_consume():
    config = {"id": "M", "_target_": "my.Net", "width": 3, "transform": {}}
    target = Target.of_group("model", config, ["transform"])
    assert (target.path, target.arguments) == ("my.Net", {"width": 3})
    assert target.described() == "my.Net(width=3, transform={})"
    assert target.described("transform", depth=2) == "my.Net(width=3, depth=2)"
    assert config == {"id": "M", "_target_": "my.Net", "width": 3, "transform": {}}


def test_a_list_of_shorthands_knows_where_each_stands():
    listed = TargetList.read("callbacks", ["a.B", {"c.D": {"x": 1}}, {1: 2}])
    assert [target.key for target in listed.targets] == [f"callbacks[{n}]" for n in range(3)]
    assert [target.path for target in listed.targets] == ["a.B", "c.D", ""]
    assert [target.problem is None for target in listed.targets] == [True, True, False]
    assert TargetList.read("callbacks", None).targets == ()


def test_the_sections_of_a_configuration_hold_what_classes_get_and_what_others_consume():
    config = plain(configured("scheduler=StepLR"))
    arguments = set(config["model"]) - {"id", "_target_", "transform"}
    config["model"] |= {"model_checkpoint": "m.pt", "transfer": True, "skip_last_layer": False}
    config["optimizer"] |= {"weight_decay": 0.1}
    read = RunConfig.read(config)
    assert set(read.model.target.arguments) == arguments
    assert read.model.checkpoints.model_checkpoint == "m.pt"
    assert not read.model.checkpoints.skip_last_layer
    assert "weight_decay" not in read.optimizer.target.arguments
    assert read.optimizer.decay.weight_decay == 0.1
    assert read.scheduler.schedule.step_frequency == "evaluation"
    assert "step_frequency" not in read.scheduler.target.arguments
    consumed = {"transform", "criterion"}
    assert not consumed & set(read.dataset.target.arguments)
    assert [metric.path for metric in read.dataset.metrics.targets] == config["dataset"]["metrics"]
    assert read.dataset.criterion.path == config["dataset"]["criterion"]


@pytest.mark.parametrize("path", [["m.pt"], {"a": 1}, 0.5])
def test_a_checkpoint_that_is_no_path_is_told(path):
    config = plain(configured())
    config["model"]["model_checkpoint"] = path
    (problem,) = find_problems(RunConfig.read(config))
    message = "use the path of a file, or null for a fresh state"
    assert problem.line() == f"model.model_checkpoint is {path!r}; {message}"


def test_patience_that_is_null_is_missing():
    config = plain(configured()) | {"early_stopping": {"patience": None}}
    with pytest.raises(ConfigError, match=r"^early_stopping\.patience is missing; say how many"):
        RunConfig.read(config)
