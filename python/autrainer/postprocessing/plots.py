"""Plots over several runs, drawn by the classes that draw those of one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autrainer.config.packaged import packaged_dir
from autrainer.plotting.metrics import PlotMetrics
from autrainer.postprocessing.directions import SPREAD, Directions
from autrainer.postprocessing.grouping import naming_of
from autrainer.postprocessing.selection import with_bar
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.yaml.reading import read_mapping

CURVES, BARS = "training_plots", "bar_plots"


class GridPlots:
    """Plots of the metrics of several runs.

    Args:
        folder: Folder of the plots.
        records: The runs.
        directions: Which metrics are best at their maximum.
        plot_params: Keys of the group `plotting`; by default those of the first run that has some.
    """

    def __init__(
        self,
        folder: Path,
        records: Sequence[RunRecord],
        directions: Directions,
        *,
        plot_params: Mapping[str, Any] | None = None,
    ) -> None:
        self._folder, self._records = folder, records
        self._directions = directions
        self._params = dict(plot_params or plot_params_of(records))

    def draw_curves(self, max_runs: int | None) -> None:
        """Draw each metric and loss of all runs over the iterations.

        Args:
            max_runs: Draw only so many runs, the best of each metric.

        Raises:
            ConfigError: if the settings of the plots cannot be met.
            OutputError: if a file cannot be written.
        """
        columns = self._columns()
        plots = plotter(
            self._folder / CURVES, self._records, self._directions, columns, self._params
        )
        for name in with_bar(columns, "plots"):
            curves = over_iterations(self._records, name)
            spreads = over_iterations(self._records, f"{name}{SPREAD}")
            has_spread = len(spreads) > 1
            plots.plot_metric(
                curves, name, spreads if has_spread else None, std_scale=1.0, max_runs=max_runs
            )

    def draw_bars(self) -> None:
        """Draw each metric and loss at the best iterations as bars, by dataset and model.

        Raises:
            ConfigError: if the settings of the plots cannot be met.
            OutputError: if a file cannot be written.
        """
        columns = self._columns()
        plots = plotter(self._folder / BARS, self._records, self._directions, columns, self._params)
        rows = [{**naming_of(record), **self._best_row(record)} for record in self._records]
        for name in with_bar(columns, "bars"):
            having = [row for row in rows if name in row]
            plots.plot_aggregated_bars({key: [r[key] for r in having] for key in having[0]}, name)

    def _best_row(self, record: RunRecord) -> dict[str, Any]:
        best = record.best_iteration
        known = best is not None and best in record.metrics.iterations
        return record.metrics.row(best if known else record.metrics.iterations[-1])  # type: ignore[arg-type]

    def _columns(self) -> list[str]:
        names = dict.fromkeys(name for record in self._records for name in record.metrics.names)
        return [name for name in names if not name.endswith(SPREAD)]


def plotter(
    folder: Path,
    records: Sequence[RunRecord],
    directions: Directions,
    columns: Sequence[str],
    params: Mapping[str, Any],
) -> PlotMetrics:
    """What draws the columns of the metrics of some runs."""
    metrics = [SimpleNamespace(name=name, suffix=directions.of(name)) for name in columns]
    return PlotMetrics(folder, records[0].training_type, **params, metric_fns=metrics)


def plot_params_of(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Settings of the first run that has some; the packaged ones if plots are off in all."""
    default = read_mapping(packaged_dir() / "plotting" / "Default.yaml")
    for record in records:
        found = record.config.get("plotting")
        if isinstance(found, Mapping) and found:
            # Those of earlier versions may lack a key.
            return default | {key: value for key, value in found.items() if key != "id"}
    return default


def over_iterations(records: Sequence[RunRecord], name: str) -> dict[str, list[float]]:
    """A column of several runs over all iterations that any of them has, by run."""
    iterations = sorted({number for record in records for number in record.metrics.iterations})
    found: dict[str, list[float]] = {"iteration": [float(number) for number in iterations]}
    for record in records:
        values = record.metrics.columns.get(name)
        if values is not None:
            at = dict(zip(record.metrics.iterations, values, strict=True))
            found[record.name] = [at.get(number, math.nan) for number in iterations]
    return found
