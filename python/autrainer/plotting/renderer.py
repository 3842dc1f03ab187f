"""Helper processes that draw the plots of a run, so that neither training nor its end waits.

A helper reads one request per line and answers each with one line: `plotting/process.py`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any

from autrainer.errors import OutputError
from autrainer.runs.writing.background import Background

if TYPE_CHECKING:
    from autrainer.plotting.figures import Figures

log = logging.getLogger(__name__)

# The package is the one that this process uses, wherever it was found.
PROGRAM = """
import signal, sys
# A request to stop is for the trainer, which then closes this process; it ends with it anyway.
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
sys.path.append(sys.argv[1])
from autrainer.plotting import process
getattr(process, sys.argv[2])()
"""

# Drawing needs no threads of numerical libraries; not starting them saves time and memory.
QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1",
}

DESCRIPTOR = "AUTRAINER_RENDERER"
"""Variable of the environment with the descriptor of a socket that leads to a helper process."""

LEAVE_S = 5.0
"""How long helper processes that nobody needs any more may take to end."""


@dataclass(frozen=True)
class RunPlots:
    """What it takes to draw the plots of a run.

    Args:
        output_directory: The run folder.
        training_type: `epoch` or `step`.
        settings: Arguments of `PlotBase` after these two, by name.
        metrics: Name and suffix (`max` or `min`) of every metric to plot.
        iterations: The evaluated iterations.
        values: Values by column: the metrics, `train_loss` and `dev_loss`.
    """

    output_directory: str
    training_type: str
    settings: dict[str, Any]
    metrics: list[tuple[str, str]]
    iterations: list[int]
    values: dict[str, list[float]]

    def draw(self, figures: Figures | None = None) -> None:
        """Draw them here and now.

        Args:
            figures: Those of earlier plots with the same settings, to draw on again.

        Raises:
            ConfigError: if the settings cannot be met.
            OutputError: if a file cannot be written.
        """
        from autrainer.plotting.metrics import ITERATION, PlotMetrics

        metrics = [SimpleNamespace(name=name, suffix=suffix) for name, suffix in self.metrics]
        plots = PlotMetrics(
            self.output_directory, self.training_type, **self.settings, metric_fns=metrics
        )
        plots.figures = figures or plots.figures
        plots.plot_run({**self.values, ITERATION: self.iterations})


class Renderer:
    """A helper process. It ends when it is closed, or when this process ends, however it ends.

    One may serve several runs, one after the other or at once.

    Args:
        connected: Leads to a process that is there; by default one is started when it is needed.
    """

    def __init__(self, connected: socket.socket | None = None) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._requests: IO[str] | None = None
        self._answers: IO[str] | None = None
        self._is_started = connected is not None
        self._connected = connected
        if connected is not None:
            self._requests = connected.makefile("w", encoding="utf-8")
            self._answers = connected.makefile("r", encoding="utf-8")

    def start(self) -> None:
        """Start the process, unless it has been; it gets ready while the caller goes on.

        Whoever has plots drawn holds the lock for as long as that takes.
        """
        if self._is_started:
            return
        with self._lock:
            if not self._is_started:
                self._is_started = True
                self._spawn()

    def draw(self, plots: RunPlots) -> None:
        """Draw plots; returns when they are on disk. Without a process this one draws them.

        Raises:
            OutputError: if a plot could not be drawn or written.
        """
        with self._lock:
            answer = self._ask(plots)
        if answer is None:
            plots.draw()
        elif answer["error"]:
            raise OutputError(f"{plots.output_directory}: drawing plots failed: {answer['error']}")

    def close(self) -> None:
        """End the process; may be called again."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
        connected, self._connected = self._connected, None
        if connected is not None:
            # Processes that code of the user has forked may hold it too.
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
            connected.close()
        for pipe in (self._requests, self._answers):
            if pipe is not None:
                _close_quietly(pipe)
        self._requests = self._answers = None

    def _spawn(self) -> None:
        try:
            self._process = _started("serve_pipes", subprocess.PIPE, subprocess.PIPE)
        except OSError as error:
            log.debug("plots are drawn in this process: %s", error)
            return
        self._requests, self._answers = self._process.stdin, self._process.stdout

    def _ask(self, plots: RunPlots) -> dict[str, Any] | None:
        """The answer of the process, or None if there is no process, or no longer."""
        if self._requests is None or self._answers is None:
            return None
        try:
            self._requests.write(f"{json.dumps(asdict(plots))}\n")
            self._requests.flush()
            answer: dict[str, Any] = json.loads(self._answers.readline())
        except (OSError, ValueError) as error:
            log.debug("the plotting process has ended: %s", error)
            return None
        return answer


