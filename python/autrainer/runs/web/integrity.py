"""Whether a file that came from the web is the one that was meant."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from autrainer.errors import ConfigError
from autrainer.runs.writing.opening import reading

CHUNK_BYTES = 2**20
GIT = "git"
_DIGITS = {"sha256": 64, "sha1": 40, "md5": 32, GIT: 40}


@dataclass(frozen=True)
class Expected:
    """What is known of a file before it is downloaded; None for what is not known.

    Args:
        size: Its bytes.
        checksum: `sha256:...`, `sha1:...`, `md5:...`, or `git:...`, the name of a blob of git:
            the algorithm and the digest in hexadecimal digits.

    Raises:
        ConfigError: if the checksum is written in another way.
    """

    size: int | None = None
    checksum: str | None = None

    def __post_init__(self) -> None:
        if self.checksum is None:
            return
        algorithm, _, digest = self.checksum.partition(":")
        is_hex = set(digest) <= set("0123456789abcdef")
        if not is_hex or len(digest) != _DIGITS.get(algorithm, -1):
            raise ConfigError(
                f"{self.checksum!r} is no checksum; use one of {', '.join(_DIGITS)}, a colon, and "
                "the digest in small hexadecimal digits"
            )

    @classmethod
    def of(cls, path: Path) -> Expected:
        """Size and SHA-256 of a file that is there.

        Raises:
            OSError: if it cannot be read.
        """
        size = path.stat().st_size
        return cls(size, f"sha256:{_digest(path, 'sha256', size)}")

    def problem(self, path: Path) -> str | None:
        """What is wrong with a file, or None.

        Raises:
            OSError: if it cannot be read.
        """
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"it has {size} bytes instead of {self.size}"
        if self.checksum is None:
            return None
        algorithm, _, digest = self.checksum.partition(":")
        found = _digest(path, algorithm, size)
        return None if found == digest else f"its {algorithm} is {found} instead of {digest}"


def _digest(path: Path, algorithm: str, size: int) -> str:
    # No secret hangs on it: a checksum of a publisher may be one of the old algorithms.
    name = "sha1" if algorithm == GIT else algorithm
    digest = hashlib.new(name, usedforsecurity=False)
    if algorithm == GIT:
        digest.update(f"blob {size}\0".encode())
    with reading(os.fspath(path)) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
