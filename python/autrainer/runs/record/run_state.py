"""How far a run has got: finished, running, interrupted, failed."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.runs.finished import is_finished
from autrainer.runs.locking.claims import SILENT_S
from autrainer.runs.locking.holders import Holder, holder_of
from autrainer.runs.status import FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED

UNFINISHED = "unfinished"
"""Neither finished nor worked on, and nobody has written down why: a run of autrainer 0.10."""

QUEUED = "queued"
"""A job of a cluster is to train it, or to go on with it."""

STATES = (FINISHED, STOPPED, RUNNING, QUEUED, INTERRUPTED, FAILED, UNFINISHED)


@dataclass(frozen=True)
class Job:
    """The job of a cluster that has a run.

    Args:
        number: Its number.
        state: `PENDING`, `RUNNING` or whatever the cluster says; None if it was not asked.
    """

    number: str
    state: str | None

    def is_to_train(self, *, has_begun: bool, has_failed: bool) -> bool:
        """Whether it is still to train a run that nobody works on.

        Args:
            has_begun: The run has been begun before.
            has_failed: It has failed then.
        """
        if self.state is None:
            return not has_begun
        # A job that runs has other runs too, and does not try again what has failed in it.
        return not (has_failed and self.state == "RUNNING")


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Args:
        kind: One of `STATES`. `stopped` is finished as well, by a callback before its end.
        host: Machine of the process that works on the run, or did so last; None if not known.
        pid: Number of this process.
        begun: When it began, with the zone; None if not known.
        ended: When it ended.
        attempts: How many processes have worked on the run, one after another.
        error: Why the run failed or was interrupted: class and message.
        iteration: Where a run was stopped.
        reason: Why it was stopped.
        is_seen: False where a run is taken to be running, on a machine that cannot be seen from
            here.
        job: Number of the job that is to train it; None for other runs.
    """

    kind: str
    host: str | None = None
    pid: int | None = None
    begun: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    attempts: int | None = None
    error: str | None = None
    iteration: int | None = None
    reason: str | None = None
    is_seen: bool = True
    job: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.kind in (FINISHED, STOPPED)

    @property
    def is_running(self) -> bool:
        """Whether a process works on it."""
        return self.kind == RUNNING

    def __str__(self) -> str:
        """In words, on one line: `failed: ValueError: ...`, `running on gpu7 (process 12)`."""
        if self.kind == RUNNING:
            where = f" on {self.host} (process {self.pid})" if self.host else ""
            return f"{self.kind}{where}{'' if self.is_seen else ', not seen from here'}"
        if self.kind == QUEUED:
            return f"{self.kind}: job {self.job}"
        told = self.reason if self.kind == STOPPED else self.error
        line = " ".join((told or "").split())
        if self.kind == INTERRUPTED:
            # How to go on is for whoever has interrupted it.
            line = line.removeprefix("RunInterruptedError: ").partition("; the same command")[0]
        return f"{self.kind}: {line}" if line else self.kind


def read_state(folder: Path, status: Mapping[str, Any], job: Job | None = None) -> RunState:
    """The state of a run.

    Args:
        folder: The run folder.
        status: Content of its `status.yaml`; empty for a run that has none, as one of 0.10.
        job: The job of a cluster that has the run, as far as is known.
    """
    told = _told(status)
    if is_finished(folder):
        return RunState(kind=STOPPED if status.get("state") == STOPPED else FINISHED, **told)
    holder = holder_of(folder)
    if holder is not None:
        return _running(holder, told)
    kind = status.get("state")
    if job is not None and job.is_to_train(has_begun=bool(status), has_failed=kind == FAILED):
        return RunState(kind=QUEUED, job=job.number, **told)
    if kind == RUNNING:
        # Whoever can write down why it ended does so; this process could not.
        return RunState(kind=INTERRUPTED, **(told | {"error": _vanished(told["host"])}))
    if kind in (FAILED, INTERRUPTED):
        return RunState(kind=str(kind), **told)
    if kind in (FINISHED, STOPPED):
        return RunState(kind=UNFINISHED, **(told | {"error": "its table of metrics is missing"}))
    return RunState(kind=UNFINISHED, **told)


def _running(holder: Holder, told: Mapping[str, Any]) -> RunState:
    owner = holder.owner
    found = dict(told, error=None, ended=None)
    if owner is not None:
        if owner.pid != told["pid"]:
            # It has not written its own status yet.
            found["begun"] = _local(owner.since)
        found |= {"host": owner.host, "pid": owner.pid}
    return RunState(kind=RUNNING, is_seen=holder.is_seen, **found)


def _vanished(host: str | None) -> str:
    where = f" on {host}" if host else ""
    return f"its process{where} ended without a word, or has been silent for {SILENT_S:.0f} s"


def _told(status: Mapping[str, Any]) -> dict[str, Any]:
    """What a status says, each value None unless it is what it has to be."""
    exception = status.get("exception")
    error = None
    if isinstance(exception, Mapping):
        error = f"{exception.get('type', 'error')}: {exception.get('message', '')}"
    return {
        "host": _of(str, status.get("host")),
        "pid": _of(int, status.get("pid")),
        "begun": _time(status.get("begun")),
        "ended": _time(status.get("ended")),
        "attempts": _of(int, status.get("attempts")),
        "error": error,
        "iteration": _of(int, status.get("iteration")),
        "reason": _of(str, status.get("reason")),
    }


def _of(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _time(value: Any) -> datetime.datetime | None:
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else value.astimezone()
    try:
        return datetime.datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return None


def _local(text: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").astimezone()
    except ValueError:
        return None
