"""A helper process that draws the plots of a run, so that neither training nor its end waits.

It reads one request per line and answers each with one line.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

from autrainer.config.packaged import packaged_dir
from autrainer.errors import OutputError
from autrainer.plotting.figures import Figures
from autrainer.plotting.metrics import ITERATION, PlotMetrics
from autrainer.runs.process.streams import open_standard_streams
from autrainer.runs.writing.background import Background
from autrainer.runs.yaml.reading import read_mapping

log = logging.getLogger(__name__)

# The package is the one that this process uses, wherever it was found.
PROGRAM = """
import signal, sys
# A request to stop is for the trainer, which then closes this process; it ends with it anyway.
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    if hasattr(signal, name):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
sys.path.append(sys.argv[1])
from autrainer.plotting.process import main
main()
"""

# Drawing needs no threads of numerical libraries; not starting them saves time and memory.
QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1",
}


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
        metrics = [SimpleNamespace(name=name, suffix=suffix) for name, suffix in self.metrics]
        plots = PlotMetrics(
            self.output_directory, self.training_type, **self.settings, metric_fns=metrics
        )
        plots.figures = figures or plots.figures
        plots.plot_run({**self.values, ITERATION: self.iterations})


class Renderer:
    """The helper process. It ends when it is closed, or when this process ends, however it ends.

    One may serve several runs, one after the other or at once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._is_started = False

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
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close_quietly(pipe)

    def _spawn(self) -> None:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(Path(__file__).resolve().parents[2])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | QUIET,
                # Before it can ignore them: requests of a terminal are for the trainer.
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )
        except OSError as error:
            log.debug("plots are drawn in this process: %s", error)

    def _ask(self, plots: RunPlots) -> dict[str, Any] | None:
        """The answer of the process, or None if there is no process, or no longer."""
        if self._process is None or self._process.stdin is None or self._process.stdout is None:
            return None
        try:
            self._process.stdin.write(f"{json.dumps(asdict(plots))}\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            log.debug("the plotting process has ended: %s", error)
            return None
        return answer


_shared: ContextVar[Renderer | None] = ContextVar("autrainer_renderer", default=None)


@contextmanager
def shared_renderer() -> Iterator[Renderer]:
    """Within the block all runs of this process draw with one helper process, which ends after it.

    It is not started yet: whoever knows that there will be plots calls its `start`.
    """
    renderer = Renderer()
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


def serve(requests: TextIO, answers: TextIO, settings: Mapping[str, Any], figures: Figures) -> None:
    """Draw what is asked for, until there are no more requests.

    Args:
        requests: One in each line.
        answers: Likewise.
        settings: Those that `figures` were made with.
        figures: Drawn on again, as long as the settings are these.
    """
    for line in requests:
        request = json.loads(line)
        if request["settings"] != settings:
            settings, figures = request["settings"], Figures()
        error = _attempt(request, figures)
        if error is not None:
            figures = Figures()
        answers.write(f"{json.dumps({'error': error})}\n")
        answers.flush()


def _attempt(request: Mapping[str, Any], figures: Figures) -> str | None:
    try:
        RunPlots(**request).draw(figures)
    except Exception as error:
        # Whatever it is, the process that asked raises it.
        return f"{type(error).__name__}: {error}"
    return None


def _prepare() -> tuple[dict[str, Any], Figures]:
    """Draw a figure as most runs want it while the trainer is busy: imports, fonts and axes.

    Returns:
        The settings, and what to draw on again.
    """
    default = read_mapping(packaged_dir() / "plotting" / "Default.yaml")
    plots = PlotMetrics("", "epoch", **default | {"filetypes": []}, metric_fns=[])
    plots.plot_run({"train_loss": [1.0, 0.5], "dev_loss": [1.0, 0.5]})
    plots.figures.draw()
    return default, plots.figures


def main() -> None:
    """Serve requests from standard input until it ends."""
    # The trainer, which has read the same settings, has warned of them already.
    logging.getLogger("autrainer").setLevel(logging.ERROR)
    # The one that asks may have closed stderr.
    open_standard_streams()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not look like an answer.
    os.dup2(2, 1)
    try:
        serve(sys.stdin, answers, *_prepare())
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)
