"""Samples of different lengths in one batch: filled up at the end, the lengths beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from autrainer.data.items import DataBatch
from autrainer.data.shape_errors import dtype_name
from autrainer.errors import ConfigError, DataError, did_you_mean

LARGEST = 3.4e38
"""What float32 holds."""
KEYS = ("axis", "to", "crop", "value")
IN_BATCH = "sample {} of the batch".format


class Shaped(Protocol):
    """What can be padded: a tensor, or what is known of an array in a file."""

    @property
    def shape(self) -> Sequence[int]:
        """Sizes of the axes."""

    @property
    def dtype(self) -> Any:
        """Type of the elements."""


@dataclass
class PaddedBatch(DataBatch):
    """A batch of padded samples.

    Args:
        lengths: Length of each sample along the padded axis before it was padded, int64, shape
            (B,). A model whose `forward` takes `lengths` gets them.
    """

    lengths: torch.Tensor

    def to(self, device: torch.device | str, **kwargs: Any) -> None:
        """Move features, targets and lengths to a device, in place."""
        super().to(device, **kwargs)
        self.lengths = self.lengths.to(device, **kwargs)


@dataclass(frozen=True)
class Pad:
    """How samples of different lengths become one tensor.

    Args:
        axis: The axis to lengthen, of a sample.
        to: A length, or `longest` for that of the longest sample of a batch.
        crop: Cut off the end of samples that are longer than `to`, instead of refusing them.
        value: What shorter samples are filled up with.
    """

    axis: int = -1
    to: int | str = "longest"
    crop: bool = False
    value: float = 0

    @classmethod
    def read(cls, option: Any) -> Pad:
        """Padding as a configuration describes it.

        Raises:
            ConfigError: for an unknown key or a value that cannot be.
        """
        if isinstance(option, Pad):
            return option
        if not isinstance(option, Mapping):
            raise ConfigError(f"pad is {option!r}; use a mapping with {', '.join(KEYS)}, or null")
        for key in option:
            if key not in KEYS:
                hint = did_you_mean(str(key), KEYS) or f"use {', '.join(KEYS)}"
                raise ConfigError(f"pad.{key} is no option; {hint}")
        pad = cls(**option)
        is_length = isinstance(pad.to, int) and not isinstance(pad.to, bool) and pad.to > 0
        if not is_length and pad.to != "longest":
            raise ConfigError(f"pad.to is {pad.to!r}; use a length above 0, or 'longest'")
        if not isinstance(pad.axis, int) or isinstance(pad.axis, bool):
            raise ConfigError(f"pad.axis is {pad.axis!r}; use the number of an axis of a sample")
        if not isinstance(pad.crop, bool):
            raise ConfigError(f"pad.crop is {pad.crop!r}; use true or false")
        if pad.crop and pad.to == "longest":
            raise ConfigError("pad.crop is true and pad.to is 'longest'; give pad.to a length")
        is_number = isinstance(pad.value, (int, float)) and not isinstance(pad.value, bool)
        if not is_number or not abs(pad.value) <= LARGEST:
            raise ConfigError(f"pad.value is {pad.value!r}; use a number, -80 for instance")
        return pad

    def __call__(
        self, samples: Sequence[torch.Tensor], describe: Callable[[int], str] = IN_BATCH
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One tensor of all samples, `value` behind their ends, and their lengths.

        Args:
            samples: The samples.
            describe: Names the sample at a position, for errors.

        Raises:
            DataError: as `measured`, and if the samples cannot hold `value`.
        """
        first = samples[0]
        axis = self._axis_of(first)
        shape, lengths = self.measured(samples, describe)
        if not self.is_held_by(first.dtype):
            raise DataError(
                f"pad.value is {self.value}, which features of {dtype_name(first.dtype)} cannot "
                "hold; use another one, or make the features floating point by a transform"
            )
        batch = torch.full((len(samples), *shape), self.value, dtype=first.dtype)
        for row, sample, length in zip(batch, samples, lengths.tolist(), strict=True):
            row.narrow(axis, 0, length).copy_(sample.narrow(axis, 0, length))
        return batch, lengths

    def measured(
        self, samples: Sequence[Shaped], describe: Callable[[int], str] = IN_BATCH
    ) -> tuple[tuple[int, ...], torch.Tensor]:
        """The shape that samples get, and the length that each fills of it, int64 (B,).

        Raises:
            DataError: if a sample is too long, or differs from the first in more than its length.
        """
        first = samples[0]
        axis = self._axis_of(first)
        for position, sample in enumerate(samples):
            if not self.fits(sample, first):
                raise DataError(
                    f"{describe(position)}: expected features of shape {tuple(first.shape)}, "
                    f"{dtype_name(first.dtype)}, but for their length, as in {describe(0)}, found "
                    f"{tuple(sample.shape)}, {dtype_name(sample.dtype)}; padding evens out axis "
                    f"{self.axis} alone"
                )
        lengths = [int(sample.shape[axis]) for sample in samples]
        size = max(lengths) if self.to == "longest" else int(self.to)
        if not self.crop and max(lengths) > size:
            position = next(i for i, length in enumerate(lengths) if length > size)
            raise DataError(
                f"{describe(position)}: expected a length of at most {size}, which is pad.to, "
                f"found {lengths[position]}; raise it, or set pad.crop"
            )
        shape = (*first.shape[:axis], size, *first.shape[axis + 1 :])
        return shape, torch.tensor(lengths, dtype=torch.int64).clamp_(max=size)

    def is_held_by(self, dtype: torch.dtype) -> bool:
        """Whether samples can be filled up: integers hold no fractions, bytes nothing below 0."""
        if dtype.is_floating_point or dtype.is_complex:
            return True
        return bool(self._as(dtype) == self.value)

    def commutes_with_cast(self, dtype: torch.dtype, then: torch.dtype | None) -> bool:
        """Whether it makes no difference if samples are filled up before they become `then`."""
        if then is None:
            return self.is_held_by(dtype)
        return bool(self._as(dtype, then) == self._as(then))

    def _as(self, *dtypes: torch.dtype) -> Any:
        """The value after it has been of some types, one after the other."""
        held = torch.tensor(self.value, dtype=torch.float64)
        for dtype in dtypes:
            held = held.to(dtype)
        return held.item()

    def _axis_of(self, sample: Shaped) -> int:
        num_axes = len(sample.shape)
        axis = self.axis + num_axes if self.axis < 0 else self.axis
        if not 0 <= axis < num_axes:
            raise DataError(
                f"pad.axis is {self.axis}, but a sample has shape {tuple(sample.shape)}"
            )
        return axis

    def fits(self, sample: Shaped, first: Shaped) -> bool:
        """Whether two samples differ in nothing but their length."""
        axis = self._axis_of(first)
        if len(sample.shape) != len(first.shape) or sample.dtype != first.dtype:
            return False
        others = [a for a in range(len(first.shape)) if a != axis]
        return all(sample.shape[a] == first.shape[a] for a in others)
