"""Starting from the states of an earlier run."""

from pathlib import Path

import pytest
import torch

from autrainer.errors import ConfigError, CorruptFileError
from autrainer.training.resuming.checkpoints import read_state
from tests.training.conftest import built, same_states, state, trained

ADAM = "optimizer=Adam"
MOMENTUM = "+optimizer.momentum=0.9"


@pytest.fixture
def earlier(tmp_path):
    """Train a run to start from; returns the path of one of its states."""

    def train(*overrides, **changes):
        run = trained(tmp_path, "iterations=1", *overrides, name="earlier", **changes)
        return lambda part: str(run.output_directory / "epoch_1" / f"{part}.pt")

    return train


def started(folder, *overrides, **changes):
    trainer = built(folder, *overrides, name="later", **changes)
    trainer.close()
    return trainer


def positions(trainer):
    """Which parameters have a state of the optimizer."""
    return sorted(trainer.optimizer.state_dict()["state"])


def test_a_model_starts_from_a_checkpoint_but_for_its_last_layer(tmp_path, earlier):
    path = earlier()("model")
    fresh = built(tmp_path, name="fresh")
    fresh.close()
    trainer = started(tmp_path, f"+model.model_checkpoint={path}")
    given, now = torch.load(path, weights_only=True), trainer.model.state_dict()
    for name in ("Linear0.weight", "Linear0.bias"):
        assert torch.equal(now[name], given[name])
    for name in ("Linear1.weight", "Linear1.bias"):
        assert torch.equal(now[name], fresh.model.state_dict()[name])
        assert not torch.equal(now[name], given[name])


def test_a_model_starts_from_a_whole_checkpoint(tmp_path, earlier):
    path = earlier()("model")
    options = (f"+model.model_checkpoint={path}", "+model.skip_last_layer=false")
    trainer = started(tmp_path, *options)
    assert same_states(trainer.model.state_dict(), torch.load(path, weights_only=True))
    assert same_states(
        state(trainer.output_directory, "_initial"), torch.load(path, weights_only=True)
    )


def test_a_whole_checkpoint_that_does_not_fit_is_refused_with_the_way_out(tmp_path, earlier):
    path = earlier()("model")
    options = (f"+model.model_checkpoint={path}", "+model.skip_last_layer=false")
    with pytest.raises(ConfigError, match=r"(?s)earlier.*Linear1\.weight.*skip_last_layer: true"):
        started(tmp_path, *options, "dataset.num_targets=4")


def test_a_checkpoint_that_differs_before_the_last_layer_is_refused(tmp_path, earlier):
    path = earlier()("model")
    with pytest.raises(ConfigError, match=r"(?s)model_checkpoint.*Linear0\.weight"):
        started(tmp_path, f"+model.model_checkpoint={path}", "model.hidden_size=9")


def test_what_a_checkpoint_lacks_is_reported(tmp_path, earlier, caplog):
    given = torch.load(earlier()("model"), weights_only=True)
    torch.save({"Linear0.weight": given["Linear0.weight"], "odd": given["Linear0.bias"]}, "some.pt")
    started(tmp_path, "+model.model_checkpoint=some.pt")
    assert "some.pt leaves ['Linear0.bias'] as initialised and has no place for ['odd']" in (
        caplog.text
    )


def test_a_model_with_a_checkpoint_transfers_nothing(tmp_path, earlier):
    path = earlier()("model")
    trainer = started(tmp_path, f"+model.model_checkpoint={path}", "+model.transfer=true")
    assert not trainer.model.transfer


@pytest.mark.parametrize("optimizer", [(ADAM,), (MOMENTUM,), ("optimizer=SAM-SGD", MOMENTUM)])
def test_an_optimizer_goes_on_but_for_the_last_layer_and_at_its_own_rate(
    tmp_path, earlier, optimizer
):
    path = earlier(*optimizer)("optimizer")
    checkpoint = f"+model.optimizer_checkpoint={path}"
    trainer = started(tmp_path, *optimizer, checkpoint, "learning_rate=0.003")
    assert positions(trainer) == [0, 1]
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.003]
    whole = started(tmp_path, *optimizer, checkpoint, "+model.skip_last_layer=false")
    assert positions(whole) == [0, 1, 2, 3]


def test_an_optimizer_of_two_groups_leaves_out_the_last_layer_of_each(tmp_path, earlier):
    options = (MOMENTUM, "+optimizer.weight_decay=0.1")
    path = earlier(*options)("optimizer")
    trainer = started(tmp_path, *options, f"+model.optimizer_checkpoint={path}")
    # The weights come first, then the biases.
    assert positions(trainer) == [0, 2]


def test_an_optimizer_without_states_has_nothing_to_leave_out(tmp_path, earlier):
    path = earlier()("optimizer")
    trainer = started(tmp_path, f"+model.optimizer_checkpoint={path}", "learning_rate=0.5")
    assert positions(trainer) == []
    assert trainer.optimizer.param_groups[0]["lr"] == 0.5


