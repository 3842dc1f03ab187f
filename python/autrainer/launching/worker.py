"""A process of a pool: it trains one run after the other, as it is told.

It hears what it is to do from the pool alone. When the pool is gone, however it ended, the run
that trains is stopped and keeps its state.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from autrainer.launching.job_runner import JobRunner
from autrainer.launching.messages import (
    Check,
    End,
    Ended,
    Failure,
    Problems,
    Progress,
    Ready,
    Said,
    Save,
    Setup,
    Stop,
    Train,
    Trained,
)
from autrainer.runs.process.ending_runs import EndingRuns, runs_may_end_later, settle_runs

if TYPE_CHECKING:
    from autrainer.callbacks.base import TrainerView

Send = Callable[[object], None]

REPORT_EVERY_S = 0.2
LEAVE_S = 4.0
"""How long the last run may take to be on disk when this process is to leave; the pool waits a
little longer."""
PARENT_GONE = Stop(int(signal.SIGTERM))
_send: ContextVar[Send | None] = ContextVar("send_to_pool", default=None)


class PoolLog(logging.Handler):
    """Sends records to the pool, which shows them; named in the logging of a job."""

    def __init__(self, level: int | str = logging.WARNING) -> None:
        super().__init__(level)
        self._send = _send.get()

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record, if there is a pool."""
        if self._send is not None:
            self._send(Said(record.levelno, record.getMessage()))


class Reporter:
    """Tells the pool how far a run has come, after each evaluation.

    Args:
        send: Sends a message.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last_s = 0.0

    def cb_on_train_begin(self, trainer: TrainerView) -> None:
        """The run begins, or goes on."""
        self._send(Progress(0, trainer.initial_iteration, trainer.config.training.iterations))

    def cb_on_dev_end(
        self, trainer: TrainerView, iteration: int, dev_results: dict[str, Any]
    ) -> None:
        """An evaluation has ended."""
        import time

        now_s, last = time.monotonic(), trainer.config.training.iterations
        if now_s - self._last_s < REPORT_EVERY_S and iteration < last:
            return
        self._last_s = now_s
        metric = trainer.data.tracking_metric.name
        self._send(
            Progress(
                iteration, trainer.initial_iteration, last, metric, _number(dev_results.get(metric))
            )
        )


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


class Worker:
    """Does what the pool asks for.

    Args:
        connection: Leads to the pool.
        setup: What both have in common.
    """

    def __init__(self, connection: Connection, setup: Setup) -> None:
        self._connection = connection
        self._runner = JobRunner(setup)
        self._ends_later = setup.ends_later
        self._sending = threading.Lock()
        self._tasks: queue.SimpleQueue[object] = queue.SimpleQueue()

    def serve(self) -> None:
        """Train until there is nothing more to do."""
        from autrainer.plotting.renderer import inherited_renderer, shared_renderer
        from autrainer.runs.process.logfile import one_sweep

        _handle_signals()
        _send.set(self.send)
        threading.Thread(target=self._listen, name="autrainer-pool", daemon=True).start()
        with shared_renderer(inherited_renderer()), one_sweep(), self._ending() as ending:
            self._runner.prepare()
            self.send(Ready())
            while not isinstance(task := self._tasks.get(), End | Stop):
                if isinstance(task, Check):
                    self.send(_checked(task))
                elif isinstance(task, Train):
                    self._train(task, ending)

    def _ending(self) -> AbstractContextManager[EndingRuns | None]:
        return runs_may_end_later() if self._ends_later else nullcontext()

    def _train(self, task: Train, ending: EndingRuns | None) -> None:
        ended, folder = self._runner.train(task, Reporter(self.send)), Path(task.directory)
        if ending is None or ended.state != "done":
            self.send(ended)
            return
        if ending.is_ending(folder):
            self.send(Trained())

        def report(error: BaseException | None) -> None:
            failed = None if error is None else Ended("failed", failure=Failure.of(error))
            self.send(replace(failed or ended, directory=task.directory))

        ending.when_ended(folder, report)

    def send(self, message: object) -> None:
        """Send a message; nothing happens if the pool is gone."""
        with self._sending:
            try:
                self._connection.send(message)
            except OSError:
                return

    def _listen(self) -> None:
        """Hand on what the pool says; in a thread of its own."""
        while True:
            try:
                message = self._connection.recv()
            except (EOFError, OSError):
                message = PARENT_GONE
            if isinstance(message, Stop):
                # Whether a run trains is known to the main thread alone: it gets both.
                _ask(message.signal)
            if isinstance(message, Save) and SAVE is not None:
                signal.pthread_kill(_main(), SAVE)
            if not isinstance(message, Save):
                self._tasks.put(message)
            if isinstance(message, End | Stop):
                return


SAVE: signal.Signals | None = getattr(signal, "SIGUSR1", None)


def _main() -> int:
    identity = threading.main_thread().ident
    assert identity is not None
    return identity


def _ask(number: int) -> None:
    """Ask the main thread to stop, unless a run has been asked already: twice is at once."""
    from autrainer.runs.process.signals import Requests

    owner = getattr(signal.getsignal(number), "__self__", None)
    if not isinstance(owner, Requests) or owner.stop is None:
        signal.pthread_kill(_main(), number)


def _handle_signals() -> None:
    """While no run trains a request to stop ends this process; files are whole or not there."""
    from autrainer.runs.process.signals import SAVES, STOPS

    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    for number in SAVES:
        signal.signal(number, lambda number, frame: None)


def _leave(number: int, frame: object) -> None:
    settle_runs(LEAVE_S)
    os._exit(128 + number)


def _checked(task: Check) -> Problems:
    from autrainer.launching.task import find_problems

    try:
        return Problems(find_problems(task.configs))
    except Exception as error:
        return Problems([], Failure.of(error))


def main(descriptor: int) -> NoReturn:
    """Serve the pool at the other end of this socket, and end the process."""
    from autrainer.config.hydra.collector import pause_collector
    from autrainer.fast.dataclass_methods import defer_methods
    from autrainer.runs.process.streams import open_standard_streams

    open_standard_streams()
    pause_collector()
    defer_methods()
    connection = Connection(descriptor)
    code = 1
    try:
        setup = connection.recv()
        sys.path[:], sys.argv = setup.path, setup.arguments
        for stream in (sys.stdout, sys.stderr):
            # Whoever looks at the pool sees at once what is printed here.
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        Worker(connection, setup).serve()
        code = 0
    except EOFError:
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
        os._exit(code)
