"""A run and its folder: who may write there, and what may lie there."""

import json
from pathlib import Path

import pytest

from autrainer.errors import AutrainerError, OutputError, RunInUseError
from autrainer.runs.layout import LOCK_FILE, is_file_of_run, is_folder_of_run
from autrainer.runs.locking import lock as locks
from autrainer.runs.status import read_status
from tests.training.conftest import built


class TakesOver:
    """Puts another owner's name into the lock of the run, and waits until the run has heard."""

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if iteration == 1 and batch_idx == 0:
            other = trainer.output_directory.parent / "other"
            other.write_text(json.dumps({"host": "elsewhere", "pid": 7, "since": "then"}))
            other.replace(trainer.output_directory / LOCK_FILE)
            trainer.folder.lock._thread.join(10)


def test_a_run_that_was_taken_over_ends_and_writes_nothing_more(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    trainer = built(tmp_path)
    trainer.callback_manager.register(TakesOver())
    with pytest.raises(RunInUseError, match="taken over by process 7 on elsewhere"):
        trainer.train()
    folder = trainer.output_directory
    assert read_status(folder)["state"] == "running"
    assert not (folder / "error.txt").exists()
    assert "elsewhere" in (folder / LOCK_FILE).read_text()


def test_a_trainer_that_was_closed_does_not_train(tmp_path):
    trainer = built(tmp_path)
    trainer.close()
    with pytest.raises(AutrainerError, match="has been closed"):
        trainer.train()
    assert not (trainer.output_directory / "status.yaml").exists()


@pytest.mark.parametrize("table_format", ["csv", "parquet", "arrow"])
def test_everything_that_a_run_makes_is_known_as_such(tmp_path, table_format):
    # A file that is missing in `runs/layout.py` would be taken for one of the user.
    trainer = built(tmp_path, f"outputs_format={table_format}", "scheduler=StepLR")
    seen = Looks()
    trainer.callback_manager.register(seen)
    trainer.train()
    folder = trainer.output_directory
    made = seen.made | {path.relative_to(folder) for path in folder.rglob("*")}
    files = {path for path in made if path not in {p for f in made for p in f.parents}}
    assert {path for path in files if not is_file_of_run(path)} == set()
    folders = {parent for path in files for parent in path.parents} - {Path()}
    assert {path for path in folders if not is_folder_of_run(path)} == set()
    assert {Path(".lock"), Path("metrics.csv"), Path("_resume/state-0")} <= files


class Looks:
    """Sees what lies in the folder while a run trains."""

    made = frozenset()

    def cb_on_test_begin(self, trainer):
        folder = trainer.output_directory
        self.made = {path.relative_to(folder) for path in folder.rglob("*")}


def outside(tmp_path):
    """A file and a folder that no run may change, and what they hold."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("precious")
    return tmp_path / "outside"


@pytest.mark.parametrize(
    "name", ["training.log", "model.yaml", ".lock", "_best", "epoch_1", "_resume", ".hydra"]
)
def test_a_link_that_was_planted_in_a_run_is_refused_and_not_followed(tmp_path, name):
    place = outside(tmp_path)
    run = tmp_path / "experiment" / "training" / "run"
    run.mkdir(parents=True)
    (run / name).symlink_to(place if is_folder_of_run(Path(name)) else place / "file")
    with pytest.raises(OutputError, match=f"{name} .*is a link"):
        built(tmp_path)
    assert [path.name for path in run.iterdir()] == [name]
    assert [path.name for path in place.iterdir()] == ["file"]
    assert (place / "file").read_text() == "precious"


def test_a_results_folder_and_a_run_folder_behind_links_are_used(tmp_path):
    (tmp_path / "scratch" / "run").mkdir(parents=True)
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "training").symlink_to("../scratch")
    (tmp_path / "scratch" / "run").rename(tmp_path / "elsewhere")
    (tmp_path / "scratch" / "run").symlink_to("../elsewhere")
    built(tmp_path).close()
    assert (tmp_path / "elsewhere" / "model.yaml").is_file()
