"""Trains the runs of a sweep at once, in worker processes of which each has a slot."""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any

from autrainer.errors import (
    AutrainerError,
    OutOfMemoryError,
    RunInterruptedError,
    RunInUseError,
    WorkerDiedError,
    message_of,
)
from autrainer.launching.hired import Hired, MakeWorker
from autrainer.launching.job_queue import JobQueue
from autrainer.launching.job_runner import setup_here
from autrainer.launching.jobs import Job
from autrainer.launching.messages import (
    Check,
    End,
    Ended,
    Failure,
    Printed,
    Problems,
    Progress,
    Ready,
    Said,
    Save,
    Stop,
    Train,
    Trained,
)
from autrainer.launching.places import Place
from autrainer.launching.processes import LEAVE_S, spawned_worker
from autrainer.launching.slots import SlotTable
from autrainer.launching.view import View
from autrainer.runs.elsewhere import AT_WORK_ELSEWHERE, FAILED_ELSEWHERE, SharedRuns
from autrainer.runs.finished import is_finished
from autrainer.runs.process.signals import STOPS, Requests, requests_handled, stop_of
from autrainer.runs.process.time_limit import TimeLimit
from autrainer.runs.status import record_failure

POLL_S = 0.2
"""How often to look for requests and to draw the table."""

STARTING_AT_ONCE = 4
"""So many workers import libraries at a time: they read the same files, and memory peaks then."""

Report = Callable[[Job], None]
Asked = signal.Signals | TimeLimit


