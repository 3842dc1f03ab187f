"""One table over the runs of an experiment, and plots of all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from autrainer.loggers.export import get_params_to_export
from autrainer.postprocessing.directions import SPREAD, Directions
from autrainer.postprocessing.folders import replaced
from autrainer.postprocessing.plots import GridPlots
from autrainer.postprocessing.selection import selected
from autrainer.postprocessing.tables import Table
from autrainer.runs.layout import RUNS, TABLE
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.record.scores import TOTAL
from autrainer.runs.timer import Timer
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import write_yaml

CONFIG_TABLE, BEST_RUNS_FILE = "config.csv", "best_runs.yaml"
RUN_NAME, BEST_ITERATION = "run_name", "best_iteration"
TIMERS = ("train", "dev", "test")


class SummarizeGrid:
    """Sums up the runs of an experiment.

    Runs that have not finished or are damaged are left out, and `skipped` says why. What was there
    before is replaced when the new tables are complete.

    Args:
        results_dir: Where experiments lie.
        experiment_id: The experiment.
        summary_dir: Folder of the tables in that of the experiment.
        training_dir: Folder of the runs in that of the experiment.
        clear_old_outputs: Replace the folder of the tables as a whole; otherwise only the tables.
        training_type: `epoch` or `step`, which all runs must have; by default that of the first.
        max_runs_plot: Draw only so many runs, the best.
        plot_params: Keys of the group `plotting`; by default those of the first run.
        directions: Which metrics are best at their maximum; found out by default.

    Raises:
        FileNotFoundError: if there is no such experiment.
        DataError: if no run has finished, or they train by different units.

    Attributes:
        folder: Where the tables go.
        selection: The runs, and why others are left out.
        records: The runs, sorted by name.
        skipped: Why others are left out, by name.
    """

    def __init__(
        self,
        results_dir: str | Path,
        experiment_id: str,
        summary_dir: str = "summary",
        training_dir: str = RUNS,
        clear_old_outputs: bool = True,
        training_type: str | None = None,
        max_runs_plot: int | None = None,
        plot_params: Mapping[str, Any] | None = None,
        *,
        directions: Directions | None = None,
    ) -> None:
        self.folder = Path(results_dir, experiment_id, summary_dir)
        self.selection = selected(results_dir, experiment_id, training_dir, training_type)
        self.records = self.selection.records
        self.skipped = self.selection.skipped
        self.training_type = self.selection.training_type
        self._clears = clear_old_outputs
        self._max_runs_plot, self._plot_params = max_runs_plot, plot_params
        self._directions = directions or Directions(self.records)

    @cached_property
    def metrics(self) -> Table:
        """One row per run: metrics at its best iteration, and those of the test set."""
        rows = [self._metrics_row(record) for record in self.records]
        middle = dict.fromkeys(name for record in self.records for name in record.metrics.names)
        tested = dict.fromkeys(name for row in rows for name in row if name.startswith("test_"))
        last = [name for name in tested if not name.endswith(SPREAD)]
        return Table.of(rows, [RUN_NAME, *middle, BEST_ITERATION, *last])

    @cached_property
    def config(self) -> Table:
        """One row per run: its parameters and the mean times of its parts."""
        rows = [_config_row(record) for record in self.records]
        keys = sorted({key for parameters, _ in rows for key in parameters})
        times = [f"time_{name}_mean" for name in TIMERS]
        merged = [{**parameters, **row} for parameters, row in rows]
        return Table.of(merged, [RUN_NAME, *keys, *times])

    @cached_property
    def best_runs(self) -> dict[str, str]:
        """The best run by each column of `metrics`."""
        columns = [
            name
            for name in self.metrics.names
            if name not in (RUN_NAME, BEST_ITERATION) and not name.endswith(SPREAD)
        ]
        found = {name: self._best_run(name) for name in columns}
        return {name: run for name, run in found.items() if run is not None}

    def summarize(self) -> None:
        """Write `metrics.csv`, `config.csv` and `best_runs.yaml`.

        Raises:
            OutputError: naming the file, if one could not be written; old tables are kept then.
        """
        if not self._clears:
            self._write(self.folder)
            return
        with replaced(self.folder) as folder:
            self._write(folder)

    def plot_metrics(self) -> None:
        """Draw each metric and loss of all runs over the iterations, in `plots/training_plots`."""
        self._plots.draw_curves(self._max_runs_plot)

    def plot_aggregated_bars(self) -> None:
        """Draw the scores of datasets and models as bars, in `plots/bar_plots`."""
        self._plots.draw_bars()

    @cached_property
    def _plots(self) -> GridPlots:
        return GridPlots(
            self.folder / "plots", self.records, self._directions, plot_params=self._plot_params
        )

    def _write(self, folder: Path) -> None:
        write_text(folder / TABLE, self.metrics.to_csv())
        write_text(folder / CONFIG_TABLE, self.config.to_csv())
        write_yaml(folder / BEST_RUNS_FILE, self.best_runs)

    def best_iteration_of(self, record: RunRecord) -> int:
        """The best iteration of a run by its own tracking metric."""
        tracked = record.tracking_metric
        found = None
        if tracked is not None:
            found = record.metrics.best(tracked, self._directions.of(tracked))
        return found or record.best_iteration or record.metrics.iterations[0]

    def _metrics_row(self, record: RunRecord) -> dict[str, Any]:
        best = self.best_iteration_of(record)
        row: dict[str, Any] = {RUN_NAME: record.name}
        if best in record.metrics.iterations:
            row |= record.metrics.row(best)
        row[BEST_ITERATION] = best
        row |= {f"test_{name}": value for name, value in record.test.totals.items()}
        if best in record.metrics_unscaled.iterations:
            row |= record.metrics_unscaled.row(best)
        row |= {f"test_{name}": value for name, value in record.test_unscaled.flat()}
        return row | {
            f"test_{name}{SPREAD}": part[f"{TOTAL}{SPREAD}"]
            for scores in (record.test, record.test_unscaled)
            for name, part in scores.parts.items()
            if f"{TOTAL}{SPREAD}" in part
        }

    def _best_run(self, name: str) -> str | None:
        scores: list[tuple[float, str]] = [
            (row[name], row[RUN_NAME])
            for row in self.metrics.rows
            if isinstance(row.get(name), float) and abs(row[name]) < 1e32
        ]
        if not scores:
            return None
        pick = max if self._directions.of(name) == "max" else min
        best = pick(value for value, _ in scores)
        return next(run for value, run in scores if value == best)


def _config_row(record: RunRecord) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters, and the columns around them."""
    row: dict[str, Any] = {RUN_NAME: record.name}
    for name in TIMERS:
        times = record.timers.get(name)
        row[f"time_{name}_mean"] = None if times is None else Timer.pretty_time(times.mean_s)
    return get_params_to_export(record.config), row
