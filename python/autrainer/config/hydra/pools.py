"""What trains the points of a sweep in other processes, as the sweep sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from autrainer.config.hydra.outcomes import Outcome
    from autrainer.config.hydra.sweep_points import Point
    from autrainer.runs.elsewhere import SharedRuns

Compose = Callable[["Point", int], Any]
Report = Callable[["Outcome"], None]


class Trains(Protocol):
    """Trains points."""

    logs_to_pool: bool
    """Runs hand what they log for the screen to the pool."""

    def train(
        self,
        points: Sequence[Point],
        composed: Compose,
        report: Report,
        shared: SharedRuns | None = None,
        first: int = 0,
    ) -> None:
        """Train points; returns when none of them is left to this process.

        Args:
            points: The points.
            composed: Composes a point as a job of this number.
            report: Gets the outcome of each, in the order in which they end.
            shared: Looks at runs that other commands may have taken; None if there are none.
            first: Number of the first point.

        Raises:
            RunInterruptedError: if a signal has asked to stop.
        """


class PointPool(Trains, Protocol):
    """What stands in the place of this process for a sweep; a context manager."""

    def start(self, points: Sequence[Point]) -> None:
        """Get ready for points."""

    def find_problems(self, configs: Sequence[Any]) -> Sequence[list[Any]]:
        """What is wrong with the classes that each of these configurations names."""

    def __enter__(self) -> PointPool:
        """Nothing is at work yet."""

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind that nobody waits for."""


@runtime_checkable
class GrowingPool(Trains, Protocol):
    """Trains points to which others are added meanwhile: what a search needs."""

    @property
    def num_slots(self) -> int:
        """How many runs can train at once."""

    def expect(self, num_points: int) -> None:
        """So many points there will be, those to be added among them."""

    def add(self, point: Point, number: int) -> None:
        """One more point while others train; called by who gets the outcome of one."""


class WorkerPool(GrowingPool, Protocol):
    """Trains points in a job of a cluster."""

    name: str
    """Name of the job, which it has again when it has been put back into the queue."""


class SearchProgress(Protocol):
    """How far a search is that jobs of a cluster work on."""

    name: str
    """Name of the study."""

    def num_left(self) -> int:
        """How many trials are still to be begun."""

    def num_at_work(self) -> int:
        """How many trials are at work."""

    def has_left(self, job: str) -> bool:
        """Whether a job has found nothing left to do, and ends."""

    def __str__(self) -> str:
        """In words."""


@runtime_checkable
class WorkerCluster(PointPool, Protocol):
    """A pool whose jobs search by themselves: this process does not stay."""

    def search(
        self, work: Callable[[WorkerPool], Mapping[str, str]], progress: SearchProgress
    ) -> None:
        """Submit jobs that search, as many as there is work for beside those that are there.

        Args:
            work: What a job does: it trains trials in the pool that it gets until none is left, and
                tells why some have failed, by the names of their folders. It can be pickled.
            progress: How far the search is.
        """
