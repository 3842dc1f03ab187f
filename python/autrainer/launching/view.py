"""What is said of runs that train at once: lines of the log, and on a terminal a table below."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from autrainer.config.error_places import sentence
from autrainer.launching.jobs import Job
from autrainer.launching.live_table import LiveTable
from autrainer.launching.messages import Said
from autrainer.runs.process.streams import lenient
from autrainer.runs.record.times import time_in_words

log = logging.getLogger(__name__)

TELL_EVERY_S = 60.0
"""How often lines say how far runs have come, where nobody sees the table."""

ENDS = {"done": "trained", "finished before": "finished before"}


class View:
    """Shows the runs of a pool.

    Args:
        num_jobs: How many runs there are.
        table: The table of those that train.
    """

    def __init__(self, num_jobs: int, table: LiveTable) -> None:
        self._num_jobs = num_jobs
        self._table = table
        self._states: Counter[str] = Counter()
        self._seconds: list[float] = []
        self._warned: set[str] = set()
        self._left: set[int] = set()
        self._told_s = time.monotonic()
        self._told: dict[int, int] = {}

    def expect(self, num_jobs: int) -> None:
        """So many runs there will be."""
        self._num_jobs = num_jobs

    @contextmanager
    def _above(self) -> Iterator[None]:
        """Within the block something is printed above the table, which is drawn again later."""
        self._table.clear()
        yield

    def begin(self, slots: int, threads: int) -> None:
        """The sweep begins."""
        plural = "s" if threads > 1 else ""
        log.info(
            "Training %d runs, %d at a time, %d thread%s each",
            *(self._num_jobs, slots, threads, plural),
        )

    def begun(self, job: Job) -> None:
        """A run has been given to a worker."""
        told = " ".join(each for each in job.overrides if not each.startswith("hydra."))
        with self._above():
            log.info("\t#%d : %s%s", job.number, told, ", alone" if job.is_retried else "")

    def ended(self, job: Job, error: BaseException | None) -> None:
        """A run has ended."""
        assert job.result is not None
        state = job.result.state
        self._states[state] += 1
        if state == "done":
            self._seconds.append(job.seconds)
        with self._above():
            if error is not None:
                log.error("\t#%d failed: %s", job.number, sentence(error))
                return
            progress, value = job.progress, ""
            if progress is not None and progress.value is not None:
                value = f", {progress.metric} {progress.value:.4f}"
            duration = f" in {time_in_words(job.seconds)}" if job.begun_s else ""
            log.info(
                "\t#%d %s%s%s (%d of %d)",
                *(job.number, ENDS.get(state, state), duration, value),
                *(self._states.total(), self._num_jobs),
            )

    def retries(self, job: Job) -> None:
        """A run has run out of memory beside others."""
        with self._above():
            log.warning("\t#%d ran out of memory beside others; tried again alone", job.number)

    def lost(self, job: Job, how: str) -> None:
        """The worker of a run is lost; another one goes on with it."""
        with self._above():
            log.warning("\t#%d: its worker was %s; it goes on elsewhere", job.number, how)

    def left(self, job: Job) -> None:
        """A run is left to another command, which trains it."""
        if job.number not in self._left:
            self._left.add(job.number)
            with self._above():
                log.info("\t#%d is trained by another command", job.number)

    def said(self, job: Job | None, said: Said) -> None:
        """A run has logged something for the screen; what all of them say is shown once."""
        if said.text in self._warned:
            return
        self._warned.add(said.text)
        with self._above():
            log.log(said.level, "%s%s", _name(job), said.text)

    def printed(self, job: Job | None, lines: Sequence[str], stream: int) -> None:
        """A worker has printed lines."""
        out = lenient(sys.stdout if stream == 1 else sys.stderr)
        with self._above():
            out.writelines(f"{_name(job)}{line}\n" for line in lines)
            out.flush()

    def update(self, jobs: Sequence[Job], num_waiting: int) -> None:
        """Show how far these runs have come."""
        self._table.draw(jobs, self._footer(jobs, num_waiting))
        if not self._table.is_shown and time.monotonic() - self._told_s > TELL_EVERY_S:
            self._told_s = time.monotonic()
            for job in jobs:
                self._tell(job)

    def close(self) -> None:
        """Take the table away."""
        self._table.clear()

    def _tell(self, job: Job) -> None:
        progress = job.progress
        if progress is None or self._told.get(job.number) == progress.iteration:
            return
        self._told[job.number] = progress.iteration
        value = "" if progress.value is None else f", {progress.metric} {progress.value:.4f}"
        left = time_in_words(job.seconds_left)
        log.info(
            "\t#%d at %d of %d%s%s",
            *(job.number, progress.iteration, progress.last, value),
            f", {left} left" if left else "",
        )

    def _footer(self, jobs: Sequence[Job], num_waiting: int) -> str:
        counts = {
            "trained": self._states["done"],
            "failed": self._states["failed"],
            "at work": len(jobs),
            "waiting": num_waiting,
        }
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        left = self._seconds_left(jobs, num_waiting)
        return told if left is None else f"{told}; about {time_in_words(left)} left"

    def _seconds_left(self, jobs: Sequence[Job], num_waiting: int) -> float | None:
        """An estimate: what is waiting takes as long as what has ended, so many at a time."""
        at_work = [job.seconds_left for job in jobs]
        longest = max((each for each in at_work if each is not None), default=None)
        if not num_waiting:
            return longest
        if not self._seconds or not jobs:
            return None
        mean = sum(self._seconds) / len(self._seconds)
        return mean * num_waiting / len(jobs) + (longest or 0.0)


def _name(job: Job | None) -> str:
    return "" if job is None else f"#{job.number}: "
