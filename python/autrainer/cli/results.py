"""What became of the runs of a sweep, for Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autrainer.cli.sweep_table import was_stopped
from autrainer.config.hydra.outcomes import Outcome, failures
from autrainer.errors import RunFailedError
from autrainer.runs.layout import ERROR_FILE
from autrainer.runs.record.run_record import RunRecord

STATES = {"done": "finished", "finished before": "skipped", "finished elsewhere": "finished"}


@dataclass(frozen=True)
class RunResult:
    """A run of a sweep.

    Args:
        folder: The run folder, absolute.
        overrides: What sets the run apart from the main configuration.
        state: `finished` (here or by another command that shares the sweep), `stopped` (by a
            callback; it counts as finished), `skipped` (it had finished before), `failed`,
            `interrupted`; or `waiting` (`at work elsewhere` if another command trains it) if the
            sweep has ended before.
        best_value: Best value of the tracking metric on the dev set; None if there is none.
        best_iteration: The epoch or step that it was reached at.
        error: Why the run failed, or None.
        best_value_unscaled: The best value in the unit of the target, where the targets were scaled
            for the model; None elsewhere.
    """

    folder: Path
    overrides: tuple[str, ...]
    state: str
    best_value: float | None = None
    best_iteration: int | None = None
    error: BaseException | None = None
    best_value_unscaled: float | None = None

    @classmethod
    def of(cls, outcome: Outcome) -> RunResult:
        """The result of a run that a sweep tells of."""
        folder, overrides = outcome.directory.absolute(), tuple(outcome.overrides)
        state = STATES.get(outcome.state, outcome.state)
        record = RunRecord(folder)
        if state == "finished" and was_stopped(outcome, record):
            state = "stopped"
        if outcome.state not in STATES:
            return cls(folder, overrides, state, error=outcome.error)
        return cls(
            folder,
            overrides,
            state,
            record.best_value,
            record.best_iteration,
            best_value_unscaled=record.best_value_unscaled,
        )

    @property
    def record(self) -> RunRecord:
        """Everything that the folder of the run tells, read when it is asked for."""
        return RunRecord(self.folder)


def results_of(outcomes: Sequence[Outcome]) -> list[RunResult]:
    """The results of a sweep.

    Raises:
        RunFailedError: if runs have failed.
    """
    results = [RunResult.of(outcome) for outcome in outcomes]
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if errors:
        raise RunFailedError(failures(outcomes, ERROR_FILE), results) from errors[0]
    return results
