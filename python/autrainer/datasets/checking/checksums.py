"""Checksums of the samples of a dataset: whether it is the one that a run began with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from autrainer.datasets.wrapper import RawTargets, SplitDataset

SPLITS = ("train", "dev", "test")

Checksums = dict[str, dict[str, Any]]
"""For each split `rows`, their number, and digests of `names` and `targets` in their order."""

_PLAIN = frozenset({str, int, float, bool, type(None), list, tuple})


def checksums_of(data: Any) -> Checksums:
    """Number, names and targets of the samples of every split, as the data have them.

    Folders do not count: a project may be moved. What nobody can compare is None: the samples of
    classes of the user's own, and targets that are objects of them.

    Args:
        data: A dataset with `train_dataset`, `dev_dataset` and `test_dataset`.
    """
    return {subset: _split(data, subset) for subset in SPLITS}


def differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The splits that are not what they were, and what is different about each.

    What has not been kept, or cannot be compared now, is taken to be the same.
    """
    for subset, own in now.items():
        before = kept.get(subset)
        if not isinstance(before, Mapping):
            continue
        changed = [key for key, value in own.items() if _is_other(before.get(key), value)]
        if "rows" in changed:
            yield subset, f"it had {before['rows']} samples and has {own['rows']}"
        elif changed:
            yield subset, f"it has other {' and '.join(changed)}, or the same in another order"


def _is_other(before: Any, now: Any) -> bool:
    return type(before) is type(now) and bool(before != now)


def _split(data: Any, subset: str) -> dict[str, Any]:
    split = getattr(data, f"{subset}_dataset")
    if not isinstance(split, SplitDataset):
        return {"rows": len(split) if hasattr(type(split), "__len__") else None}
    names = data.sample_names(subset)
    return {
        "rows": len(split),
        "names": None if names is None else _digest_of_texts(names),
        "targets": _digest(split._raw),
    }


def _digest(targets: RawTargets) -> str | None:
    if isinstance(targets, np.ndarray | torch.Tensor):
        array = np.ascontiguousarray(targets)
        return _digest_of_bytes(f"{array.dtype.str} {array.shape}".encode(), array.data)
    kinds = set(map(type, targets))
    if kinds & {list, tuple}:
        kinds.update(*(map(type, cell) for cell in targets if isinstance(cell, list | tuple)))
    # The text of any other object may tell where it lies in memory.
    return _digest_of_texts(targets) if kinds <= _PLAIN else None


def _digest_of_texts(values: Sequence[Any]) -> str:
    return _digest_of_bytes("\0".join(map(str, values)).encode(errors="surrogatepass"))


def _digest_of_bytes(*parts: Any) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
