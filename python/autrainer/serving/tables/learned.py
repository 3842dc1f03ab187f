"""What a run has learned from, where that was columns of a table; loads no torch and no pandas."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.errors import CorruptFileError
from autrainer.runs.layout import CONFIG_FILE
from autrainer.runs.writing.opening import reading
from autrainer.runs.yaml.reading import read_yaml


@dataclass(frozen=True)
class LearnedTable:
    """Columns of the tables of a run.

    Args:
        features: Names of the columns that are features, or patterns.
        targets: Those of the targets.
        index_column: That of the names of the samples; None if there is none.
        others: All that mean something else than features.
        train_table: The train set of the run.
    """

    features: Sequence[str]
    targets: Sequence[str]
    index_column: str | None
    others: frozenset[str]
    train_table: Path

    @property
    def has_patterns(self) -> bool:
        """Whether features are named by patterns."""
        return any(is_pattern(name) for name in self.features)

    def train_header(self) -> list[str] | None:
        """Columns of the train set; None where it is not there any more."""
        try:
            with reading(self.train_table) as file:
                first = file.readline().decode("utf-8-sig")
        except (OSError, CorruptFileError, UnicodeDecodeError):
            return None
        return next(csv.reader([first]), None)


def learned_table(folder: Path) -> LearnedTable | None:
    """The tables that a run has learned from; None if its features were files.

    Args:
        folder: The run folder.
    """
    try:
        config = read_yaml(folder / CONFIG_FILE)
    except (FileNotFoundError, CorruptFileError):
        return None
    dataset = config.get("dataset") if isinstance(config, Mapping) else None
    if not isinstance(dataset, Mapping) or dataset.get("features") is None:
        return None
    index = dataset.get("index_column")
    targets = _listed(dataset.get("target_column"))
    others = frozenset([*_listed(index), *targets, *_listed(dataset.get("stratify"))])
    train = Path(str(dataset.get("path")), "train.csv")
    return LearnedTable(_listed(dataset["features"]), targets, index, others, train)


def is_pattern(name: str) -> bool:
    """Whether a name of features stands for several columns."""
    return "*" in name or "?" in name


def _listed(names: Any) -> list[str]:
    if names is None:
        return []
    return [names] if isinstance(names, str) else [*names]
