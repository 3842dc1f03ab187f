"""The dataset of a run, with its criterion, metrics and transforms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autrainer.config.plain import Plain
from autrainer.config.schema.problems import Problem
from autrainer.config.schema.reading import Reader
from autrainer.config.schema.sections.loaders import LOADER_KEYS
from autrainer.config.schema.sections.transforms import TransformSection
from autrainer.config.schema.targets import Target, TargetList

CONSUMED = ("transform", "criterion", *LOADER_KEYS)


@dataclass(frozen=True)
class DatasetSection:
    """A dataset.

    Args:
        id: Its name in the configuration.
        target: Its class. Metrics and tracking metric are among the arguments that it gets.
        transform: What its features go through.
        criterion: The criterion of the run.
        metrics: Its metrics.
        tracking_metric: The metric that decides which state is best; None if none is given.
    """

    id: str
    target: Target
    transform: TransformSection
    criterion: Target
    metrics: TargetList
    tracking_metric: Target | None

    @classmethod
    def read(cls, reader: Reader, plain: Plain) -> DatasetSection:
        """Read the section.

        Args:
            reader: Reads the whole configuration, which may have the criterion at its top.
            plain: The mapping of the dataset.
        """
        metrics = plain.get("metrics")
        is_list = isinstance(metrics, Sequence) and not isinstance(metrics, str)
        if metrics is not None and not (is_list and metrics):
            fix = "use a list of import paths, with or without kwargs"
            reader.refuse("dataset.metrics", f"is {metrics!r}", fix)
        return cls(
            plain.get("id", ""),
            Target.of_group("dataset", plain, CONSUMED),
            TransformSection.read("dataset", plain.get("transform")),
            _criterion(plain.get("criterion", reader.plain.get("criterion"))),
            TargetList.read("dataset.metrics", metrics),
            Target.of_shorthand("dataset.tracking_metric", plain["tracking_metric"])
            if "tracking_metric" in plain
            else None,
        )


def _criterion(shorthand: object) -> Target:
    key = "dataset.criterion"
    if shorthand is None:
        fix = "name a criterion, such as autrainer.criterions.CrossEntropyLoss"
        return Target(key, "", problem=Problem(key, "is missing", fix))
    return Target.of_shorthand(key, shorthand)
