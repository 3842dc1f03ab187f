"""Within a check of a configuration nothing is downloaded: what is not there is told instead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from autrainer.errors import DownloadError

_refused: ContextVar[bool] = ContextVar("refused", default=False)


class NotDownloadedError(DownloadError):
    """Something is not on this machine yet, and may not be downloaded now."""


@contextmanager
def downloads_refused() -> Iterator[None]:
    """Within the block what would be downloaded is a `NotDownloadedError`."""
    token = _refused.set(True)
    try:
        yield
    finally:
        _refused.reset(token)


def are_refused() -> bool:
    """Whether nothing may be downloaded now."""
    return _refused.get()


def refuse_download(what: str) -> None:
    """Refuse a download where none is allowed.

    Args:
        what: What would be downloaded.

    Raises:
        NotDownloadedError: if nothing may be downloaded now.
    """
    if are_refused():
        raise NotDownloadedError(f"{what} is not on this machine yet; autrainer fetch gets it")
