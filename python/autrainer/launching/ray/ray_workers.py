"""Workers of a pool as tasks of Ray, as the pool sees them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any

from autrainer.config.schema.sections.clusters import RaySection
from autrainer.errors import AutrainerError, MissingExtraError, message_of
from autrainer.launching.cores import available_cores
from autrainer.launching.messages import Setup, Stop
from autrainer.launching.processes import LEAVE_S, Heard, Output
from autrainer.launching.ray.mailbox import Mailbox
from autrainer.launching.ray.remote_worker import packed, serve

log = logging.getLogger(__name__)

WAIT_S = 0.5
STOP = Stop(int(signal.SIGTERM))


@dataclass
class Task:
    """A task of Ray.

    Args:
        reference: What Ray knows it by.
        connection: The end of its messages that leads to the pool.
        ended: Set when it has ended.
        error: What has ended it, if it did not end by itself.
    """

    reference: Any
    connection: Connection
    ended: threading.Event
    error: BaseException | None = None


class RayTasks:
    """Starts tasks on a Ray that is there, or on one of this machine alone; a context manager.

    Args:
        section: Where Ray is, and what a task asks for.
        processes: Processes of a run.
        on_gpus: Whether each of them has a GPU.

    Raises:
        MissingExtraError: if Ray is not installed.
        AutrainerError: if it cannot be reached or started.
    """

    def __init__(self, section: RaySection, processes: int, on_gpus: bool) -> None:
        self._ray = _imported()
        gpus = section.gpus if section.gpus is not None else float(on_gpus)
        self.resources = {"num_cpus": section.cpus * processes, "num_gpus": gpus * processes}
        self._is_ours = not self._ray.is_initialized()
        if self._is_ours:
            _connect(self._ray, section)
        self._mailbox = self._ray.remote(num_cpus=0)(Mailbox).remote()
        self._tasks: dict[int, Task] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="autrainer-ray", daemon=True)
        self._thread.start()

    def room(self) -> int:
        """How many tasks the cluster has room for at once, as it is now; at least one."""
        has: Mapping[str, float] = self._ray.cluster_resources()
        asked = {"CPU": self.resources["num_cpus"], "GPU": self.resources["num_gpus"]}
        rooms = [int(has.get(name, 0) / need) for name, need in asked.items() if need]
        if min(rooms, default=1) == 0:
            told = ", ".join(f"{need:g} {name}" for name, need in asked.items() if need)
            log.warning("No node of the cluster has %s now; runs wait until one has", told)
        return max(1, min(rooms, default=1))

    def start(self, setup: Setup, environment: Mapping[str, str]) -> RayWorker:
        """A worker, which begins when Ray has room for it."""
        ours, theirs = Pipe()
        number = len(self._tasks)
        remote = self._ray.remote(max_retries=0, **self.resources)(serve)
        reference = remote.remote(self._mailbox, number, setup, os.getcwd())
        self._tasks[number] = Task(reference, theirs, threading.Event())
        return RayWorker(self, number, ours)

    def send(self, number: int, message: object) -> None:
        """Send a message to a worker."""
        self._mailbox.send.remote(number, packed(message))

    def ended(self, number: int, wait_s: float) -> bool:
        """Whether a task has ended, after so many seconds at the latest."""
        return self._tasks[number].ended.wait(wait_s)

    def error(self, number: int) -> BaseException | None:
        """What has ended a task, if it did not end by itself."""
        return self._tasks[number].error

    def kill(self, number: int) -> None:
        """End a task at once, or take it out of the queue."""
        self._ray.cancel(self._tasks[number].reference, force=True)

    def _listen(self) -> None:
        """Hand messages of workers to the pool; in a thread of its own."""
        while not self._is_over.is_set():
            try:
                messages = self._ray.get(self._mailbox.take.remote(WAIT_S))
            except self._ray.exceptions.RayError:
                # The actor is gone, and with it the cluster: no worker can be heard any more.
                messages = []
                self._is_over.wait(WAIT_S)
            for number, message in messages:
                with contextlib.suppress(OSError):
                    self._tasks[number].connection.send_bytes(message)
            self._see_ends()

    def _see_ends(self) -> None:
        at_work = {n: task for n, task in [*self._tasks.items()] if not task.ended.is_set()}
        if not at_work:
            return
        references = {task.reference: task for task in at_work.values()}
        ready, _ = self._ray.wait([*references], num_returns=len(references), timeout=0)
        if not ready:
            return
        # What they have told before they ended may still lie there.
        self._drain()
        for reference in ready:
            self._end(references[reference])

    def _drain(self) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError):
            for number, message in self._ray.get(self._mailbox.take.remote(0.0)):
                with contextlib.suppress(OSError):
                    self._tasks[number].connection.send_bytes(message)

    def _end(self, task: Task) -> None:
        try:
            self._ray.get(task.reference)
        except BaseException as error:
            task.error = error
        task.ended.set()
        task.connection.close()

    def close(self) -> None:
        """Let go of Ray; may be called again."""
        self._is_over.set()
        self._thread.join()
        if self._is_ours:
            self._is_ours = False
            self._ray.shutdown()


class RayWorker(Heard):
    """A worker that is a task of Ray; the pool uses it like a `WorkerProcess`.

    Args:
        tasks: All of them.
        number: Its number.
        connection: Where its messages come from.
    """

    def __init__(self, tasks: RayTasks, number: int, connection: Connection) -> None:
        self._tasks, self._number = tasks, number
        self.connection = connection
        self.outputs: list[Output] = []

    def send(self, message: object) -> None:
        """Send a message."""
        # Workers of Ray ignore a SIGINT, since a terminal may send it to all processes.
        is_stop = isinstance(message, Stop)
        self._tasks.send(self._number, STOP if is_stop else message)

    @property
    def has_ended(self) -> bool:
        """Whether the task has ended."""
        return self._tasks.ended(self._number, 0.0)

    def exit_code(self, wait_s: float = LEAVE_S) -> int:
        """0 if it has ended by itself, else 1; if it has not ended by then it is ended."""
        if not self._tasks.ended(self._number, wait_s):
            self.kill()
            self._tasks.ended(self._number, wait_s)
        return int(self._tasks.error(self._number) is not None)

    def told_end(self, code: int) -> str:
        """How it has ended, in words."""
        error = self._tasks.error(self._number)
        if error is None:
            return "by itself"
        return f"lost by Ray ({type(error).__name__}: {message_of(error).strip().splitlines()[0]})"

    @property
    def is_short_of_memory(self) -> bool:
        """Whether Ray has ended it because the memory of its node had run out."""
        # By its name: Ray need not be imported for those that have ended otherwise.
        return type(self._tasks.error(self._number)).__name__ == "OutOfMemoryError"

    def kill(self) -> None:
        """End it at once."""
        self._tasks.kill(self._number)

    def leave(self) -> None:
        """Ask it to leave at once."""
        self.send(STOP)

    def close(self) -> None:
        """Close the connection; may be called again."""
        self.connection.close()


def _imported() -> Any:
    # Ray tells of itself on stderr, and tells its makers, unless it is told otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("launcher: ray", "ray", "ray", message_of(error)) from error
    return ray


def _connect(ray: Any, section: RaySection) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if section.address is None:
        options |= {"num_cpus": available_cores(), "include_dashboard": False}
        # Ray lets its workers give way to everything else on the machine.
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        ray.init(address=section.address or "local", **options)
    except Exception as error:
        where = "on this machine" if section.address is None else f"at {section.address}"
        raise AutrainerError(f"there is no Ray {where}: {message_of(error)}") from error
