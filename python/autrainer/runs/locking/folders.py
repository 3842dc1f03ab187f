"""One process at a time fills a folder: of downloads, of features, of results."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autrainer.runs.locking import flocks

log = logging.getLogger(__name__)


@contextmanager
def alone_in(folder: Path, does: str) -> Iterator[bool]:
    """Keep other processes out of a folder, where the system has locks; tells whether it has.

    Another process that is in there is waited for. The lock ends with the process.

    Args:
        folder: The folder, which exists.
        does: What the other one does, for the log, such as `downloads into`.
    """
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:
        # Windows opens no folders.
        yield False
        return
    try:
        is_alone = flocks.take(opened, until=-math.inf)
        if not is_alone and flocks.is_taken(opened):
            log.info("Another process %s %s; waiting for it", does, folder)
            is_alone = flocks.take(opened, until=math.inf)
        yield is_alone
    finally:
        os.close(opened)
