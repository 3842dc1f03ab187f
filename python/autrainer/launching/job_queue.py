"""Which runs of a pool are still to be trained, and which of them may begin now."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence

from autrainer.launching.jobs import Job
from autrainer.runs.elsewhere import AT_WORK_ELSEWHERE, LOOK_EVERY_S, MOST_TRIES, SharedRuns


class JobQueue:
    """Runs in their order, behind them those that others hold, and last those to be tried alone.

    Args:
        jobs: The runs.
        shared: Looks at runs that other commands may have taken; None if there are none.
    """

    def __init__(self, jobs: Sequence[Job], shared: SharedRuns | None = None) -> None:
        self._waiting = deque(jobs)
        self._alone: deque[Job] = deque()
        self._elsewhere: list[Job] = []
        self._shared = shared
        self._looked_s = float("-inf")

    def __len__(self) -> int:
        """How many runs are left."""
        return len(self._waiting) + len(self._alone) + len(self._elsewhere)

    def add(self, job: Job) -> None:
        """One more run."""
        self._waiting.append(job)

    def has_next(self, *, is_alone: bool) -> bool:
        """Whether a run may begin now; `is_alone` tells whether nothing else is at work."""
        self._look_elsewhere()
        return bool(self._waiting) or (is_alone and bool(self._alone))

    def pop(self) -> Job:
        """The run that may begin."""
        return self._waiting.popleft() if self._waiting else self._alone.popleft()

    def state_elsewhere(self, job: Job) -> str | None:
        """What another command has made of a run that is to begin, or None if it is free."""
        if self._shared is None or job.is_retried:
            return None
        return self._shared.state_of(job.directory)

    def failure_elsewhere(self, job: Job) -> Exception:
        """Why a run has failed in another command."""
        assert self._shared is not None
        return self._shared.failure_of(job.directory)

    def leave(self, job: Job) -> None:
        """Another command has this run: look at it again when nothing else is left to begin."""
        self._elsewhere.append(job)

    def refused(self, job: Job) -> bool:
        """Whether a run whose folder was in use is left to another command; not again and again."""
        job.num_refused += 1
        if self._shared is None or job.num_refused >= MOST_TRIES:
            return False
        self.leave(job)
        return True

    def retry_alone(self, job: Job) -> None:
        """Try a run again when all others have ended."""
        job.is_retried = True
        self._alone.append(job)

    def _look_elsewhere(self) -> None:
        """Take back what others hold no longer, now and then."""
        now_s = time.monotonic()
        if self._waiting or not self._elsewhere or now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        free = list(self._not_at_work())
        self._elsewhere = [job for job in self._elsewhere if job not in free]
        self._waiting.extend(free)

    def _not_at_work(self) -> Iterator[Job]:
        for job in self._elsewhere:
            if self.state_elsewhere(job) != AT_WORK_ELSEWHERE:
                yield job
