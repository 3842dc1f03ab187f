"""How batches get from a worker process to its parent: in shared memory, or copied if it is full.

A thread of torch's queue would pack them. Where it fails it prints the error and the batch is lost,
so the parent waits for ever. Packed here, the error takes the place of the batch.
"""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import torch

from autrainer.errors import DataError

SHARED_MEMORY = "/dev/shm"
MIB = 2**20


@dataclass(frozen=True)
class PackedBatch:
    """A batch, packed; taken from the queue it is a `ReceivedBatch`.

    Args:
        content: The batch, as the pickler for processes makes it.
        is_copied: The content holds the tensors themselves, since there was no shared memory.
    """

    content: bytes
    is_copied: bool

    @classmethod
    def of(cls, batch: Any) -> PackedBatch:
        """Pack a batch.

        Raises:
            DataError: if it holds something that cannot be sent to another process.
        """
        try:
            try:
                # All of them before any is packed: what is packed and never sent is never freed.
                for tensor in _tensors(batch):
                    tensor.share_memory_()  # type: ignore[no-untyped-call]
                return cls(bytes(ForkingPickler.dumps(batch)), is_copied=False)
            except (RuntimeError, OSError) as error:
                if not is_shared_memory_error(error):
                    raise
                return cls(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL), is_copied=True)
        except (pickle.PicklingError, TypeError, AttributeError, RuntimeError) as error:
            raise DataError(
                f"a batch cannot be sent from a worker process: {error}; let the collate function "
                "return tensors, arrays, numbers and texts, or set num_workers to 0"
            ) from error

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (self.content, self.is_copied)


@dataclass(frozen=True)
class ReceivedBatch:
    """A batch that has arrived.

    Args:
        batch: The batch.
        is_copied: It did not come in shared memory.
    """

    batch: Any
    is_copied: bool

    def pin_memory(self) -> ReceivedBatch:
        """The same, in page-locked memory."""
        return ReceivedBatch(pinned(self.batch), self.is_copied)


def pinned(value: Any) -> Any:
    """A batch of users in page-locked memory, in containers of the same classes.

    Args:
        value: Tensors, objects with a `pin_memory` of their own, and containers of them; anything
            else is given back as it is.
    """
    if hasattr(value, "pin_memory"):
        return value.pin_memory()
    if isinstance(value, Mapping):
        return _refilled(value, {key: pinned(entry) for key, entry in value.items()})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(pinned, value))
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return _refilled(value, [pinned(entry) for entry in value])
    return value


def _refilled(container: Any, content: Any) -> Any:
    """A copy of a container with other content; the content where its class does not allow that."""
    try:
        if not isinstance(container, (MutableMapping, MutableSequence)):
            return type(container)(content)
        # Its class may have more attributes than its content.
        made: Any = copy.copy(container)
        for key, entry in content.items() if isinstance(content, dict) else enumerate(content):
            made[key] = entry
        return made
    except TypeError:
        return content


def _unpacked(content: bytes, is_copied: bool) -> ReceivedBatch:
    return ReceivedBatch(pickle.loads(content), is_copied)


def is_shared_memory_error(error: BaseException) -> bool:
    """Whether an error says that there was not enough shared memory, in a worker or here."""
    text = str(error)
    return "shared memory" in text or "Bus error" in text


def shared_memory_error(name: str) -> DataError:
    """The error for a worker that has found no shared memory."""
    return DataError(
        f"the worker processes of the {name} found no room in shared memory "
        f"({shared_memory_size()}); {shared_memory_advice()}, or set num_workers to 0"
    )


def shared_memory_advice() -> str:
    """How to get more shared memory."""
    return f"enlarge {SHARED_MEMORY} (docker run --shm-size=2g)"


def shared_memory_size() -> str:
    """How large shared memory is, and how much of it is free."""
    try:
        found = os.statvfs(SHARED_MEMORY)
    except OSError:
        return f"there is no {SHARED_MEMORY}"
    total, free = (blocks * found.f_frsize / MIB for blocks in (found.f_blocks, found.f_bavail))
    return f"{SHARED_MEMORY} holds {total:.0f} MiB, {free:.0f} of them free"


def _tensors(batch: Any) -> list[torch.Tensor]:
    """The tensors of a batch that lie in the memory of this process, wherever it holds them."""
    finder = _TensorFinder()
    finder.dump(batch)
    return finder.tensors


class _TensorFinder(ForkingPickler):
    """Goes through an object as a pickler does; what is large is not packed."""

    def __init__(self) -> None:
        super().__init__(_NullFile(), pickle.HIGHEST_PROTOCOL)
        self.tensors: list[torch.Tensor] = []

    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, torch.Tensor):
            if _lies_in_memory(obj):
                self.tensors.append(obj)
            return 0
        return 0 if isinstance(obj, np.ndarray) and not obj.dtype.hasobject else None


class _NullFile:
    """A file that keeps nothing."""

    def write(self, data: Any) -> int:
        return len(data)


def _lies_in_memory(tensor: torch.Tensor) -> bool:
    is_plain = tensor.device.type == "cpu" and tensor.layout == torch.strided
    return is_plain and tensor.untyped_storage().nbytes() > 0
