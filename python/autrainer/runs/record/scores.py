"""Scores of a split at one iteration: `dev.yaml`, `test_holistic.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TOTAL = "all"
"""Key of the score of the whole split."""

LOSSES = ("loss", "train_loss", "dev_loss", "test_loss")
ITERATION = "iteration"


@dataclass(frozen=True)
class Scores:
    """Scores by metric, and for each metric by what they are scores of.

    Args:
        parts: For each metric and loss a mapping from `all`, the name of a target, or the name of a
            stratum to a number, in the order of the file.
        iteration: The iteration of the model; None if the file does not say so.
    """

    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    iteration: int | None = None

    def __bool__(self) -> bool:
        return bool(self.parts)

    @classmethod
    def of(cls, content: Mapping[Any, Any]) -> Scores:
        """Scores of what a file holds; what is no number is left out.

        An iteration of an aggregation is a mapping of its own, and left out too.
        """
        iteration = content.get(ITERATION)
        parts = {
            str(name): {str(k): float(v) for k, v in values.items() if _is_number(v)}
            for name, values in content.items()
            if isinstance(values, Mapping) and name != ITERATION
        }
        return cls(parts, iteration if type(iteration) is int else None)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, without losses."""
        return [name for name in self.parts if name not in LOSSES]

    def total(self, name: str) -> float | None:
        """The score of the whole split, or None if there is none."""
        return self.parts.get(name, {}).get(TOTAL)

    @property
    def totals(self) -> dict[str, float]:
        """Scores of the whole split, losses too."""
        return {name: part[TOTAL] for name, part in self.parts.items() if TOTAL in part}

    def strata(self, name: str) -> dict[str, float]:
        """Scores of parts of the split, by target or by stratum."""
        return {key: value for key, value in self.parts.get(name, {}).items() if key != TOTAL}

    def flat(self) -> Iterator[tuple[str, float]]:
        """The scores of the whole split by name; where there are only parts, `name.part` each."""
        for name, part in self.parts.items():
            if TOTAL in part:
                yield name, part[TOTAL]
            else:
                yield from ((f"{name}.{key}", value) for key, value in part.items())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
