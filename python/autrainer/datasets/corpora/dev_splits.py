"""Data sets that come without a dev set."""

from __future__ import annotations

import logging
from typing import Any

from autrainer.errors import ConfigError

log = logging.getLogger(__name__)


def check_dev_split(dev_split: Any) -> float:
    """The share of train that becomes dev, from 0 on and below 1.

    Raises:
        ConfigError: if it is none.
    """
    is_number = isinstance(dev_split, (int, float)) and not isinstance(dev_split, bool)
    if not is_number or not 0 <= dev_split < 1:
        raise ConfigError(f"dataset.dev_split is {dev_split!r}; use a share from 0 on and below 1")
    return float(dev_split)


def warn_of_test_as_dev(dataset: Any, dev_split: float) -> None:
    """Say that the best iteration is chosen by the test set, where it is."""
    if not dev_split:
        log.warning(
            "%s: dev_split is 0, so dev is the test set, and the best iteration is chosen by what "
            "it is tested on; set dev_split, to 0.1 for instance",
            type(dataset).__name__,
        )
