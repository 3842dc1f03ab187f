"""`autrainer runs`: the runs of experiments, how far they are and how good."""

from __future__ import annotations

import os
import sys
from functools import partial

from autrainer.cli.door import door, size_in_words, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, TextIO

    from autrainer.runs.record.finding import JobsOf
    from autrainer.runs.record.run_record import RunRecord

ABOUT = (
    "List runs: finished, running and where, queued, interrupted, or failed and why; with the best "
    "value of the tracking metric, its iteration, the score on the test set, time and size."
)
EXAMPLE = "autrainer runs default --where 'model.id == \"Cnn10\" and seed < 3'"

COLUMNS = ("experiment", "run", "state", "iteration", "best", "test", "seconds", "size")
WATCH_S = 2.0
LONGEST_CELL = 56
_CLEAR = "\x1b[H\x1b[2J"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add(
        "experiments",
        nargs="*",
        metavar="experiment",
        help="names of experiments, or folders of "
        "experiments, runs or results; all of results by default",
    )
    add(
        "-w",
        "--where",
        metavar="CONDITION",
        help="only runs that meet it: keys of the "
        "configuration, state, best, test, dev.METRIC, test.METRIC, seconds, size, ...",
    )
    add("-s", "--sort", metavar="NAME", help="sort by a column, a key or a score")
    add("-r", "--reverse", action="store_true", help="the largest first")
    add("-c", "--columns", nargs="+", metavar="NAME", help="what to show, as for --where")
    add("-j", "--json", action="store_true", help="print JSON, a mapping for each run")
    add(
        "--watch",
        action="store_true",
        help="look again every two seconds, until Ctrl-C; what is not there yet is waited for",
    )
    add("-d", "--results-dir", default=None, help="where experiments lie (results)")


def run(
    parser: ArgumentParser | None,
    experiments: Sequence[str],
    where: str | None = None,
    sort: str | None = None,
    reverse: bool = False,
    columns: Sequence[str] | None = None,
    json: bool = False,
    watch: bool = False,
    results_dir: str | None = None,
) -> None:
    """Print the runs.

    Raises:
        CommandLineError: if there is no such experiment, or no run has a value of a name.
    """
    from autrainer.launching.slurm.queued import Queue
    from autrainer.runs.record.fields import UnknownFieldError
    from autrainer.runs.record.where import ConditionError

    names = [name for each in columns or () for name in each.split(",") if name]
    jobs_of = Queue().jobs_of

    def text() -> str:
        records = _chosen(experiments, where, sort, reverse, results_dir, jobs_of, names)
        return _as_json(records, names) if json else "\n".join(_lines(records, names))

    with told(parser, misuse=(UnknownFieldError, ConditionError)):
        if not watch:
            print(text())
            return
        # Whoever reads JSON from stdout reads nothing else there.
        _watch(text, sys.stderr if json else sys.stdout)


@door
def runs(
    experiments: Sequence[str | Path] | str | Path = (),
    where: str | None = None,
    sort: str | None = None,
    reverse: bool = False,
    results_dir: str | Path | None = None,
) -> list[RunRecord]:
    """The runs of experiments.

    Args:
        experiments: Names of experiments, or folders; all of `results_dir` by default.
        where: Only runs that meet this condition: `'model.id == "Cnn10" and seed < 3'`.
        sort: Sort by this: `best`, `test`, `seconds`, `size`, `dev.accuracy`, a key, ...
        reverse: The largest first.
        results_dir: Where experiments lie; `results` by default.

    Raises:
        CommandLineError: if there is no such experiment, or no run has a value of a name.
    """
    from autrainer.launching.slurm.queued import Queue

    places = [experiments] if isinstance(experiments, str | os.PathLike) else list(experiments)
    return _chosen(places, where, sort, reverse, results_dir, Queue().jobs_of)


def _chosen(
    experiments: Sequence[str | Path],
    where: str | None,
    sort: str | None,
    reverse: bool,
    results_dir: str | Path | None,
    jobs_of: JobsOf,
    columns: Sequence[str] = (),
) -> list[RunRecord]:
    from autrainer.runs.layout import RESULTS_DIR
    from autrainer.runs.record.fields import check_names, value_of
    from autrainer.runs.record.finding import find_runs
    from autrainer.runs.record.where import Where

    condition = None if where is None else Where(where)
    records = find_runs(experiments, results_dir or RESULTS_DIR, jobs_of)
    names = [*(condition.names if condition else ()), *([sort] if sort else ()), *columns]
    # What a run that has no folder yet will have is not known.
    check_names(names, [record for record in records if record.folder.is_dir()])
    if condition is not None:
        records = [r for r in records if condition.matches(partial(value_of, r))]
    if sort is not None:
        records = _sorted(records, sort, reverse)
    elif reverse:
        records.reverse()
    return records


