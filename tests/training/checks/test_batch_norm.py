"""A last batch of one sample, where a model normalises over the batch."""

import pytest

from autrainer.errors import ConfigError
from autrainer.training import ModularTaskTrainer
from tests.ranks import Echo
from tests.training.conftest import built, configured, trained

LONE = "batch_size=23"
"""24 training samples: one is left for the last batch."""


def normed(**arguments):
    target = "tests.training.parts.NormedModel"
    return {"id": "N", "_target_": target, "transform": {"type": "tabular"}, **arguments}


def test_a_last_batch_of_one_is_refused_before_training_and_drop_last_is_named(tmp_path):
    with pytest.raises(ConfigError) as error:
        built(tmp_path, LONE, model=normed())

    assert str(error.value) == (
        "the last of 2 batches has one sample (batch_size is 23), and NormedModel cannot be "
        "trained on one: its layer 'norm' normalises over the batch; set "
        "train_loader_kwargs.drop_last to true, or choose another batch_size"
    )


def test_batches_of_one_are_told_as_what_they_are(tmp_path):
    with pytest.raises(ConfigError, match=r"batch_size is 1, and .* use a batch_size of 2 or more"):
        built(tmp_path, "batch_size=1", model=normed())


@pytest.mark.parametrize("size", [1, 2])
def test_parts_of_one_sample_are_refused_too(tmp_path, size):
    # 24 samples: batches of 3 have a part of one in both cases.
    with pytest.raises(ConfigError, match=rf"a batch of 3 samples in parts of at most {size} "):
        built(tmp_path, "batch_size=3", f"micro_batch_size={size}", model=normed())


def test_parts_of_two_samples_train(tmp_path):
    trained(tmp_path, "batch_size=8", "micro_batch_size=3", "iterations=1", model=normed())


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        ([], {"train_loader_kwargs": {"drop_last": True}}),
        (["batch_size=22"], {}),
        # The first batch alone is trained on.
        (["training_type=step"], {}),
        ([], {"model": normed(keeps=True)}),
    ],
)
def test_what_can_be_trained_is(tmp_path, overrides, changes):
    overrides = [LONE, "iterations=1", *overrides]

    assert len(trained(tmp_path, *overrides, **{"model": normed(), **changes}).metrics) == 1


def test_one_image_has_many_values_for_each_channel(tmp_path):
    model = {"id": "C", "_target_": "autrainer.models.SmallCNN", "transform": {"type": "grayscale"}}
    data = ("dataset=ToyImage-C", "dataset.feature_shape=[1,8,8]", "dataset.size=40")
    trainer = built(tmp_path, LONE, *data, model=model, dataset__transform={"type": "grayscale"})
    trainer.close()

    assert trainer.train_loader.last_batch_size == 1


def of_three(tmp_path, *overrides):
    """A trainer that is the main one of three processes."""
    run = tmp_path / "experiment" / "training" / "run"
    cfg = configured(*overrides, model=normed())
    ModularTaskTrainer(cfg, run, communicator=Echo(0, 3)).close()


def test_a_process_that_would_have_one_sample_is_told_before_training(tmp_path):
    with pytest.raises(ConfigError, match="of a batch of 4 samples one of 3 processes has one"):
        of_three(tmp_path, "batch_size=20")


@pytest.mark.parametrize(("batch_size", "num"), [(8, 2), (12, 4), (24, None)])
def test_few_samples_for_each_process_are_warned_of(tmp_path, caplog, batch_size, num):
    of_three(tmp_path, f"batch_size={batch_size}")
    told = [r.getMessage() for r in caplog.records if "normalises over the batch" in r.message]
    assert [f"each of 3 processes does so over {num} samples alone" in each for each in told] == (
        [] if num is None else [True]
    )


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (("micro_batch_size=4",), "micro_batch_size is 4; remove it"),
        (("on_nonfinite=skip",), "on_nonfinite is 'skip'; use error or ignore"),
        (("batch_size=22",), "the last batch has 2 samples for 3 processes; set train_loader"),
    ],
)
def test_what_keeps_processes_from_normalising_together_is_refused(tmp_path, overrides, problem):
    with pytest.raises(ConfigError, match=f"sync_batchnorm is true, but {problem}"):
        of_three(tmp_path, "sync_batchnorm=true", *overrides)


def test_samples_of_all_processes_are_not_few(tmp_path, caplog):
    of_three(tmp_path, "sync_batchnorm=true", "batch_size=8")
    assert "normalises over the batch" not in caplog.text
