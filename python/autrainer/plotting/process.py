"""A process that draws plots for others: one request per line, and one line as its answer."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, NoReturn, TextIO

from autrainer.config.packaged import packaged_dir
from autrainer.plotting.figures import Figures
from autrainer.plotting.metrics import PlotMetrics
from autrainer.plotting.renderer import RunPlots
from autrainer.runs.process.streams import open_standard_streams
from autrainer.runs.yaml.reading import read_mapping


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


def serve_pipes() -> None:
    """Serve requests from standard input until it ends, by standard output."""
    _be_quiet()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print must not look like an answer.
    os.dup2(2, 1)
    try:
        serve(sys.stdin, answers, *_prepare())
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)


def serve_forks() -> None:
    """Fork a process for each socket that comes by standard input, which serves it; until it ends.

    Then wait for those that still draw.
    """
    # Whoever has started the command may ignore it; then the system would take the children away.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _be_quiet()
    try:
        _fork_for_each(_prepare())
    finally:
        os._exit(0)


def _fork_for_each(prepared: tuple[dict[str, Any], Figures]) -> None:
    children: set[int] = set()
    with socket.socket(fileno=os.dup(0)) as sockets:
        while True:
            _, descriptors, _, _ = socket.recv_fds(sockets, 1, 2)
            children -= {child for child in children if os.waitpid(child, os.WNOHANG)[0]}
            if not descriptors:
                break
            child = os.fork()
            if not child:
                sockets.close()
                descriptor, stderr = descriptors
                _serve_socket(descriptor, stderr, prepared)
            children.add(child)
            for descriptor in descriptors:
                os.close(descriptor)
    for child in children:
        os.waitpid(child, 0)


def _serve_socket(
    descriptor: int, stderr: int, prepared: tuple[dict[str, Any], Figures]
) -> NoReturn:
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for standard in (1, 2):
            os.dup2(stderr, standard)
        os.close(stderr)
        with socket.socket(fileno=descriptor) as connected:
            requests, answers = (connected.makefile(mode, encoding="utf-8") for mode in ("r", "w"))
            serve(requests, answers, *prepared)
    except OSError:
        # Whoever asked is gone.
        pass
    finally:
        os._exit(0)


def _be_quiet() -> None:
    # The trainer, which has read the same settings, has warned of them already.
    logging.getLogger("autrainer").setLevel(logging.ERROR)
    # The one that asks may have closed stderr.
    open_standard_streams()
