"""The learning-rate scheduler of a run, and when it steps."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.plain import Plain
from autrainer.config.schema.kinds import one_of
from autrainer.config.schema.reading import Reader, key, keys_of
from autrainer.config.schema.targets import NONE, Target


@dataclass(frozen=True)
class ScheduleSection:
    """When a scheduler steps.

    Args:
        step_frequency: After every `batch` or every `evaluation`.
    """

    step_frequency: str = key(one_of("batch", "evaluation"), "evaluation")


CONSUMED = tuple(each.name for each in keys_of(ScheduleSection))


@dataclass(frozen=True)
class SchedulerSection:
    """A learning-rate scheduler, or none.

    Args:
        id: Its name in the configuration; `None` for none.
        target: Its class.
        schedule: When it steps.
    """

    id: str
    target: Target
    schedule: ScheduleSection

    @classmethod
    def read(cls, reader: Reader, plain: Plain) -> SchedulerSection:
        """Read the section.

        Args:
            reader: Reads the whole configuration.
            plain: The mapping of the scheduler.
        """
        schedule = Reader(plain, "scheduler.", reader.problems).section(ScheduleSection)
        target = Target.of_group("scheduler", plain, CONSUMED)
        return cls(plain.get("id", ""), target, schedule)

    @property
    def is_none(self) -> bool:
        """Whether there is no scheduler."""
        return NONE in (self.id, self.target.path)
