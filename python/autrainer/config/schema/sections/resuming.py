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
        resume: Go on where an interrupted attempt in the same folder was; false starts anew.
        resume_every: How often the state is kept within an iteration: steps, or a time. At the end
            of every iteration it is kept anyway.
        continue_training: Go on from the finished run of the same configuration that has trained
            longest, but fewer iterations.
        remove_continued_runs: Remove that run once the longer one is on disk. Files that you put
            into it are moved into the folder of the longer one.
    """

    resume: bool = key(flag, True, makes_run=False)
    resume_every: SaveInterval = key(save_interval, SaveInterval(seconds=600.0), makes_run=False)
    # Absent, these two are off, as they have always been; `_autrainer_` switches them on.
    continue_training: bool = key(flag, False, makes_run=False)
    remove_continued_runs: bool = key(flag, False, makes_run=False)
