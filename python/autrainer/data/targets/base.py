"""Target transforms: from labels to what a model learns, and from its outputs back to labels.

Shapes: N samples, C outputs, L labels, T targets. Every step exists for one sample, as users extend
it, and for a whole split at once, as a run calls it. The vectorised methods of the base class call
those of one sample, so a class that overrides the latter changes both.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer.data.messages import counted, first_few
from autrainer.errors import DataError
from autrainer.runs.addressed import AddressedObject
from autrainer.runs.writing.columns import Predictions, Texts, ValueLists, Values

Array = npt.NDArray[Any]


class RaggedTargetsError(DataError):
    """Encoded targets have different shapes, so they fit no tensor."""


LARGEST = float(np.finfo(np.float32).max)
"""The largest target that a model can be trained with, without its sign."""


class UnusableTargetsError(DataError):
    """Some targets cannot be encoded.

    Args:
        problem: How many, and what is wrong with them.
        positions: Where they are.
        advice: What else there is to say.
    """

    def __init__(self, problem: str, positions: Sequence[int] = (), advice: str = "") -> None:
        self._texts = problem, advice
        self._positions = positions
        super().__init__(self.at(_rows) if len(positions) else problem)

    def at(self, places: Callable[[Sequence[int]], str]) -> str:
        """The message, with the places of the targets as a function names them."""
        problem, advice = self._texts
        where = f" ({places(self._positions)})" if len(self._positions) else ""
        return f"{problem}{where}{advice}"


class AbstractTargetTransform(ABC, AddressedObject):
    """What a dataset's targets mean to a model.

    Subclasses keep their constructor arguments as attributes of the same names, so that inference
    can build the transform again. The methods that end in `_all`, `_array` and `_columns` may be
    overridden for speed.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Number of outputs that a model needs."""

    @property
    def is_affine(self) -> bool:
        """Whether `decode` only shifts and scales numbers, by factors above zero.

        Scores that do not change by that are not computed of decoded values too.
        """
        return False

    @abstractmethod
    def encode(self, x: Any) -> Any:
        """Target of one sample as the criterion takes it."""

    @abstractmethod
    def decode(self, x: Any) -> Any:
        """Meaning of one encoded prediction."""

    @abstractmethod
    def probabilities_training(self, x: torch.Tensor) -> torch.Tensor:
        """What the criterion gets of the model's outputs."""

    @abstractmethod
    def probabilities_inference(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of the model's outputs."""

    @abstractmethod
    def predict_inference(self, x: torch.Tensor) -> Any:
        """Encoded predictions of probabilities: a list for a batch, one value for one sample."""

    @abstractmethod
    def majority_vote(self, x: list[Any]) -> Any:
        """One decoded prediction for several of the same thing."""

    @abstractmethod
    def probabilities_to_dict(self, x: torch.Tensor) -> dict[str, float]:
        """Probabilities of one sample by name."""

    def __call__(self, x: Any) -> Any:
        """The same as `encode`."""
        return self.encode(x)

    def encode_all(self, values: Sequence[Any] | Array) -> torch.Tensor:
        """Targets of all samples, first axis N.

        Raises:
            RaggedTargetsError: if they have different shapes.
        """
        encoded = [self.encode(value) for value in values]
        try:
            if isinstance(encoded[0], torch.Tensor):
                return torch.stack(encoded)
            return torch.from_numpy(_single_precision(np.asarray(encoded)))
        except (RuntimeError, TypeError, ValueError) as error:
            raise RaggedTargetsError(
                f"targets of {type(self).__name__} do not fit one tensor: {error}"
            ) from error

    def predict_array(self, probabilities: torch.Tensor) -> Array:
        """Encoded predictions of all samples, shape (N,) or (N, T)."""
        predictions = np.asarray(self.predict_inference(probabilities))
        num_samples = probabilities.shape[0]
        if predictions.shape[:1] == (num_samples,):
            return predictions
        # One sample, or one output: transforms may have dropped the axis.
        return predictions.reshape(num_samples, *([-1] if predictions.ndim else []))

    def decode_array(self, predictions: Array) -> Predictions:
        """What the predictions of all samples mean."""
        decoded = [self.decode(prediction) for prediction in predictions.tolist()]
        if all(type(value) is float for value in decoded):
            return Values(np.asarray(decoded, dtype=np.float64))
        if _are_rows_of_floats(decoded):
            return ValueLists(np.asarray(decoded, dtype=np.float64))
        return Texts([str(value) for value in decoded])

    def decode_targets(self, targets: Array) -> Predictions | None:
        """What encoded targets mean; None if they are no targets of this transform.

        Args:
            targets: Shape (N,) or (N, T); an augmentation may have mixed them.
        """
        return None

    def probability_columns(self, probabilities: torch.Tensor) -> tuple[list[str], Array]:
        """Names and values, shape (N, C), of the probabilities of all samples."""
        rows = [self.probabilities_to_dict(row) for row in probabilities]
        names = list(rows[0])
        return [str(name) for name in names], np.asarray([[row[n] for n in names] for row in rows])


def numbers(
    values: Sequence[Any] | Array, name: str, largest: float = LARGEST
) -> npt.NDArray[np.float64]:
    """Values of one target as float64.

    Args:
        values: The values.
        name: What they are called.
        largest: The largest that a value may be, without its sign; by default as a model can be
            trained with it.

    Raises:
        UnusableTargetsError: counting the values that are missing, infinite, too large or no
            numbers, and naming the first ones with their rows.
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.asarray([_number(value) for value in plain_values(values)])
    strange = np.flatnonzero(~(np.isfinite(array) & (np.abs(array) <= largest))).tolist()
    if strange:
        plain = plain_values(values)
        named = first_few(_shown(plain[row], array[row]) for row in strange)
        raise UnusableTargetsError(
            f"{counted(len(strange), 'value')} of {name!r} without a finite number: {named}",
            strange,
        )
    return array


def _are_rows_of_floats(values: list[Any]) -> bool:
    """Whether values are lists of floats, all of one length."""
    are_rows = all(isinstance(value, (list, tuple)) and value for value in values)
    if not are_rows or len({len(value) for value in values}) != 1:
        return False
    return all(type(number) is float for value in values for number in value)


def refuse_overflow(encoded: Array, values: Any, name: str) -> None:
    """Refuse values of a target that float32 does not hold when they are scaled.

    Raises:
        UnusableTargetsError: counting them, and naming the first ones with their rows.
    """
    strange = np.flatnonzero(~np.isfinite(encoded)).tolist()
    if strange:
        plain = plain_values(values)
        named = first_few(f"{float(plain[row]):g}" for row in strange)
        what = f"{counted(len(strange), 'value')} of {name!r} too large for float32 when scaled"
        raise UnusableTargetsError(f"{what} by those of the train split: {named}", strange)


def _shown(value: Any, number: float) -> str:
    if value is None or value != value:
        return "empty or NaN"
    return f"{value!r}, too large for float32" if math.isfinite(number) else repr(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def encode_table(
    table: Array, names: Sequence[str], dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Numbers of several targets as a tensor, shape (N, T); raises as `numbers` does."""
    if table.shape[1] != len(names):
        raise DataError(f"expected {len(names)} values per sample, found {table.shape[1]}")
    columns = [numbers(table[:, column], name) for column, name in enumerate(names)]
    return torch.from_numpy(np.stack(columns, axis=1)).to(dtype)


def is_table(values: Sequence[Any] | Array) -> bool:
    """Whether values are a table of shape (N, T)."""
    return isinstance(values, np.ndarray) and values.ndim == 2


def is_overridden(obj: Any, owner: type, *names: str) -> bool:
    """Whether the class of an object has one of a class's methods in its own way."""
    return any(getattr(type(obj), name) is not getattr(owner, name) for name in names)


def plain_values(values: Any) -> list[Any]:
    """Values as Python objects, whatever array or series they come in."""
    if hasattr(values, "tolist"):
        return list(values.tolist())
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def refuse_no_votes(votes: list[Any]) -> None:
    """Refuse to vote on nothing with a `DataError`."""
    if not votes:
        raise DataError("a majority vote needs at least one vote, found none")


def _single_precision(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype == np.float64 else array


def on_host(values: torch.Tensor) -> Array:
    """Values as an array in host memory."""
    return values.detach().cpu().numpy()


def _rows(positions: Sequence[int]) -> str:
    return f"{'row' if len(positions) == 1 else 'rows'} {first_few(positions)}"
