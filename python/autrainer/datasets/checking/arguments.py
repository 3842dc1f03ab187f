"""Arguments of datasets: which have to be given, and which exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autrainer.config.schema.required_arguments import Needed
from autrainer.errors import ConfigError

NEEDED: Any = Needed()
FOR_FILES: Any = Needed(unless="features")
"""Of arguments that are about files: a table of features needs none."""

NO_FILES = "autrainer.data.file_handlers.IdentityFileHandler"
_ABOUT_FILES = ("features_subdir", "file_type", "file_handler", "features_path")


def refuse_files(arguments: Mapping[str, Any]) -> None:
    """Refuse what is about files beside a table of features.

    Args:
        arguments: Those of a dataset by name, with their defaults.

    Raises:
        ConfigError: naming what is given too much.
    """
    given = [
        name
        for name in _ABOUT_FILES
        if arguments[name] is not None and not isinstance(arguments[name], Needed)
    ]
    if given:
        raise ConfigError(
            f"dataset.{given[0]} is given beside dataset.features: features are files, or columns "
            f"of the table; remove {', '.join(given)}, or features"
        )


def index_of_table(index_column: Any) -> str | None:
    """The index column beside a table of features, which needs none."""
    return None if isinstance(index_column, Needed) else index_column


def index_of_files(index_column: Any) -> str:
    """The index column where features are files.

    Raises:
        ConfigError: if there is none.
    """
    if index_column is None:
        raise ConfigError("dataset.index_column is null; name the column with the paths of files")
    index: str = index_column
    return index
