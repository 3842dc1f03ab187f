"""Runs whose processes somebody else has started: `torchrun` on one machine or on several.

The main process composes and sweeps, and hands each run to the others through the store; they wait
for it, and compose nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any

from autrainer.errors import AutrainerError, ProcessLostError
from autrainer.runs.process.distributed import DistributedCommunicator, store_of_environment
from autrainer.runs.process.run_process import RunProcess
from autrainer.runs.process.signals import save_signals_ignored
from autrainer.training.ranks.job import Job, silence_others
from autrainer.training.worker import train

POLL_S = 0.2
OVER = "over"
"""What stands in the place of a run when there are no more."""


class Leader:
    """Trains runs with the processes that follow.

    Args:
        store: The store of all processes.
        process: This process, the main one.
    """

    def __init__(self, store: Any, process: RunProcess) -> None:
        self.process = process
        self._store = store
        self._num_jobs = 0
        self._communicator: DistributedCommunicator | None = None
        self._has_failed = False

    def train(self, job: Job) -> float:
        """Train a run on all processes.

        Raises:
            ProcessLostError: if an earlier run has failed, and the others have ended with it.
            Exception: what the run raises.
        """
        if self._has_failed:
            raise ProcessLostError(
                "the processes have ended with the run that failed before; start the command again"
            )
        self._tell(json.dumps(asdict(job)))
        try:
            if self._communicator is None:
                self._communicator = DistributedCommunicator(self._store)
            return train(job, self._communicator)
        except BaseException:
            self._has_failed = True
            raise

    def end(self) -> None:
        """Let the others end too."""
        try:
            self._tell(OVER)
        except RuntimeError as error:
            raise ProcessLostError(f"the store of the processes is gone: {error}") from error

    def _tell(self, text: str) -> None:
        self._store.set(_key(self._num_jobs), text)
        self._num_jobs += 1


_leader: ContextVar[Leader | None] = ContextVar("autrainer_leader", default=None)


@contextmanager
def leading(process: RunProcess) -> Iterator[Leader]:
    """Within the block the runs of this process are those of all processes.

    Args:
        process: This process, the main one.
    """
    leader = Leader(store_of_environment(process), process)
    token = _leader.set(leader)
    try:
        yield leader
    finally:
        _leader.reset(token)
        leader.end()


def leader_here() -> Leader | None:
    """What trains the runs of this process, if others follow it."""
    return _leader.get()


def follow(process: RunProcess) -> None:
    """Train what the main process hands out, until there is no more.

    Raises:
        AutrainerError: if a run fails; the others end too.
    """
    store = store_of_environment(process)
    silence_others(process)
    communicator: DistributedCommunicator | None = None
    number = 0
    with save_signals_ignored():
        while (text := _awaited(store, _key(number))) != OVER:
            number += 1
            communicator = communicator or DistributedCommunicator(store)
            job = Job(**json.loads(text))
            with job.surroundings(process):
                _train(job, communicator)


def _train(job: Job, communicator: DistributedCommunicator) -> None:
    try:
        train(job, communicator)
    except AutrainerError:
        raise
    except Exception as error:
        raise AutrainerError(f"rank {communicator.process.rank}: {error}") from error


def _awaited(store: Any, key: str) -> str:
    """The text of a key, once it is there."""
    while not store.check([key]):
        time.sleep(POLL_S)
    return str(store.get(key).decode())


def _key(number: int) -> str:
    return f"autrainer/job/{number}"
