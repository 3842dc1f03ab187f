"""The logs of a run: what is written, when, and what happens where it cannot be."""

import io
import logging
import os
import resource
import signal

import pytest

from autrainer.errors import OutputError
from autrainer.runs.process.logfile import JobLog, LogFile, one_sweep, warn_once_a_sweep

LARGEST = 2**20


@pytest.fixture
def _files_do_not_grow():
    """No file can be longer than `LARGEST`: a full disk for one that is as long."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("_files_do_not_grow")
def test_a_log_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path, caplog):
    (tmp_path / "log").touch()
    os.truncate(tmp_path / "log", LARGEST)
    log = LogFile(tmp_path / "log")
    for number in range(3):
        log.write(f"message {number}")
    log.close()
    assert caplog.text.count("log cannot be written: File too large") == 1


def test_a_log_that_cannot_be_opened_is_named(tmp_path):
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(OutputError, match=tmp_path.name):
        LogFile(tmp_path)
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_log_is_never_written_through_a_link_nor_into_a_pipe(tmp_path, kind):
    run, outside = tmp_path / "run", tmp_path / "outside"
    run.mkdir()
    outside.write_text("precious")
    for name in ("training.log", "job.log"):
        if kind == "link":
            (run / name).symlink_to(outside)
        else:
            os.mkfifo(run / name)
    with pytest.raises(OutputError, match=rf"it is a {kind}, not a file.*training\.log"):
        LogFile(run / "training.log")
    assert outside.read_text() == "precious"


@pytest.fixture
def job_log(tmp_path):
    """The log that Hydra sets up, beside what others have attached to the root logger."""
    handler = JobLog(str(tmp_path / "job.log"))
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
    handler.close()


def test_the_log_of_a_job_begins_with_the_run_and_loses_nothing(tmp_path, job_log):
    logging.getLogger("job").warning("before")
    assert os.listdir(tmp_path) == []
    log = LogFile(tmp_path / "training.log")
    logging.getLogger("job").warning("meanwhile")
    log.close()
    logging.getLogger("job").warning("afterwards")
    text = (tmp_path / "job.log").read_text()
    assert [word for word in ("before", "meanwhile", "afterwards") if word not in text] == []


def test_the_log_of_a_job_that_was_refused_writes_nothing(tmp_path, job_log):
    logging.getLogger("job").warning("refused")
    (tmp_path / "other").mkdir()
    LogFile(tmp_path / "other" / "training.log").close()
    job_log.close()
    assert os.listdir(tmp_path) == ["other"]


def test_the_log_of_a_job_that_cannot_be_opened_is_told_and_ends_nothing(tmp_path, job_log, caplog):
    (tmp_path / "outside").mkdir()
    (tmp_path / "job.log").symlink_to("outside/file")
    log = LogFile(tmp_path / "training.log")
    logging.getLogger("job").warning("meanwhile")
    log.close()
    assert caplog.text.count("job.log cannot be written: it is a link, not a file") == 1
    assert os.listdir(tmp_path / "outside") == []


@pytest.fixture
def screen():
    """What a handler of the root logger, as Hydra sets one up, has written."""
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)
    assert handler.filters == []


def logged_by_runs(folder, number):
    """A warning in the logs of some runs, one after the other."""
    logger = logging.getLogger("autrainer.tests")
    for run in range(number):
        log = LogFile(folder / f"{run}.log")
        warn_once_a_sweep(logger, "no GPU")
        logger.info("run %d", run)
        log.close()
    return [(folder / f"{run}.log").read_text() for run in range(number)]


def test_what_runs_of_a_sweep_share_is_on_the_screen_once_and_in_every_log(tmp_path, screen):
    with one_sweep():
        logs = logged_by_runs(tmp_path, 3)

    assert screen.getvalue().count("no GPU") == 1
    assert [log.count("no GPU") for log in logs] == [1, 1, 1]
    assert [f"run {run}" in screen.getvalue() for run in range(3)] == [True] * 3


def test_another_sweep_and_runs_of_no_sweep_tell_it_again(tmp_path, screen):
    for _ in range(2):
        with one_sweep():
            logged_by_runs(tmp_path, 1)
    logged_by_runs(tmp_path, 2)

    assert screen.getvalue().count("no GPU") == 4
