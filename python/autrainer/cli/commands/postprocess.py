"""`autrainer postprocess`: tables over the runs of an experiment, and averages over groups."""

from __future__ import annotations

import sys

from autrainer.cli.door import door, results_arguments, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from autrainer.postprocessing.aggregate import AggregateGrid
    from autrainer.postprocessing.summary import SummarizeGrid

ABOUT = (
    "Sum up the runs of an experiment in tables, and average those that differ in some parameters "
    "only. Runs that have not finished are left out and named."
)
EXAMPLE = "autrainer postprocess results default -a seed --plots"
MOST_SHOWN = 40
"""Runs that are printed; the tables have all."""

WIDTH = 160
"""Characters of a line where it is not read on a terminal."""

NAMED = 4
"""Columns left out that are named."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    results_arguments(parser)
    parser.add_argument(
        "-a",
        "--aggregate",
        nargs="+",
        action="append",
        metavar="PARAMETER",
        help="average over these parameters, such as seed; may be repeated",
    )
    parser.add_argument("-p", "--plots", action="store_true", help="draw curves and bars too")
    parser.add_argument(
        "-m", "--max-runs", type=int, metavar="N", help="draw the N best runs only; draws plots"
    )


def run(
    parser: ArgumentParser | None,
    results_dir: str,
    experiment_id: str,
    max_runs: int | None = None,
    aggregate: Sequence[Sequence[str]] | None = None,
    plots: bool = False,
) -> None:
    """Write the tables, and print what is in them.

    Raises:
        CommandLineError: if there is no such experiment, parameter, or finished run.
    """
    from autrainer.postprocessing.grouping import UnknownParameterError

    with told(parser, misuse=(UnknownParameterError,)):
        summary, *averaged = _grids(results_dir, experiment_id, max_runs, aggregate, plots)
    for grid in (summary, *(each.summary for each in averaged)):
        print("\n".join(_lines(grid)))
    for each in averaged:
        for name in each.uneven:
            print(f"{name}: averaged over the iterations that all of its runs have")
        for trouble in each.unlogged:
            sys.stderr.write(f"Not logged: {trouble}\n")
    for name, reason in summary.skipped.items():
        print(f"Left out: {name}: {reason}")
    if not (plots or max_runs):
        print("Plots are drawn with --plots.")


@door
def postprocess(
    results_dir: str | Path,
    experiment_id: str,
    max_runs: int | None = None,
    aggregate: Sequence[Sequence[str]] | None = None,
    plots: bool = False,
) -> list[SummarizeGrid | AggregateGrid]:
    """Sum up the runs of an experiment in tables, and average groups of them.

    Args:
        results_dir: Folder of results.
        experiment_id: The experiment.
        max_runs: Draw only so many runs, the best; draws plots.
        aggregate: Parameters to average over, a list of them for each aggregation.
        plots: Draw curves and bars too.

    Returns:
        The summary, then one for each aggregation: `summary.metrics.frame()` is a data frame.

    Raises:
        CommandLineError: if there is no such experiment, parameter, or finished run.
    """
    return _grids(results_dir, experiment_id, max_runs, aggregate, plots)


def _grids(
    results_dir: str | Path,
    experiment_id: str,
    max_runs: int | None,
    aggregate: Sequence[Sequence[str]] | None,
    plots: bool,
) -> list[Any]:
    from autrainer.postprocessing.aggregate import AggregateGrid
    from autrainer.postprocessing.grouping import check_parameters
    from autrainer.postprocessing.selection import check_max_runs
    from autrainer.postprocessing.summary import SummarizeGrid

    check_max_runs(max_runs)
    wanted = [[each] if isinstance(each, str) else list(each) for each in aggregate or []]
    for parameters in wanted:
        check_parameters(parameters)
    summary = SummarizeGrid(results_dir, experiment_id, max_runs_plot=max_runs)
    averaged = [
        AggregateGrid(
            results_dir,
            experiment_id,
            parameters,
            max_runs_plot=max_runs,
            selection=summary.selection,
        )
        for parameters in wanted
    ]
    # Whatever is wrong is told before anything is written.
    summary.summarize()
    for each in averaged:
        each.aggregate()
        each.summarize()
        each.log()
    if plots or max_runs:
        summary.plot_aggregated_bars()
        summary.plot_metrics()
        for each in averaged:
            each.plot()
    return [summary, *averaged]


def _lines(grid: SummarizeGrid) -> list[str]:
    """The table of a grid as people read it, and where the whole of it is."""
    from autrainer.data.messages import counted
    from autrainer.postprocessing.directions import SPREAD
    from autrainer.postprocessing.summary import RUN_NAME
    from autrainer.postprocessing.tables import fitting
    from autrainer.runs.record.natural import natural_key

    table = grid.metrics
    hidden = ("train_loss", "dev_loss", "test_loss")
    names = [n for n in table.names if n not in hidden and not n.endswith(SPREAD)]
    # The file has its rows in the order of texts, as 0.10 does; people count.
    sorted_rows = sorted(table.rows, key=lambda row: natural_key(row[RUN_NAME]))
    rows = [[_cell(row, name) for name in names] for row in sorted_rows[:MOST_SHOWN]]
    heading = ["run", *("best" if name == "best_iteration" else name for name in names[1:])]
    lines, left_out = fitting([heading, *rows], _width())
    if left_out:
        named = f"{', '.join(left_out[:NAMED])}{', ...' if len(left_out) > NAMED else ''}"
        lines.append(f"... and {counted(len(left_out), 'more column')}: {named}")
    if len(table.rows) > MOST_SHOWN:
        lines.append(f"... and {len(table.rows) - MOST_SHOWN} more runs")
    return [*lines, f"Tables: {grid.folder}", ""]


def _width() -> int:
    """Characters of a line; what is not read on a terminal has as many as a wide one."""
    import shutil

    is_terminal = sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_terminal else WIDTH


def _cell(row: dict[str, Any], name: str) -> str:
    from autrainer.postprocessing.directions import SPREAD
    from autrainer.postprocessing.tables import shown

    spread = row.get(f"{name}{SPREAD}")
    return shown(row.get(name)) + (f" ±{spread:.4f}" if spread is not None else "")
