"""The slots of a pool, and who is in them."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.launching.hired import Hired
from autrainer.launching.jobs import Job
from autrainer.launching.slots import Slot


@dataclass
class Place:
    """A slot and who is in it.

    Args:
        slot: The slot.
        worker: The process in it, or None.
        is_ready: Whether it has imported everything.
        job: The run that it trains, or None.
        ending: A run that it has trained and that is not on disk yet, or None.
    """

    slot: Slot
    worker: Hired | None = None
    is_ready: bool = False
    job: Job | None = None
    ending: Job | None = None

    @property
    def jobs(self) -> list[Job]:
        """What would be lost with the worker, in the order in which it began."""
        return [job for job in (self.ending, self.job) if job is not None]

    def forget(self, job: Job) -> None:
        """It is not here any more."""
        if self.ending is job:
            self.ending = None
        else:
            self.job = None
