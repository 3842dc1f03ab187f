"""The configurations that come with autrainer."""

from __future__ import annotations

from pathlib import Path

import autrainer


def packaged_dir() -> Path:
    """Folder of the configurations that come with autrainer."""
    return Path(autrainer.__file__).parent / "conf"
