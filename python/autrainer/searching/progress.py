"""How far a search is that other processes work on."""

from __future__ import annotations

from collections import Counter

from autrainer.searching.result import state_of
from autrainer.searching.study import SearchStudy


class Progress:
    """How far a search is.

    Args:
        study: The study.
    """

    def __init__(self, study: SearchStudy) -> None:
        self._study = study
        self.name = study.settings.study_name

    def num_left(self) -> int:
        """How many trials are still to be begun."""
        return self._study.num_left()

    def num_at_work(self) -> int:
        """How many trials are at work."""
        return self._study.num_elsewhere()

    def has_left(self, job: str) -> bool:
        """Whether a job has found nothing left to do, and ends."""
        return self._study.has_left(job)

    def __str__(self) -> str:
        """How many trials are in which state."""
        counts = Counter(state_of(each) for each in self._study.trials())
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        return f"{told or 'no trials'} of {self._study.limit}"
