"""What a job does for `fail_fast` when a run of it has failed and nobody waits for its array."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from autrainer.errors import AutrainerError
from autrainer.launching.slurm.commands import answer

log = logging.getLogger(__name__)

MARKER = "cancelled_by"
"""File in the folder of an array, written by the job that has cancelled the others."""


def cancel_pending(folder: Path, environment: Mapping[str, str]) -> None:
    """Cancel the jobs of the array of this job that have not begun; once for each array.

    Args:
        folder: Where the folders of jobs lie.
        environment: That of this job.
    """
    array, task = environment.get("SLURM_ARRAY_JOB_ID"), environment.get("SLURM_ARRAY_TASK_ID")
    if not array or not _is_first(folder / array / MARKER, f"{array}_{task}"):
        return
    log.info("fail_fast: cancelling the jobs of array %s that have not begun", array)
    try:
        answer("scancel", "--state=PENDING", array)
    except AutrainerError as error:
        log.warning("fail_fast: the jobs of array %s go on: %s", array, error)


def _is_first(path: Path, job: str) -> bool:
    """Whether no other job of the array was here before; one that cannot be told is the first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    except OSError:
        return True
    with os.fdopen(file, "w") as text:
        text.write(f"{job}\n")
    return True