def _sorted(records: list[RunRecord], name: str, reverse: bool) -> list[RunRecord]:
    """Sorted by a value; numbers before texts, and runs without the value at the end."""
    from autrainer.runs.record.fields import value_of
    from autrainer.runs.record.natural import natural_key
    from autrainer.runs.record.where import MISSING

    having: list[tuple[Any, RunRecord]] = []
    lacking: list[RunRecord] = []
    for record in records:
        value = value_of(record, name)
        # NaN has no place among numbers.
        if value is MISSING or value is None or value != value:
            lacking.append(record)
        else:
            is_number = isinstance(value, int | float)
            key = value if is_number else natural_key(str(value))
            having.append(((not is_number, key), record))
    having.sort(key=lambda pair: pair[0], reverse=reverse)
    return [record for _, record in having] + lacking


def _lines(records: Sequence[RunRecord], columns: Sequence[str]) -> list[str]:
    from autrainer.postprocessing.tables import aligned

    if not records:
        return ["No runs."]
    names = list(columns) or _default_columns(records)
    rows = [[_cell(record, name, is_own=bool(columns)) for name in names] for record in records]
    left = sum(name in ("experiment", "run", "state") for name in names)
    return [*aligned([_headings(names, records), *rows], left=left), "", _summary(records)]


def _default_columns(records: Sequence[RunRecord]) -> list[str]:
    several = len({record.experiment_id for record in records}) > 1
    return [name for name in COLUMNS if name != "experiment" or several]


def _headings(names: Sequence[str], records: Sequence[RunRecord]) -> list[str]:
    metrics = {record.tracking_metric for record in records} - {None}
    metric = f" {metrics.pop()}" if len(metrics) == 1 else ""
    said = {"best": f"best{metric}", "test": f"test{metric}", "seconds": "time"}
    return [said.get(name, name) for name in names]


def _cell(record: RunRecord, name: str, *, is_own: bool) -> str:
    from autrainer.postprocessing.tables import shown
    from autrainer.runs.record.fields import progress_of, value_of
    from autrainer.runs.record.times import time_in_words
    from autrainer.runs.record.where import MISSING

    if name == "state":
        state = str(record.state)
        if not record.state.is_finished and (progress := progress_of(record)):
            kind = record.state.kind
            state = f"{kind} at {progress}{state.removeprefix(kind)}"
        return state if len(state) <= LONGEST_CELL else f"{state[: LONGEST_CELL - 3]}..."
    value = value_of(record, name)
    if value is MISSING or value is None:
        return ""
    if name == "seconds":
        return time_in_words(value)
    if name == "size":
        return size_in_words(value)
    is_score = name in ("best", "test") or name.startswith(("dev.", "test."))
    return shown(float(value)) if is_score else str(value)


def _summary(records: Sequence[RunRecord]) -> str:
    from autrainer.runs.record.run_state import STATES

    counts = {kind: sum(record.state.kind == kind for record in records) for kind in STATES}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"{len(records)} {'run' if len(records) == 1 else 'runs'}: {told}"


def _as_json(records: Sequence[RunRecord], columns: Sequence[str]) -> str:
    import json

    mappings = [_mapping(record, columns) for record in records]
    return json.dumps(mappings, indent=2, ensure_ascii=False, default=str)


def _mapping(record: RunRecord, columns: Sequence[str]) -> dict[str, Any]:
    from autrainer.runs.record.fields import FIELDS, value_of
    from autrainer.runs.record.where import MISSING

    values = {name: value_of(record, name) for name in columns or FIELDS}
    found = {name: None if value is MISSING else _plain(value) for name, value in values.items()}
    if not columns:
        found["reason"] = str(record.state)
        found["dev"] = {name: _plain(value) for name, value in record.dev.totals.items()}
        found["tests"] = {name: _plain(value) for name, value in record.test.totals.items()}
        found["problems"] = record.problems
    return found


def _plain(value: Any) -> Any:
    """What JSON can hold: it has neither NaN nor infinity."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _watch(text: Callable[[], str], waiting: TextIO) -> None:
    """Show what there is until Ctrl-C: on a terminal in place, else whenever it changes.

    Args:
        text: What there is.
        waiting: Gets a line where an experiment is not there yet.
    """
    import time

    before = None
    while True:
        try:
            now = text()
        except FileNotFoundError as error:
            now = f"Waiting: {error}"
            if now != before:
                print(now, file=waiting, flush=True)
        else:
            _show(now, before)
        before = now
        time.sleep(WATCH_S)


def _show(now: str, before: str | None) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(f"{_CLEAR}{now}\n")
    elif now != before:
        sys.stdout.write(f"{now}\n\n")
    sys.stdout.flush()
