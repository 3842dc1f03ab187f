"""What the files of a cache of features hold, told without reading those that have not changed."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autrainer.runs.state.sealed import seal_of
from autrainer.runs.writing.opening import reading

CONTENTS = "contents.jsonl"
"""What the content of each file was when it was seen last: its path, size, time and digest."""


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Args:
        size: Its bytes.
        time_ns: When it was changed last.
        digest: Of what it holds.
    """

    size: int
    time_ns: int
    digest: str

    def is_of(self, path: str) -> bool:
        """Whether a file still has the size and the time that it had."""
        return (self.size, self.time_ns) == _state(path)


def contents_of(index: Path, paths: list[str]) -> list[Content]:
    """What each file holds; read only where size or time have changed since the index was written.

    Raises:
        FileNotFoundError: if a file is not there.
    """
    known = _known(index)
    found, lines = [], []
    for path in map(os.path.abspath, paths):
        content = known.get(path)
        state = _state(path)
        if content is None or (content.size, content.time_ns) != state:
            # State first: of a file that changes meanwhile the digest is looked at again.
            content = known[path] = Content(*state, _digest(path))
            lines.append(json.dumps([path, *state, content.digest]) + "\n")
        found.append(content)
    if lines:
        # One write, at the end of the file whoever else writes there.
        with open(index, "ab", buffering=0) as file:
            file.write("".join(lines).encode())
    return found


def _known(index: Path) -> dict[str, Content]:
    known: dict[str, Content] = {}
    try:
        with reading(index) as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return known
    for line in lines:
        # Of a line that was cut off, the file is looked at again.
        with contextlib.suppress(ValueError, TypeError):
            path, size, time_ns, digest = json.loads(line)
            known[path] = Content(size, time_ns, digest)
    return known


def _state(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


def _digest(path: str) -> str:
    with reading(path) as file:
        return seal_of(np.fromfile(file, dtype=np.uint8)).hex()
