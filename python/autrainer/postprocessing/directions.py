"""Whether more or less of a metric is better, found without importing what trained the runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from autrainer.config.project_path import project_importable
from autrainer.errors import AutrainerError
from autrainer.runs.layout import UNSCALED
from autrainer.runs.record.configuration import import_path
from autrainer.runs.record.metrics_table import Direction
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.record.scores import LOSSES

log = logging.getLogger(__name__)

SPREAD = ".std"
"""Ends names of standard deviations."""


class Directions:
    """For every metric of some runs whether it is best at its maximum or its minimum.

    A finished run shows it by its own best value. Where none does, since there was one iteration
    only, the class of the metric is asked; it is imported then.

    Args:
        records: The runs.
    """

    def __init__(self, records: Sequence[RunRecord]) -> None:
        self._records = records
        self._known: dict[str, Direction] = {}

    def of(self, name: str) -> Direction:
        """The direction of a column: of a metric, a loss, or a score of the test set."""
        bare = name.removeprefix("test_").partition(UNSCALED)[0]
        if bare in LOSSES:
            return "min"
        if bare not in self._known:
            self._known[bare] = self._find(bare)
        return self._known[bare]

    def _find(self, name: str) -> Direction:
        shown = (record.direction(name) for record in self._records)
        found = next((each for each in shown if each is not None), None)
        if found is not None:
            return found
        for record in self._records:
            suffix = _suffix_of_class(record, name)
            if suffix is not None:
                return suffix
        log.warning("whether more or less of %s is better is not known; more is taken to be", name)
        return "max"

    def suffixes(self, names: Sequence[str]) -> dict[str, Direction]:
        """The directions of some columns by name."""
        return {name: self.of(name) for name in names}


def _suffix_of_class(record: RunRecord, name: str) -> Direction | None:
    dataset = record.config.get("dataset")
    metrics = dataset.get("metrics") if isinstance(dataset, Mapping) else None
    names = record.dev.metrics
    if not isinstance(metrics, list) or len(metrics) != len(names) or name not in names:
        return None
    from autrainer.config.instantiate import instantiate_shorthand

    shorthand: Any = metrics[names.index(name)]
    try:
        with project_importable():
            suffix = getattr(instantiate_shorthand(shorthand), "suffix", None)
    except AutrainerError as error:
        log.warning("%s cannot be built: %s", import_path(shorthand), error)
        return None
    if suffix == "min":
        return "min"
    return "max" if suffix == "max" else None
