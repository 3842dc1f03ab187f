"""What an address says of its file: a name, and a checksum behind it (`https://...#sha256=...`)."""

from __future__ import annotations

import urllib.parse

from autrainer.errors import ConfigError
from autrainer.runs.web.integrity import Expected


def split_checksum(url: str) -> tuple[str, Expected]:
    """An address without its fragment, and what the fragment says that the file is.

    >>> split_checksum("https://host/a.pth#md5=d41d8cd98f00b204e9800998ecf8427e")[1].checksum
    'md5:d41d8cd98f00b204e9800998ecf8427e'

    Raises:
        ConfigError: if the fragment is no checksum.
    """
    address, _, fragment = url.partition("#")
    if not fragment:
        return address, Expected()
    algorithm, _, digest = fragment.partition("=")
    return address, Expected(checksum=f"{algorithm}:{digest.lower()}")


def file_name(url: str) -> str:
    """Name of the file that an address leads to, as people write it.

    >>> file_name("https://host/files/Cnn10_mAP%3D0.380.pth?download=1")
    'Cnn10_mAP=0.380.pth'

    Raises:
        ConfigError: if the address names no file.
    """
    path = urllib.parse.urlsplit(url).path
    name = urllib.parse.unquote(path.rpartition("/")[2])
    if name in ("", ".", "..") or {"/", "\\", "\0"} & set(name):
        raise ConfigError(f"{url!r} names no file to download")
    return name
