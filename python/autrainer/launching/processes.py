"""Worker processes, as the process that starts them sees them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Protocol

from autrainer.errors import AutrainerError, ConfigError
from autrainer.launching.messages import Setup
from autrainer.plotting.renderer import DESCRIPTOR as RENDERER
from autrainer.plotting.renderer import Renderers

# The package is the one that this process uses, wherever it was found.
PROGRAM = """
import sys
# Modules of the working directory must not stand in for those of the library.
sys.path[:] = [sys.argv[1], *filter(None, sys.path)]
from autrainer.launching.worker import main
main(int(sys.argv[2]))
"""

QUIET = {"TQDM_DISABLE": "1"}
"""Bars of several processes would write over each other; the pool shows how far runs have come."""

BLAS = "OPENBLAS_NUM_THREADS"
"""Read when NumPy is loaded. That of OpenMP is left alone: where it is set, runs take it for the
user's choice."""

LEAVE_S = 5.0
"""How long a worker that is to leave at once may take to write down that it was interrupted."""


class Process(Protocol):
    """A process that was started: what is needed of `subprocess.Popen`."""

    pid: int

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Exit code, once it has ended."""

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""


Start = Callable[[int, Sequence[int], Mapping[str, str]], Process]
"""Starts a worker: its end of the socket, its stdout and stderr, its environment."""


def spawned(descriptor: int, streams: Sequence[int], environment: Mapping[str, str]) -> Process:
    """A new interpreter that serves the pool.

    It has a session of its own: what a terminal asks for is handed on by the pool, once.
    """
    package = Path(__file__).resolve().parents[2]
    passed = [descriptor, *(int(environment[name]) for name in [RENDERER] if name in environment)]
    options: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return subprocess.Popen(
        [sys.executable, *options, "-c", PROGRAM, str(package), str(descriptor)],
        stdin=subprocess.DEVNULL,
        stdout=streams[0],
        stderr=streams[1],
        pass_fds=passed,
        env=dict(environment),
        start_new_session=True,
    )


class Heard:
    """What sends messages by a connection.

    Attributes:
        connection: Where they come from.
    """

    connection: Connection

    def received(self) -> Iterator[Any]:
        """Messages that are there by now; the end of the connection is the end of them."""
        while not self.connection.closed and self.connection.poll():
            try:
                yield self.connection.recv()
            except (EOFError, OSError):
                self.connection.close()
                return

    @property
    def has_hung_up(self) -> bool:
        """Whether nothing more will come from it."""
        return self.connection.closed


class WorkerProcess(Heard):
    """A worker, and the three pipes that come from it.

    Args:
        setup: Its first message.
        environment: What its environment has beside that of this process.
        start: Starts it.
        renderers: Have a process that draws its plots; by default it starts one itself.

    Raises:
        AutrainerError: if the system starts no process.
    """

    def __init__(
        self,
        setup: Setup,
        environment: Mapping[str, str],
        start: Start,
        renderers: Renderers | None = None,
    ) -> None:
        if os.name != "posix":
            raise ConfigError("runs are trained at once on POSIX systems only; leave jobs out")
        blas = {BLAS: os.environ.get(BLAS, str(setup.threads))}
        ours, theirs = Pipe()
        ends = [os.pipe() for _ in range(2)]
        drawn = None if renderers is None else renderers.connect(ends[1][1])
        drawing = {} if drawn is None else {RENDERER: str(drawn.fileno())}
        try:
            self._process = start(
                theirs.fileno(),
                [end for _, end in ends],
                {**os.environ, **QUIET, **blas, **drawing, **environment},
            )
        except OSError as error:
            raise AutrainerError(f"a process for a run cannot be started: {error}") from error
        finally:
            theirs.close()
            if drawn is not None:
                drawn.close()
            for _, end in ends:
                os.close(end)
        self.connection = ours
        self.outputs = [Output(end, stream) for (end, _), stream in zip(ends, (1, 2), strict=True)]
        self.send(setup)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def send(self, message: object) -> None:
        """Send a message; one that has died hears nothing, and its end is seen elsewhere."""
        try:
            self.connection.send(message)
        except OSError:
            return

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def exit_code(self, wait_s: float = LEAVE_S) -> int:
        """Its exit code, or the number of a signal with a minus, once it has ended.

        Args:
            wait_s: If it has not ended by then it is killed.
        """
        try:
            return self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def told_end(self, code: int) -> str:
        """How it has ended, in words, by its exit code."""
        if code >= 0:
            return f"with exit code {code}"
        name = next((each.name for each in signal.Signals if each == -code), str(-code))
        hint = " (the system does so where memory runs out)" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"

    is_short_of_memory = False
    """The system does not say why it has killed a process."""

    def kill(self) -> None:
        """End it at once."""
        self._process.send_signal(signal.SIGKILL)

    def leave(self) -> None:
        """Ask it to leave at once."""
        self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Close the pipes; may be called again."""
        self.connection.close()
        for output in self.outputs:
            output.close()


def spawned_worker(setup: Setup, environment: Mapping[str, str]) -> WorkerProcess:
    """A worker that is a new interpreter."""
    return WorkerProcess(setup, environment, spawned)


class Output:
    """What a worker prints, line by line.

    Args:
        descriptor: Where it comes from.
        stream: 1 for stdout, 2 for stderr.
    """

    def __init__(self, descriptor: int, stream: int) -> None:
        self._descriptor, self.stream = descriptor, stream
        self._rest = b""
        self.is_open = True
        os.set_blocking(descriptor, False)

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def lines(self) -> list[str]:
        """Whole lines that are there by now; the rest of the last one at the end."""
        try:
            found = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            found = b""
        *lines, self._rest = (self._rest + found).split(b"\n")
        if not found:
            lines += [self._rest] if self._rest else []
            self._rest = b""
            self.close()
        return [line.decode(errors="replace").rstrip("\r") for line in lines]

    def close(self) -> None:
        """Close it; may be called again."""
        if self.is_open:
            self.is_open = False
            os.close(self._descriptor)
