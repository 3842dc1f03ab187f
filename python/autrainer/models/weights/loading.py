"""Weights into a model, strictly: what is left over or left out was expected, or is an error."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch

from autrainer.errors import ConfigError

log = logging.getLogger(__name__)

COUNTERS = "*.num_batches_tracked"
"""Older files lack the counters of batch norm, which nothing is computed from."""
NUM_SHOWN = 5


@dataclass(frozen=True)
class Loaded:
    """What became of the tensors of a model and of a file.

    Args:
        taken: Names of the tensors that the model has got.
        fresh: Those of the model that stay as they were initialised.
        unused: Those of the file that the model has no place for.
    """

    taken: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]


def load_weights(
    model: torch.nn.Module,
    state: Mapping[str, Any],
    source: str,
    *,
    fresh: Sequence[str] = (),
    unused: Sequence[str] = (),
) -> Loaded:
    """Copy weights into a model, and log what was taken and what was not.

    Args:
        model: The model.
        state: Tensors by name.
        source: Where they are from, for messages.
        fresh: Patterns of names that stay as initialised, even if the file has such tensors.
        unused: Patterns of names that the file may have and the model has not.

    Raises:
        ConfigError: with every tensor that is missing, unexpected, or of another shape.
    """
    own = model.state_dict()
    taken = [name for name in own if name in state and not _fits(name, fresh)]
    missing = [name for name in own if name not in state and not _fits(name, [*fresh, COUNTERS])]
    others = [name for name in state if name not in own]
    unexpected = [name for name in others if not _fits(name, unused)]
    problems = [
        *_problem("lacks", missing),
        *_problem("has, beside what the model takes,", unexpected),
        *_problem("differs in", _differing(own, state, taken)),
    ]
    if problems:
        raise ConfigError(f"{source} does not fit {type(model).__name__}: it {'; '.join(problems)}")
    model.load_state_dict({name: state[name] for name in taken}, strict=False)
    known = set(taken)
    loaded = Loaded(tuple(taken), tuple(name for name in own if name not in known), tuple(others))
    _tell(model, source, loaded)
    return loaded


def _fits(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _differing(
    own: Mapping[str, torch.Tensor], state: Mapping[str, Any], names: Iterable[str]
) -> list[str]:
    shapes = {name: (own[name].shape, getattr(state[name], "shape", None)) for name in names}
    return [
        f"{name} ({'no tensor' if theirs is None else tuple(theirs)} there, {tuple(ours)} here)"
        for name, (ours, theirs) in shapes.items()
        if theirs != ours
    ]


def _problem(what: str, names: Sequence[str]) -> list[str]:
    return [f"{what} {_listed(names)}"] if names else []


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NUM_SHOWN])
    more = len(names) - NUM_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _tell(model: torch.nn.Module, source: str, loaded: Loaded) -> None:
    log.info(
        "%s starts from %s with %d tensors; as initialised: %s; not needed: %s",
        type(model).__name__,
        source,
        len(loaded.taken),
        _listed(loaded.fresh) or "none",
        _listed(loaded.unused) or "none",
    )
