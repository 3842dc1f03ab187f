"""Which of the processes that train a run together this one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autrainer.errors import ConfigError

VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""By these the processes of a run find each other, whoever has started them."""


@dataclass(frozen=True)
class RunProcess:
    """One of the processes of a run. It knows its number and nothing of how they talk.

    Args:
        rank: Number of this process, from 0 on.
        world_size: Number of processes.

    Raises:
        ConfigError: if there is no such process.
    """

    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.world_size:
            raise ConfigError(
                f"rank is {self.rank} and world_size is {self.world_size}; use a rank from 0 to "
                "world_size - 1"
            )

    @property
    def is_main(self) -> bool:
        """Whether this process owns the run folder: lock, log, bar, plots, status and loggers."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether the run has one process."""
        return self.world_size == 1

    @property
    def name(self) -> tuple[str | int, ...]:
        """What sets random numbers of this process apart from those of the main one; else nothing.

        Only for what has to differ between processes, such as dropout: it is the part of a seed
        behind its purpose. The main process draws what a run of one process draws.
        """
        return () if self.is_main else ("rank", self.rank)

    def share(self, num: int) -> tuple[int, int]:
        """Which of `num` things in a row this process takes, from the first to before the second.

        Each is taken by one process.

        Shares differ by one thing at most, and where there is something the main process has some.

        >>> [RunProcess(rank, 3).share(5) for rank in range(3)]
        [(0, 2), (2, 4), (4, 5)]
        """
        start, stop = (-(-num * bound // self.world_size) for bound in (self.rank, self.rank + 1))
        return start, stop


def smallest_share(num: int, world_size: int) -> int:
    """The fewest of `num` things that a process has of those that have some.

    >>> smallest_share(8, 3), smallest_share(2, 3)
    (2, 1)
    """
    return max(1, num // world_size)


ONLY_PROCESS = RunProcess()
"""The process of a run that has one."""


def process_of(environment: Mapping[str, str]) -> RunProcess | None:
    """Which process of how many an environment describes; None where it describes none."""
    if any(name not in environment for name in VARIABLES):
        return None
    return RunProcess(int(environment["RANK"]), int(environment["WORLD_SIZE"]))
