"""Weights of classes and targets, from the data or from the configuration."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch

from autrainer.errors import ConfigError, DataError, did_you_mean

log = logging.getLogger(__name__)


class TargetTransform(Protocol):
    """What criterions see of a target transform."""

    def __len__(self) -> int:
        """Number of classes, labels or targets."""

    def encode(self, value: Any) -> Any:
        """The target of one sample, as the model learns it."""


class CriterionData(Protocol):
    """What criterions see of a dataset."""

    @property
    def train_dataset(self) -> Any:
        """The train subset; its `targets` are all encoded targets, if it has that attribute."""

    @property
    def df_train(self) -> Any:
        """The rows of the train subset."""

    @property
    def target_column(self) -> str | list[str]:
        """Where the targets stand in the rows."""

    @property
    def target_transform(self) -> Any:
        """Encodes and decodes targets."""


def balanced_weights(frequencies: torch.Tensor, names: Sequence[Any]) -> torch.Tensor:
    """Weights that make up for frequencies, `(1 / f_c) C / sum_k(1 / f_k)`; they sum to C.

    >>> balanced_weights(torch.tensor([11, 8, 11]), ["a", "b", "c"])
    tensor([0.8889, 1.2222, 0.8889])

    Raises:
        DataError: if a class never occurs; it is named.
    """
    missing = [name for name, count in zip(names, frequencies.tolist(), strict=True) if not count]
    if missing:
        listed = ", ".join(map(repr, missing))
        raise DataError(
            f"no balanced weight for {listed}: there is no train sample of it; use a criterion "
            "without balancing, or give the weights by hand (Weighted... instead of Balanced...)"
        )
    inverse = 1 / frequencies.double()
    return (inverse * len(inverse) / inverse.sum()).float()


def given_weights(argument: str, given: Mapping[Any, float], names: Sequence[Any]) -> torch.Tensor:
    """Weights from a configuration, `v_c C / sum_k(v_k)`, in the order of the names; sum C.

    >>> given_weights("class_weights", {"a": 1, "c": 3, "b": 2}, ["a", "b", "c"])
    tensor([0.5000, 1.0000, 1.5000])

    Raises:
        ConfigError: if a name has no weight, or one that is not above zero.
    """
    known = list(map(str, names))
    # YAML reads the key of {1: 2.0} as a number where the label may be a text.
    by_text = {str(name): value for name, value in given.items()}
    values = []
    for name in names:
        value = given.get(name, by_text.get(str(name)))
        if value is None:
            raise ConfigError(
                f"criterion.{argument} has no weight for {name!r}; give one for each of {known}"
            )
        if not value > 0:
            raise ConfigError(
                f"criterion.{argument} gives {name!r} the weight {value!r}; use a number above zero"
            )
        values.append(float(value))
    for name in by_text:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {known}"
            log.warning("criterion.%s: no train sample is %r; %s", argument, name, hint)
    weights = torch.tensor(values, dtype=torch.float64)
    return (weights * len(weights) / weights.sum()).float()


def class_frequencies(data: CriterionData) -> torch.Tensor:
    """Number of train samples of every class, in the order of the codes."""
    num_classes = len(data.target_transform)
    targets = getattr(data.train_dataset, "targets", None)
    if targets is not None:
        _refuse_no_codes(torch.as_tensor(targets), data)
        return torch.bincount(torch.as_tensor(targets), minlength=num_classes)
    frequencies = torch.zeros(num_classes, dtype=torch.int64)
    for label, count in Counter(data.df_train[data.target_column].tolist()).items():
        frequencies[int(data.target_transform.encode(label))] += count
    return frequencies


def _refuse_no_codes(targets: torch.Tensor, data: CriterionData) -> None:
    if targets.dim() != 1 or targets.is_floating_point():
        raise ConfigError(
            f"dataset.criterion weights classes, and target_column {data.target_column!r} has "
            "numbers or several labels; use MSELoss for numbers, BalancedBCEWithLogitsLoss for "
            "labels"
        )


def label_frequencies(data: CriterionData) -> torch.Tensor:
    """Number of train samples that have a label, for every label of a multi-label task."""
    targets = getattr(data.train_dataset, "targets", None)
    if targets is not None:
        return torch.as_tensor(targets).double().sum(dim=0)
    # The columns hold zeros and ones already.
    return torch.tensor(data.df_train[data.target_column].sum().tolist(), dtype=torch.float64)


def names_of(transform: Any, attribute: str) -> list[Any]:
    """Names of classes or targets, or their numbers if the transform does not know names."""
    names = getattr(transform, attribute, None)
    return list(names) if names is not None else list(range(len(transform)))


def weighted_loss(
    loss: Callable[..., torch.Tensor],
    x: torch.Tensor,
    y: torch.Tensor,
    weights: torch.Tensor | None,
    reduction: str,
) -> torch.Tensor:
    """An elementwise loss, weighted along the last axis and then reduced.

    Raises:
        ConfigError: if the weights are not known yet.
    """
    if weights is None:
        raise ConfigError("this criterion gets its weights in setup(dataset): call that first")
    weighted = loss(x, y, reduction="none") * weights
    if reduction == "none":
        return weighted
    return weighted.sum() if reduction == "sum" else weighted.mean()
