"""Going on from a shorter run: what counts as one, and what happens when something is amiss."""

import logging
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.callbacks.dispatch import CallbackMixin
from autrainer.errors import CorruptFileError, RunInterruptedError, RunInUseError
from autrainer.runs.finished import is_finished
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.state.sealed import read_sealed, write_sealed
from autrainer.runs.writing.folders import remove_run
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml
from autrainer.training.resuming import shorter_runs as shorter_runs_module
from autrainer.training.resuming.shorter_runs import shorter_runs
from tests.training.conftest import built, damage, same_states, state, trained
from tests.training.resuming.test_resumption import Stopper

PARTS = "tests.training.parts"
ON = "continue_training=true"


def short_run(folder, *overrides, iterations=1, name="short", **changes):
    return trained(folder, ON, f"iterations={iterations}", *overrides, name=name, **changes)


def long_run(folder, *overrides, iterations=2, name="long", **changes):
    return trained(folder, ON, f"iterations={iterations}", *overrides, name=name, **changes)


def test_a_continued_run_is_the_uninterrupted_one(tmp_path):
    options = ("+model.dropout=0.5", "optimizer=Adam", "scheduler=StepLR", "scheduler.step_size=2")
    short_run(tmp_path, *options)
    continued = long_run(tmp_path, *options, iterations=3)
    whole = trained(tmp_path / "whole", *options, "iterations=3")
    assert continued.initial_iteration == 2
    assert continued.best_iteration == whole.best_iteration
    pd.testing.assert_frame_equal(continued.metrics, whole.metrics)
    for name in ("model.pt", "scheduler.pt"):
        one = state(continued.output_directory, "epoch_3", name)
        two = state(whole.output_directory, "epoch_3", name)
        assert str(one) == str(two)
    names = {path.name for path in whole.output_directory.iterdir()}
    assert {path.name for path in continued.output_directory.iterdir()} == names


def test_a_continued_run_of_steps_goes_on_inside_a_pass(tmp_path):
    options = ("training_type=step", "eval_frequency=3")
    short_run(tmp_path, *options, iterations=3)
    continued = long_run(tmp_path, *options, iterations=6)
    whole = trained(tmp_path / "whole", *options, "iterations=6")
    assert continued.initial_iteration == 4
    for run in (continued, whole):
        assert len(np.load(run.output_directory / "step_6" / "train_indices.npy")) == 32
    assert same_states(continued.model.state_dict(), whole.model.state_dict())
    pd.testing.assert_frame_equal(continued.metrics, whole.metrics)


def test_a_best_iteration_from_before_stays_the_best(tmp_path):
    # From the second epoch on nothing is learnt any more.
    decay = {"id": "D", "_target_": "torch.optim.lr_scheduler.MultiStepLR", "milestones": [1]}
    options = {"scheduler": {**decay, "gamma": 1e-30}}
    short = short_run(tmp_path, **options)
    best = state(short.output_directory, "_best")
    continued = long_run(tmp_path, **options, iterations=3)
    assert continued.best_iteration == 1
    assert type(continued.max_dev_metric) is float
    assert same_states(continued.model.state_dict(), best)
    dev = (continued.output_directory / "_best" / "dev_outputs.npy").read_bytes()
    assert dev == (continued.output_directory / "epoch_1" / "dev_outputs.npy").read_bytes()


def test_the_value_of_a_continued_run_is_a_python_float(tmp_path):
    short_run(tmp_path)
    trainer = built(tmp_path, ON, name="long")
    value = trainer.train()
    assert type(value) is float
    assert value == trainer.metrics.loc[trainer.best_iteration, "accuracy"]


def test_times_cover_both_runs(tmp_path):
    short = short_run(tmp_path)
    before = read_yaml(short.output_directory / "timer.yaml")
    after = read_yaml(long_run(tmp_path).output_directory / "timer.yaml")
    for part in ("train", "dev", "test"):
        assert after[part]["total_seconds"] > before[part]["total_seconds"]


