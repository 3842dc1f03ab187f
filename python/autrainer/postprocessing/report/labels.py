"""Label sets, a label at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from autrainer.postprocessing.report.outputs import SampleOutputs
from autrainer.runs.record.outputs import PROBABILITY


@dataclass(frozen=True)
class LabelCounts:
    """How often a label is true and predicted.

    Args:
        label: The label.
        hits: Samples where it is both.
        missed: Samples where it is true and not predicted.
        false_alarms: Samples where it is predicted and not true.
        neither: All others.
    """

    label: str
    hits: int
    missed: int
    false_alarms: int
    neither: int

    @property
    def true(self) -> int:
        """Samples where it is true."""
        return self.hits + self.missed

    @property
    def precision(self) -> float | None:
        """Share of the predictions that are right; None if it is never predicted."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float | None:
        """Share of the true ones that are predicted; None if it is never true."""
        return _share(self.hits, self.true)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of both, 0 without hits; None if it is neither true nor predicted."""
        return _share(2 * self.hits, self.true + self.hits + self.false_alarms)


def label_names(outputs: SampleOutputs) -> list[str]:
    """Names of the labels of label sets, in the order of the outputs."""
    num_labels = np.asarray(outputs.truth).shape[1]
    names = [n.removeprefix(PROBABILITY) for n in outputs.columns if n.startswith(PROBABILITY)]
    if len(names) != num_labels:
        return [f"label {place}" for place in range(1, num_labels + 1)]
    return names


def label_counts(outputs: SampleOutputs) -> list[LabelCounts]:
    """Counts of every label of label sets, in the order of the outputs."""
    truth = np.asarray(outputs.truth).astype(bool)
    prediction = np.asarray(outputs.prediction).astype(bool)
    columns = [
        mask.sum(axis=0).tolist()
        for mask in (
            *(truth & prediction, truth & ~prediction),
            *(~truth & prediction, ~truth & ~prediction),
        )
    ]
    return [LabelCounts(*each) for each in zip(label_names(outputs), *columns, strict=True)]


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
