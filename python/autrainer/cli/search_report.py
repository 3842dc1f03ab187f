"""The lines below the table of a search: its best trial, and where to look for the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from autrainer.searching.result import SearchResult

HISTORY, IMPORTANCES = "optimization_history.png", "parameter_importances.png"
FRONT = "pareto_front.png"
STATES = {"complete": "complete", "pruned": "pruned", "failed": "failed"} | {
    "filtered": "left out by filters",
    "running": "to be run again",
}
FEWEST_FOR_PLOT = 2


def search_lines(result: SearchResult) -> list[str]:
    """Lines that sum up a search; its table and its plots are written, if that is possible."""
    counts = {told: result.count(state) for state, told in STATES.items()}
    counts[STATES["running"]] -= result.num_at_work
    counts["at work elsewhere"] = result.num_at_work
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    lines = ["", f"Study:   {result.name}: {told or 'no trials'}"]
    for best, overrides in zip(result.best, result.overrides, strict=True):
        values = zip(result.metrics, best.values, strict=True)
        reached = ", ".join(f"{name} {_number(value)}" for name, value in values)
        lines.append(f"Best:    trial {best.number}, {reached}")
        lines.append(f"         {' '.join(overrides)}")
    try:
        written = [result.write_table(), *_plots(result)]
    except OSError as error:
        return [*lines, f"Not written: {error}"]
    names = ", ".join(path.name for path in written)
    return [*lines, f"Files:   {result.folder}: {names}"]


def _number(value: float) -> str:
    """A score with four digits behind the point; a count as it is."""
    return f"{value:,.0f}" if value.is_integer() and abs(value) > 1 else f"{value:.4f}"


def _plots(result: SearchResult) -> list[Path]:
    """Draw what there is to be seen of a study.

    Raises:
        OutputError: if a file cannot be written.
    """
    values = {
        state: {
            each.number: each.value
            for each in result.trials
            if each.state == state and each.value is not None
        }
        for state in ("complete", "pruned")
    }
    if len(result.metrics) == 2:
        return _plot_of_front(result) if result.has_plots else []
    if not result.has_plots or len(values["complete"]) < FEWEST_FOR_PLOT:
        return []
    from autrainer.plotting.studies import draw_history, draw_importances

    history, shares = result.folder / HISTORY, result.folder / IMPORTANCES
    draw_history(
        history,
        values["complete"],
        values["pruned"],
        metric=result.metrics[0],
        is_maximized=result.are_maximized[0],
    )
    if not result.importances:
        return [history]
    draw_importances(shares, result.importances, metric=result.metrics[0])
    return [history, shares]


def _plot_of_front(result: SearchResult) -> list[Path]:
    done = {each.number: each.values for each in result.trials if each.state == "complete"}
    if len(done) < FEWEST_FOR_PLOT:
        return []
    from autrainer.plotting.studies import draw_front

    path = result.folder / FRONT
    draw_front(path, done, [each.number for each in result.best], names=result.metrics)
    return [path]
