"""Runs whose samples a sampler of the configuration chooses."""

import numpy as np
import pytest

from autrainer.errors import ConfigError, DataError
from autrainer.training import ModularTaskTrainer
from tests.training.conftest import built, configured, same_states, trained

SAMPLERS = "autrainer.data.sampler"
BLOCKS = {f"{SAMPLERS}.BlockSampler": {"block_size": 4, "window": 2}}
WEIGHTED = {f"{SAMPLERS}.WeightedSampler": {"weights": "height"}}


class Fickle:
    """Of a user; its constructor does not like what it is given."""

    def __init__(self, num_samples, share):
        if share > 1:
            raise ValueError("share has to be at most 1")
        self.num_samples, self.share = num_samples, share

    def __len__(self):
        return int(self.num_samples * self.share)

    def indices(self, epoch, start, stop):
        return range(start, stop)


def visited(trainer, epoch):
    return np.load(trainer.output_directory / f"epoch_{epoch}" / "train_indices.npy").tolist()


@pytest.mark.parametrize("place", ["train_loader_kwargs", "dataset__train_loader_kwargs"])
def test_a_run_visits_what_its_sampler_gives(tmp_path, place):
    trainer = trained(tmp_path, **{place: {"sampler": BLOCKS}})
    for epoch in (1, 2):
        expected = trainer.data.build_sampler(BLOCKS).indices(epoch - 1, 0, 24)
        assert visited(trainer, epoch) == expected.tolist()


def test_a_pass_may_have_more_samples_than_the_split(tmp_path, csv_run):
    sampler = {f"{SAMPLERS}.BalancedSampler": {"num_draws": 100}}
    changes = csv_run("Classification", train_loader_kwargs={"sampler": sampler})
    trainer = trained(tmp_path, **changes)
    assert len(trainer.train_loader) == 7
    assert len(visited(trainer, 2)) == 100
    assert len(np.load(trainer.output_directory / "_test" / "test_indices.npy")) == 9


@pytest.mark.parametrize("kind", [(), ("training_type=step", "eval_frequency=2")])
def test_drawn_samples_are_the_same_in_every_run(tmp_path, csv_run, kind):
    def drawing(name, **options):
        sampler = {f"{SAMPLERS}.WeightedSampler": {"weights": "age"}}
        changes = csv_run("Classification", train_loader_kwargs={"sampler": sampler, **options})
        return trained(tmp_path, *kind, name=name, **changes)

    alone, workers = drawing("alone"), drawing("workers", num_workers=2, resident_mb=0)
    assert same_states(alone.model.state_dict(), workers.model.state_dict())
    for file in alone.output_directory.rglob("train_*.npy"):
        twin = workers.output_directory / file.relative_to(alone.output_directory)
        assert file.read_bytes() == twin.read_bytes()


def test_weights_that_are_none_are_told_before_training(tmp_path, csv_run):
    changes = csv_run("Regression", train_loader_kwargs={"sampler": WEIGHTED})
    with pytest.raises(
        DataError, match=r"train\.csv: .* 'height' below zero: -2, -1, .*\(lines 2, "
    ):
        built(tmp_path, **changes)
    assert not list(tmp_path.rglob("*.pt"))


def test_a_sampler_is_checked_with_everything_else_and_nothing_is_written(tmp_path):
    sampler = {f"{SAMPLERS}.BlockSampler": {"block_sise": 4}}
    cfg = configured(model__hiden_size=3, dataset__train_loader_kwargs={"sampler": sampler})
    with pytest.raises(ConfigError, match=r"(?s)did you mean 'block_size'.*hiden_size") as caught:
        ModularTaskTrainer(cfg, tmp_path / "run")
    assert "dataset.train_loader_kwargs.sampler.block_sise is no argument" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_what_the_constructor_of_a_sampler_refuses_is_told_with_its_key(tmp_path):
    sampler = {f"{__name__}.Fickle": {"share": 1.5}}
    message = r"train_loader_kwargs\.sampler cannot be built as .*Fickle\(share=1\.5\): ValueError"
    with pytest.raises(ConfigError, match=message):
        built(tmp_path, train_loader_kwargs={"sampler": sampler})
