"""Samples of which two runs predict something else, the largest changes first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autrainer.runs.record.outputs import INDEX, PREDICTIONS, PROBABILITY, TARGET, Outputs

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class ChangedSample:
    """A sample with another prediction.

    Args:
        index: Its position in the split.
        name: Its name, if the tables have one.
        target: What would have been right, if the tables tell.
        predictions: What either run predicts.
        size: How large the change is: the largest difference of a probability, or of numbers that
            were predicted.
    """

    index: int
    name: str | None
    target: str | None
    predictions: tuple[str, str]
    size: float


@dataclass(frozen=True)
class ChangedSamples:
    """Samples of a split with other predictions.

    Args:
        samples: The samples, the largest changes first.
        num_compared: How many samples both runs have predicted.
        only_first: How many only the first one has.
        only_second: How many only the second one has.
        now_right: How many the second run gets right and the first one does not; None where the
            tables do not tell what is right, or numbers are predicted.
        now_wrong: The other way round.
    """

    samples: list[ChangedSample]
    num_compared: int
    only_first: int
    only_second: int
    now_right: int | None
    now_wrong: int | None


def changed_samples(first: Outputs, second: Outputs) -> ChangedSamples | None:
    """Samples of which two tables of results predict something else; None without both tables.

    Samples are the same if their positions in the split are.

    Raises:
        CorruptFileError: naming the file, if a table is damaged.
        MissingExtraError: for Parquet and Arrow, if pyarrow is not installed.
    """
    if first.table_path is None or second.table_path is None:
        return None
    one, other = first.columns, second.columns
    if any(name not in columns for name in (INDEX, PREDICTIONS) for columns in (one, other)):
        return None
    places = {int(index): place for place, index in enumerate(other[INDEX])}
    pairs = [
        (int(index), place, places[int(index)])
        for place, index in enumerate(one[INDEX])
        if int(index) in places
    ]
    numbers = _shared_numbers(one, other)
    found = [
        _changed(one, other, numbers, *pair)
        for pair in pairs
        if str(one[PREDICTIONS][pair[1]]) != str(other[PREDICTIONS][pair[2]])
    ]
    found.sort(key=lambda sample: (-sample.size, sample.index))
    return ChangedSamples(
        found,
        len(pairs),
        len(one[INDEX]) - len(pairs),
        len(other[INDEX]) - len(pairs),
        *_turned(found, one),
    )


def _shared_numbers(one: Columns, other: Columns) -> list[str]:
    """Columns whose difference tells how large a change is, of both tables.

    Numbers that were predicted, if they are numbers; else probabilities.
    """
    if _are_numbers(one[PREDICTIONS]) and _are_numbers(other[PREDICTIONS]):
        return [PREDICTIONS]
    names = [name for name in one if name.startswith((PROBABILITY, "prediction_"))]
    return [name for name in names if name in other]


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(not math.isnan(_number(value)) for value in values[:100])


def _changed(
    one: Columns, other: Columns, numbers: Sequence[str], index: int, place: int, other_place: int
) -> ChangedSample:
    changes = [abs(_number(one[n][place]) - _number(other[n][other_place])) for n in numbers]
    known = [change for change in changes if not math.isnan(change)]
    name = next((each for each in one if _is_name(each)), None)
    return ChangedSample(
        index,
        None if name is None else str(one[name][place]),
        str(one[TARGET][place]) if TARGET in one else None,
        (str(one[PREDICTIONS][place]), str(other[PREDICTIONS][other_place])),
        max(known, default=math.nan) if known else 0.0,
    )


def _is_name(column: str) -> bool:
    special = (PROBABILITY, "prediction_", "target_")
    return column not in (INDEX, PREDICTIONS, TARGET) and not column.startswith(special)


def _turned(samples: Sequence[ChangedSample], one: Columns) -> tuple[int, int] | tuple[None, None]:
    """How many turned right, and wrong."""
    if TARGET not in one or _are_numbers(one[PREDICTIONS]):
        return None, None
    right = sum(sample.predictions[1] == sample.target for sample in samples)
    wrong = sum(sample.predictions[0] == sample.target for sample in samples)
    return right, wrong


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
