"""Names of files of features, made of names of recordings."""

from __future__ import annotations

import os


def with_suffix(path: str, file_type: str) -> str:
    """A path with its last suffix replaced, or with one if it has none; only the name counts.

    >>> with_suffix("audio/a.b.wav", "npy"), with_suffix("v1.0/clip", "npy")
    ('audio/a.b.npy', 'v1.0/clip.npy')
    """
    start = max(path.rfind("/"), path.rfind(os.sep)) + 1
    dot = path.rfind(".", start)
    stem = path[:dot] if start < dot < len(path) - 1 else path
    return f"{stem}.{file_type.lstrip('.')}"
