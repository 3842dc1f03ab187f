"""The table at the end of a sweep: which runs there are, how good they are, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.runs.layout import ERROR_FILE, STATUS_FILE, UNSCALED
from autrainer.runs.record.scores import Scores
from autrainer.runs.record.times import time_in_words
from autrainer.runs.status import PRUNED, STOPPED

if TYPE_CHECKING:
    from autrainer.config.hydra.outcomes import Outcome
    from autrainer.runs.record.run_record import RunRecord

STATES = {
    "done": "trained",
    "finished before": "skipped: finished before",
    "finished elsewhere": "trained elsewhere",
}
STOPPED_STATES = {
    "done": "stopped",
    "finished before": "skipped: stopped before",
    "finished elsewhere": "stopped elsewhere",
}
"""The same for runs that a callback has ended early."""
QUEUED = "queued"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    run: str
    state: str
    best: str = ""
    unscaled_dev: str = ""
    unscaled_test: str = ""
    dev: str = ""
    test: str = ""
    time: str = ""
    is_scaled: bool = False
    """Not shown: the metric has another value in the units of the targets, or one for each."""


def sweep_table(outcomes: Sequence[Outcome]) -> list[str]:
    """Lines that sum up the runs of a sweep; none if there was no run."""
    waiting = sum(outcome.state == "waiting" for outcome in outcomes)
    outcomes = [outcome for outcome in outcomes if outcome.state != "waiting"]
    if not outcomes:
        return []
    records = [outcome.record for outcome in outcomes]
    scored = [r for r, outcome in zip(records, outcomes, strict=True) if outcome.state in STATES]
    metrics = list(dict.fromkeys(r.tracking_metric for r in scored if r.tracking_metric))
    # Different tracking metrics stand in the cells instead of in the heading.
    named = metrics[0] if len(metrics) == 1 else ""
    rows = [_row(*pair, named) for pair in zip(outcomes, records, strict=True)]
    heading = Row("run", "state")
    if metrics:
        heading = _heading(named, rows)
    lines = ["", *_aligned([heading, *rows])]
    if waiting:
        lines.append(f"{waiting} more {'run has' if waiting == 1 else 'runs have'} not begun")
    return [*lines, "", *_places(outcomes, records)]


def _heading(named: str, rows: Sequence[Row]) -> Row:
    """What stands over the columns; one that no run fills is left out."""
    in_units, scaled = f"{named}{UNSCALED} " if named else "", f"{named} " if named else ""
    if named and any(row.is_scaled for row in rows) and not any(row.unscaled_dev for row in rows):
        scaled = f"{named} (scaled) "
    return Row(
        *("run", "state", "best"),
        unscaled_dev=f"{in_units}dev" if any(row.unscaled_dev for row in rows) else "",
        unscaled_test=f"{in_units}test" if any(row.unscaled_test for row in rows) else "",
        dev=f"{scaled}dev",
        test=f"{scaled}test",
        time="time",
    )


def _places(outcomes: Sequence[Outcome], records: Sequence[RunRecord]) -> list[str]:
    """Where to look for what the runs have left."""
    states = {outcome.state for outcome in outcomes}
    folders = dict.fromkeys(str(outcome.directory.parent) for outcome in outcomes)
    places = [f"Runs:    {folder}/<run>" for folder in folders]
    if states & set(STATES):
        places.append("Plots:   <run>/_plots")
        places.append("Outputs: <run>/_best (dev set), <run>/_test (test set)")
    if any(outcome.state == QUEUED for outcome in outcomes):
        from autrainer.launching.slurm.job_table import folder_of_jobs

        places += [f"Jobs:    {folder_of_jobs(Path(folder))}/<job>" for folder in folders]
    if any(map(was_stopped, outcomes, records)):
        places.append(f"Stopped: why is in <run>/{STATUS_FILE}")
    if any((outcome.directory / ERROR_FILE).is_file() for outcome in outcomes):
        places.append(f"Errors:  <run>/{ERROR_FILE}")
    return places


def was_stopped(outcome: Outcome, record: RunRecord) -> bool:
    """Whether a callback has ended a run early; it counts as finished."""
    return outcome.state in STOPPED_STATES and record.status.get("state") == STOPPED


def _aligned(rows: Sequence[Row]) -> list[str]:
    cells = [astuple(row)[:-1] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            if width
        ).rstrip()
        for row in cells
    ]


def _row(outcome: Outcome, record: RunRecord, named: str) -> Row:
    states = STOPPED_STATES if was_stopped(outcome, record) else STATES
    state = states.get(outcome.state, outcome.state)
    if outcome.job and outcome.state == QUEUED:
        state = f"queued: job {outcome.job}"
    if states is STOPPED_STATES and str(record.status.get("reason")).startswith(PRUNED):
        state = state.replace("stopped", PRUNED)
    metric = record.tracking_metric
    if outcome.state not in STATES or metric is None:
        return Row(record.name, state)
    best, in_units = record.best_iteration, f"{metric}{UNSCALED}"
    before = {name: "" if named else f"{name} " for name in (metric, in_units)}
    return Row(
        record.name,
        state,
        "" if best is None else str(best),
        unscaled_dev=_number(record.dev_unscaled, in_units, before[in_units]),
        unscaled_test=_number(record.test_unscaled, in_units, before[in_units]),
        dev=_number(record.dev, metric, before[metric]),
        test=_number(record.test, metric, before[metric]),
        time=time_in_words(record.seconds),
        is_scaled=in_units in record.dev_unscaled.parts,
    )


def _number(scores: Scores, metric: str, prefix: str) -> str:
    value = scores.total(metric)
    return "" if value is None else f"{prefix}{value:.4f}"
