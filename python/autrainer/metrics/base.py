"""What a metric is: a score of predictions against truths, and which of two scores is better."""

from __future__ import annotations

import logging
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

log = logging.getLogger(__name__)

# Stands for "no score": worse than any score a model can get, and still a number in a CSV file.
NO_SCORE = 1e32


class AbstractMetric(ABC):
    """A metric.

    Args:
        name: Column in `metrics.csv`, key in results and loggers.
        fn: Called with truths, predictions and `fn_kwargs`; returns a number.
        fallback: Given instead of NaN, that is, where the score is not defined.
        **fn_kwargs: Passed on to `fn`.
    """

    is_scale_free: ClassVar[bool] = False
    """The score stays the same if truths and predictions are shifted and scaled alike.

    Metrics of regression that are not get a second value, in the unit of the targets, where the
    targets are scaled for the model.
    """

    def __init__(
        self, name: str, fn: Callable[..., Any], fallback: float, **fn_kwargs: Any
    ) -> None:
        self.name = name
        self.fn = fn
        self.fallback = fallback
        self.fn_kwargs = fn_kwargs
        self._has_warned = False

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """The score; the fallback where it is not defined, with a warning the first time.

        Args:
            y_true: Truths, as the target transform encodes them: codes (N,), 0/1 (N, L), scaled
                values (N,) or (N, T).
            y_pred: Predictions of the same shape.

        Raises:
            ValueError: if `fn` refuses its input. A wrong shape or label is an error, not a score.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            score = float(self.fn(y_true, y_pred, **self.fn_kwargs))
        if not math.isnan(score):
            return score
        if not self._has_warned:
            self._has_warned = True
            log.warning("%s is not defined here; %g stands for it", self.name, self.fallback)
        return self.fallback

    def unitary(self, y_true: Any, y_pred: Any) -> float:
        """The score of a single label or target, from one column of each."""
        return self(y_true, y_pred)

    @property
    @abstractmethod
    def starting_metric(self) -> float:
        """What the first score is compared with."""

    @property
    @abstractmethod
    def suffix(self) -> str:
        """`max` or `min`: what is best."""

    @staticmethod
    @abstractmethod
    def get_best(values: Any) -> float:
        """The best of several scores; NaN if there is none."""

    @staticmethod
    @abstractmethod
    def get_best_pos(values: Any) -> Any:
        """Where it is: the row label in a pandas Series, the position in anything else."""

    @staticmethod
    @abstractmethod
    def compare(a: float, b: float) -> bool:
        """Whether `a` is strictly better than `b`; anything is better than no score."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r})"


class BaseAscendingMetric(AbstractMetric):
    """A metric of which more is better.

    Args:
        name: As in `AbstractMetric`.
        fn: As in `AbstractMetric`.
        fallback: As in `AbstractMetric`.
        **fn_kwargs: Passed on to `fn`.
    """

    def __init__(
        self, name: str, fn: Callable[..., Any], fallback: float = -NO_SCORE, **fn_kwargs: Any
    ) -> None:
        super().__init__(name, fn, fallback, **fn_kwargs)

    @property
    def starting_metric(self) -> float:
        """Below every score."""
        return -NO_SCORE

    @property
    def suffix(self) -> str:
        """`max`."""
        return "max"

    @staticmethod
    def get_best(values: Any) -> float:
        """The highest score; NaN if there is none."""
        return _best(values, sign=1.0)

    @staticmethod
    def get_best_pos(values: Any) -> Any:
        """Row label (pandas Series) or position of the first of the highest scores."""
        return _label(values, _best_position(values, sign=1.0))

    @staticmethod
    def compare(a: float, b: float) -> bool:
        """Whether `a` is higher than `b`."""
        return _is_score(a) and (not _is_score(b) or a > b)


class BaseDescendingMetric(AbstractMetric):
    """A metric of which less is better.

    Args:
        name: As in `AbstractMetric`.
        fn: As in `AbstractMetric`.
        fallback: As in `AbstractMetric`.
        **fn_kwargs: Passed on to `fn`.
    """

    def __init__(
        self, name: str, fn: Callable[..., Any], fallback: float = NO_SCORE, **fn_kwargs: Any
    ) -> None:
        super().__init__(name, fn, fallback, **fn_kwargs)

    @property
    def starting_metric(self) -> float:
        """Above every score."""
        return NO_SCORE

    @property
    def suffix(self) -> str:
        """`min`."""
        return "min"

    @staticmethod
    def get_best(values: Any) -> float:
        """The lowest score; NaN if there is none."""
        return _best(values, sign=-1.0)

    @staticmethod
    def get_best_pos(values: Any) -> Any:
        """Row label (pandas Series) or position of the first of the lowest scores."""
        return _label(values, _best_position(values, sign=-1.0))

    @staticmethod
    def compare(a: float, b: float) -> bool:
        """Whether `a` is lower than `b`."""
        return _is_score(a) and (not _is_score(b) or a < b)


def _is_score(value: float) -> bool:
    # NaN and both fallbacks fail: older runs wrote -1e32 where a descending metric had no score.
    return abs(value) < NO_SCORE


def _best_position(values: Any, sign: float) -> int:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != 1 or not len(scores):
        raise ValueError(f"the best of several scores was asked for; got shape {scores.shape}")
    with np.errstate(invalid="ignore"):
        ranked = np.where(np.abs(scores) < NO_SCORE, sign * scores, -np.inf)
    return int(ranked.argmax())


def _best(values: Any, sign: float) -> float:
    best = float(np.asarray(values, dtype=np.float64)[_best_position(values, sign)])
    return best if _is_score(best) else math.nan


def _label(values: Any, position: int) -> Any:
    # Asked by attribute: importing pandas to recognise a Series would cost half a second.
    if not hasattr(values, "idxmax"):
        return position
    label = values.index[position]
    return label.item() if isinstance(label, np.generic) else label
