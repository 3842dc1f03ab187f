"""Groups of runs that differ in some parameters only, averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from autrainer.errors import ConfigError, DataError, did_you_mean
from autrainer.postprocessing.averages import (
    averaged_scores,
    averaged_table,
    averaged_times,
    table_as_csv,
)
from autrainer.postprocessing.directions import SPREAD, Directions
from autrainer.postprocessing.folders import replaced
from autrainer.postprocessing.group_logging import log_groups
from autrainer.postprocessing.grouping import averaged_config, check_parameters, grouped
from autrainer.postprocessing.plots import plot_params_of, plotter
from autrainer.postprocessing.selection import Selection, selected, with_bar
from autrainer.postprocessing.summary import SummarizeGrid
from autrainer.runs.layout import (
    BEST,
    CONFIG_FILE,
    DEV_RESULTS,
    MEMBERS_FILE,
    RUNS,
    TABLE,
    TEST,
    TEST_RESULTS,
    TIMES_FILE,
    UNSCALED_TABLE,
    results_file,
)
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.writing import write_yaml

PREFIX = "agg"
SCORES = (
    ("dev", BEST, False),
    ("dev_unscaled", BEST, True),
    ("test", TEST, False),
    ("test_unscaled", TEST, True),
)
"""Scores of a record, their folder, and whether they are in the units of the targets."""


class AggregateGrid:
    """Averages the runs of an experiment over some parameters.

    Args:
        results_dir: Where experiments lie.
        experiment_id: The experiment.
        aggregate_list: Parameters of the naming convention to average over.
        aggregate_prefix: Beginning of the name of the folder.
        training_dir: Folder of the runs in that of the experiment.
        max_runs_plot: Draw only so many groups, the best.
        aggregate_name: Name of the folder; by default the prefix and the parameters.
        aggregated_dict: Names of runs by group, instead of those that the parameters make.
        plot_params: Keys of the group `plotting`; by default those of the first run.
        selection: The runs, if they have been read already.

    Raises:
        FileNotFoundError: if there is no such experiment.
        ConfigError: if there is no such parameter, or a run of `aggregated_dict` is missing.
        DataError: if no run has finished, they train by different units, or the runs of a group
            have different metrics.

    Attributes:
        folder: Where everything goes.
        groups: Runs by name of their group.
        skipped: Why other runs are left out, by name.
        unlogged: Why loggers have not been told of groups.
        uneven: Groups whose runs have different numbers of iterations; those that all of them have
            are averaged.
    """

    def __init__(
        self,
        results_dir: str | Path,
        experiment_id: str,
        aggregate_list: Sequence[str],
        aggregate_prefix: str = PREFIX,
        training_dir: str = RUNS,
        max_runs_plot: int | None = None,
        aggregate_name: str | None = None,
        aggregated_dict: Mapping[str, Sequence[str]] | None = None,
        plot_params: Mapping[str, Any] | None = None,
        *,
        selection: Selection | None = None,
    ) -> None:
        if aggregated_dict is None:
            check_parameters(aggregate_list)
        self._results_dir, self._experiment_id = results_dir, experiment_id
        self.name = aggregate_name or "_".join([aggregate_prefix, *aggregate_list])
        self.folder = Path(results_dir, experiment_id, self.name)
        self._max_runs_plot, self._plot_params = max_runs_plot, plot_params
        if selection is None:
            selection = selected(results_dir, experiment_id, training_dir)
        self.skipped = selection.skipped
        self._directions = Directions(selection.records)
        self.groups = (
            grouped(selection.records, aggregate_list)
            if aggregated_dict is None
            else _named(selection.records, aggregated_dict)
        )
        self.unlogged: list[str] = []
        self._keeps_config = aggregated_dict is not None
        lengths = {n: [r.metrics.iterations for r in runs] for n, runs in self.groups.items()}
        self.uneven = [n for n, each in lengths.items() if any(other != each[0] for other in each)]

    def aggregate(self) -> None:
        """Write a folder for each group, as if it were a run; an old one of this name is replaced.

        Raises:
            DataError: if the runs of a group have different metrics.
            OutputError: naming the file, if one could not be written; the old folder is kept then.
        """
        with replaced(self.folder) as folder:
            for name, members in with_bar(self.groups.items(), "groups"):
                try:
                    _write_group(folder / name, members, keeps_config=self._keeps_config)
                except DataError as error:
                    raise DataError(f"group {name}: {error}") from error

    def summarize(self) -> None:
        """Write the tables over all groups into the same folder; `aggregate` comes first."""
        self.summary.summarize()

    def log(self) -> None:
        """Tell the groups to the loggers that the first run lists; `unlogged` has what went wrong.

        Their experiment is called `<experiment>.<name of the folder>`.
        """
        records = [RunRecord(self.folder / name) for name in self.groups]
        self.unlogged = log_groups(f"{self._experiment_id}.{self.name}", records)

    @cached_property
    def summary(self) -> SummarizeGrid:
        """The tables over all groups. Their best iterations are those of the averaged curves."""
        return SummarizeGrid(
            self._results_dir,
            self._experiment_id,
            summary_dir=self.name,
            training_dir=self.name,
            clear_old_outputs=False,
            max_runs_plot=self._max_runs_plot,
            plot_params=self._plot_params,
            directions=self._directions,
        )

    def plot(self) -> None:
        """Draw the curves of each group into its `_plots`, and those of all groups together."""
        params = self._plot_params or plot_params_of(next(iter(self.groups.values())))
        for name in with_bar(self.groups, "plots"):
            record = RunRecord(self.folder / name)
            columns = [name for name in record.metrics.names if not name.endswith(SPREAD)]
            plots = plotter(record.folder, [record], self._directions, columns, params)
            plots.metric_fns = [m for m in plots.metric_fns if not m.name.endswith("_loss")]
            plots.plot_run(
                {**record.metrics.columns, "iteration": record.metrics.iterations}, std_scale=1.0
            )
        self.summary.plot_metrics()


def _named(
    records: Sequence[RunRecord], groups: Mapping[str, Sequence[str]]
) -> dict[str, list[RunRecord]]:
    known = {record.name: record for record in records}
    for group, names in groups.items():
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known)
                raise ConfigError(f"group {group}: there is no finished run {name!r}; {hint}")
    return {group: [known[name] for name in names] for group, names in groups.items() if names}


def _write_group(folder: Path, members: Sequence[RunRecord], *, keeps_config: bool) -> None:
    """Write what is averaged over some runs.

    Args:
        folder: Where to.
        members: The runs.
        keeps_config: Write the configuration of the first run as it is.
    """
    config = members[0].config if keeps_config else averaged_config(members)
    write_yaml(folder / MEMBERS_FILE, [record.name for record in members])
    write_yaml(folder / CONFIG_FILE, config)
    write_yaml(folder / TIMES_FILE, averaged_times(members))
    for name, place, unscaled in SCORES:
        scores = [getattr(record, name) for record in members]
        if all(scores):
            file = results_file(DEV_RESULTS if place == BEST else TEST_RESULTS, unscaled=unscaled)
            write_yaml(folder / place / file, averaged_scores(scores))
    unscaled_tables = [record.metrics_unscaled for record in members]
    if all(len(table) for table in unscaled_tables):
        write_text(folder / UNSCALED_TABLE, table_as_csv(averaged_table(unscaled_tables)))
    table = averaged_table([record.metrics for record in members])
    write_text(folder / TABLE, table_as_csv(table))