def test_loggers_hear_the_rows_from_before_once(tmp_path):
    entry = [f"{PARTS}.Ledger"]
    short_run(tmp_path, iterations=2, loggers=entry)
    trainer = long_run(tmp_path, iterations=3, loggers=entry)
    lines = [line for line in trainer.loggers[0].lines if line[0] == "metrics"]
    rows = {line[2]: line[1] for line in lines if line[2] is not None}
    assert [line[2] for line in lines if line[2] is not None] == [1, 2, 3]
    columns = ["accuracy", "uar", "f1", "train_loss", "dev_loss"]
    assert list(rows[1]) == columns
    assert rows[1]["accuracy"] == trainer.metrics["accuracy"][1]
    assert trainer.loggers[0].lines[0][0] == "params"


def test_an_interrupted_continued_run_can_be_started_again(tmp_path):
    short = short_run(tmp_path)
    failing = [f"{PARTS}.Failing"]
    # The failing callback counts as part of the configuration, so the shorter run has it too.
    config = read_yaml(short.output_directory / ".hydra" / "config.yaml")
    write_yaml(short.output_directory / ".hydra" / "config.yaml", {**config, "callbacks": failing})
    with pytest.raises(RuntimeError, match="the callback has failed"):
        long_run(tmp_path, callbacks=failing)
    assert short.output_directory.is_dir()
    write_yaml(short.output_directory / ".hydra" / "config.yaml", config)
    again = long_run(tmp_path)
    whole = trained(tmp_path / "whole")
    assert again.initial_iteration == 2
    assert same_states(again.model.state_dict(), whole.model.state_dict())
    pd.testing.assert_frame_equal(again.metrics, whole.metrics)


def test_the_shorter_run_is_removed_when_the_longer_one_is_on_disk(tmp_path):
    short = short_run(tmp_path).output_directory
    trainer = built(tmp_path, ON, "remove_continued_runs=true", name="long")
    assert short.is_dir()
    trainer.train()
    assert not short.exists()
    assert (trainer.output_directory / "epoch_1" / "model.pt").is_file()


def test_the_shorter_run_stays_if_asked(tmp_path):
    short = short_run(tmp_path).output_directory
    long_run(tmp_path, "remove_continued_runs=false")
    assert (short / "metrics.csv").is_file()


@pytest.mark.parametrize(
    "change",
    ["learning_rate=0.2", "seed=2", "optimizer=Adam", "dataset.size=41", "batch_size=8"],
)
def test_a_run_of_another_configuration_is_ignored(tmp_path, change):
    short_run(tmp_path)
    assert long_run(tmp_path, change).initial_iteration == 1


@pytest.mark.parametrize(
    "change", ["inference_batch_size=3", "save_dev_outputs=false", "progress_bar=true"]
)
def test_what_changes_no_number_makes_no_other_run(tmp_path, change):
    short_run(tmp_path)
    assert long_run(tmp_path, change).initial_iteration == 2


def test_a_run_that_has_not_finished_is_ignored(tmp_path):
    short = short_run(tmp_path)
    (short.output_directory / "metrics.csv").unlink()
    assert long_run(tmp_path).initial_iteration == 1


def test_a_longer_run_is_not_gone_on_from(tmp_path):
    short_run(tmp_path, iterations=3)
    assert long_run(tmp_path, iterations=2).initial_iteration == 1


def test_a_sibling_without_a_readable_configuration_is_passed_over_with_a_warning(tmp_path, caplog):
    damaged = short_run(tmp_path, name="damaged").output_directory
    (damaged / ".hydra" / "config.yaml").write_text("iterations: [1\n  what: {")
    bare = short_run(tmp_path, name="bare").output_directory
    shutil.rmtree(bare / ".hydra")
    empty = short_run(tmp_path, name="empty").output_directory
    (empty / ".hydra" / "config.yaml").write_text("")
    assert long_run(tmp_path).initial_iteration == 1
    for name in ("damaged", "bare", "empty"):
        assert f"{name} cannot be gone on from" in caplog.text


