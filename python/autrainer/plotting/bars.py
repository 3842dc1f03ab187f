"""Bars: one score of several runs, by two fields of what they were trained with."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autrainer.config.constants import NamingConstants
from autrainer.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RUN_NAME = "run_name"
COLOURS = {"": "scratch", "pret": "pretrained", "T": "transfer"}
"""What the part of an id behind its first `-` means, where it has a meaning."""


@dataclass
class Bars:
    """The scores of one pair of axes.

    Args:
        title: What they have in common.
        scores: Scores by group on the x axis and by colour, in the order in which they came.
    """

    title: str
    scores: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    @property
    def colours(self) -> list[str]:
        """All colours, in the order in which they came."""
        return list(dict.fromkeys(colour for group in self.scores.values() for colour in group))


def bars_of(
    table: Any, metric: str, subplots_by: int, group_by: int, split_subgroups: bool
) -> list[Bars]:
    """Scores by what the runs were trained with.

    Args:
        table: Data frame, or mapping from column names to values. Columns are the fields of the
            naming convention, or `run_name`, which is split into them; and the metric.
        metric: Column of the scores; NaN is left out.
        subplots_by: Number of the field that has a pair of axes for each of its values.
        group_by: Number of the field on the x axis.
        split_subgroups: Take what is behind the first `-` of the latter as a colour.

    Raises:
        ConfigError: if there is no such column or field.
    """
    convention = NamingConstants().NAMING_CONVENTION
    for number in (subplots_by, group_by):
        if not 0 <= number < len(convention):
            message = f"there is no field {number} in {convention}; count from 0"
            raise ConfigError(message)
    apart, grouped = (_field(table, convention, number) for number in (subplots_by, group_by))
    found: dict[str, Bars] = {}
    for title, name, value in zip(apart, grouped, _column(table, metric), strict=True):
        group, colour = _split(str(name)) if split_subgroups else (str(name), "")
        if math.isfinite(float(value)):
            scores = found.setdefault(str(title), Bars(str(title))).scores
            scores.setdefault(group, {}).setdefault(colour, []).append(float(value))
    return list(found.values())


def draw_bars(axes: Axes, bars: Bars, colours: Sequence[str]) -> None:
    """Draw means as bars, and population standard deviations upon them.

    Args:
        axes: Where to.
        bars: The scores.
        colours: All colours of the figure, so that each is the same on all axes.
    """
    width = 0.8 / max(1, len(colours))
    for number, colour in enumerate(colours):
        places, means, spreads = [], [], []
        for place, group in enumerate(bars.scores.values()):
            if values := group.get(colour):
                places.append(place + (number - (len(colours) - 1) / 2) * width)
                means.append(_mean(values))
                spreads.append(math.sqrt(_mean((v - means[-1]) ** 2 for v in values)))
        errors = spreads if any(spreads) else None
        axes.bar(places, means, width, yerr=errors, capsize=3, label=colour, color=f"C{number}")
    axes.set_xticks(range(len(bars.scores)), list(bars.scores))
    # A single bar would be as wide as the axes.
    axes.set_xlim(-1.0, max(len(bars.scores), 1.0))
    axes.set_title(bars.title, loc="left", fontsize="small")


def _field(table: Any, convention: Sequence[str], number: int) -> list[Any]:
    if convention[number] in table:
        return list(table[convention[number]])
    names = [str(name).split("_") for name in _column(table, RUN_NAME)]
    if any(len(parts) != len(convention) for parts in names):
        raise ConfigError(
            f"run names do not have the {len(convention)} fields {', '.join(convention)}; give "
            "the fields as columns"
        )
    return [parts[number] for parts in names]


def _column(table: Mapping[str, Any], name: str) -> Iterable[Any]:
    if name not in table:
        raise ConfigError(f"the table has no column {name!r}; it has {', '.join(map(str, table))}")
    return list(table[name])


def _split(name: str) -> tuple[str, str]:
    group, _, colour = name.partition("-")
    return group, COLOURS.get(colour, colour)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)