class Pool:
    """Worker processes, and the slots that they are in.

    On the CPU a worker trains one run after the other. On a GPU each run has a process of its own,
    so that it finds all of the memory free.

    Args:
        table: The slots.
        view: Shows the runs.
        fails_fast: Stop all runs when one has failed.
        make_worker: Makes a worker, of what it has in common with this process and its environment.
        max_lost: How often another worker goes on with a run whose worker was lost.
        is_fresh: Each run has a worker of its own.
    """

    def __init__(
        self,
        table: SlotTable,
        view: View,
        *,
        fails_fast: bool = False,
        make_worker: MakeWorker = spawned_worker,
        max_lost: int = 0,
        is_fresh: bool = False,
    ) -> None:
        self._table = table
        self._view = view
        self._fails_fast = fails_fast
        self._make_worker = make_worker
        self._max_lost = max_lost
        self._is_fresh = is_fresh or table.has_gpus
        self._places = [Place(slot) for slot in table.slots]
        self._queue = JobQueue([])
        self._leaving: list[Hired] = []
        self._problems: Problems | None = None
        self._report: Report = _nothing
        self._is_stopping = False
        self._asked_by: Asked | None = None
        self._is_saved = True

    def start(self, num_jobs: int) -> None:
        """Start workers, no more than there are runs; they import libraries meanwhile."""
        for place in self._places[: min(num_jobs, STARTING_AT_ONCE)]:
            self._start(place)

    def find_problems(self, configs: Sequence[Any]) -> list[Any]:
        """What is wrong with the classes that configurations name, looked at by a worker.

        Raises:
            Exception: what came up there.
        """
        place = self._places[0]
        assert place.worker is not None
        place.worker.send(Check(list(configs)))
        while self._problems is None:
            self._look()
        if self._problems.error is not None:
            raise self._problems.error.error()
        return self._problems.found

    def train(
        self,
        jobs: Sequence[Job],
        report: Report,
        deadline_s: float | None = None,
        shared: SharedRuns | None = None,
    ) -> None:
        """Train runs; returns when none is left.

        Args:
            jobs: The runs.
            report: Gets each run when it has ended, with its `result`.
            deadline_s: When to stop anyway, a time of `time.monotonic`; None for never.
            shared: Looks at runs that other commands may have taken; None if there are none.

        Raises:
            RunInterruptedError: if a signal has asked to stop; all runs have stopped then.
            AutrainerError: if no process can be started.
        """
        self._queue, self._report = JobQueue(jobs, shared), report
        self._view.begin(len(self._places), self._table.threads)
        with requests_handled(deadline_s=deadline_s) as requests:
            self._run(requests)
        if self._asked_by is not None:
            raise RunInterruptedError(self._asked_by, saved=self._is_saved)

    @property
    def num_slots(self) -> int:
        """How many runs can train at once."""
        return len(self._places)

    def expect(self, num_jobs: int) -> None:
        """So many runs there will be, those to be added among them."""
        self._view.expect(num_jobs)

    def add(self, job: Job) -> None:
        """One more run; may be called while others train, by who gets the report of one."""
        self._queue.add(job)

    def _run(self, requests: Requests) -> None:
        while self._busy or (not self._is_stopping and len(self._queue)):
            if requests.any and requests.stop is not None and self._asked_by is None:
                self._stop(requests.stop)
            if requests.save:
                requests.save = False
                self._tell_all(Save())
            self._dispatch()
            self._look()
            shown = [place.jobs[-1] for place in self._places if place.jobs]
            self._view.update(shown, len(self._queue))
        if requests.stop is not None:
            # Asked for when the last run had just ended: others may follow this sweep.
            self._asked_by = requests.stop

    @property
    def _busy(self) -> list[Job]:
        return [job for place in self._places for job in place.jobs]

    def _start(self, place: Place) -> None:
        # What comes after a failure would have begun by then, and a GPU is to be free first.
        ends_later = not (self._fails_fast or self._is_fresh)
        setup = setup_here(self._table.threads, ends_later=ends_later)
        place.worker = self._make_worker(setup, place.slot.environment)
        place.is_ready = False

    def _dispatch(self) -> None:
        """Give runs to free workers, and start as many of these as are needed."""
        for place in self._places:
            if self._is_stopping or not self._queue.has_next(is_alone=not self._busy):
                return
            if place.job is not None:
                continue
            if place.worker is None:
                starting = [p for p in self._places if p.worker is not None and not p.is_ready]
                if len(starting) < STARTING_AT_ONCE:
                    self._start(place)
            elif place.is_ready:
                job = self._queue.pop()
                if not self._is_taken(job):
                    self._begin(place, job)

    def _is_taken(self, job: Job) -> bool:
        """Whether another command has a run, or had it, which is told then."""
        state = self._queue.state_elsewhere(job)
        if state is None:
            return False
        if state == AT_WORK_ELSEWHERE:
            self._queue.leave(job)
            self._view.left(job)
            return True
        error = self._queue.failure_elsewhere(job) if state == FAILED_ELSEWHERE else None
        failure = None if error is None else Failure.of(error)
        self._settle(job, Ended(state if failure is None else "failed", failure=failure), error)
        return True

    def _settle(self, job: Job, ended: Ended, error: BaseException | None) -> None:
        """A run has ended for good."""
        job.result = ended
        self._view.ended(job, error)
        self._report(job)
        if error is not None and self._fails_fast:
            self._stop(None)

    def _begin(self, place: Place, job: Job) -> None:
        assert place.worker is not None
        place.job = job
        job.begin()
        self._view.begun(job)
        config = pickle.dumps(job.composed())
        place.worker.send(Train(config, str(job.directory)))

    def _look(self) -> None:
        """Take what workers have sent and printed, and see who has died."""
        sources: dict[Any, Place] = {}
        for place in self._places:
            if place.worker is not None:
                sources[place.worker.connection] = place
                sources |= {each: place for each in place.worker.outputs if each.is_open}
        ready = wait(list(sources), POLL_S)
        for source in ready:
            self._pass_on(sources[source])
        for place in {id(sources[source]): sources[source] for source in ready}.values():
            worker = place.worker
            if worker is None:
                continue
            for message in worker.received():
                self._take(place, message)
            if worker.has_hung_up:
                self._died(place, worker)
        self._leaving = [each for each in self._leaving if not self._has_left(each)]

    def _pass_on(self, place: Place) -> None:
        """Show what a worker has printed."""
        for output in place.worker.outputs if place.worker is not None else []:
            lines = output.lines() if output.is_open else []
            if lines:
                self._view.printed(place.job, lines, output.stream)

    def _take(self, place: Place, message: object) -> None:
        if isinstance(message, Ready):
            place.is_ready = True
        elif isinstance(message, Problems):
            self._problems = message
        elif isinstance(message, Said):
            self._view.said(place.job, message)
        elif isinstance(message, Printed):
            self._view.printed(place.job, message.lines, message.stream)
        elif isinstance(message, Progress) and place.job is not None:
            place.job.advance(message)
        elif isinstance(message, Trained) and place.job is not None:
            place.ending, place.job = place.job, None
        elif isinstance(message, Ended):
            # What was printed before belongs to this run.
            self._pass_on(place)
            self._end(place, message)

    def _end(self, place: Place, ended: Ended) -> None:
        is_later = place.ending is not None and str(place.ending.directory) == ended.directory
        job = place.ending if is_later else place.job
        assert job is not None
        place.forget(job)
        error = None if ended.failure is None else ended.failure.error()
        if isinstance(error, RunInUseError) and self._queue.refused(job):
            self._view.left(job)
            return
        if error is not None and _is_short_of_memory(error) and self._retries_alone(job):
            if place.job is None:
                self._replace(place)
            return
        if self._is_fresh:
            self._replace(place)
        if ended.state == "interrupted":
            self._is_saved &= ended.is_saved
            if not job.was_stopped and ended.signal:
                self._stop(stop_of(ended.signal))
        self._settle(job, ended, error)

    def _retries_alone(self, job: Job) -> bool:
        """Try a run again, alone, that has run out of the memory that others held; once."""
        if job.is_retried or self._is_stopping or len(self._places) == 1:
            return False
        self._queue.retry_alone(job)
        self._view.retries(job)
        return True

    def _replace(self, place: Place) -> None:
        """Let the worker of a place go; another one is started when it is needed."""
        worker, place.worker, place.is_ready = place.worker, None, False
        if worker is not None:
            worker.send(End())
            self._leaving.append(worker)

    def _died(self, place: Place, worker: Hired) -> None:
        """A worker has ended by itself, or somebody has ended it."""
        code = worker.exit_code()
        self._pass_on(place)
        worker.close()
        place.worker, was_ready, place.is_ready = None, place.is_ready, False
        number = code - 128 if code - 128 in STOPS else 0
        for job in (jobs := place.jobs):
            self._lose(place, job, worker, number, worker.told_end(code))
        if jobs or self._is_stopping:
            return
        if number:
            self._stop(stop_of(number))
        elif not was_ready:
            raise AutrainerError(
                "a process that was to train runs has ended at its start, "
                f"{worker.told_end(code)}; what it printed is above"
            )

    def _lose(self, place: Place, job: Job, worker: Hired, number: int, how: str) -> None:
        """A run has lost its worker, which has ended by this signal or 0."""
        if worker.is_short_of_memory and self._retries_alone(job):
            place.forget(job)
        elif self._goes_on(job, worker, number):
            place.forget(job)
            job.num_lost += 1
            self._view.lost(job, how)
            self._queue.add(job)
        else:
            self._end(place, replace(self._last_of(job, how, number), directory=str(job.directory)))

    def _goes_on(self, job: Job, worker: Hired, number: int) -> bool:
        """Whether another worker goes on with a run whose worker is gone, by this signal or 0."""
        is_wanted = not (self._is_stopping or job.was_stopped or number)
        # Alone it has run out of memory too.
        is_wanted &= not (worker.is_short_of_memory and job.is_retried)
        return is_wanted and job.num_lost < self._max_lost and not is_finished(job.directory)

    def _last_of(self, job: Job, how: str, number: int) -> Ended:
        """How a run ended whose worker has gone without a word."""
        if is_finished(job.directory):
            return Ended("done", value=float("nan"))
        if job.was_stopped or number:
            return Ended("interrupted", signal=number)
        error = WorkerDiedError(
            f"the process that trained this run has ended without an error of its own, "
            f"{how}; the same command goes on from the last state that was kept"
        )
        record_failure(job.directory, error)
        return Ended("failed", failure=Failure.of(error))

    def _stop(self, asked: Asked | None) -> None:
        """Begin no more runs, and stop those that train.

        Args:
            asked: Who has asked for it; None if a run has failed.
        """
        if asked is not None and self._asked_by is None:
            self._asked_by = asked
        if self._is_stopping:
            return
        self._is_stopping = True
        for place in self._places:
            if place.job is not None and place.worker is not None:
                place.job.was_stopped = True
                place.worker.send(Stop(int(asked if asked in STOPS else signal.SIGTERM)))

    def _tell_all(self, message: object) -> None:
        for place in self._places:
            if place.job is not None and place.worker is not None:
                place.worker.send(message)

    def _has_left(self, worker: Hired) -> bool:
        if not worker.has_ended:
            return False
        worker.close()
        return True

    def close(self) -> None:
        """End all workers, and wait for them; may be called again.

        Those that train a run are asked to leave at once, and write that it was interrupted.
        """
        self._view.close()
        for place in self._places:
            worker, place.worker = place.worker, None
            if worker is None:
                continue
            if place.job is not None:
                worker.leave()
            elif place.is_ready:
                worker.send(End())
            else:
                worker.kill()
            self._leaving.append(worker)
        for worker in self._leaving:
            worker.exit_code(LEAVE_S)
            worker.close()
        self._leaving = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_short_of_memory(error: BaseException) -> bool:
    """Whether a run has failed because memory had run out."""
    told = message_of(error).lower()
    return isinstance(error, MemoryError | OutOfMemoryError) or "out of memory" in told


def _nothing(job: Job) -> None:
    """Default report: nobody wants to know."""
