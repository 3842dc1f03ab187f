"""How the transforms of a split are applied to whole batches of features, without making items."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from autrainer.features.settings import Crop, Step
from autrainer.runs.objects import object_yaml
from autrainer.runs.process.intra_op import one_intra_op_thread
from autrainer.runs.random.keys import Key, Place, active_key, keyed
from autrainer.transforms.base import (
    batch_form,
    is_ours,
    is_random,
    native_crop,
    native_steps,
)
from autrainer.transforms.compose import SmartCompose

Features: TypeAlias = torch.Tensor | list[torch.Tensor]
"""Features of a batch: one tensor, shape (B, ...), or one each where shapes differ."""

BatchFunction: TypeAlias = Callable[[Features, npt.NDArray[np.int64]], Features]
"""Applies transforms to the features of a batch; the indices are positions in the split."""

MIX_DOWN: tuple[Step, ...] = (("mix_down", 1),)

# Where a transform stands in the pipeline, as `applied` counts, and the transform.
_Placed: TypeAlias = tuple[Place, Any]


@dataclass(frozen=True)
class Plan:
    """What the transforms of a split come to, bit for bit.

    Args:
        native: What the core does to sound in the place of the first of them, as plain data.
        replaced: The transforms that this replaces, for what the core leaves to Python; None for
            none.
        fixed: Those behind, before the first one that draws: the same in every pass. None for none.
        varying: That one and all after it. Under a key, whose seed and epoch count, it gives
            sample i what the transforms give under `keyed(seed, epoch, i)`. None for none.
        reason: Why it takes whole items, made one by one; None if it does not, so that both of
            the above may be called by any number of threads.
    """

    native: tuple[Step, ...] = ()
    replaced: BatchFunction | None = None
    fixed: BatchFunction | None = None
    varying: BatchFunction | None = None
    reason: str | None = None


@dataclass(frozen=True)
class CropPlan:
    """What the transforms of a split of sound come to whose recordings are read in slices.

    Args:
        crop: Which part of a recording is read.
        draws: The random bits of samples for it, of (seed, epoch, indices).
        native: What the core does to the part.
        replaced: The transforms that both replace, the crop included, under the keys of samples.
        varying: Those behind, likewise; None for none.
    """

    crop: Crop
    draws: CropDraws
    native: tuple[Step, ...]
    replaced: BatchFunction | None
    varying: BatchFunction | None


@dataclass(frozen=True)
class CropDraws:
    """The random bits by which a transform crops samples.

    Args:
        place: Where it stands in the pipeline.
        transform: It.
    """

    place: Place
    transform: Any

    def __call__(
        self, seed: int, epoch: int, indices: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.uint64]:
        """Those of some samples, shape (B,)."""
        bits = np.empty(len(indices), dtype=np.uint64)
        for position, index in enumerate(indices.tolist()):
            key = Key(seed, epoch, index)
            key.place = self.place
            bits[position] = self.transform.crop_bits(key)
        return bits


def crop_plan(transform: Any) -> CropPlan | None:
    """What the transform of a split of sound comes to if a random crop comes first.

    The mean of two channels may come before it: it is the same of a part.

    Returns:
        None where something else comes first, or `plan` takes whole items.
    """
    if transform is None or plan(transform).reason is not None:
        return None
    steps = list(_steps(transform, ()))
    mixing = bool(steps) and native_steps(steps[0][1]) == MIX_DOWN
    at = int(mixing)
    crop = native_crop(steps[at][1]) if at < len(steps) else None
    if crop is None:
        return None
    native, first = _native_run(steps, at + 1)
    return CropPlan(
        crop,
        CropDraws(*steps[at]),
        (*(MIX_DOWN if mixing else ()), *native),
        _batch_function(steps[:first]),
        _batch_function(steps[first:]),
    )


def plan(transform: Any, *, is_sound: bool = False) -> Plan:
    """What the transform of a split, often a `SmartCompose`, comes to; None is no transform.

    Args:
        transform: It.
        is_sound: The features are sound that the core decodes, and may go on with.

    Every transform of this package reads and writes the features alone, so it needs no more than
    these. Of code of the user's own this is known only if it has a batch form.
    """
    steps = [] if transform is None else list(_steps(transform, ()))
    for _, step in steps:
        if not is_ours(step) and batch_form(step) is None:
            return Plan(reason=f"{type(step).__qualname__} is no transform of autrainer's own")
    native, first = _native_run(steps, 0) if is_sound else ((), 0)
    last = next((at for at, (_, step) in enumerate(steps) if is_random(step)), len(steps))
    return Plan(
        native,
        _batch_function(steps[:first]),
        _batch_function(steps[first:last]),
        _batch_function(steps[last:]),
    )


def steps_of(transform: Any) -> list[Any]:
    """The transforms that a transform of items comes to, in their order, without composes."""
    return [] if transform is None else [step for _, step in _steps(transform, ())]


def _native_run(steps: list[_Placed], first: int) -> tuple[tuple[Step, ...], int]:
    """What the core does in the place of transforms from one of them on; and the next one."""
    native: list[Step] = []
    while first < len(steps):
        found = native_steps(steps[first][1])
        if found is None:
            break
        native.extend(found)
        first += 1
    return tuple(native), first


def _steps(transform: Any, place: Place) -> Iterator[_Placed]:
    if isinstance(transform, SmartCompose) and type(transform).__call__ is SmartCompose.__call__:
        for position, member in enumerate(transform.transforms):
            yield from _steps(member, (*place, position))
    elif getattr(transform, "acts_on_items", True):
        yield place, transform


def _batch_function(steps: list[_Placed]) -> BatchFunction | None:
    runs = [
        (draws, list(members)) for draws, members in groupby(steps, lambda step: is_random(step[1]))
    ]
    return _Runs(runs) if runs else None


@dataclass(frozen=True)
class _Runs:
    """Transforms in turns: some that draw, sample by sample, and some that do not, all at once."""

    runs: list[tuple[bool, list[_Placed]]]

    @property
    def description(self) -> str | None:
        """What decides over their results, as text; None if nobody knows: code of users may change.

        Transforms of this package are described by their class, its version and their arguments.
        """
        transforms = [transform for _, steps in self.runs for _, transform in steps]
        if not all(map(is_ours, transforms)):
            return None
        try:
            return "".join(f"---\n{object_yaml(transform)}" for transform in transforms)
        except TypeError:
            return None

    def __call__(self, features: Features, indices: npt.NDArray[np.int64]) -> Features:
        """The features after all of them: a contiguous tensor as soon as shapes agree."""
        for draws, steps in self.runs:
            act = _one_by_one if draws else _at_once
            features = act(features, indices, steps)
        return features if isinstance(features, list) else features.contiguous()


def _at_once(features: Features, indices: npt.NDArray[np.int64], steps: list[_Placed]) -> Features:
    for step in steps:
        form = batch_form(step[1])
        if form is None or isinstance(features, list):
            features = _one_by_one(features, indices, [step])
        else:
            features = form(features)
    return features


def _one_by_one(
    features: Features, indices: npt.NDArray[np.int64], steps: list[_Placed]
) -> Features:
    with one_intra_op_thread():
        changed = _changed_one_by_one(features, indices, steps)
    return _stacked(changed)


def _changed_one_by_one(
    features: Features, indices: npt.NDArray[np.int64], steps: list[_Placed]
) -> list[torch.Tensor]:
    outer = active_key()
    changed = []
    for sample, index in zip(features, indices.tolist(), strict=True):
        item = _Sample(sample, index)
        if outer is None:
            for _, transform in steps:
                item = transform(item)
        else:
            with keyed(outer.seed, outer.epoch, index) as key:
                item = _placed(item, steps, key)
        changed.append(item.features)
    return changed


def _placed(item: _Sample, steps: list[_Placed], key: Key) -> _Sample:
    for key.place, transform in steps:
        item = transform(item)
    return item


def _stacked(samples: list[torch.Tensor]) -> Features:
    if len({(sample.shape, sample.dtype) for sample in samples}) == 1:
        return torch.stack(samples)
    return samples


class _Sample:
    """As much of an item as transforms of this package look at."""

    __slots__ = ("features", "index")

    def __init__(self, features: torch.Tensor, index: int) -> None:
        self.features = features
        self.index = index
