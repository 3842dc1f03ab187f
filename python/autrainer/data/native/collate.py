"""Batches from samples: the fields of a list of items, the rows of a resident tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from autrainer import _core
from autrainer.data.buffers import BatchBuffers
from autrainer.errors import DataError

# Below, torch.stack of tensors is quicker than their views are made, and the heap has memory ready.
# Above, most of its time goes into the page faults of fresh memory, of which NumPy's (huge pages)
# has few, and memory that goes round has none.
LARGE_BATCH_BYTES = 8 << 20

# Between these, the threads of torch gather rows before threads of our own are started. Beyond
# them it pays to write past the cache, which torch does not.
SHARED_BYTES = range(256 << 10, 64 << 20)

VIEWABLE = {
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128),
}


def collate_fields(
    items: Sequence[Any], buffers: BatchBuffers | None = None
) -> dict[str, torch.Tensor]:
    """One tensor per field of the items, its first axis the batch.

    The first item decides: tensors and arrays are stacked and keep their dtype; anything else is
    what `torch.tensor` makes of the list, so that ints give int64, Python floats the default float
    and NumPy floats their own width.

    Args:
        items: Mappings, dataclass items or other objects with attributes.
        buffers: Memory for large fields, which goes round; None takes fresh memory.

    Raises:
        DataError: if there are no items, or naming the field and two samples that do not fit.
    """
    if len(items) == 0:
        raise DataError("a batch needs at least one sample, found none")
    return {name: _collated(name, _values(name, items), buffers) for name in _names(items[0])}


def gather_rows(
    source: torch.Tensor,
    indices: npt.NDArray[np.int64] | torch.Tensor | Sequence[int],
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """Rows of a tensor, in the order of indices, as a tensor of its own.

    Args:
        source: Shape (N, ...).
        indices: From 0 to N - 1, shape (B,).
        out: Contiguous memory for the result, shape (B, ...), which is returned then.

    Raises:
        DataError: naming position and value of an index without a row, or if `out` does not fit.
    """
    rows = np.asarray(indices, dtype=np.int64)
    if out is not None and _is_for_torch(out):
        return _selected(source, rows, out)
    try:
        # Torch refuses where NumPy cannot look at the memory, in less time than asking would take.
        view = source.numpy()
        place = None if out is None else out.numpy()
    except (TypeError, RuntimeError):
        return _selected(source, rows, out)
    if not view.flags.c_contiguous:
        return _selected(source, rows, out)
    if place is None:
        place = np.empty((len(rows), *view.shape[1:]), view.dtype)
        out = torch.from_numpy(place)
        if _is_for_torch(out):
            return _selected(source, rows, out)
    assert out is not None
    _core.gather(view, rows, place)
    return out


def _is_for_torch(out: torch.Tensor) -> bool:
    return out.nbytes in SHARED_BYTES and torch.get_num_threads() > 1


def _names(item: Any) -> list[str]:
    if isinstance(item, Mapping):
        return list(item)
    if hasattr(item, "__dict__"):
        return list(vars(item))
    if dataclasses.is_dataclass(item):
        return [field.name for field in dataclasses.fields(item)]
    raise DataError(
        f"a sample is of type {type(item).__name__}, which has no fields; use a DataItem"
    )


def _values(name: str, items: Sequence[Any]) -> list[Any]:
    try:
        if isinstance(items[0], Mapping):
            return [item[name] for item in items]
        return [getattr(item, name) for item in items]
    except (KeyError, AttributeError, TypeError) as error:
        position = next(i for i, item in enumerate(items) if name not in _names(item))
        raise DataError(
            f"field {name!r}: sample 0 of the batch has it, sample {position} does not"
        ) from error


def _collated(name: str, values: list[Any], buffers: BatchBuffers | None) -> torch.Tensor:
    first = values[0]
    try:
        if isinstance(first, torch.Tensor):
            return _stacked_tensors(values, buffers)
        if isinstance(first, np.ndarray):
            return _stacked_arrays(values, buffers)
        return _scalars(values)
    except (DataError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"field {name!r}: {_difference(values) or error}") from error


def _stacked_tensors(tensors: list[torch.Tensor], buffers: BatchBuffers | None) -> torch.Tensor:
    first = tensors[0]
    if len({tensor.dtype for tensor in tensors}) > 1:
        raise DataError("samples of a batch differ in dtype")
    if first.nbytes * len(tensors) < LARGE_BATCH_BYTES or not all(map(_has_view, tensors)):
        return torch.stack(tensors)
    return _stacked_arrays([tensor.numpy() for tensor in tensors], buffers)


def _stacked_arrays(arrays: list[npt.NDArray[Any]], buffers: BatchBuffers | None) -> torch.Tensor:
    first = arrays[0]
    shape, dtype = (len(arrays), *first.shape), first.dtype.newbyteorder("=")
    if buffers is None or first.nbytes * len(arrays) < LARGE_BATCH_BYTES:
        out = np.empty(shape, dtype)
        # What torch cannot hold is refused before it is copied.
        batch = torch.from_numpy(out)
    else:
        batch = buffers.take(shape, dtype)
        out = batch.numpy()
    _core.stack(arrays, out)
    return batch


def _scalars(values: list[Any]) -> torch.Tensor:
    kinds = set(map(type, values))
    if kinds <= {int} or kinds <= {bool} or kinds <= {np.float64} or kinds <= {np.int64}:
        # As torch.tensor, in a quarter of its time.
        array = np.array(values)
        if array.dtype.kind in "bif":
            return torch.from_numpy(array)
    elif kinds <= {float}:
        return torch.from_numpy(np.array(values)).to(torch.get_default_dtype())
    return torch.tensor(values)


def _difference(values: list[Any]) -> str | None:
    """What the first sample that does not fit the first one has, and what that one has."""
    expected = _described(values[0])
    for position, value in enumerate(values):
        found = _described(value)
        if isinstance(value, (str, bytes)):
            return f"sample {position} of the batch is {found}; encode texts as numbers first"
        if found != expected:
            return (
                f"sample 0 of the batch is {expected}, sample {position} is {found}; "
                "all samples of a batch need one shape and dtype"
            )
    return None


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {value.dtype}, on {value.device}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}, {value.dtype}"
    if isinstance(value, (str, bytes)):
        return f"the text {value!r}"
    if isinstance(value, Sequence):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"of type {type(value).__name__}"


def _has_view(tensor: torch.Tensor) -> bool:
    """Whether NumPy can look at the memory of a tensor."""
    return (
        tensor.device.type == "cpu"
        and not tensor.requires_grad
        and tensor.layout is torch.strided
        and tensor.dtype in VIEWABLE
        and not tensor.is_conj()
        and not tensor.is_neg()
    )


def _selected(
    source: torch.Tensor, rows: npt.NDArray[np.int64], out: torch.Tensor | None
) -> torch.Tensor:
    """`gather_rows` by torch."""
    shape = (len(rows), *source.shape[1:])
    if out is not None and (out.shape != shape or out.dtype != source.dtype):
        raise DataError(
            f"out has shape {tuple(out.shape)}, {out.dtype}; the rows ask for {shape}, "
            f"{source.dtype}"
        )
    index = torch.from_numpy(rows)
    if source.device.type != "cpu":
        _refuse_missing_rows(rows, len(source))
        index = index.to(source.device)
    try:
        return torch.index_select(source, 0, index, out=out)
    except (IndexError, RuntimeError):
        _refuse_missing_rows(rows, len(source))
        raise


def _refuse_missing_rows(rows: npt.NDArray[np.int64], num_rows: int) -> None:
    wrong = np.flatnonzero((rows < 0) | (rows >= num_rows))
    if wrong.size:
        position = int(wrong[0])
        raise DataError(
            f"index {rows[position]} at position {position} names no row: there are "
            f"{num_rows} rows, numbered from 0"
        )
