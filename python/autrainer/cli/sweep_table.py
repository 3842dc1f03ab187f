"""The table at the end of a sweep: which runs there are, how good they are, and where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.runs.layout import (
    BEST,
    BEST_RESULTS_FILE,
    CONFIG_FILE,
    ERROR_FILE,
    STATUS_FILE,
    TEST,
    TEST_RESULTS,
    TIMES_FILE,
    UNSCALED,
)
from autrainer.runs.status import STOPPED
from autrainer.runs.yaml.reading import read_mapping

if TYPE_CHECKING:
    from autrainer.config.hydra.sweep import Outcome

STATES = {"done": "trained", "finished before": "skipped: finished before"}
STOPPED_STATES = {"done": "stopped", "finished before": "skipped: stopped before"}
"""The same for runs that a callback has ended early."""


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
    scored = [outcome.directory for outcome in outcomes if outcome.state in STATES]
    metrics = list(dict.fromkeys(filter(None, map(_metric, scored))))
    # Different tracking metrics stand in the cells instead of in the heading.
    named = metrics[0] if len(metrics) == 1 else ""
    rows = [_row(outcome, named) for outcome in outcomes]
    heading = Row("run", "state")
    if metrics:
        heading = _heading(named, rows)
    lines = ["", *_aligned([heading, *rows])]
    if waiting:
        lines.append(f"{waiting} more {'run has' if waiting == 1 else 'runs have'} not begun")
    return [*lines, "", *_places(outcomes)]


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


def _places(outcomes: Sequence[Outcome]) -> list[str]:
    """Where to look for what the runs have left."""
    states = {outcome.state for outcome in outcomes}
    folders = dict.fromkeys(str(outcome.directory.parent) for outcome in outcomes)
    places = [f"Runs:    {folder}/<run>" for folder in folders]
    if states & set(STATES):
        places.append("Plots:   <run>/_plots")
        places.append("Outputs: <run>/_best (dev set), <run>/_test (test set)")
    if any(map(was_stopped, outcomes)):
        places.append(f"Stopped: why is in <run>/{STATUS_FILE}")
    if any((outcome.directory / ERROR_FILE).is_file() for outcome in outcomes):
        places.append(f"Errors:  <run>/{ERROR_FILE}")
    return places


def was_stopped(outcome: Outcome) -> bool:
    """Whether a callback has ended a run early; it counts as finished."""
    is_there = outcome.state in STOPPED_STATES
    return is_there and read_mapping(outcome.directory / STATUS_FILE).get("state") == STOPPED


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


def _row(outcome: Outcome, named: str) -> Row:
    directory = outcome.directory
    states = STOPPED_STATES if was_stopped(outcome) else STATES
    state = states.get(outcome.state, outcome.state)
    metric = _metric(directory)
    if outcome.state not in STATES or metric is None:
        return Row(directory.name, state)
    files = directory / BEST / "dev", directory / TEST / TEST_RESULTS
    scaled = [read_mapping(file.with_name(f"{file.name}.yaml")) for file in files]
    unscaled = [read_mapping(file.with_name(f"{file.name}{UNSCALED}.yaml")) for file in files]
    best = read_mapping(directory / BEST / BEST_RESULTS_FILE).get("best_iteration")
    in_units = f"{metric}{UNSCALED}"
    before = {name: "" if named else f"{name} " for name in (metric, in_units)}
    return Row(
        directory.name,
        state,
        "" if best is None else str(best),
        unscaled_dev=_number(unscaled[0], in_units, before[in_units]),
        unscaled_test=_number(unscaled[1], in_units, before[in_units]),
        dev=_number(scaled[0], metric, before[metric]),
        test=_number(scaled[1], metric, before[metric]),
        time=_time(directory),
        is_scaled=in_units in unscaled[0],
    )


def _number(results: Mapping[str, Any], metric: str, prefix: str) -> str:
    value = _entry(results, metric, "all")
    return "" if value is None else f"{prefix}{value:.4f}"


def _entry(content: Mapping[str, Any], name: str, key: str) -> float | None:
    """A number of an entry; None if it is not there, or damaged."""
    entry = content.get(name)
    value = entry.get(key) if isinstance(entry, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else None


def _time(directory: Path) -> str:
    timers = read_mapping(directory / TIMES_FILE)
    seconds = [_entry(timers, name, "total_seconds") or 0.0 for name in timers]
    if not seconds or not math.isfinite(sum(seconds)):
        return ""
    if sum(seconds) < 60:
        return f"{sum(seconds):.1f} s"
    minutes, rest = divmod(round(sum(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _metric(directory: Path) -> str | None:
    """Name of the tracking metric: the first column of `dev.yaml` that the config names."""
    config = read_mapping(directory / CONFIG_FILE)
    return tracking_metric_name(config, read_mapping(directory / BEST / "dev.yaml"))


def tracking_metric_name(config: Mapping[str, Any], results: Mapping[str, Any]) -> str | None:
    """Which of the results the tracking metric of a configuration made.

    Args:
        config: Configuration of the run.
        results: Content of a `dev.yaml`, metrics in the order of the configuration.
    """
    dataset = config.get("dataset") or {}
    listed = [_path(shorthand) for shorthand in dataset.get("metrics") or []]
    names = [name for name in results if name not in ("dev_loss", "iteration")]
    tracked = _path(dataset.get("tracking_metric"))
    if tracked in listed and len(listed) == len(names):
        return names[listed.index(tracked)]
    return None


def _path(shorthand: Any) -> str:
    if isinstance(shorthand, Mapping):
        return str(next(iter(shorthand), ""))
    return str(shorthand or "")


def best_dev_value(directory: Path, config: Mapping[str, Any]) -> float | None:
    """The best value of the tracking metric of a finished run, or None if it is not known."""
    results = read_mapping(directory / BEST / "dev.yaml")
    name = tracking_metric_name(config, results)
    return _entry(results, name, "all") if name else None


def unscaled_dev_value(directory: Path, config: Mapping[str, Any]) -> float | None:
    """The same in the unit of the target; None where there is none."""
    name = tracking_metric_name(config, read_mapping(directory / BEST / "dev.yaml"))
    results = read_mapping(directory / BEST / f"dev{UNSCALED}.yaml")
    return _entry(results, f"{name}{UNSCALED}", "all") if name else None
