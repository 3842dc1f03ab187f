"""Modules of the user's project, which lie in the working directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def project_importable() -> Iterator[None]:
    """Within the block modules of the working directory are importable, before all others."""
    before = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before
