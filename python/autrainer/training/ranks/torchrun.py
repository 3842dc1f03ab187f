"""Runs whose processes somebody else has started: `torchrun` or `srun`, on one machine or several.

The main process composes and sweeps, and hands each run to the others through the store; they wait
for it, and compose nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict
from typing import Any

from autrainer.errors import AutrainerError, ProcessLostError
from autrainer.runs.process.distributed import (
    DistributedCommunicator,
    holds_store,
    store_of_environment,
)
from autrainer.runs.process.run_process import RunProcess
from autrainer.runs.process.signals import save_signals_ignored
from autrainer.training.ranks.job import Job, silence_others
from autrainer.training.worker import train

POLL_S = 0.2
LEAVING_S = 30.0
"""How long the main process waits for the others to leave its store."""
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

    def train(self, job: Job, listener: object = None) -> float:
        """Train a run on all processes.

        Args:
            job: The run.
            listener: Its hooks are called here, after those of all others.

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
            return train(job, self._communicator, listener)
        except BaseException:
            self._has_failed = True
            raise

    def end(self) -> None:
        """Let the others end too.

        Where this process holds their store, it stays until they have left it, so that none of
        them takes its end for a failure.
        """
        try:
            self._tell(OVER)
            if holds_store(self.process):
                self._await_others()
        except RuntimeError as error:
            raise ProcessLostError(f"the store of the processes is gone: {error}") from error

    def _await_others(self) -> None:
        others = [_left(rank) for rank in range(1, self.process.world_size)]
        until = time.monotonic() + LEAVING_S
        while not self._store.check(others) and time.monotonic() < until:
            time.sleep(POLL_S)

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
    with save_signals_ignored():
        try:
            _train_all(store, process)
        finally:
            # A store that is gone cannot be told.
            with suppress(RuntimeError):
                store.set(_left(process.rank), "")


def _train_all(store: Any, process: RunProcess) -> None:
    communicator: DistributedCommunicator | None = None
    number = 0
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
    """The text of a key, once it is there.

    Raises:
        ProcessLostError: if the store is gone, and with it the main process.
    """
    try:
        while not store.check([key]):
            time.sleep(POLL_S)
        return str(store.get(key).decode())
    except RuntimeError as error:
        raise ProcessLostError(
            "the main process has ended without a word; start the command again"
        ) from error


def _left(rank: int) -> str:
    """The key by which a process tells that it needs the store no more."""
    return f"autrainer/left/{rank}"


def _key(number: int) -> str:
    return f"autrainer/job/{number}"
