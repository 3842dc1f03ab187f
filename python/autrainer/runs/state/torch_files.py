"""States of models, optimizers and schedulers as files in torch's format.

What torch writes is a zip archive. Ours carry a comment (`unzip -z` shows it) with the version of
the format and a checksum over all that comes before it: torch itself checks no value that it reads.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch

from autrainer.errors import CorruptFileError
from autrainer.runs.state.sealed import seal_of
from autrainer.runs.writing.files import write_bytes
from autrainer.runs.writing.opening import reading

log = logging.getLogger(__name__)

VERSION = 1
ZIP = b"PK\x03\x04"
MARK = b"autrainer state, format "
_SEAL = b", xxh3-128 "
_VERSION_DIGITS = 4
_SEAL_DIGITS = 32
_BEFORE_SEAL = len(MARK) + _VERSION_DIGITS + len(_SEAL)
COMMENT_BYTES = _BEFORE_SEAL + _SEAL_DIGITS


@runtime_checkable
class Stateful(Protocol):
    """Whatever has a state: a module, an optimizer, a learning-rate scheduler."""

    def state_dict(self) -> Any:
        """The state."""

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take over a state."""


def write_state(state: Any, *paths: Path) -> None:
    """Write a state to each of some paths, whole or not at all; the same state, the same bytes.

    Raises:
        OutputError: naming the file, if it could not be written; it is then as it was before.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    # The last number of an archive is the length of its comment.
    buffer.seek(-2, os.SEEK_END)
    buffer.write(COMMENT_BYTES.to_bytes(2, "little"))
    buffer.write(MARK + str(VERSION).zfill(_VERSION_DIGITS).encode() + _SEAL)
    with buffer.getbuffer() as written:
        seal = seal_of(np.frombuffer(written, dtype=np.uint8))
    buffer.write(seal.hex().encode())
    with buffer.getbuffer() as written:
        for path in paths:
            write_bytes(path, written)


def read_state(path: str | Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a state; nothing in the file is executed.

    Files that torch or an earlier version wrote have no checksum, and are read all the same.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming the file, if it is damaged or holds something else.
    """
    with reading(path) as file:
        content = np.fromfile(file, dtype=np.uint8)
    _check_seal(os.fspath(path), content)
    if content[: len(ZIP)].tobytes() != ZIP:
        # The formats before torch 1.6 execute code where torch is older than 2.6 (CVE-2025-32434).
        raise CorruptFileError(
            f"{path}: expected a state dictionary, found no zip archive; a file of torch before "
            "1.6 has to be saved anew"
        )
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    # Whatever an unpickler trips over.
    except Exception as error:
        raise CorruptFileError(f"{path}: expected a state dictionary, found {error}") from error
    if not isinstance(state, Mapping):
        raise CorruptFileError(f"{path}: expected a state dictionary, found {type(state).__name__}")
    # As it is: the versions of a model's modules are an attribute of this mapping.
    return state  # type: ignore[return-value]


def first_sound(folders: Iterable[Path], names: Sequence[str]) -> tuple[Path, dict[str, Any]]:
    """The first of some folders in which all of some states are sound, and these states.

    Damaged ones are reported and passed over.

    Raises:
        CorruptFileError: or
        FileNotFoundError: as for the first folder, if there is none.
    """
    trouble: CorruptFileError | FileNotFoundError | None = None
    for folder in folders:
        if trouble is not None:
            log.warning("%s is read instead: %s", folder, trouble)
        try:
            return folder, {name: read_state(folder / name) for name in names}
        except (CorruptFileError, FileNotFoundError) as error:
            trouble = trouble or error
    assert trouble is not None, "no folder was given"
    raise trouble


def _check_seal(name: str, content: npt.NDArray[np.uint8]) -> None:
    comment = content[-COMMENT_BYTES:].tobytes()
    if not comment.startswith(MARK):
        return
    seal = seal_of(content[:-_SEAL_DIGITS]).hex().encode()
    if comment[_BEFORE_SEAL:] != seal:
        raise CorruptFileError(
            f"{name}: expected content that fits its checksum, found other; the file was damaged"
        )
    version = int(comment[len(MARK) :][:_VERSION_DIGITS])
    if version > VERSION:
        raise CorruptFileError(
            f"{name}: expected format version {VERSION} or older, found {version}; "
            "read it with the version of autrainer that wrote it"
        )
