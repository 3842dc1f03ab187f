"""Values of a run by name: for columns, for sorting and for conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from autrainer.errors import AutrainerError, did_you_mean
from autrainer.runs.record.configuration import lookup
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.record.where import MISSING

FIELDS: dict[str, Callable[[RunRecord], Any]] = {
    "experiment": lambda run: run.experiment_id,
    "run": lambda run: run.name,
    "state": lambda run: run.state.kind,
    "iteration": lambda run: run.best_iteration,
    "best": lambda run: run.best_value,
    "test": lambda run: run.test.total(run.tracking_metric) if run.tracking_metric else None,
    "seconds": lambda run: run.seconds,
    "size": lambda run: run.size_bytes,
    "progress": lambda run: progress_of(run),
    "metric": lambda run: run.tracking_metric,
    "host": lambda run: run.state.host,
    "pid": lambda run: run.state.pid,
    "attempts": lambda run: run.state.attempts,
    "begun": lambda run: _iso(run.state.begun),
    "ended": lambda run: _iso(run.state.ended),
    "error": lambda run: run.state.error,
    "job": lambda run: run.state.job,
    "folder": lambda run: str(run.folder),
}
"""What a run tells beside its configuration and its scores."""


class UnknownFieldError(AutrainerError, LookupError):
    """No run has a value of this name."""

    __str__ = AutrainerError.__str__


def value_of(record: RunRecord, name: str) -> Any:
    """A value of a run, or `MISSING`.

    Args:
        record: The run.
        name: One of `FIELDS`; `dev.NAME` or `test.NAME` for a score of the whole split; or a key of
            the configuration, where a choice of a group counts as its id.
    """
    if name in FIELDS:
        found = FIELDS[name](record)
        return MISSING if found is None else found
    subset, _, metric = name.partition(".")
    if subset in ("dev", "test") and metric:
        scores = (
            (record.dev, record.dev_unscaled)
            if subset == "dev"
            else ((record.test, record.test_unscaled))
        )
        totals = {**scores[1].totals, **scores[0].totals}
        return totals.get(metric, MISSING)
    return lookup(record.config, name, MISSING)


def check_names(names: Iterable[str], records: Iterable[RunRecord]) -> None:
    """Refuse names that no run has a value of.

    Raises:
        UnknownFieldError: naming the near matches.
    """
    listed = list(records)
    for name in names:
        if name in FIELDS or not listed:
            continue
        if all(value_of(record, name) is MISSING for record in listed):
            known = dict.fromkeys(each for record in listed for each in names_of(record))
            hint = did_you_mean(name, known) or (
                f"use a key of the configuration, {_listed()}; texts stand in quotes"
            )
            raise UnknownFieldError(f"no run has {name!r}; {hint}")


def names_of(record: RunRecord) -> list[str]:
    """All names that a run has values of."""
    scores = [f"dev.{name}" for name in record.dev.totals]
    scores += [f"test.{name}" for name in record.test.totals]
    return [*FIELDS, *scores, *_keys(record.config, "")]


def progress_of(record: RunRecord) -> str | None:
    """How many iterations have been evaluated of those planned: `7/20`."""
    planned = record.config.get("iterations")
    done = record.metrics.iterations or list(record.iteration_folders)
    return None if not isinstance(planned, int) else f"{max(done, default=0)}/{planned}"


def _keys(config: Any, before: str) -> Iterable[str]:
    for key, value in config.items():
        name = f"{before}{key}"
        yield name
        if isinstance(value, dict):
            yield from _keys(value, f"{name}.")


def _listed() -> str:
    return f"dev.METRIC, test.METRIC, or one of {', '.join(FIELDS)}"


def _iso(time: Any) -> str | None:
    return None if time is None else time.isoformat()
