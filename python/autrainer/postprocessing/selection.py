"""Which runs can be summed up together, and why others cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.errors import ConfigError, DataError
from autrainer.runs.layout import CONFIG_FILE, RUNS, TABLE
from autrainer.runs.process.bars import new_bar
from autrainer.runs.record.finding import runs_in, runs_of
from autrainer.runs.record.run_record import RunRecord

SHOWS_BAR_FROM = 200
"""Fewer runs are read before a bar could be seen."""


@dataclass(frozen=True)
class Selection:
    """Runs to sum up.

    Args:
        records: The runs, sorted by name.
        skipped: Why others are left out, by name.
    """

    records: list[RunRecord]
    skipped: dict[str, str]

    @property
    def training_type(self) -> str:
        """`epoch` or `step`; that of all runs."""
        return self.records[0].training_type


def select(
    records: Iterable[RunRecord], training_type: str | None = None, *, where: str = "there"
) -> Selection:
    """Take the runs that have finished and can be read.

    Args:
        records: All runs.
        training_type: The type that they must have; by default that of the first.
        where: Where they lie, for errors.

    Raises:
        DataError: if there is none, or they train by different units.
    """
    chosen: list[RunRecord] = []
    skipped: dict[str, str] = {}
    for record in with_bar(sorted(records, key=lambda record: record.name), "read"):
        reason = _unfit(record)
        if reason is None:
            chosen.append(record)
        else:
            skipped[record.name] = reason
    if not chosen:
        told = "".join(f"\n  {name}: {reason}" for name, reason in skipped.items())
        raise DataError(f"there is no finished run {where}{told}")
    wanted = training_type or chosen[0].training_type
    others = [record for record in chosen if record.training_type != wanted]
    if others:
        raise DataError(
            f"the runs {where} do not train by the same unit: {chosen[0].name} by {wanted}, "
            f"{others[0].name} by {others[0].training_type}; sum them up in separate experiments"
        )
    return Selection(chosen, skipped)


def selected(
    results_dir: str | Path,
    experiment_id: str,
    training_dir: str = RUNS,
    training_type: str | None = None,
) -> Selection:
    """The runs of an experiment that can be summed up.

    Args:
        results_dir: Where experiments lie.
        experiment_id: The experiment.
        training_dir: Folder of the runs in that of the experiment.
        training_type: The type that they must have; by default that of the first.

    Raises:
        FileNotFoundError: if there is no such experiment.
        DataError: as `select`.
    """
    folder = Path(results_dir, experiment_id, training_dir)
    is_usual = training_dir == RUNS
    records = runs_of(results_dir, experiment_id) if is_usual else runs_in(folder)
    return select(records, training_type, where=f"in {folder}")


def check_max_runs(value: object) -> None:
    """Refuse what is no number of runs to draw, nor None.

    Raises:
        ConfigError: if it is something else.
    """
    if value is not None and (type(value) is not int or value < 1):
        raise ConfigError(f"max_runs is {value!r}; use an integer of at least 1, or null for all")


def with_bar(items: Iterable[Any], title: str) -> Iterator[Any]:
    """The items, with a progress bar if there are many."""
    listed = list(items)
    if len(listed) < SHOWS_BAR_FROM:
        yield from listed
        return
    # None: only where there is a terminal to draw it on.
    bar = new_bar(total=len(listed), desc=title, leave=False, delay=0.5, disable=None)
    try:
        for item in listed:
            yield item
            bar.update()
    finally:
        bar.close()


def _unfit(record: RunRecord) -> str | None:
    if not record.state.is_finished:
        return str(record.state)
    if not record.config:
        return f"it has no {CONFIG_FILE} that can be read"
    damaged = record.problems
    if damaged:
        return damaged[0]
    if not len(record.metrics):
        return f"its {TABLE} has no row"
    return None if record.dev else "it has no results of the dev set"