def test_a_last_layer_without_a_bias_is_left_out_alone(tmp_path, earlier):
    target = "tests.training.parts.SingleLayer"
    model = {"id": "S", "_target_": target, "transform": {"type": "tabular"}}
    path = earlier(ADAM, model=model)
    checkpoints = {
        "model__model_checkpoint": path("model"),
        "model__optimizer_checkpoint": path("optimizer"),
    }
    trainer = started(tmp_path, ADAM, model=model, **checkpoints)
    given, now = torch.load(path("model"), weights_only=True), trainer.model.state_dict()
    equal = {name: torch.equal(now[name], given[name]) for name in now}
    assert equal == {"first.weight": True, "first.bias": True, "last.weight": False}
    assert positions(trainer) == [0, 1]


def test_an_optimizer_of_other_groups_is_refused(tmp_path, earlier):
    path = earlier(MOMENTUM, "+optimizer.weight_decay=0.1")("optimizer")
    with pytest.raises(ConfigError, match=r"optimizer_checkpoint.*parameter groups"):
        started(tmp_path, MOMENTUM, f"+model.optimizer_checkpoint={path}")


def test_an_optimizer_of_a_model_of_another_size_is_refused(tmp_path, earlier):
    # Fused updates would write beyond the memory of what is too short.
    path = earlier(ADAM, "model.hidden_size=4")("optimizer")
    with pytest.raises(ConfigError, match=r"optimizer_checkpoint.*of another model.*\(4, 64\)"):
        started(tmp_path, ADAM, f"+model.optimizer_checkpoint={path}")


def test_a_model_in_place_of_an_optimizer_is_refused(tmp_path, earlier):
    path = earlier(ADAM)("model")
    with pytest.raises(ConfigError, match="optimizer_checkpoint"):
        started(tmp_path, ADAM, f"+model.optimizer_checkpoint={path}")


def test_what_was_taken_over_trains_with_another_number_of_classes(tmp_path, earlier):
    path = earlier(ADAM)
    options = (
        f"+model.model_checkpoint={path('model')}",
        f"+model.optimizer_checkpoint={path('optimizer')}",
    )
    trainer = trained(tmp_path, ADAM, *options, "dataset.num_targets=3", name="later")
    assert trainer.output_dim == 3
    assert positions(trainer) == [0, 1, 2, 3]


def test_a_scheduler_goes_on_where_it_was(tmp_path, earlier):
    decay = ("scheduler=StepLR", "scheduler.step_size=2", "+scheduler.gamma=0.5")
    path = earlier(*decay)("scheduler")
    trainer = started(tmp_path, *decay, f"+model.scheduler_checkpoint={path}")
    assert trainer.scheduler.last_epoch == 1
    later = trained(tmp_path, *decay, f"+model.scheduler_checkpoint={path}", "iterations=1")
    rate = state(later.output_directory, "epoch_1", "optimizer.pt")["param_groups"][0]["lr"]
    assert rate == pytest.approx(0.05)


def test_a_checkpoint_of_a_scheduler_is_not_needed_without_one(tmp_path, earlier):
    path = earlier("scheduler=StepLR")("scheduler")
    assert started(tmp_path, f"+model.scheduler_checkpoint={path}").scheduler is None


@pytest.mark.parametrize("part", ["model", "optimizer", "scheduler"])
def test_a_damaged_file_is_named(tmp_path, part):
    path = tmp_path / f"{part} of old.pt"
    path.write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(CorruptFileError, match=f"{part} of old"):
        started(tmp_path, "scheduler=StepLR", **{f"model__{part}_checkpoint": str(path)})


def test_a_truncated_file_is_named(tmp_path, earlier):
    path = earlier()("model")
    data = Path(path).read_bytes()
    short = tmp_path / "short.pt"
    for size in range(0, len(data), 97):
        short.write_bytes(data[:size])
        with pytest.raises(CorruptFileError, match=r"short\.pt"):
            read_state(short)


def test_a_file_that_holds_something_else_is_named(tmp_path):
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(CorruptFileError, match=r"list\.pt: .*found list"):
        read_state(tmp_path / "list.pt")


class Bomb:
    def __reduce__(self):
        return open, ("exploded", "w")


def test_nothing_in_a_file_is_executed(tmp_path):
    torch.save({"a": Bomb()}, tmp_path / "bomb.pt")
    with pytest.raises(CorruptFileError, match=r"bomb\.pt"):
        read_state(tmp_path / "bomb.pt")
    assert not (tmp_path / "exploded").exists()


def test_files_that_do_not_exist_are_told_before_anything_is_built(tmp_path):
    missing = {"model__model_checkpoint": "a.pt", "model__optimizer_checkpoint": "b.pt"}
    with pytest.raises(ConfigError, match=r"(?s)a\.pt.*b\.pt"):
        started(tmp_path, **missing)
    assert not list(tmp_path.rglob("training.log"))


def test_relative_paths_start_at_the_working_directory(tmp_path, earlier, monkeypatch):
    path = earlier()("model")
    monkeypatch.chdir(tmp_path)
    relative = str(path).removeprefix(f"{tmp_path}/")
    trainer = started(tmp_path, f"+model.model_checkpoint={relative}")
    assert torch.equal(
        trainer.model.Linear0.weight, torch.load(path, weights_only=True)["Linear0.weight"]
    )
