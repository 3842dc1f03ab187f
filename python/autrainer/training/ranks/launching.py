"""Starts the processes of a run on this machine, and says how the run has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from autrainer.errors import (
    AnotherRunError,
    ProcessLostError,
    RunInterruptedError,
    RunInUseError,
)
from autrainer.runs.process.distributed import HAS_STORE, tcp_store
from autrainer.runs.process.endings import DONE, INTERRUPTED, Ending, Endings, first_failure
from autrainer.runs.process.signals import Requests, requests_handled, stop_of
from autrainer.runs.process.signs_of_life import DESCRIPTOR
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.status import record_end
from autrainer.training.ranks.job import Job
from autrainer.training.ranks.watching import Child, Patience, Watch, Watched

HOST = "127.0.0.1"

Start = Callable[[Path, Mapping[str, str], int], Child]
"""Starts a process: the file of the job, its environment, the descriptor that it is given."""


def start_worker(job: Path, environment: Mapping[str, str], signs: int) -> Child:
    """Start a process of its own that imports everything itself."""
    return subprocess.Popen(
        [sys.executable, "-m", "autrainer.training.worker", str(job)],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        pass_fds=[signs],
        # Requests of a terminal or a batch system come to this process, which hands them on once.
        start_new_session=True,
    )


def train_on(
    num_processes: int,
    job: Job,
    *,
    start: Start = start_worker,
    patience: Patience | None = None,
) -> float:
    """Train a run on so many processes of this machine.

    Args:
        num_processes: How many.
        job: The run.
        start: Starts each of them.
        patience: How long is waited for them.

    Returns:
        The value of the run.

    Raises:
        RunInterruptedError: if it was asked to stop.
        ProcessLostError: if a process was killed, or has given no sign of life.
        Exception: that of the process that has failed first; the cause is its traceback.
    """
    # The port is chosen by the system, and the store lives as long as whoever started the run.
    store = tcp_store(HOST, 0, is_master=True)
    with tempfile.TemporaryDirectory(prefix="autrainer-") as folder, requests_handled() as requests:
        path = Path(folder, "job.yaml")
        job.write(path)
        shared = {"MASTER_ADDR": HOST, "MASTER_PORT": str(store.port), HAS_STORE: "True"}
        with _started(num_processes, path, shared, start) as watched:
            try:
                _watch(watched, requests, patience or Patience())
            except RunInterruptedError as error:
                record_end(Path(job.directory), error, interrupted=True)
                raise
        endings = Endings(store, num_processes).told()
        return _result(Path(job.directory), watched, endings, requests)


def _watch(watched: Sequence[Watched], requests: Requests, patience: Patience) -> None:
    watch = Watch(watched, requests, patience)
    try:
        watch.wait()
    finally:
        # Asked twice to stop, or an error of our own: nobody is left behind.
        watch.give_up()


@contextmanager
def _started(
    num_processes: int, job: Path, shared: Mapping[str, str], start: Start
) -> Iterator[list[Watched]]:
    watched: list[Watched] = []
    try:
        for rank in range(num_processes):
            signs, theirs = os.pipe()
            own = _environment(rank, num_processes)
            environment = {**own, **shared, DESCRIPTOR: str(theirs)}
            try:
                watched.append(Watched(start(job, environment, theirs), signs))
            except BaseException:
                os.close(signs)
                raise
            finally:
                os.close(theirs)
        yield watched
    finally:
        for each in watched:
            if not each.has_ended:
                each.kill()
            os.close(each.signs)


def _environment(rank: int, num_processes: int) -> dict[str, str]:
    """The environment of a process: its number, and the local network."""
    own = {"RANK": rank, "LOCAL_RANK": rank}
    size = {"WORLD_SIZE": num_processes, "LOCAL_WORLD_SIZE": num_processes}
    defaults = {}
    if sys.platform == "linux":
        # Found by the name of the machine otherwise, which need not lead anywhere.
        defaults["GLOO_SOCKET_IFNAME"] = "lo"
    told = {name: str(number) for name, number in (own | size).items()}
    return {**defaults, **os.environ, **told}


def _result(
    folder: Path, watched: Sequence[Watched], endings: Sequence[Ending], requests: Requests
) -> float:
    """The value of a run whose processes have ended.

    Raises:
        RunInterruptedError: if it was stopped.
        Exception: why it has failed.
    """
    codes = [each.child.poll() for each in watched]
    if all(code == 0 for code in codes):
        value = RunRecord(folder).best_value
        return float("nan") if value is None else value
    main = next((ending for ending in endings if ending.rank == 0), None)
    interrupted = [ending for ending in endings if ending.kind == INTERRUPTED]
    number = requests.stop or next((ending.signal for ending in interrupted), 0)
    failure = first_failure(endings)
    if number or (failure is None and interrupted):
        is_saved = main is not None and (main.kind == DONE or main.saved)
        stopped = KeyboardInterrupt()
        if number:
            stopped = RunInterruptedError(stop_of(number), saved=is_saved)
        if main is None or main.kind not in (INTERRUPTED, DONE):
            record_end(folder, stopped, interrupted=True)
        raise stopped
    error = _lost(watched) if failure is None else failure.as_error(named=False)
    if not isinstance(error, RunInUseError | AnotherRunError):
        record_end(folder, error)
    raise error from error.__cause__


def _lost(watched: Sequence[Watched]) -> Exception:
    """What to say of processes that have ended without a word."""
    told = []
    for rank, each in enumerate(watched):
        code = each.child.poll()
        if each.is_silent:
            told.append(f"rank {rank} gave no sign of life and was ended")
        elif code is not None and code < 0 and not each.is_killed:
            told.append(f"rank {rank} was ended by signal {-code}")
    if not told:
        codes = ", ".join(str(each.child.poll()) for each in watched)
        told = [f"its processes ended with the exit codes {codes}; why is on stderr"]
    return ProcessLostError(f"{' and '.join(told)}; the same command goes on from the last state")
