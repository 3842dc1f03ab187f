"""Runs as tasks of Ray; one real Ray for all that can happen to them: to start it takes long."""

import asyncio
import tempfile
from multiprocessing.connection import Pipe
from types import SimpleNamespace

import pytest

from autrainer.config.schema.reading import Reader
from autrainer.config.schema.sections.training import SweepSection
from autrainer.launching.ray.mailbox import Mailbox
from autrainer.launching.ray.ray_workers import RayWorker
from tests.integration.conftest import SMALL, read, runs_of
from tests.launching.forked_workers import command
from tests.launching.test_pool import write_callback

CALLING = """
import os
import signal
import time
from pathlib import Path


class Calling:
    def cb_on_train_begin(self, trainer):
        if trainer.cfg.seed == 2:
            raise ZeroDivisionError("by the test")

    def cb_on_dev_end(self, trainer, iteration, dev_results):
        if trainer.cfg.seed == 1 and iteration == 1 and not Path("lost").exists():
            Path("lost").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if trainer.cfg.seed == 3:
            print("prints")
            while not list(Path().glob("results/default/training/*_1/MANIFEST")):
                time.sleep(0.05)
            os.kill(int(Path("pid").read_text()), signal.SIGINT)
            while not is_asked():
                time.sleep(0.05)


def is_asked():
    return signal.getsignal(signal.SIGTERM).__self__.stop is not None
"""


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(220)
def test_a_lost_run_goes_on_a_failed_one_is_told_and_a_signal_stops_the_rest_saved(tmp_path):
    (tmp_path / "conf" / "plotting").mkdir(parents=True)
    (tmp_path / "conf" / "plotting" / "None.yaml").touch()
    callback = write_callback(tmp_path, CALLING)
    options = ("launcher=ray", "ray={cpus: 1, max_retries: 2}", "iterations=3", "seed=1,2,3")
    # Sockets lie there, whose paths must be short.
    with (
        tempfile.TemporaryDirectory(
            prefix="ray-", dir="/tmp", ignore_cleanup_errors=True
        ) as folder,
        command(tmp_path, "train", *SMALL, callback, *options, RAY_TMPDIR=folder) as process,
    ):
        (tmp_path / "pid").write_text(str(process.pid))
        output, errors = process.communicate(timeout=200)
        assert process.wait() == 130, errors
    states = [read(path / "status.yaml") for path in runs_of(tmp_path).values()]
    assert [state["state"] for state in states] == ["finished", "failed", "interrupted"]
    assert [state["attempts"] for state in states] == [2, 1, 1]
    assert "#0: its worker was lost by Ray" in output
    assert "#2: prints" in output
    assert "#1 failed: ZeroDivisionError: by the test" in output
    assert "1 of 2 jobs failed" in errors
    assert "the same command goes on where it was" in errors


@pytest.mark.slow
@pytest.mark.parametrize("name", ["OutOfMemoryError", "WorkerCrashedError"])
def test_a_worker_that_ray_has_ended_for_memory_says_so(name, monkeypatch):
    # Ray sets it when it is imported.
    monkeypatch.setenv("RAY_CLIENT_MODE", "0")
    import ray

    error = getattr(ray.exceptions, name)(*(["no room"] if name.startswith("Out") else []))
    tasks = SimpleNamespace(error=lambda number: error)
    ours, theirs = Pipe()
    with ours, theirs:
        worker = RayWorker(tasks, 0, ours)
        assert worker.is_short_of_memory == (name == "OutOfMemoryError")
        assert f"lost by Ray ({name}: " in worker.told_end(1)


def test_a_mailbox_keeps_messages_in_their_order_until_they_are_asked_for():
    async def exchange():
        mailbox = Mailbox()
        for text in (b"first", b"second"):
            await mailbox.post(7, text)
            await mailbox.send(7, text)
        assert await mailbox.take(0.0) == [(7, b"first"), (7, b"second")]
        assert await mailbox.take(0.0) == []
        assert await mailbox.next(8, 0.0) is None
        return [await mailbox.next(7, 0.0) for _ in range(2)]

    assert asyncio.run(exchange()) == [b"first", b"second"]


@pytest.mark.parametrize(
    ("options", "told"),
    [({"adress": "auto"}, "did you mean 'address'"), ({"cpus": 0}, "above 0"), ("auto", "mapping")],
)
def test_what_ray_cannot_be_asked_for_is_told(options, told):
    reader = Reader({"launcher": "ray", "ray": options})
    SweepSection.read(reader)
    (problem,) = reader.problems
    assert told in problem.line()