class Renderers:
    """Helper processes for other processes: one gets ready, and each of them has a fork of it.

    So matplotlib is imported once for a sweep, and not once for each of its workers.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._forks: socket.socket | None = None

    def start(self) -> None:
        """Start the process; it gets ready while the caller goes on.

        Only on Linux: elsewhere libraries need not survive a fork, and none is there to connect to.
        """
        if sys.platform != "linux":
            return
        with suppress(OSError), ExitStack() as opened:
            ours, theirs = (opened.enter_context(each) for each in socket.socketpair())
            # What its forks print comes from those that they draw for.
            self._process = _started(
                "serve_forks", theirs.fileno(), subprocess.DEVNULL, subprocess.DEVNULL
            )
            self._forks = ours.dup()

    def connect(self, stderr: int) -> socket.socket | None:
        """Leads to a process of its own, for whoever gets this; None if there is none.

        Args:
            stderr: Descriptor of what the process is to print to.
        """
        if self._forks is None:
            return None
        with suppress(OSError), ExitStack() as opened:
            ours, theirs = (opened.enter_context(each) for each in socket.socketpair())
            socket.send_fds(self._forks, [b"."], [theirs.fileno(), stderr])
            return ours.dup()
        log.debug("each worker draws with a process of its own: the one that forks has ended")
        return None

    def close(self) -> None:
        """End all of them once those that they draw for have ended; may be called again."""
        process, forks = self._process, self._forks
        self._process = self._forks = None
        if process is None:
            return
        if forks is not None:
            forks.close()
        try:
            process.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            # It leads a session, so its forks are in its group.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _started(
    what: str, requests: int, answers: int, errors: int | None = None
) -> subprocess.Popen[str]:
    """Start a helper process, with this function of `plotting.process`."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).resolve().parents[2]), what],
        stdin=requests,
        stdout=answers,
        stderr=errors,
        env=os.environ | QUIET,
        # Before it can ignore them: requests of a terminal are for the trainer.
        start_new_session=True,
        text=True,
        encoding="utf-8",
    )


def inherited_renderer() -> Renderer:
    """The helper process that whoever has started this process has meant for it.

    One of its own, if there is none.
    """
    descriptor = int(os.environ.pop(DESCRIPTOR, "-1"))
    with suppress(OSError):
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
            return Renderer(socket.socket(fileno=descriptor))
    return Renderer()


_shared: ContextVar[Renderer | None] = ContextVar("autrainer_renderer", default=None)


@contextmanager
def shared_renderer(renderer: Renderer | None = None) -> Iterator[Renderer]:
    """Within the block all runs of this process draw with one helper process, which ends after it.

    It is not started yet: whoever knows that there will be plots calls its `start`.

    Args:
        renderer: The helper process; by default a new one.
    """
    renderer = renderer or Renderer()
    token = _shared.set(renderer)
    try:
        yield renderer
    finally:
        _shared.reset(token)
        renderer.close()


def start_shared_renderer() -> None:
    """Let the process that the runs share get ready; nothing happens where they share none."""
    renderer = _shared.get()
    if renderer is not None:
        renderer.start()


class PlotProcess:
    """Draws the plots of one run beside it, with the process that the runs share or its own."""

    def __init__(self) -> None:
        self._background = Background()
        shared = _shared.get()
        self._renderer = Renderer() if shared is None else shared
        self._is_own = shared is None

    def start(self) -> None:
        """Let the process get ready; returns at once."""
        self._background.submit(self._renderer.start)

    def submit(self, plots: RunPlots) -> None:
        """Have plots drawn; returns at once.

        Raises:
            OutputError: if earlier plots could not be drawn.
        """
        self._background.submit(self._renderer.draw, plots)

    def join(self) -> None:
        """Wait until all plots are on disk.

        Raises:
            OutputError: if a plot could not be drawn or written.
        """
        self._background.join()

    def close(self) -> None:
        """Finish what was submitted and end the process if it is this run's own."""
        self._background.close()
        if self._is_own:
            self._renderer.close()


def _close_quietly(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        log.debug("the plotting process had ended with an unread request")
