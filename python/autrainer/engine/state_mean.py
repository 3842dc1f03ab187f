"""The mean of states that a model had at different times."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch


def mean_of_states(
    first: Mapping[str, Any],
    others: Iterable[Mapping[str, Any]],
    is_averaged: Callable[[str], bool] = lambda name: True,
) -> dict[str, Any]:
    """The mean of some states of one model, computed in float64 and cast back.

    Args:
        first: One of them, in host memory. Whatever is no floating-point or complex number is as
            it is here.
        others: The others with the same names and shapes, which are looked at one after the other.
        is_averaged: Whether what has a name is averaged; otherwise it is as in the first.

    Returns:
        A mapping like the first. Tensors that are one there (tied weights) are one here.

    Raises:
        KeyError: naming what one of the others lacks.
        ValueError: if a tensor has another shape in one of them.
    """
    sums = {
        name: value.to(_wide(value), copy=True)
        for name, value in first.items()
        if _is_number(value) and is_averaged(name)
    }
    number = 1
    for state in others:
        number += 1
        for name, total in sums.items():
            if state[name].shape != total.shape:
                raise ValueError(
                    f"{name} has the shapes {[*total.shape]} and {[*state[name].shape]}"
                )
            total.add_(state[name])
    means: Any = copy.copy(first)
    tied: dict[tuple[Any, ...], torch.Tensor] = {}
    for name, total in sums.items():
        own = first[name]
        place = (own.data_ptr() or name, own.shape, own.stride(), own.dtype)
        means[name] = tied.setdefault(place, total.div_(number).to(own.dtype))
    found: dict[str, Any] = means
    return found


def _is_number(value: Any) -> bool:
    is_tensor = isinstance(value, torch.Tensor)
    return is_tensor and (value.is_floating_point() or value.is_complex())


def _wide(value: torch.Tensor) -> torch.dtype:
    return torch.complex128 if value.is_complex() else torch.float64
