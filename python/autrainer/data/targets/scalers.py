"""Target transforms of numbers: shifted and scaled for the model, by what the train split has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch

from autrainer.data.targets.base import (
    AbstractTargetTransform,
    Array,
    encode_table,
    is_overridden,
    is_table,
    numbers,
    on_host,
    plain_values,
    refuse_no_votes,
    refuse_overflow,
)
from autrainer.errors import DataError
from autrainer.runs.writing.columns import Predictions, ValueLists, Values


class SingleTargetScaler(AbstractTargetTransform):
    """One number, shifted and scaled.

    Subclasses say what the model's outputs become (`probabilities_training`,
    `probabilities_inference`), and pass on what they got.

    Args:
        target: Name of the target.
        offset: What becomes 0.
        scale: How far from it 1 is.
    """

    def __init__(self, target: str, offset: float, scale: float) -> None:
        self.target = target
        self._offset = offset
        self._scale = scale

    def __len__(self) -> int:
        """One."""
        return 1

    @property
    def is_affine(self) -> bool:
        """Unless a subclass decodes in its own way."""
        return not is_overridden(self, SingleTargetScaler, "decode", "decode_array")

    def encode(self, x: float) -> float:
        """The scaled value."""
        return (x - self._offset) / self._scale

    def encode_all(self, values: Sequence[Any] | Array) -> torch.Tensor:
        """Scaled values, float32, shape (N,).

        Raises:
            DataError: counting the values that are no numbers, or too large, and naming the first
                ones.
        """
        if is_overridden(self, SingleTargetScaler, "encode"):
            return super().encode_all(values)
        with np.errstate(over="ignore"):
            scaled = self.encode(cast(Any, numbers(values, self.target)))
            encoded = np.asarray(scaled, dtype=np.float32)
        refuse_overflow(encoded, values, self.target)
        return torch.from_numpy(encoded)

    def decode(self, x: float) -> float:
        """The value in its own unit."""
        return x * self._scale + self._offset

    def predict_inference(self, x: torch.Tensor) -> list[float] | float:
        """Scaled values: a list for shape (N, 1) or (N,), a number for one value."""
        if x.ndim > 1:
            x = x.squeeze(-1)
        elif x.numel() == 1:
            x = x.reshape(())
        return cast("list[float] | float", x.tolist())

    def predict_array(self, probabilities: torch.Tensor) -> Array:
        """Scaled values, shape (N,)."""
        if is_overridden(self, SingleTargetScaler, "predict_inference"):
            return super().predict_array(probabilities)
        return on_host(probabilities).reshape(len(probabilities))

    def decode_array(self, predictions: Array) -> Predictions:
        """Values in their own unit."""
        if is_overridden(self, SingleTargetScaler, "decode"):
            return super().decode_array(predictions)
        return Values(np.asarray(self.decode(cast(Any, predictions.astype(np.float64)))))

    def decode_targets(self, targets: Array) -> Predictions | None:
        """Values in their own unit."""
        return self.decode_array(targets) if targets.ndim == 1 else None

    def probability_columns(self, probabilities: torch.Tensor) -> tuple[list[str], Array]:
        """The target and its scaled values, shape (N, 1)."""
        if is_overridden(self, SingleTargetScaler, "probabilities_to_dict"):
            return super().probability_columns(probabilities)
        return [self.target], on_host(probabilities).reshape(len(probabilities), 1)

    def majority_vote(self, x: list[float]) -> float:
        """Mean of the votes."""
        refuse_no_votes(x)
        return sum(x) / len(x)

    def probabilities_to_dict(self, x: torch.Tensor) -> dict[str, float]:
        """The scaled value under the name of the target."""
        return {self.target: float(x.item())}


class MinMaxScaler(SingleTargetScaler):
    """One number, scaled so that the train extrema become 0 and 1.

    A sigmoid keeps predictions between the train extrema; `StandardScaler` has no bounds.

    Args:
        target: Name of the target.
        minimum: Smallest train value.
        maximum: Largest train value.

    Raises:
        DataError: unless the minimum is below the maximum.
    """

    def __init__(self, target: str, minimum: float, maximum: float) -> None:
        _check_range(target, minimum, maximum)
        self.minimum = float(minimum)
        self.maximum = float(maximum)
        super().__init__(target, self.minimum, self.maximum - self.minimum)

    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """Sigmoid of the output."""
        return torch.sigmoid(x)

    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """Sigmoid of the output."""
        return torch.sigmoid(x)


class MultiTargetScaler(AbstractTargetTransform):
    """Several numbers, each shifted and scaled; as `SingleTargetScaler`.

    Args:
        target: Names of the targets.
        offset: What becomes 0, for each.
        scale: How far from it 1 is, for each.
    """

    def __init__(self, target: list[str], offset: list[float], scale: list[float]) -> None:
        self.target = plain_values(target)
        self._offset = torch.tensor(offset, dtype=torch.float64)
        self._scale = torch.tensor(scale, dtype=torch.float64)

    def __len__(self) -> int:
        """Number of targets."""
        return len(self.target)

    @property
    def is_affine(self) -> bool:
        """Unless a subclass decodes in its own way."""
        return not is_overridden(self, MultiTargetScaler, "decode", "decode_array")

    def encode(self, x: Any) -> torch.Tensor:
        """Scaled values of one sample, float32, shape (T,)."""
        values = torch.as_tensor(x).to(torch.float64)
        return ((values - self._offset) / self._scale).to(torch.float32)

    def encode_all(self, values: Sequence[Any] | Array) -> torch.Tensor:
        """Scaled values of all samples, float32, shape (N, T).

        Raises:
            DataError: counting the values that are no numbers, or too large, and naming the first
                ones.
        """
        if is_overridden(self, MultiTargetScaler, "encode") or not is_table(values):
            return super().encode_all(values)
        table = np.asarray(values)
        encoded = self.encode(encode_table(table, self.target, torch.float64))
        for position, name in enumerate(self.target):
            refuse_overflow(encoded[:, position].numpy(), table[:, position], name)
        return encoded

    def decode(self, x: Any) -> list[float]:
        """Values of one sample in their own units."""
        values = torch.as_tensor(x).to(torch.float64)
        return cast("list[float]", (values * self._scale + self._offset).tolist())

    def predict_inference(self, x: torch.Tensor) -> Any:
        """Scaled values as nested lists."""
        return x.tolist()

    def predict_array(self, probabilities: torch.Tensor) -> Array:
        """Scaled values, shape (N, T)."""
        if is_overridden(self, MultiTargetScaler, "predict_inference"):
            return super().predict_array(probabilities)
        return on_host(probabilities)

    def decode_array(self, predictions: Array) -> Predictions:
        """Values of all samples in their own units."""
        if is_overridden(self, MultiTargetScaler, "decode"):
            decoded = [self.decode(row) for row in predictions.tolist()]
            return ValueLists(np.asarray(decoded, dtype=np.float64))
        return ValueLists(predictions * self._scale.numpy() + self._offset.numpy())

    def decode_targets(self, targets: Array) -> Predictions | None:
        """Values of all samples in their own units."""
        fits = targets.ndim == 2 and targets.shape[1] == len(self.target)
        return self.decode_array(targets) if fits else None

    def probability_columns(self, probabilities: torch.Tensor) -> tuple[list[str], Array]:
        """Targets and their scaled values, shape (N, T)."""
        if is_overridden(self, MultiTargetScaler, "probabilities_to_dict"):
            return super().probability_columns(probabilities)
        return list(self.target), on_host(probabilities)

    def majority_vote(self, x: list[list[float]]) -> list[float]:
        """Mean of the votes, target by target."""
        refuse_no_votes(x)
        return cast("list[float]", np.asarray(x, dtype=np.float64).mean(axis=0).tolist())

    def probabilities_to_dict(self, x: torch.Tensor) -> dict[str, float]:
        """The scaled values under the names of the targets."""
        return dict(zip(self.target, x.reshape(-1).tolist(), strict=True))


class MultiTargetMinMaxScaler(MultiTargetScaler):
    """Several numbers, each scaled so that its train extrema become 0 and 1.

    Args:
        target: Names of the targets.
        minimum: Their smallest train values.
        maximum: Their largest train values.

    Raises:
        DataError: unless every minimum is below its maximum.
    """

    def __init__(self, target: list[str], minimum: list[float], maximum: list[float]) -> None:
        check_one_each(target, minima=minimum, maxima=maximum)
        for name, low, high in zip(target, minimum, maximum, strict=True):
            _check_range(name, low, high)
        self.minimum = [float(value) for value in minimum]
        self.maximum = [float(value) for value in maximum]
        ranges = [high - low for low, high in zip(self.minimum, self.maximum, strict=True)]
        super().__init__(target, self.minimum, ranges)

    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """Sigmoid of every output."""
        return torch.sigmoid(x)

    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """Sigmoid of every output."""
        return torch.sigmoid(x)


def check_one_each(target: Sequence[str], **values: Sequence[float]) -> None:
    """Refuse no targets, or more or fewer of some values than targets, with a `DataError`."""
    if not target or any(len(each) != len(target) for each in values.values()):
        found = " and ".join(f"{len(each)} {name}" for name, each in values.items())
        raise DataError(f"{len(target)} targets have {found}; every target needs one of each")


def _check_range(target: str, minimum: float, maximum: float) -> None:
    if not minimum < maximum:
        raise DataError(
            f"target {target!r} cannot be scaled: its train values go from {minimum} to {maximum}; "
            "they have to be numbers that are not all the same"
        )
