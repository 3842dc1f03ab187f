"""Samplers that a configuration names: which samples a pass over the train split has."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from autrainer.config.instantiate import instantiate_shorthand
from autrainer.config.locate import locate
from autrainer.config.schema.classes import check_target
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.targets import Target
from autrainer.config.shorthand import split_shorthand
from autrainer.data.messages import counted, first_few
from autrainer.data.samplers.batch_order import SampleOrder
from autrainer.data.targets import AbstractTargetTransform, UnusableTargetsError, numbers
from autrainer.datasets.tables.frames import Listing
from autrainer.datasets.wrapper import RawTargets, missing_columns
from autrainer.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

SAMPLER_KEY = "train_loader_kwargs.sampler"
FILLED_IN = {
    "seed": "remove it",
    "num_samples": "remove it; samplers that draw take num_draws",
    "targets": "remove it",
}
"""Arguments that a sampler gets from the dataset, if it takes them; what to do with one's own."""
_NEEDED = "a sampler needs the methods __len__() and indices(epoch, start, stop)"


class SampledData(Protocol):
    """What is looked at of a dataset to build a sampler."""

    seed: int

    @property
    def train_dataset(self) -> Any:
        """The train split; its `targets` are all encoded targets, if it has that attribute."""

    @property
    def target_transform(self) -> AbstractTargetTransform:
        """Encodes the targets."""

    def _frame_of(self, subset: str) -> pd.DataFrame:
        """Rows of a split."""

    def _listing_of(self, subset: str) -> Listing:
        """Where they come from."""

    def _raw_targets(self, subset: str) -> RawTargets:
        """Targets of a split before encoding."""


def sampler_problems(sampler: Target) -> list[Problem]:
    """What is wrong with a sampler that is named, as far as can be told without the data.

    Args:
        sampler: What is named.
    """
    key, path = sampler.key, sampler.path
    if sampler.problem is not None:
        return [sampler.problem]
    try:
        target = locate(path)
    except ConfigError as error:
        return [Problem(key, "cannot be used", str(error))]
    if isinstance(target, type) and not issubclass(target, SampleOrder):
        return [Problem(key, f"names {path}", _NEEDED)]
    filled_in = _filled_in(target)
    given = [name for name in filled_in if name in sampler.arguments]
    return [
        *(
            Problem(f"{key}.{name}", "is filled in by the dataset", FILLED_IN[name])
            for name in given
        ),
        *check_target(sampler, object, injected=filled_in),
    ]


def sampler_of(data: SampledData, shorthand: Any) -> SampleOrder:
    """The sampler that a shorthand describes.

    It gets those of the arguments `seed`, `num_samples` and `targets` (encoded, shape (N,) or
    (N, T)) that it takes. An argument `weights` that is a text is a column of the train split.

    Raises:
        ConfigError: if it is no sampler.
        DataError: if it does not suit the data.
    """
    path, arguments = split_shorthand(shorthand, SAMPLER_KEY)
    given = {name: _known(data, name) for name in _filled_in(locate(path, SAMPLER_KEY))}
    try:
        if isinstance(arguments.get("weights"), str):
            given["weights"] = column_weights(data, arguments["weights"])
        sampler = instantiate_shorthand(shorthand, **given)
    except DataError as error:
        raise DataError(f"{SAMPLER_KEY}: {error}") from error
    if not isinstance(sampler, SampleOrder):
        raise ConfigError(f"{SAMPLER_KEY} names {path}; {_NEEDED}")
    return sampler


def column_weights(data: SampledData, column: str) -> npt.NDArray[np.float64]:
    """Weights of the train samples from a column.

    Raises:
        DataError: naming the column and where it is, if it is not there, or the first rows whose
            value is no weight.
    """
    df, source = data._frame_of("train"), data._listing_of("train")
    if missing := missing_columns(df, [column]):
        raise DataError(f"{source}: {missing[0]}")
    try:
        weights = numbers(df[column].to_numpy(), column, math.inf)
    except UnusableTargetsError as error:
        raise DataError(f"{source}: {error.at(source.places)}") from error
    negative = np.flatnonzero(weights < 0).tolist()
    if negative:
        named = first_few([f"{weights[row]:g}" for row in negative])
        raise DataError(
            f"{source}: {counted(len(negative), 'value')} of {column!r} below zero: {named} "
            f"({source.places(negative)})"
        )
    if not weights.any():
        raise DataError(f"{source}: column {column!r} is zero in every row, so none can be drawn")
    return weights


def _filled_in(target: Any) -> list[str]:
    """The arguments of a sampler that the dataset fills in."""
    try:
        parameters = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return []
    return [name for name in FILLED_IN if name in parameters]


def _known(data: SampledData, name: str) -> Any:
    if name == "seed":
        return data.seed
    if name == "num_samples":
        return len(data.train_dataset)
    targets = getattr(data.train_dataset, "targets", None)
    if targets is None:
        targets = data.target_transform.encode_all(data._raw_targets("train"))
    return np.asarray(targets)
