"""A run and its folder: who may write there, and what may lie there."""

import json

import pytest

from autrainer.errors import AutrainerError, RunInUseError
from autrainer.runs import lock as locks
from autrainer.runs.status import read_status
from tests.training.conftest import built


class TakesOver:
    """Puts another owner's name into the lock of the run, and waits until the run has heard."""

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if iteration == 1 and batch_idx == 0:
            other = trainer.output_directory.parent / "other"
            other.write_text(json.dumps({"host": "elsewhere", "pid": 7, "since": "then"}))
            other.replace(trainer.output_directory / locks.FILE_NAME)
            trainer._lock._thread.join(10)


def test_a_run_that_was_taken_over_ends_and_writes_nothing_more(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    trainer = built(tmp_path)
    trainer.callback_manager.register(TakesOver())
    with pytest.raises(RunInUseError, match="taken over by process 7 on elsewhere"):
        trainer.train()
    folder = trainer.output_directory
    assert read_status(folder)["state"] == "running"
    assert not (folder / "error.txt").exists()
    assert "elsewhere" in (folder / locks.FILE_NAME).read_text()


def test_a_trainer_that_was_closed_does_not_train(tmp_path):
    trainer = built(tmp_path)
    trainer.close()
    with pytest.raises(AutrainerError, match="has been closed"):
        trainer.train()
    assert not (trainer.output_directory / "status.yaml").exists()
