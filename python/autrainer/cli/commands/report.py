"""`autrainer report`: one HTML file about the runs of experiments."""

from __future__ import annotations

from autrainer.cli.door import door, size_in_words, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from autrainer.postprocessing.report.report import Report

ABOUT = (
    "Write one HTML file about the runs of experiments, to open anywhere without network: tables, "
    "curves, intervals, predictions, the hardest samples, failed runs."
)
EXAMPLE = "autrainer report default -o report.html"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add(
        "experiments",
        nargs="*",
        metavar="experiment",
        help="names of experiments, or folders of experiments or runs; all of results by default",
    )
    add("-o", "--output", help="the file (report.html in the folder of results)")
    add("-d", "--results-dir", default=None, help="where experiments lie (results)")
    add(
        "-g",
        "--group-column",
        help="column of the dataset's test.csv whose samples belong together; by default speaker, "
        "speaker_id, subject or recording, if there is one",
    )
    add("--level", type=float, default=0.95, help="level of confidence of the intervals (0.95)")
    add("--seed", type=int, default=0, help="of the resamples (0)")
    add("--csv", metavar="FILE", help="write the results by configuration as CSV too")
    add("--latex", metavar="FILE", help="write them as a LaTeX tabular too")
    add(
        "-t",
        "--tables",
        metavar="FOLDER",
        help="write all results as CSV and LaTeX too: by configuration, strata, gaps, tests, "
        "datasets, labels",
    )


def run(
    parser: ArgumentParser | None,
    experiments: Sequence[str],
    output: str | None = None,
    results_dir: str | None = None,
    group_column: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    csv: str | None = None,
    latex: str | None = None,
    tables: str | None = None,
) -> None:
    """Write the report and print where it is.

    Raises:
        CommandLineError: if there is no such experiment, or a file cannot be written.
    """
    with told(parser):
        made = _made(
            experiments, output, results_dir, group_column, level, seed, csv, latex, tables
        )
    size = size_in_words(made.path.stat().st_size)
    num_runs = len(made.runs.records)
    counted = f"{num_runs} run{'' if num_runs == 1 else 's'}"
    print(f"Report: {made.path} ({counted}, {size})")
    for path in (csv, latex):
        if path is not None:
            print(f"Table:  {path}")
    if tables is not None:
        print(f"Tables: {tables}/<{', '.join(made.tables)}>.csv and .tex")


@door
def report(
    experiments: Sequence[str | Path] | str | Path = (),
    output: str | Path | None = None,
    results_dir: str | Path | None = None,
    group_column: str | None = None,
    level: float = 0.95,
    seed: int = 0,
    csv: str | Path | None = None,
    latex: str | Path | None = None,
    tables: str | Path | None = None,
) -> Report:
    """Write one HTML file about the runs of experiments.

    Args:
        experiments: Names of experiments, or folders of experiments or runs; all by default.
        output: The file; None for `report.html` in the folder of results.
        results_dir: Where experiments lie; `results` by default.
        group_column: Column of the dataset's `test.csv` whose samples belong together.
        level: Level of confidence of the intervals.
        seed: Of the resamples.
        csv: File for the results by configuration as CSV.
        latex: File for them as a LaTeX tabular.
        tables: Folder for all results as CSV and LaTeX.

    Returns:
        Where it is, its runs, intervals and tables: `report(...).tables["strata"].frame()`.

    Raises:
        CommandLineError: if there is no such experiment, or a file cannot be written.
    """
    is_one = isinstance(experiments, str) or hasattr(experiments, "__fspath__")
    named: Any = [experiments] if is_one else experiments
    return _made(named, output, results_dir, group_column, level, seed, csv, latex, tables)


def _made(
    experiments: Sequence[str | Path],
    output: str | Path | None,
    results_dir: str | Path | None,
    group_column: str | None,
    level: float,
    seed: int,
    csv: str | Path | None,
    latex: str | Path | None,
    tables: str | Path | None,
) -> Report:
    from autrainer.postprocessing.latex import as_latex
    from autrainer.postprocessing.report.report import make_report
    from autrainer.runs.layout import RESULTS_DIR
    from autrainer.runs.writing.files import write_text

    made = make_report(
        experiments,
        output,
        results_dir=results_dir or RESULTS_DIR,
        group_column=group_column,
        level=level,
        seed=seed,
    )
    if csv is not None:
        write_text(csv, made.summary.to_csv())
    if latex is not None:
        write_text(latex, as_latex(made.summary))
    if tables is not None:
        made.write_tables(tables)
    return made
