"""Files that a model learns from and is scored on."""

from __future__ import annotations

import logging
from typing import Any

from autrainer.data.messages import counted, first_few
from autrainer.datasets.tables.frames import Listing
from autrainer.datasets.wrapper import DatasetWrapper, as_list

log = logging.getLogger(__name__)


def warn_of_shared_files(train: Any, other: Any) -> None:
    """Warn of files of the train split that another split has too, with their number and names.

    Splits whose samples are more or less than a file each are passed over: parts of a file may
    well lie in different splits.

    Args:
        train: The train split.
        other: The dev or test split.
    """
    if not (_is_one_file_each(train) and _is_one_file_each(other)):
        return
    learned, paths = set(train.paths), dict.fromkeys(other.paths)
    if learned.isdisjoint(paths):
        return
    names = dict(zip(other.paths, other.names, strict=True))
    shared = [names[path] for path in paths if path in learned]
    listed = first_few(shared)
    log.warning(
        "%s: %d of its %d files are in %s too: %s; scores on them do not tell how well the model "
        "does on data that it has not seen",
        other.listing,
        len(shared),
        len(paths),
        _short(train.listing),
        listed,
    )


def warn_of_repeated_files(split: Any, *, may_repeat: bool) -> None:
    """Warn of files that several rows of a split name.

    Args:
        split: The split; passed over where its samples are more or less than a file each.
        may_repeat: Rows that say the same are meant, as in a train split in which some samples
            count more; those that say different things of a file are told all the same.
    """
    if not _is_one_file_each(split):
        return
    said: dict[str, list[str]] = {}
    targets = split.df[as_list(split.target_column)].astype(str).agg("\0".join, axis=1)
    for path, target in zip(split.paths, targets.tolist(), strict=True):
        said.setdefault(path, []).append(target)
    names = dict(zip(split.paths, split.names, strict=True))
    at_odds = [names[path] for path, targets in said.items() if len(set(targets)) > 1]
    repeated = [names[path] for path, targets in said.items() if len(targets) > 1]
    if at_odds:
        log.warning(
            "%s: rows say different things of %s: %s; one of them is wrong",
            split.listing,
            counted(len(at_odds), "file"),
            first_few(at_odds),
        )
    elif repeated and not may_repeat:
        log.warning(
            "%s: %s in several rows: %s; they count several times in all scores",
            split.listing,
            f"{counted(len(repeated), 'file')} {'is' if len(repeated) == 1 else 'are'}",
            first_few(repeated),
        )


def _is_one_file_each(split: Any) -> bool:
    own = DatasetWrapper
    return isinstance(split, own) and all(
        getattr(type(split), name) is getattr(own, name)
        for name in ("load_features", "__getitem__", "__len__")
    )


def _short(listing: Listing) -> str:
    return listing.source.rpartition("/")[2] if listing.is_file else listing.source
