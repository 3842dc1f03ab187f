"""A file from the web, whole or not at all."""

from __future__ import annotations

import http.client
import logging
import shutil
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autrainer.errors import ConfigError, DownloadError
from autrainer.runs.process.bars import new_bar
from autrainer.runs.process.streams import lenient
from autrainer.runs.writing.files import with_folder, write_by_name

log = logging.getLogger(__name__)

CHUNK_BYTES = 2**20
TIMEOUT_S = 30.0


def check_url(url: str) -> None:
    """Refuse what is no address in the web.

    Raises:
        ConfigError: if so.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{url!r} is no address to download from; use http:// or https://")


def fetch(
    url: str,
    target: Path,
    *,
    timeout_s: float = TIMEOUT_S,
    stop: threading.Event | None = None,
) -> None:
    """Download a file, with a progress bar where stderr is a terminal.

    Args:
        url: Where it is, by http or https.
        target: Where it goes; what is there is replaced once all has come.
        timeout_s: How many seconds the server may say nothing.
        stop: Once it is set, the download is given up.

    Raises:
        ConfigError: if the address is none of the web.
        DownloadError: naming file and address, if the file did not come as a whole.
        OutputError: if it could not be written.
    """
    check_url(url)
    try:
        with _open(url, timeout_s) as response:
            size = _size(response)
            _check_space(target, size)
            log.info("Downloading %s from %s", target, url)
            write_by_name(target, lambda name: _receive(response, size, name, target.name, stop))
    except _BrokenError as error:
        raise DownloadError(f"{target.name} did not come from {url}: {error}") from error


class _BrokenError(Exception):
    """What has come is not what was asked for; no error of the file that is written."""


@contextmanager
def _open(url: str, timeout_s: float) -> Iterator[Any]:
    try:
        response = urllib.request.urlopen(url, timeout=timeout_s)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _BrokenError(_reason(error)) from error
    with response:
        yield response


def _size(response: Any) -> int | None:
    """How many bytes a server says it will send, if it says so."""
    text = str(response.headers.get("Content-Length", ""))
    return int(text) if text.isascii() and text.isdigit() else None


def _check_space(target: Path, size: int | None) -> None:
    free = shutil.disk_usage(Path(with_folder(target)).parent).free
    if size is not None and size > free:
        raise _BrokenError(f"it takes {size} bytes, and {free} are free")


def _receive(
    response: Any, size: int | None, name: str, title: str, stop: threading.Event | None
) -> None:
    num_bytes = 0
    with _bar(title, size) as advance, open(name, "wb") as file:
        while chunk := _read(response):
            if stop is not None and stop.is_set():
                raise _BrokenError("it was given up")
            file.write(chunk)
            num_bytes += len(chunk)
            advance(len(chunk))
    if size is not None and num_bytes != size:
        raise _BrokenError(f"the connection ended after {num_bytes} of {size} bytes")


def _read(response: Any) -> bytes:
    try:
        chunk: bytes = response.read(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error)) from error
    return chunk


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    if isinstance(cause, TimeoutError):
        return "the server says nothing"
    return str(cause) or type(cause).__name__


@contextmanager
def _bar(title: str, size: int | None) -> Iterator[Callable[[int], object]]:
    """A progress bar where somebody sees it; that it cannot be shown matters to no download."""
    if not lenient(sys.stderr).isatty():
        yield lambda num_bytes: None
        return
    bar = new_bar(total=size, desc=title, unit="B", unit_scale=True, leave=False)
    try:
        yield bar.update
    finally:
        bar.close()