def test_a_finished_run_is_read_once_until_its_files_change(tmp_path):
    run = tmp_path / "runs" / "short"
    (run / ".hydra").mkdir(parents=True)
    (run / "metrics.csv").write_text("")
    file, config = run / ".hydra" / "config.yaml", {"iterations": 2, "seed": 1}
    write_yaml(file, config)

    def found():
        longer = config | {"iterations": 5}
        runs = shorter_runs(run.parent, longer, besides=run.parent / "long")
        return [(each.path.name, each.iterations) for each in runs]

    before = reads()
    assert [found() for _ in range(3)] == [[("short", 2)]] * 3
    assert reads() == before + 1
    write_yaml(file, config | {"iterations": 4})
    assert found() == [("short", 4)]
    write_yaml(run / "status.yaml", {"state": "failed"})
    assert found() == []
    write_yaml(run / "status.yaml", {"state": "stopped", "iteration": 3})
    assert found() == [("short", 3)]
    (run / "metrics.csv").unlink()
    assert found() == []


def reads():
    return shorter_runs_module._read.cache_info().misses


@pytest.mark.parametrize("missing", ["model.pt", "optimizer.pt", "scheduler.pt"])
def test_a_missing_state_is_told_before_anything_is_copied(tmp_path, missing):
    options = ("scheduler=StepLR",)
    short = short_run(tmp_path, *options).output_directory
    (short / "epoch_1" / missing).unlink()
    with pytest.raises(FileNotFoundError, match=missing.replace(".", r"\.")):
        long_run(tmp_path, *options)
    assert not list((short.parent / "long").glob("epoch_*"))
    assert (short.parent / "long" / "_initial" / "model.pt").is_file()


def test_a_damaged_state_is_named(tmp_path):
    short = short_run(tmp_path).output_directory
    (short / "epoch_1" / "model.pt").write_bytes(b"nothing")
    with pytest.raises(CorruptFileError, match=r"epoch_1.model\.pt"):
        long_run(tmp_path)
    assert short.is_dir()


@pytest.mark.parametrize("damaged", ["epoch_3/model.pt", "epoch_3/optimizer.pt"])
def test_a_damaged_state_is_passed_over_for_the_newest_sound_one(tmp_path, caplog, damaged):
    short = short_run(tmp_path, iterations=3).output_directory
    damage(short / damaged)
    continued = long_run(tmp_path, iterations=4)
    whole = trained(tmp_path / "whole", "iterations=4")
    assert "Iteration 3 is passed over" in caplog.text
    assert continued.initial_iteration == 3
    assert continued.best_iteration == whole.best_iteration
    pd.testing.assert_frame_equal(continued.metrics, whole.metrics)
    assert same_states(continued.model.state_dict(), whole.model.state_dict())
    for folder in ("_best", "epoch_3", "epoch_4"):
        files = {path.name for path in (whole.output_directory / folder).iterdir()}
        assert {path.name for path in (continued.output_directory / folder).iterdir()} == files


def test_a_damaged_best_state_is_taken_from_the_folder_of_its_iteration(tmp_path):
    short = short_run(tmp_path, iterations=2).output_directory
    damage(short / "_best" / "model.pt")
    continued = long_run(tmp_path, iterations=3)
    whole = trained(tmp_path / "whole", "iterations=3")
    assert continued.initial_iteration == 3
    assert same_states(continued.model.state_dict(), whole.model.state_dict())


def test_a_damaged_run_is_passed_over_for_a_shorter_one(tmp_path):
    short_run(tmp_path, iterations=1, name="sound")
    damaged = short_run(tmp_path, "remove_continued_runs=false", iterations=2, name="damaged")
    for iteration in (1, 2):
        damage(damaged.output_directory / f"epoch_{iteration}" / "model.pt")
    assert long_run(tmp_path, iterations=3).continue_training.continued.path.name == "sound"
    assert damaged.output_directory.is_dir()


def test_a_table_of_metrics_that_was_changed_is_named(tmp_path):
    short = short_run(tmp_path).output_directory
    damage(short / "metrics.csv")
    with pytest.raises(CorruptFileError, match=r"short.metrics\.csv.*checksum"):
        long_run(tmp_path)


