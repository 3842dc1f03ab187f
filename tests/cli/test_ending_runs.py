"""What is left of a run of a sweep when it has trained: written while the next one trains."""

import sys
import threading
from pathlib import Path

import pytest

from autrainer import cli
from autrainer.errors import OutputError, RunFailedError
from autrainer.plotting.renderer import Renderer
from autrainer.runs.manifest import verify
from autrainer.runs.process.ending_runs import EndingRuns
from autrainer.runs.status import read_status

SMALL = {"device": "cpu", "dataset.size": 60, "iterations": 1, "progress_bar": False}
WAIT_S = 60

CALLBACKS = """\
import os
import signal


class Begins:
    second, seen = None, []

    def cb_on_train_begin(self, trainer):
        folder = trainer.output_directory
        if trainer.config.seeds.seed == 1:
            return
        for other in folder.parent.iterdir():
            if other != folder and (other / "status.yaml").is_file():
                self.seen.append(((other / "metrics.csv").is_file(), (other / "MANIFEST").exists()))
        self.second.set()


class Spoils:
    def cb_on_test_end(self, trainer, test_results):
        if trainer.config.seeds.seed == 1:
            (trainer.output_directory / "MANIFEST").mkdir()


class Asks:
    def cb_on_test_end(self, trainer, test_results):
        os.kill(os.getpid(), signal.SIGINT)


class Ends(Begins):
    def cb_on_train_end(self, trainer):
        self.seen.append((trainer.output_directory / "_plots" / "loss.png").is_file())
"""


@pytest.fixture
def callbacks(tmp_path):
    """A module of the user; it is forgotten at the end."""
    (tmp_path / "my_callbacks.py").write_text(CALLBACKS)
    yield
    sys.modules.pop("my_callbacks", None)


def draw_when(event, monkeypatch):
    """Let plots wait, and be one small file."""

    def draw(self, plots):
        """In the place of what asks the process, which holds the lock of the renderer."""
        assert event.wait(WAIT_S)
        folder = Path(plots.output_directory, "_plots")
        folder.mkdir(exist_ok=True)
        (folder / "loss.png").write_bytes(b"plot")
        return {"error": None}

    monkeypatch.setattr(Renderer, "_spawn", lambda self: None)
    monkeypatch.setattr(Renderer, "_ask", draw)


@pytest.fixture
def second(callbacks, monkeypatch):
    """Set when the second run begins; plots are drawn no sooner."""
    event = threading.Event()
    draw_when(event, monkeypatch)
    monkeypatch.syspath_prepend(Path.cwd())
    import my_callbacks

    monkeypatch.setattr(my_callbacks.Begins, "second", event)
    monkeypatch.setattr(my_callbacks.Begins, "seen", [])
    return my_callbacks.Begins


def test_the_next_run_begins_before_the_plots_of_a_run_are_there(second):
    runs = cli.train({**SMALL, "seed": [1, 2], "callbacks": [["my_callbacks.Begins"]]})
    assert second.seen == [(True, False)]
    for run in runs:
        assert (run.folder / "_plots" / "loss.png").is_file()
        assert read_status(run.folder)["state"] == "finished"
        assert verify(run.folder).is_sound
        assert not (run.folder / "_resume").exists()
        assert not (run.folder / ".lock").exists()


def test_who_hears_of_the_end_of_the_training_finds_the_plots(callbacks, second, monkeypatch):
    now = threading.Event()
    now.set()
    draw_when(now, monkeypatch)
    cli.train({**SMALL, "seed": [1, 2], "callbacks": [["my_callbacks.Ends"]]})
    assert second.seen == [True, (True, True), True]


def test_a_run_that_cannot_be_ended_has_failed_and_the_next_one_is_trained(second):
    listed = [["my_callbacks.Begins", "my_callbacks.Spoils"]]
    with pytest.raises(RunFailedError, match=r"1 of 2 jobs failed") as caught:
        cli.train({**SMALL, "seed": [1, 2], "callbacks": listed})
    failed, finished = caught.value.runs
    assert (failed.state, finished.state) == ("failed", "finished")
    assert isinstance(failed.error, OutputError)
    assert read_status(failed.folder)["state"] == "failed"
    assert (failed.folder / "_resume").is_dir()


def test_a_longer_run_goes_on_from_the_one_that_is_just_ending(second):
    second.second.set()
    runs = cli.train({**SMALL, "iterations": [1, 2], "continue_training": True, "seed": 1})
    begun = (runs[1].folder / "training.log").read_text()
    assert f"Continuing {runs[0].folder.name} from its iteration 1" in begun


def test_a_run_that_was_asked_to_stop_when_it_had_trained_has_finished(second, capsys):
    threading.Timer(1.0, second.second.set).start()
    with pytest.raises(KeyboardInterrupt):
        cli.train({**SMALL, "seed": [1, 2], "callbacks": [["my_callbacks.Asks"]]})
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "ToyTabular" in line]
    assert [row[1] for row in rows if row[0].endswith("_1")] == ["trained"]


def test_one_run_at_a_time_is_ending():
    ending, order, first = EndingRuns(), [], threading.Event()

    def end_first():
        first.wait(WAIT_S)
        order.append("first ended")

    ending.submit(Path("first"), end_first)
    ending.settle(0.0)
    assert order == []
    threading.Timer(0.05, first.set).start()
    ending.submit(Path("second"), lambda: order.append("second"))
    ending.settle()
    assert order == ["first ended", "second"]


def test_a_run_is_ended_here_where_no_thread_can_be_started(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    ending, ended = EndingRuns(), []
    ending.submit(Path("run"), lambda: ended.append(True))
    assert ended == [True]


def test_who_asks_is_told_when_a_run_is_on_disk_and_why_it_is_not():
    ending, told, go = EndingRuns(), [], threading.Event()

    def fail():
        go.wait(WAIT_S)
        raise ZeroDivisionError

    ending.submit(Path("run"), fail)
    assert ending.is_ending(Path("run"))
    ending.when_ended(Path("run"), told.append)
    assert told == []
    go.set()
    ending.settle()
    assert [type(error) for error in told] == [ZeroDivisionError]
    assert not ending.is_ending(Path("run"))
    ending.when_ended(Path("run"), told.append)
    ending.when_ended(Path("other"), told.append)
    assert [type(error) for error in told[1:]] == [ZeroDivisionError, type(None)]
    ending.submit(Path("run"), lambda: None)
    ending.settle()
    assert ending.error_of(Path("run")) is None
