"""What a configuration asks for and cannot have: told with its key and where it went wrong."""

import pytest

from autrainer.errors import ConfigError, OutOfMemoryError
from autrainer.runs.status import read_status
from autrainer.training.checks.configuration import checked
from tests.training.any_config import plain
from tests.training.conftest import built, configured, trained

TIBI = 2**40


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dataset.dev_split", "half", "dataset.dev_split is 'half'; .* takes a number"),
        ("dataset.metrics", None, "dataset.metrics is None; .* takes a list"),
        ("dataset.tracking_metric", None, "dataset.tracking_metric is None; use an import path"),
        ("dataset.size", "???", "dataset.size is missing; give it a value"),
        ("dataset.transform.base", "x.Y", "dataset.transform.base is 'x.Y'; use a list"),
        ("dataset.transform.base", [5], r"dataset.transform.base\[0\] is 5; use an import path"),
        ("optimizer.weight_decay", 1e300, "optimizer.weight_decay is 1e.300; use a finite number"),
        ("optimizer.apply_weight_decay_to_bias", "no", "is 'no'; use true or false"),
        ("augmentation.pipeline", -1, "augmentation.pipeline is -1; use a list"),
        ("callbacks", [{1: 2}], r"callbacks\[0\] is \{1: 2\}; use an import path"),
    ],
)
def test_what_can_be_seen_without_building_is_refused_before(tmp_path, key, value, message):
    with pytest.raises(ConfigError, match=message):
        built(tmp_path, **{key.replace(".", "__"): value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["${nowhere}", "${oc.env:NOWHERE_AT_ALL}", "${"])
def test_an_interpolation_that_leads_nowhere_is_refused(value):
    config = plain(configured())
    config["model"]["hidden_size"] = value
    with pytest.raises(ConfigError, match=r"^model.hidden_size cannot be resolved: "):
        checked(config)


@pytest.mark.parametrize("period", [("StepLR", "step_size"), ("CosineAnnealingLR", "T_max")])
def test_a_scheduler_of_no_steps_is_refused(tmp_path, period):
    name, key = period
    scheduler = {"id": name, "_target_": f"torch.optim.lr_scheduler.{name}", key: 0}
    with pytest.raises(ConfigError, match=f"scheduler.{key} is 0; use an integer of at least 1"):
        built(tmp_path, scheduler=scheduler)


@pytest.mark.parametrize(
    ("group", "options", "message"),
    [
        ("model", {"hidden_size": -1}, r"model cannot be built as .*FFNN\(.*hidden_size=-1"),
        ("optimizer", {"eps": -1.0}, r"optimizer cannot be built as .*eps=-1.0.* ValueError: "),
        ("dataset", {"size": 2**62}, r"dataset cannot be built as .*size=4611686018427387904"),
    ],
)
def test_what_a_constructor_refuses_is_told_with_its_key_and_its_arguments(
    tmp_path, group, options, message
):
    with pytest.raises(ConfigError, match=message) as caught:
        built(
            tmp_path,
            "optimizer=Adam",
            **{f"{group}__{name}": value for name, value in options.items()},
        )
    assert caught.value.__cause__ is not None
    assert ", line " in str(caught.value)


def test_a_model_that_no_memory_holds_is_told_with_its_arguments(tmp_path):
    with pytest.raises(OutOfMemoryError, match=rf"model cannot be built .*hidden_size={TIBI}"):
        built(tmp_path, model__hidden_size=TIBI)


def test_a_sample_that_no_memory_holds_is_told(tmp_path):
    with pytest.raises(OutOfMemoryError, match="a sample of the dataset takes more memory"):
        built(tmp_path, dataset__feature_shape=TIBI)


def test_a_model_that_does_not_fit_the_dataset_is_told_with_both(tmp_path):
    with pytest.raises(
        ConfigError, match=r"model ToyFFNN.*input_size=63.*dataset ToyTabular-C.* float32 \(B, 64\)"
    ):
        trained(tmp_path, "model.input_size=63")
    status = read_status(tmp_path / "experiment" / "training" / "run")
    assert (status["state"], status["exception"]["type"]) == ("failed", "ConfigError")


def test_options_of_a_loader_that_are_left_open_are_those_by_default(tmp_path):
    trained(tmp_path, train_loader_kwargs="???")
