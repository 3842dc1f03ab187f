"""What a run consists of that changes while it trains: each part is said once, here and nowhere.

Saving a state, resuming from it, the files that users load, the estimate of the disk and the check
that a state fits the run all go through the parts that have been added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch

from autrainer.runs.state.torch_files import Stateful

Value = TypeVar("Value")


@dataclass(frozen=True)
class StatefulValue(Generic[Value]):
    """A plain value as a part: numbers, texts, lists and dictionaries of them.

    Args:
        get: The value of now.
        put: Takes it back.
    """

    get: Callable[[], Value]
    put: Callable[[Value], None]

    def state_dict(self) -> Value:
        """The value."""
        return self.get()

    def load_state_dict(self, state_dict: Value) -> None:
        """Take it back."""
        self.put(state_dict)


@dataclass(frozen=True)
class _Part:
    get: Callable[[], Any]
    num_bytes: Callable[[], int] | None
    is_new: bool


class StatefulParts:
    """The parts of one run by their names, in the order in which they are given back.

    A name is a path into the tree of a state: `"timers/train"` stands at `tree["timers"]["train"]`.
    """

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}
        self._checkpoints: dict[str, str] = {}

    def add(
        self,
        name: str,
        part: Callable[[], Any],
        *,
        checkpoint: str | None = None,
        num_bytes: Callable[[], int] | None = None,
        is_new: bool = False,
    ) -> None:
        """Add a part.

        Args:
            name: Where its state stands in the tree, `/` between the keys.
            part: Gives the part of now, since callbacks may put another one in its place; None,
                or something without a state, has nothing to keep.
            checkpoint: File that users load its state from, in `_best/` and its siblings.
            num_bytes: How large its state will be once the run trains; by default as large as its
                tensors are now.
            is_new: States that were written before the part was known lack it; then it stays as
                it is.

        Raises:
            ValueError: if there is a part of this name.
        """
        if name in self._parts:
            raise ValueError(f"there is a part {name!r} already")
        self._parts[name] = _Part(part, num_bytes, is_new)
        if checkpoint is not None:
            self._checkpoints[checkpoint] = name

    def state_dict(self) -> dict[str, Any]:
        """The states of all parts as a tree; None for those that have none."""
        tree: dict[str, Any] = {}
        for name, entry in self._parts.items():
            *parents, last = name.split("/")
            branch = tree
            for key in parents:
                branch = branch.setdefault(key, {})
            part = entry.get()
            branch[last] = part.state_dict() if isinstance(part, Stateful) else None
        return tree

    def load_state_dict(self, tree: Mapping[str, Any]) -> None:
        """Give every part its state back.

        Raises:
            KeyError: naming a part that only the tree has, or only this run.
            TypeError: naming a value that is of another kind than that of now.
        """
        for name, entry in self._parts.items():
            part = entry.get()
            is_there = isinstance(part, Stateful)
            # What a run has not, such as a scheduler, earlier versions left out of the tree.
            state = _found(tree, name, required=is_there and not entry.is_new)
            if state is None:
                continue
            if not is_there:
                raise KeyError(f"the state has {name!r}, this run has not")
            check_alike(state, part.state_dict(), name)
            part.load_state_dict(state)

    def checkpoints(self) -> dict[str, Stateful]:
        """The parts whose states users load, by file name; without those that the run lacks."""
        found = {file: self._parts[name].get() for file, name in self._checkpoints.items()}
        return {file: part for file, part in found.items() if isinstance(part, Stateful)}

    def num_bytes(self, *, checkpoints_only: bool = False) -> int:
        """About how large a state of all parts is, or what users load of it."""
        names = self._checkpoints.values() if checkpoints_only else self._parts
        return sum(_num_bytes(self._parts[name]) for name in names)


def check_alike(found: Any, own: Any, where: str) -> None:
    """Look whether the values of a state are of the kinds that a part has now.

    Parts of other libraries believe what they are given, and fail steps later. What is not there
    on one side, and how long lists are, is left to them; so are values that are None now.

    Raises:
        TypeError: naming the place.
    """
    if isinstance(own, Mapping):
        _require(found, Mapping, where)
        for key in own.keys() & found.keys():
            check_alike(found[key], own[key], f"{where}.{key}")
    elif isinstance(own, list | tuple):
        _require(found, (list, tuple), where)
        for position, (one, own_one) in enumerate(zip(found, own, strict=False)):
            # LBFGS keeps lists whose tensors come one after the other.
            if one is not None or not isinstance(own_one, torch.Tensor):
                check_alike(one, own_one, f"{where}[{position}]")
    elif isinstance(own, str):
        _require(found, str, where)
    elif isinstance(own, int | float) and not _is_scalar(found):
        _require(found, (int, float), where)
    elif isinstance(own, torch.Tensor) and not isinstance(found, int | float):
        _require(found, torch.Tensor, where)


def _is_scalar(value: Any) -> bool:
    """Whether a value is a tensor of one number, as learning rates may be."""
    return isinstance(value, torch.Tensor) and value.dim() == 0


def _require(found: Any, kind: type | tuple[type, ...], where: str) -> None:
    if not isinstance(found, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        wanted = " or ".join(one.__name__ for one in kinds)
        raise TypeError(f"{where} is of type {type(found).__name__}, expected {wanted}")


def _num_bytes(entry: _Part) -> int:
    if entry.num_bytes is not None:
        return entry.num_bytes()
    part = entry.get()
    return _tensor_bytes(part.state_dict()) if isinstance(part, Stateful) else 0


def _tensor_bytes(state: Any) -> int:
    if isinstance(state, torch.Tensor):
        return state.nbytes
    if isinstance(state, Mapping):
        return sum(map(_tensor_bytes, state.values()))
    if isinstance(state, list | tuple):
        return sum(map(_tensor_bytes, state))
    return 0


def _found(tree: Mapping[str, Any], name: str, *, required: bool) -> Any:
    node: Any = tree
    for key in name.split("/"):
        if not isinstance(node, Mapping) or key not in node:
            if required:
                raise KeyError(f"the state lacks {name!r}")
            return None
        node = node[key]
    return node
