"""Target transforms of labels: one of several, or any number of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch

from autrainer.data.messages import counted, first_few, first_of
from autrainer.data.targets.base import (
    AbstractTargetTransform,
    Array,
    UnusableTargetsError,
    encode_table,
    is_overridden,
    is_table,
    on_host,
    plain_values,
    refuse_no_votes,
)
from autrainer.data.targets.softmax import softmax
from autrainer.errors import ConfigError, DataError
from autrainer.runs.writing.columns import Labels, LabelSets, Predictions


class LabelEncoder(AbstractTargetTransform):
    """One label of several: a label's code is its place in the sorted labels.

    Args:
        labels: All labels, of one kind; repeated ones count once.

    Raises:
        DataError: if there are none, one is missing (NaN, None), or they cannot be sorted.
    """

    def __init__(self, labels: list[Any]) -> None:
        values = plain_values(labels)
        _refuse_missing(values, "labels")
        if not values:
            raise DataError("LabelEncoder needs at least one label, found none")
        try:
            self.labels = sorted(set(values))
        except TypeError as error:
            kinds = sorted({type(value).__name__ for value in values})
            raise DataError(
                f"labels have to be of one kind to be sorted, found {' and '.join(kinds)}; "
                "convert the column before"
            ) from error
        self._codes = {label: code for code, label in enumerate(self.labels)}
        self._codes_of_texts = {str(label): code for code, label in enumerate(self.labels)}

    def __len__(self) -> int:
        """Number of labels."""
        return len(self.labels)

    def encode(self, x: Any) -> int:
        """Code of a label, given as it is or as its text: `1` and `"1"`, but not `"01"`.

        Raises:
            DataError: if the label is unknown.
        """
        try:
            return self._codes[x]
        except (KeyError, TypeError):
            code = self._codes_of_texts.get(str(x))
        if code is None:
            raise DataError(f"unknown label {x!r}{self._advice()}")
        return code

    def encode_all(self, values: Sequence[Any] | Array) -> torch.Tensor:
        """Codes of all labels, int64, shape (N,).

        Raises:
            DataError: counting the samples of unknown labels and naming the first ones.
        """
        if is_overridden(self, LabelEncoder, "encode"):
            return super().encode_all(values)
        plain = plain_values(values)
        _refuse_missing(plain, "labels")
        codes = [self._codes.get(value, -1) for value in plain]
        if -1 in codes:
            codes = self._codes_by_text(plain)
        return torch.tensor(codes, dtype=torch.int64)

    def decode(self, x: int) -> Any:
        """Label of a code."""
        return self.labels[x]

    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, unchanged: criterions take logits."""
        return x

    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """Softmax over the last axis."""
        return softmax(x)

    def predict_inference(self, x: torch.Tensor) -> list[int] | int:
        """Most probable code: a list for shape (N, C), an integer for (C,)."""
        return cast("list[int] | int", x.argmax(dim=-1).tolist())

    def predict_array(self, probabilities: torch.Tensor) -> Array:
        """Most probable codes, int64, shape (N,)."""
        if is_overridden(self, LabelEncoder, "predict_inference"):
            return super().predict_array(probabilities)
        return on_host(probabilities.argmax(dim=-1))

    def decode_array(self, predictions: Array) -> Predictions:
        """Labels of codes."""
        if is_overridden(self, LabelEncoder, "decode"):
            return super().decode_array(predictions)
        codes = np.ascontiguousarray(predictions, dtype=np.int64)
        return Labels(codes, [str(label) for label in self.labels])

    def decode_targets(self, targets: Array) -> Predictions | None:
        """Labels of codes; None for mixtures of labels."""
        is_codes = targets.ndim == 1 and targets.dtype.kind in "iu"
        if not is_codes or not ((targets >= 0) & (targets < len(self.labels))).all():
            return None
        return self.decode_array(targets)

    def probability_columns(self, probabilities: torch.Tensor) -> tuple[list[str], Array]:
        """Labels and their probabilities, shape (N, C)."""
        if is_overridden(self, LabelEncoder, "probabilities_to_dict", "decode"):
            return super().probability_columns(probabilities)
        return [str(label) for label in self.labels], on_host(probabilities)

    def majority_vote(self, x: list[Any]) -> Any:
        """Most frequent label; of equally frequent ones the first in the order of the labels."""
        refuse_no_votes(x)
        counts = Counter(x)
        return min(counts, key=lambda label: (-counts[label], self.encode(label)))

    def probabilities_to_dict(self, x: torch.Tensor) -> dict[str, float]:
        """Probability of every label."""
        return {self.decode(code): p for code, p in enumerate(x.tolist())}

    def _codes_by_text(self, values: list[Any]) -> list[int]:
        """Codes of labels that may have another type than those of the train split."""
        codes = [self._codes.get(v, self._codes_of_texts.get(str(v), -1)) for v in values]
        positions = [position for position, code in enumerate(codes) if code < 0]
        if positions:
            unknown = list(dict.fromkeys(values[position] for position in positions))
            problem = (
                f"{counted(len(positions), 'sample')} with unknown labels: {first_of(unknown)}"
            )
            raise UnusableTargetsError(problem, positions, self._advice())
        return codes

    def _advice(self) -> str:
        return f"; the train labels are {first_of(self.labels)}"


