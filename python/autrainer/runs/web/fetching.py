"""A file from the web, whole or not at all."""

from __future__ import annotations

import http.client
import logging
import re
import shutil
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from autrainer.errors import ConfigError, DownloadError
from autrainer.runs.process.bars import new_bar
from autrainer.runs.process.streams import lenient
from autrainer.runs.web.integrity import Expected
from autrainer.runs.web.partial import PartialFile

log = logging.getLogger(__name__)

CHUNK_BYTES = 2**20
TIMEOUT_S = 30.0
ATTEMPTS = 4
PAUSE_S = 1.0
"""How long to wait before the second attempt; before each further one twice as long."""

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What a server answers that may answer otherwise a moment later."""
NO_SUCH_RANGE = 416
UNKNOWN = Expected()
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


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
    expected: Expected = UNKNOWN,
    attempts: int = ATTEMPTS,
    pause_s: float = PAUSE_S,
) -> None:
    """Download a file, with a progress bar where stderr is a terminal.

    Where the connection ends too early, or the server is busy, it is asked again, for the rest only
    if it says what its content is. What has come of a file that did not come as a whole is kept
    beside its place under such a server, and the next call goes on there.

    Args:
        url: Where it is, by http or https.
        target: Where it goes; what is there is replaced once all has come.
        timeout_s: How many seconds the server may say nothing.
        stop: Once it is set, the download is given up.
        expected: Size and checksum of the file; another one is not kept.
        attempts: How often the server is asked, at least once.
        pause_s: Seconds before the second attempt.

    Raises:
        ConfigError: if the address is none of the web.
        DownloadError: naming file and address, if the file did not come as a whole.
        OutputError: if it could not be written.
    """
    check_url(url)
    partial = PartialFile(target, url, is_checked=expected.checksum is not None)
    log.info("Downloading %s from %s", target, url)
    for left in reversed(range(attempts)):
        try:
            _attempt(url, partial, timeout_s, stop, expected)
            return
        except _BrokenError as error:
            partial.keep_or_remove()
            if not left or not error.is_temporary:
                raise DownloadError(f"{target.name} did not come from {url}: {error}") from error
            log.info("%s: %s; asking again", target.name, error)
            _pause(pause_s, stop)
            pause_s *= 2


def _pause(pause_s: float, stop: threading.Event | None) -> None:
    if stop is None:
        time.sleep(pause_s)
    else:
        stop.wait(pause_s)


class _BrokenError(Exception):
    """What has come is not what was asked for; no error of the file that is written.

    Args:
        message: What is wrong.
        is_temporary: It may be better a moment later.
    """

    def __init__(self, message: str, *, is_temporary: bool = False) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary


class _OtherContentError(_BrokenError):
    """What has come belongs to another content: nothing of it is kept."""


def _attempt(
    url: str,
    partial: PartialFile,
    timeout_s: float,
    stop: threading.Event | None,
    expected: Expected,
) -> None:
    headers = partial.headers()
    try:
        with _open(url, headers, timeout_s) as response:
            start, size = _extent(response, headers)
            if not start:
                partial.begin(response.headers)
            _check_size(size, expected, partial.target, start)
            with partial.opened(start) as file:
                known = expected.size if size is None else size
                _receive(response, file, start, known, partial.target.name, stop)
    except _OtherContentError:
        partial.remove()
        raise
    except _RefusedRangeError as error:
        partial.remove()
        raise _BrokenError(str(error), is_temporary=True) from error
    problem = expected.problem(partial.path)
    if problem is not None:
        partial.remove()
        # A server that gave the rest of another content gives all of it the next time.
        raise _BrokenError(problem, is_temporary=bool(start))
    partial.finish()


class _RefusedRangeError(Exception):
    """The server has no such rest: what has come belongs to another content."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Goes where a server sends it, but neither out of the web nor from https to http."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request for the other address."""
        found, wanted = (urllib.parse.urlsplit(url).scheme for url in (newurl, req.full_url))
        if found != wanted and (wanted, found) != ("http", "https"):
            fp.close()
            raise _BrokenError(f"the server sends to {newurl}, which is no {wanted} address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@contextmanager
def _open(url: str, headers: Mapping[str, str], timeout_s: float) -> Iterator[Any]:
    request = urllib.request.Request(url, headers=dict(headers))
    try:
        response = urllib.request.build_opener(_Redirects).open(request, timeout=timeout_s)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == NO_SUCH_RANGE and headers:
                raise _RefusedRangeError("the server has another content now") from error
            raise _BrokenError(_reason(error), is_temporary=error.code in BUSY) from error
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error), is_temporary=_may_pass(error)) from error
    except ValueError as error:
        raise _BrokenError(_reason(error)) from error
    with response:
        yield response


def _may_pass(error: Exception) -> bool:
    """Whether a connection that failed may succeed a moment later."""
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    return isinstance(cause, (TimeoutError, ConnectionResetError, http.client.HTTPException))


def _extent(response: Any, headers: Mapping[str, str]) -> tuple[int, int | None]:
    """Where what comes begins, and how many bytes the whole file has, if the server says so."""
    length = _number(response.headers.get("Content-Length"))
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0, length
    found = _RANGE.fullmatch(str(response.headers.get("Content-Range", "")).strip())
    asked = headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
    if found is None or found[1] != asked:
        raise _RefusedRangeError("the server sends another part than was asked for")
    start = int(found[1])
    return start, _number(found[2]) if length is None else start + length


def _number(text: Any) -> int | None:
    text = str(text)
    return int(text) if text.isascii() and text.isdigit() else None


def _check_size(size: int | None, expected: Expected, target: Path, start: int) -> None:
    if size is None:
        return
    if expected.size not in (None, size):
        raise _BrokenError(f"the server sends {size} bytes instead of {expected.size}")
    free = shutil.disk_usage(target.parent).free
    if size - start > free:
        raise _BrokenError(f"it takes {size} bytes, and {free} are free")


def _receive(
    response: Any,
    file: BinaryIO,
    start: int,
    size: int | None,
    title: str,
    stop: threading.Event | None,
) -> None:
    num_bytes = start
    with _bar(title, start, size) as advance:
        while chunk := _read(response):
            if stop is not None and stop.is_set():
                raise _BrokenError("it was given up")
            num_bytes += len(chunk)
            if size is not None and num_bytes > size:
                # It may never end.
                raise _OtherContentError(f"the server sends more than {size} bytes")
            file.write(chunk)
            advance(len(chunk))
    if size is not None and num_bytes != size:
        told = f"the connection ended after {num_bytes} of {size} bytes"
        raise _BrokenError(told, is_temporary=True)


def _read(response: Any) -> bytes:
    try:
        chunk: bytes = response.read1(CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _BrokenError(_reason(error), is_temporary=True) from error
    return chunk


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", None)
    cause = cause if isinstance(cause, Exception) else error
    if isinstance(cause, TimeoutError):
        return "the server says nothing"
    return str(cause) or type(cause).__name__


@contextmanager
def _bar(title: str, start: int, size: int | None) -> Iterator[Callable[[int], object]]:
    """A progress bar where somebody sees it; that it cannot be shown matters to no download."""
    if not lenient(sys.stderr).isatty():
        yield lambda num_bytes: None
        return
    bar = new_bar(initial=start, total=size, desc=title, unit="B", unit_scale=True, leave=False)
    try:
        yield bar.update
    finally:
        bar.close()
