"""Commands of SLURM, asked once."""

from __future__ import annotations

import subprocess
from getpass import getuser

from autrainer.errors import AutrainerError

ENDED = ("COMPLETED", "COMPLETING", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "PREEMPTED")
"""States of jobs that train no more; what is requeued is `PENDING` again."""


def states_of_jobs() -> dict[str, str]:
    """The states of all jobs of this user that wait or run, by their numbers.

    Raises:
        AutrainerError: if SLURM does not answer.
    """
    told = answer("squeue", "--noheader", "--array", "--format=%i|%T", f"--user={getuser()}")
    lines = (line.strip().split("|") for line in told.splitlines())
    pairs = (parts for parts in lines if len(parts) == 2)
    return {job: state for job, state in pairs if state not in ENDED}


def answer(*command: str) -> str:
    """What a command prints.

    Raises:
        AutrainerError: if it cannot be started, or fails.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise AutrainerError(f"{command[0]} cannot be started: {error}") from error
    if done.returncode:
        raise AutrainerError(f"{command[0]} has failed: {done.stderr.strip() or done.stdout}")
    return done.stdout