class MultiLabelEncoder(AbstractTargetTransform):
    """Any number of labels at once: a sample's target has a 1 for every label it has.

    Args:
        threshold: A label is predicted if its probability is above it.
        labels: All labels, in the order of the outputs.

    Raises:
        ConfigError: if the threshold is outside [0, 1].
        DataError: if there are no labels, or one is there twice.
    """

    def __init__(self, threshold: float, labels: list[str]) -> None:
        check_threshold(threshold)
        values = plain_values(labels)
        repeated = [label for label, count in Counter(values).items() if count > 1]
        if not values or repeated:
            found = f"{first_of(repeated)} more than once" if repeated else "none"
            raise DataError(f"MultiLabelEncoder needs labels that differ, found {found}")
        self.threshold = threshold
        self.labels = values
        self._codes = {label: code for code, label in enumerate(values)}

    def __len__(self) -> int:
        """Number of labels."""
        return len(self.labels)

    def encode(self, x: Any) -> torch.Tensor:
        """Target of one sample, float32, shape (L,).

        Args:
            x: Numbers, one per label, which are taken as they are; or names of labels.

        Raises:
            DataError: if a label is unknown.
        """
        if isinstance(x, (torch.Tensor, np.ndarray)):
            return torch.as_tensor(x).to(torch.float32)
        if len(x) and all(isinstance(value, (int, float)) for value in x):
            return torch.tensor(x, dtype=torch.float32)
        target = torch.zeros(len(self.labels))
        for label in x:
            if label not in self._codes:
                raise DataError(f"unknown label {label!r}; there are {first_of(self.labels)}")
            target[self._codes[label]] = 1
        return target

    def encode_all(self, values: Sequence[Any] | Array) -> torch.Tensor:
        """Targets of all samples, float32, shape (N, L).

        Raises:
            DataError: if there are not L numbers per sample, or one is missing, or is not between
                0 and 1.
        """
        if is_overridden(self, MultiLabelEncoder, "encode") or not is_table(values):
            return super().encode_all(values)
        encoded = encode_table(np.asarray(values), self.labels)
        _refuse_beyond(encoded.numpy(), self.labels)
        return encoded

    def decode(self, x: Any) -> list[str]:
        """Labels of one prediction of zeros and ones."""
        return [label for label, present in zip(self.labels, x, strict=True) if present]

    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """The outputs, unchanged: criterions take logits."""
        return x

    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """Sigmoid of every output."""
        return torch.sigmoid(x)

    def predict_inference(self, x: torch.Tensor) -> Any:
        """Zeros and ones: a list of lists for shape (N, L), a list for (L,)."""
        return (x > self.threshold).int().tolist()

    def predict_array(self, probabilities: torch.Tensor) -> Array:
        """Zeros and ones, int64, shape (N, L)."""
        if is_overridden(self, MultiLabelEncoder, "predict_inference"):
            return super().predict_array(probabilities)
        return on_host((probabilities > self.threshold).long())

    def decode_array(self, predictions: Array) -> Predictions:
        """Labels of all samples."""
        if is_overridden(self, MultiLabelEncoder, "decode"):
            return super().decode_array(predictions)
        mask = np.ascontiguousarray(predictions != 0, dtype=np.uint8)
        return LabelSets(mask, [str(label) for label in self.labels])

    def decode_targets(self, targets: Array) -> Predictions | None:
        """Labels of all samples; None if some are present in part."""
        fits = targets.ndim == 2 and targets.shape[1] == len(self.labels)
        if not fits or not ((targets == 0) | (targets == 1)).all():
            return None
        return self.decode_array(targets.astype(np.int64))

    def probability_columns(self, probabilities: torch.Tensor) -> tuple[list[str], Array]:
        """Labels and their probabilities, shape (N, L)."""
        if is_overridden(self, MultiLabelEncoder, "probabilities_to_dict"):
            return super().probability_columns(probabilities)
        return [str(label) for label in self.labels], on_host(probabilities)

    def majority_vote(self, x: list[list[str]]) -> list[str]:
        """Labels that at least half of the votes have."""
        refuse_no_votes(x)
        votes = torch.stack([self.encode(labels) for labels in x])
        return self.decode((votes.mean(dim=0) >= 0.5).tolist())

    def probabilities_to_dict(self, x: torch.Tensor) -> dict[str, float]:
        """Probability of every label."""
        return dict(zip(self.labels, x.tolist(), strict=True))


def check_threshold(threshold: float) -> None:
    """Refuse a threshold outside [0, 1] with a `ConfigError`."""
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold is {threshold!r}; use a number from 0 to 1")


def _refuse_missing(values: list[Any], what: str) -> None:
    rows = [row for row, value in enumerate(values) if value is None or value != value]
    if rows:
        raise UnusableTargetsError(f"{counted(len(rows), 'sample')} without {what}", rows)


def _refuse_beyond(table: Array, labels: list[Any]) -> None:
    """Refuse targets of several labels below 0 or above 1."""
    rows, columns = np.nonzero((table < 0) | (table > 1))
    if not len(rows):
        return
    wrong = first_few(
        f"{table[row, column]:g} of {labels[column]!r}"
        for row, column in zip(rows, columns, strict=True)
    )
    raise UnusableTargetsError(
        f"{counted(len(rows), 'value')} below 0 or above 1: {wrong}",
        list(dict.fromkeys(rows.tolist())),
        "; a sample has a label (1), or has it not (0)",
    )
