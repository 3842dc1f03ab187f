"""The configurations that come with autrainer, and those of a project beside them."""

from __future__ import annotations

from pathlib import Path

import autrainer


def packaged_dir() -> Path:
    """Folder of the configurations that come with autrainer."""
    return Path(autrainer.__file__).parent / "conf"


def has_configuration(group: str, name: str) -> bool:
    """Whether a group has a configuration of this name, in `./conf` or in the package."""
    folders = (Path("conf"), packaged_dir())
    return any((folder / group / f"{name}.yaml").is_file() for folder in folders)
