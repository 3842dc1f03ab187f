"""Making a report of runs: read them, work the numbers out, write the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autrainer.errors import ConfigError, DataError
from autrainer.postprocessing.latex import as_latex
from autrainer.postprocessing.report.datasets import Datasets, compare_datasets
from autrainer.postprocessing.report.page import page
from autrainer.postprocessing.report.result_tables import result_tables
from autrainer.postprocessing.report.results import Results
from autrainer.postprocessing.report.runs import Runs, runs_of_report
from autrainer.postprocessing.tables import Table
from autrainer.runs.record.finding import find_runs
from autrainer.runs.writing.files import write_text


@dataclass(frozen=True)
class Report:
    """What `report` has made.

    Args:
        path: The HTML file.
        runs: The runs that are in it.
        results: Intervals by folder of the run, and the best run of each configuration.
        datasets: Methods over several datasets.
    """

    path: Path
    runs: Runs
    results: Results
    datasets: Datasets

    @property
    def summary(self) -> Table:
        """Results by configuration."""
        return self.tables["configurations"]

    @cached_property
    def tables(self) -> dict[str, Table]:
        """All numbers as tables by name; see `result_tables`."""
        return result_tables(self.runs, self.results, self.datasets)

    def write_tables(self, folder: str | Path) -> list[Path]:
        """Write each table as CSV and as LaTeX; returns the files.

        Raises:
            OutputError: naming the file, if one cannot be written.
        """
        paths = []
        for name, table in self.tables.items():
            for suffix, text in ((".csv", table.to_csv()), (".tex", as_latex(table))):
                paths.append(Path(folder) / f"{name}{suffix}")
                write_text(paths[-1], text)
        return paths


def make_report(
    experiments: Sequence[str | Path],
    output: str | Path | None = None,
    *,
    results_dir: str | Path = "results",
    group_column: str | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Report:
    """Write one HTML file about the runs of some experiments.

    Nothing of the runs is executed or changed.

    Args:
        experiments: Names of experiments, or folders of experiments or runs.
        output: The file; None for `report.html` in the folder of results.
        results_dir: Where experiments lie.
        group_column: Column of the dataset's CSV whose samples belong together; None for
            `speaker`, `speaker_id`, `subject` or `recording`, the first that is there.
        level: Level of confidence of the intervals.
        seed: Of all draws.

    Raises:
        FileNotFoundError: if there is no such experiment.
        ConfigError: if `level` makes no sense.
        DataError: if there are no runs.
        OutputError: if the file cannot be written.
    """
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}; use a number between 0 and 1, such as 0.95")
    records = find_runs(experiments, results_dir)
    if not records:
        raise DataError(f"there are no runs in {', '.join(map(str, experiments)) or results_dir}")
    path = Path(output) if output is not None else Path(results_dir) / "report.html"
    runs = runs_of_report(records)
    results = Results(runs, group_column, level=level, seed=seed)
    title = ", ".join(dict.fromkeys(record.experiment_id for record in records))
    datasets = compare_datasets(runs)
    write_text(path, page(title, runs, results, datasets, path.parent))
    return Report(path, runs, results, datasets)
