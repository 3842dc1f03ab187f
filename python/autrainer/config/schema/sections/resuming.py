"""Going on: from where an interrupted attempt was, or from a shorter run."""

from __future__ import annotations

from dataclasses import dataclass

from autrainer.config.schema.intervals import SaveInterval
from autrainer.config.schema.kinds import flag, save_interval
from autrainer.config.schema.reading import key


@dataclass(frozen=True)
class ResumingSection:
    """What a run goes on from, and what it keeps to go on.

    Args:
        resume: Go on where an interrupted attempt was.
        resume_every: How often the state is kept within an iteration.
        continue_training: Go on from a shorter run of the same configuration.
        remove_continued_runs: Remove that run at the end.
    """

    resume: bool = key(flag, True, makes_run=False)
    resume_every: SaveInterval = key(save_interval, SaveInterval(seconds=600.0), makes_run=False)
    # Absent, these two are off, as they have always been; `_autrainer_` switches them on.
    continue_training: bool = key(flag, False, makes_run=False)
    remove_continued_runs: bool = key(flag, False, makes_run=False)
