"""Files that a model learns from and is scored on."""

from __future__ import annotations

import logging
from typing import Any

from autrainer.data.messages import first_few
from autrainer.datasets.tables.frames import Listing
from autrainer.datasets.wrapper import DatasetWrapper

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


def _is_one_file_each(split: Any) -> bool:
    own = DatasetWrapper
    return isinstance(split, own) and all(
        getattr(type(split), name) is getattr(own, name)
        for name in ("load_features", "__getitem__", "__len__")
    )


def _short(listing: Listing) -> str:
    return listing.source.rpartition("/")[2] if listing.is_file else listing.source
