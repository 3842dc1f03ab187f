"""What a run has said about its test set, and what is known about each sample."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from autrainer.errors import AutrainerError
from autrainer.runs.record.configuration import import_path, lookup
from autrainer.runs.record.outputs import INDEX, PREDICTIONS, TARGET, Outputs
from autrainer.runs.record.run_record import RunRecord
from autrainer.statistics.shares import is_share

GROUP_COLUMNS = ("speaker", "speaker_id", "subject", "recording")
"""Columns of a dataset whose samples are taken to belong together, the first that is there."""

Kind = Literal["labels", "sets", "values"]
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("Accuracy", "UAR", "F1"), "labels"),
    **dict.fromkeys(("MLAccuracy", "MLF1Macro", "MLF1Micro", "MLF1Weighted"), "sets"),
    **dict.fromkeys(("PCC", "CCC", "MSE", "MAE"), "values"),
}
_OURS = "autrainer.metrics."
_TOLERANCE = 1e-5
"""Between a score of saved outputs and the saved score, which may be that of float32 values."""


@dataclass(frozen=True)
class SampleOutputs:
    """The test set as a run sees it.

    Args:
        kind: What targets are.
        metric: The tracking metric, called with truths and predictions.
        truth: Truths as the metric takes them, (N,) or (N, T).
        prediction: Predictions of the same shape.
        indices: Positions in the test set, (N,).
        columns: The saved table.
        rows: Columns of the dataset's CSV by name, in the order of the samples; empty without one.
        group_column: The column whose samples belong together; None if there is none.
        strata: Which samples each stratum has.
    """

    kind: Kind
    metric: Callable[[Any, Any], float]
    truth: npt.NDArray[Any]
    prediction: npt.NDArray[Any]
    indices: npt.NDArray[np.int64]
    columns: dict[str, list[Any]]
    rows: dict[str, list[str]] = field(default_factory=dict)
    group_column: str | None = None
    strata: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def is_share(self) -> bool:
        """Whether the metric is the share of samples that are predicted correctly."""
        return is_share(self.metric)

    @cached_property
    def groups(self) -> list[str] | None:
        """Name of the group of each sample; None if each sample is one of its own."""
        return None if self.group_column is None else self.rows[self.group_column]


def metric_of(record: RunRecord, name: str | None) -> tuple[Kind, Any] | None:
    """Kind of targets and function of a metric of ours; None for any other: nothing is imported.

    Args:
        record: The run.
        name: Name of its metric.
    """
    listed, names = lookup(record.config, "dataset.metrics"), record.dev.metrics
    if not isinstance(listed, list) or name not in names or len(listed) != len(names):
        return None
    path = import_path(listed[names.index(name)])
    kind = _KINDS.get(path.rpartition(".")[2])
    if kind is None or not path.startswith(_OURS):
        return None
    from autrainer import metrics

    return kind, getattr(metrics, path.rpartition(".")[2])().fn


def outputs_of(
    record: RunRecord, name: str | None, group_column: str | None = None
) -> SampleOutputs | str:
    """The outputs of a run on the test set, or why they cannot be used.

    They are used only if the score that comes of them is the one that the run has saved.

    Args:
        record: A finished run.
        name: Name of the metric.
        group_column: Column of the dataset's CSV whose samples belong together; None for the first
            of `GROUP_COLUMNS` that is there.
    """
    if name is not None and name not in record.dev.metrics:
        return f"it has no {name}"
    found = metric_of(record, name)
    if found is None:
        return f"{name or 'the tracking metric'} is no metric of autrainer"
    outputs = record.outputs("test")
    if outputs is None:
        return "no outputs of the test set were saved"
    kind, metric = found
    try:
        columns = outputs.columns
        truth, prediction = _sides(kind, outputs)
        indices = np.array(columns[INDEX], dtype=np.int64)
        score = float(metric(truth, prediction))
    except (AutrainerError, OSError, LookupError, ValueError) as error:
        return f"its outputs cannot be read: {error}"
    saved = record.test.total(str(name))
    if saved is None or not abs(score - saved) <= _TOLERANCE * max(1.0, abs(saved)):
        return f"its outputs give {score:.4g}, and the run has saved {saved}"
    rows = _rows_of_dataset(record, indices)
    group_column = _group_column(rows, group_column)
    strata = _strata(record, rows)
    return SampleOutputs(
        kind, metric, truth, prediction, indices, columns, rows, group_column, strata
    )


def _sides(kind: Kind, outputs: Outputs) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if kind == "labels":
        columns = outputs.columns
        return np.array(columns[TARGET], dtype=str), np.array(columns[PREDICTIONS], dtype=str)
    truth, raw = np.asarray(outputs.array("targets")), np.asarray(outputs.array("outputs"))
    if kind == "sets":
        # A probability of a half is an output of 0; the score tells whether this run has another
        # threshold.
        return truth, (raw > 0).astype(truth.dtype)
    return truth, _scaled(outputs, raw).reshape(truth.shape)


def _scaled(outputs: Outputs, raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Predictions in the scale of the targets: what the model gives may go through a sigmoid."""
    if len(outputs.label_columns) * len(raw) != raw.size:
        return raw
    columns = [np.array(outputs.columns[name], dtype=float) for name in outputs.label_columns]
    return np.stack(columns, axis=-1)


def _rows_of_dataset(record: RunRecord, indices: npt.NDArray[np.int64]) -> dict[str, list[str]]:
    """Columns of the CSV of the test set, if it has as many rows as the run has tested."""
    folder = lookup(record.config, "dataset.path")
    if not isinstance(folder, str):
        return {}
    try:
        with (Path(folder) / "test.csv").open(encoding="utf-8-sig", newline="") as file:
            heading, *lines = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return {}
    if len(lines) != len(indices) or any(len(line) != len(heading) for line in lines):
        return {}
    if sorted(indices.tolist()) != list(range(len(lines))):
        return {}
    return {name: [lines[i][n] for i in indices] for n, name in enumerate(heading)}


def _group_column(rows: dict[str, list[str]], wanted: str | None) -> str | None:
    names: Sequence[str] = GROUP_COLUMNS if wanted is None else [wanted]
    return next((name for name in names if len(set(rows.get(name, ()))) > 1), None)


def _strata(record: RunRecord, rows: dict[str, list[str]]) -> dict[str, npt.NDArray[np.bool_]]:
    columns = lookup(record.config, "dataset.stratify")
    found = {}
    for column in columns if isinstance(columns, list) else []:
        values = np.array(rows.get(column, ()))
        for value in dict.fromkeys(values.tolist()):
            name = value if len(columns) == 1 else f"{column}={value}"
            found[name] = values == value
    return found