def test_a_damaged_table_of_metrics_is_named(tmp_path):
    short = short_run(tmp_path).output_directory
    (short / "metrics.csv").write_text("accuracy,iteration\n")
    with pytest.raises(CorruptFileError, match=r"short.metrics\.csv"):
        long_run(tmp_path)


def test_switched_off_nothing_is_looked_for(tmp_path):
    short_run(tmp_path)
    trainer = trained(tmp_path, name="long")
    assert trainer.initial_iteration == 1
    assert trainer.continue_training is None


def test_what_an_earlier_attempt_left_is_replaced(tmp_path):
    short_run(tmp_path)
    left = tmp_path / "experiment" / "training" / "long"
    (left / "epoch_1").mkdir(parents=True)
    torch.save({}, left / "epoch_1" / "model.pt")
    (left / ".epoch_1.copying").mkdir()
    trainer = long_run(tmp_path)
    assert state(trainer.output_directory, "epoch_1").keys() == trainer.model.state_dict().keys()
    assert not (left / ".epoch_1.copying").exists()


def interrupted(folder, name="long"):
    """A longer run that has gone on from a shorter one and was stopped within its own training."""
    trainer = built(folder, *REMOVES, "iterations=3", name=name)
    trainer.callback_manager.register(Stopper(iteration=3, batch_idx=0))
    with pytest.raises(RunInterruptedError):
        trainer.train()
    return trainer.output_directory


REMOVES = (ON, "remove_continued_runs=true")


def test_a_copied_project_removes_nothing_of_the_original(tmp_path):
    short = short_run(tmp_path / "project").output_directory
    interrupted(tmp_path / "project")
    shutil.copytree(tmp_path / "project", tmp_path / "moved")
    again = trained(tmp_path / "moved", *REMOVES, "iterations=3", name="long")
    assert again.resumption.is_resumed
    assert (short / "metrics.csv").is_file()
    assert not (again.output_directory.parent / "short").exists()


def with_continued(run, **changes):
    """Write another state of `ContinueTraining` into what a run has kept."""
    for path in (run / "_resume").glob("state-*"):
        content = read_sealed(path)
        (key,) = (name for name in content["tree"]["listeners"] if "ContinueTraining" in name)
        content["tree"]["listeners"][key] = changes
        write_sealed(path, content)


def test_a_state_of_an_earlier_version_names_a_folder_of_which_only_the_name_counts(tmp_path):
    short = short_run(tmp_path).output_directory
    run = interrupted(tmp_path)
    with_continued(run, path=f"/somewhere/else/{short.name}", iterations=1)
    trained(tmp_path, *REMOVES, "iterations=3", name="long")
    assert not short.exists()


@pytest.mark.parametrize("name", ["../../precious", "/tmp", "..", ".", "", "long", "precious"])
def test_a_forged_state_removes_nothing(tmp_path, name, caplog):
    short = short_run(tmp_path).output_directory
    run = interrupted(tmp_path)
    for folder in (run.parent, tmp_path, tmp_path / "experiment"):
        (folder / "precious").mkdir()
        (folder / "precious" / "file").touch()
    with_continued(run, name=name, iterations=1)
    trained(tmp_path, *REMOVES, "iterations=3", name="long")
    assert all(
        (folder / "precious" / "file").is_file()
        for folder in (run.parent, tmp_path, tmp_path / "experiment")
    )
    assert short.is_dir()
    assert (run / "metrics.csv").is_file()


@pytest.mark.parametrize("change", ["learning_rate=0.2", "iterations=2"])
def test_only_the_run_that_was_continued_is_removed(tmp_path, change, caplog):
    other = short_run(tmp_path, change, name="other").output_directory
    short_run(tmp_path, iterations=1)
    run = interrupted(tmp_path)
    with_continued(run, name="other", iterations=1)
    trained(tmp_path, *REMOVES, "iterations=3", name="long")
    assert (other / "metrics.csv").is_file()
    assert "is kept: expected the finished run of 1 iterations" in caplog.text


