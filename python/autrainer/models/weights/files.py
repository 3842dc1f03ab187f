"""Files of pretrained weights, downloaded once into torch's hub folder, and read without code."""

from __future__ import annotations

import logging
import pickle
import urllib.parse
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.web.fetching import fetch
from autrainer.runs.web.integrity import Expected
from autrainer.runs.web.refusal import are_refused, refuse_download
from autrainer.runs.web.urls import file_name, split_checksum
from autrainer.runs.writing.files import make_folder
from autrainer.runs.writing.opening import reading

log = logging.getLogger(__name__)


def weights_file(place: str, folder: Path | None = None) -> Path:
    """A file of weights on this machine.

    Args:
        place: Its path, or its address in the web; `#sha256=...` behind an address is what the
            file has to be, looked at whenever it is taken.
        folder: Where a download goes; by default `checkpoints` in torch's hub folder
            (`TORCH_HOME`). A file that is there is taken.

    Raises:
        ConfigError: if it is neither a file nor an address.
        DownloadError: if the file did not come as a whole.
        OutputError: if it could not be written.
    """
    if urllib.parse.urlsplit(place).scheme not in ("http", "https"):
        if not (path := Path(place)).is_file():
            raise ConfigError(
                f"transfer is {place!r}, which is no file and no address; use a path, or an "
                f"address that begins with https:// (relative paths start at {Path.cwd()})"
            )
        return path
    address, expected = split_checksum(place)
    if are_refused():
        known = (folder or hub_folder() / "checkpoints") / file_name(address)
        if not known.is_file():
            refuse_download(address)
        return known
    folder = make_folder(folder or hub_folder() / "checkpoints")
    target = folder / file_name(address)
    with alone_in(folder, "downloads into"):
        if not target.is_file() or not _is_expected(target, expected):
            fetch(address, target, expected=expected)
    return target


def hub_folder() -> Path:
    """The folder that torch keeps downloads in."""
    return Path(torch.hub.get_dir())


def read_weights(path: Path) -> Mapping[str, Any]:
    """What is in a file that `torch.save` wrote, on the CPU; nothing in it is executed.

    Arrays and numbers of NumPy are allowed: the files of PANNs have some beside their tensors.

    Raises:
        FileNotFoundError: if there is no such file.
        CorruptFileError: naming the file, if it is damaged or holds other objects.
    """
    with reading(path) as file:
        try:
            with _numpy_allowed(), warnings.catch_warnings():
                # What is read for weights may warn of whatever its writer used.
                warnings.simplefilter("ignore")
                found = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
            raise CorruptFileError(f"{path}: expected weights, found {_reason(error)}") from error
    if not isinstance(found, Mapping):
        raise CorruptFileError(f"{path}: expected a mapping, found {type(found).__name__}")
    return found


def _is_expected(path: Path, expected: Expected) -> bool:
    problem = expected.problem(path)
    if problem is not None:
        log.warning("%s is downloaded again: %s", path, problem)
    return problem is None


def _reason(error: Exception) -> str:
    """What torch has to say, without its advice to execute the file."""
    _, _, told = str(error).rpartition("WeightsUnpickler error: ")
    return told.partition("Please")[0].strip().partition("\n")[0][:300]


@contextmanager
def _numpy_allowed() -> Iterator[None]:
    """Let torch read arrays within the block; what others have allowed stays allowed."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.add_safe_globals(_numpy_parts())
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


def _numpy_parts() -> list[Any]:
    """What arrays and scalars of numbers are made of, by the names of older versions of NumPy too.

    None of it does more than to make arrays of numbers out of bytes.
    """
    kinds = ["?", "b", "h", "i", "l", "q", "B", "H", "I", "L", "Q", "e", "f", "d"]
    dtypes = {type(np.dtype(kind)) for kind in kinds}
    parts = [np.ndarray, np.dtype, *sorted(dtypes, key=lambda cls: cls.__name__)]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        parts += [_renamed(np.zeros(1).__reduce__()[0], module)]
        parts += [_renamed(np.float64(0).__reduce__()[0], module)]
    return parts


def _renamed(function: Any, module: str) -> Any:
    """A function that torch takes for one of another module: it goes by names."""

    def called(*args: Any) -> Any:
        return function(*args)

    called.__module__ = module
    called.__name__ = called.__qualname__ = function.__name__
    return called
