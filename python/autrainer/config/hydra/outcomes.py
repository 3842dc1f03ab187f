"""How the runs of a sweep ended, and what is said of those that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.config.hydra.internals import JobReturn, JobStatus, result_of
from autrainer.config.hydra.sweep_points import Point
from autrainer.runs.record.run_record import RunRecord


@dataclass(frozen=True)
class Outcome:
    """How a run of a sweep ended.

    Args:
        overrides: What sets it apart from the main configuration.
        directory: Its folder.
        state: `done`, `finished before`, `failed`, `interrupted`, or `waiting` if the sweep has
            ended before it began. Of a run that another command has taken: `finished elsewhere`,
            or `at work elsewhere` if the sweep has ended before that. Of a run that a job of a
            cluster is to train: `queued`.
        value: What the task returned.
        error: Why it failed.
        job: Number of that job.
        known: What has been read of its folder so far, of a run that had finished before.
    """

    overrides: Sequence[str]
    directory: Path
    state: str
    value: Any = None
    error: BaseException | None = None
    job: str = ""
    known: RunRecord | None = None

    @property
    def record(self) -> RunRecord:
        """What is in its folder by now."""
        return RunRecord(self.directory) if self.known is None else self.known


def failures(outcomes: Sequence[Outcome], record: str | None) -> str:
    """Which runs have failed, where and why.

    Args:
        outcomes: How all runs of the sweep ended.
        record: Name of the file in a run folder that holds the traceback, or None.
    """
    from autrainer.config.error_places import describe

    failed = [(outcome, outcome.error) for outcome in outcomes if outcome.error is not None]
    total = sum(outcome.state in ("done", "failed") for outcome in outcomes)
    told = [f"{len(failed)} of {total} jobs failed:"]
    for outcome, error in failed:
        told.append(f"\n{' '.join(outcome.overrides)}\n  in {outcome.directory}")
        told.append(describe(error, outcome.directory / record if record else None))
    return "\n".join(told)


def without_result(point: Point, state: str) -> Outcome:
    """The outcome of a combination in this state, of which no job tells."""
    return Outcome(point.overrides, point.directory, state)


def outcome_of(point: Point, result: JobReturn) -> Outcome:
    """The outcome of a job that has ended."""
    if result.status == JobStatus.COMPLETED:
        state = "finished before" if point.was_finished else "done"
        return Outcome(point.overrides, point.directory, state, value=result_of(result))
    error = result_of(result)
    if not isinstance(error, BaseException):
        error = RuntimeError(f"the job ended as {result.status.name}")
    return Outcome(point.overrides, point.directory, "failed", error=error)