def test_files_of_the_user_in_the_shorter_run_are_in_the_longer_one_afterwards(tmp_path):
    short = short_run(tmp_path).output_directory
    (short / "analysis").mkdir()
    for name in ("my_notes.md", "analysis/x.txt", "epoch_1/mine.txt"):
        (short / name).write_text("mine")
    long = trained(tmp_path, *REMOVES, "iterations=2", name="long").output_directory
    assert not short.exists()
    assert [(long / n).read_text() for n in ("my_notes.md", "analysis/x.txt")] == ["mine"] * 2
    assert (long / "epoch_1" / "mine.txt").read_text() == "mine"


class Releases(logging.Handler):
    """Releases a lock when the first record is logged that says a word."""

    def __init__(self, lock, word):
        super().__init__()
        self.held, self.word = lock, word

    def emit(self, record):
        if self.word in record.getMessage():
            self.held.release()


def test_a_shorter_run_that_another_one_copies_is_waited_for(tmp_path):
    short = short_run(tmp_path).output_directory
    handler = Releases(RunLock(short), "Waiting: ")
    logging.getLogger("autrainer").addHandler(handler)
    try:
        assert long_run(tmp_path).initial_iteration == 2
    finally:
        logging.getLogger("autrainer").removeHandler(handler)
        handler.held.release()


class Removes(logging.Handler):
    """Removes a run, as another process does, when a run waits for it."""

    def __init__(self, lock, folder, heir):
        super().__init__()
        self.held, self.folder, self.heir = lock, folder, heir

    def emit(self, record):
        if "Waiting: " in record.getMessage():
            remove_run(self.folder, self.heir)
            self.held.release()


def test_a_shorter_run_that_is_removed_meanwhile_is_passed_over(tmp_path):
    short_run(tmp_path, iterations=1)
    longer = short_run(tmp_path, "remove_continued_runs=false", iterations=2, name="longer")
    folder = longer.output_directory
    handler = Removes(RunLock(folder), folder, tmp_path / "heir")
    (tmp_path / "heir").mkdir()
    logging.getLogger("autrainer").addHandler(handler)
    try:
        trainer = long_run(tmp_path, iterations=3)
    finally:
        logging.getLogger("autrainer").removeHandler(handler)
    assert trainer.initial_iteration == 2
    assert trainer.continue_training.continued.path.name == "short"


def test_a_shorter_run_that_others_hold_for_too_long_is_told(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("autrainer.training.resuming.shorter_runs.LONGEST_COPY_S", 0.0)
    short = short_run(tmp_path).output_directory
    lock = RunLock(short)
    with pytest.raises(RunInUseError, match="short is being worked on"):
        long_run(tmp_path)
    lock.release()
    trainer = built(tmp_path, *REMOVES, "iterations=2", name="long")
    trainer.callback_manager.register(Locks(short))
    trainer.train()
    assert "short , which this run went on from, is kept" in caplog.text
    assert (short / "metrics.csv").is_file()
    assert is_finished(trainer.output_directory)


class Locks:
    """Works on a folder from the test of another run to its end, as another process does."""

    def __init__(self, folder):
        self.folder = folder

    def cb_on_test_begin(self, trainer):
        self.lock = RunLock(self.folder)

    @CallbackMixin.order(200)
    def cb_on_train_end(self, trainer):
        self.lock.release()


def test_a_link_in_a_shorter_run_is_not_copied(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("precious")
    secret.chmod(0o600)
    short = short_run(tmp_path).output_directory
    (short / "epoch_1" / "dev.yaml").unlink()
    (short / "epoch_1" / "dev.yaml").symlink_to(secret)
    with pytest.raises(CorruptFileError, match=r"epoch_1.dev\.yaml is a link"):
        long_run(tmp_path)
    copies = [path for path in (short.parent / "long").rglob("*") if path.is_file()]
    assert not any(b"precious" in path.read_bytes() for path in copies)


def test_a_shorter_run_behind_a_link_is_copied_and_never_removed(tmp_path):
    short = short_run(tmp_path).output_directory
    short.rename(tmp_path / "archive")
    short.symlink_to(tmp_path / "archive")
    trainer = trained(tmp_path, *REMOVES, "iterations=2", name="long")
    assert trainer.initial_iteration == 2
    assert (tmp_path / "archive" / "metrics.csv").is_file()
