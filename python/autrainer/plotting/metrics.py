"""Curves of metrics and losses over the iterations of one run, or of several."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from autrainer.plotting.bars import bars_of, draw_bars
from autrainer.plotting.base import PlotBase
from autrainer.plotting.margins import fit_axes
from autrainer.runs.layout import PLOTS, UNSCALED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

RUN_FOLDER = PLOTS
ITERATION = "iteration"
SPREAD = ".std"
MOST_MARKED = 30
MOST_APART = 12
"""So many curves get axes of their own; more share one pair."""


class Metric(Protocol):
    """What plots know of a metric: its name, and `max` or `min`, whichever is better."""

    name: str
    suffix: str


@dataclass(frozen=True)
class Curves:
    """Values over iterations, by name; whatever is not a finite number is NaN."""

    iterations: list[float]
    values: dict[str, list[float]]

    @classmethod
    def of(cls, table: Any) -> Curves:
        """Curves of a data frame, or of a mapping from names to values.

        The iterations are the column `iteration`, or else the index of the data frame, or else
        1, 2, and so on.
        """
        columns = {str(name): [_finite(value) for value in table[name]] for name in table}
        iterations = columns.pop(ITERATION, None)
        if iterations is None:
            length = max(map(len, columns.values()), default=0)
            iterations = [float(i) for i in getattr(table, "index", range(1, length + 1))]
        return cls(iterations, columns)


@dataclass(frozen=True)
class Line:
    """One curve of a plot."""

    label: str
    values: Sequence[float]
    spread: Sequence[float] | None = None


class PlotMetrics(PlotBase):
    """Plots of metrics and losses.

    Args:
        output_directory: Folder that takes the files.
        training_type: `epoch` or `step`.
        figsize: As in `PlotBase`, like everything up to `rcParams`.
        latex: See `PlotBase`.
        filetypes: See `PlotBase`.
        pickle: See `PlotBase`.
        context: See `PlotBase`.
        palette: See `PlotBase`.
        replace_none: See `PlotBase`.
        add_titles: See `PlotBase`.
        add_xlabels: See `PlotBase`.
        add_ylabels: See `PlotBase`.
        rcParams: See `PlotBase`.
        metric_fns: Metrics that can be plotted besides losses.
    """

    def __init__(
        self,
        output_directory: str | Path,
        training_type: str,
        figsize: Sequence[float],
        latex: bool,
        filetypes: Sequence[str],
        pickle: bool,
        context: str,
        palette: str,
        replace_none: bool,
        add_titles: bool,
        add_xlabels: bool,
        add_ylabels: bool,
        rcParams: Mapping[str, Any],
        metric_fns: Iterable[Metric],
    ) -> None:
        super().__init__(
            output_directory,
            training_type,
            figsize,
            latex,
            filetypes,
            pickle,
            context,
            palette,
            replace_none,
            add_titles,
            add_xlabels,
            add_ylabels,
            rcParams,
        )
        self.metric_fns = list(metric_fns)

    def plot_run(self, metrics: Any, std_scale: float = 0.1) -> None:
        """Plot the losses and every metric of a run into its folder `_plots`.

        Scores in the units of the targets get a plot of their own, with a pair of axes for every
        target.

        Args:
            metrics: Data frame with a row per evaluated iteration, or a mapping from column names
                to values. A column `<name>.std` is drawn as a band around `<name>`, columns
                `<name>_unscaled` and `<name>_unscaled.<target>` hold scores in other units.
            std_scale: Half the width of bands, in standard deviations.
        """
        curves = Curves.of(metrics)
        losses = [self._line(curves, f"{s}_loss", s, std_scale) for s in ("train", "dev")]
        title = self.output_directory.absolute().name
        with self.writing_behind():
            self._draw(curves, "loss", [line for line in losses if line], RUN_FOLDER, title=title)
            for metric in self.metric_fns:
                in_units = list(self._lines_in_units(curves, metric.name, std_scale))
                if in_units:
                    name = f"{metric.name}{UNSCALED}"
                    self._draw(curves, name, in_units, RUN_FOLDER, title=title, apart=True)
                said = f"{metric.name} (scaled)" if in_units else metric.name
                line = self._line(curves, metric.name, said, std_scale)
                if line is not None:
                    self._draw(curves, metric.name, [line], RUN_FOLDER, title=title, ylabel=said)

    def plot_metric(
        self,
        metrics: Any,
        metric: str,
        metrics_std: Any = None,
        std_scale: float = 0.1,
        max_runs: int | None = None,
    ) -> None:
        """Plot one metric of several runs, the best run first in the legend.

        Args:
            metrics: Data frame with a row per iteration and a column per run.
            metric: Name of the metric or loss; also that of the file.
            metrics_std: Standard deviations, of the same form; drawn as bands.
            std_scale: Half the width of bands, in standard deviations.
            max_runs: Draw the best runs only.
        """
        curves = Curves.of(metrics)
        spreads = Curves.of(metrics_std).values if metrics_std is not None else {}
        lines = [
            Line(run, values, _scaled(spreads.get(run), std_scale))
            for run, values in curves.values.items()
        ]
        sign = -1.0 if self._pick(metric) is max else 1.0
        lines.sort(key=lambda line: _order(sign, self._best(metric, line.values)))
        bands = f"bands: ±{std_scale:g} standard deviations" if spreads else None
        self._draw(curves, metric, lines[:max_runs], "", legend_title=bands)

    def plot_aggregated_bars(
        self,
        metrics_df: Any,
        metric: str,
        subplots_by: int = 0,
        group_by: int = 1,
        split_subgroups: bool = True,
    ) -> None:
        """Plot the mean of a score over runs, with its standard deviation, as bars.

        Args:
            metrics_df: Data frame with a row per run, or a mapping from column names to values;
                with the fields of the naming convention as columns, or `run_name`, and the metric.
            metric: Name of the score; also that of the file.
            subplots_by: Number of the field, from 0, that has a pair of axes for each value.
            group_by: Number of the field on the x axis.
            split_subgroups: Take what is behind the first `-` of the latter as a colour.

        Raises:
            ConfigError: if there is no such column or field.
            OutputError: if a file cannot be written.
        """
        every = bars_of(metrics_df, metric, subplots_by, group_by, split_subgroups)
        if not every:
            return
        colours = list(dict.fromkeys(colour for bars in every for colour in bars.colours))
        with self.style():
            figure, all_axes = self.new_stacked_figure(len(every))
            for axes, bars in zip(all_axes, every, strict=True):
                draw_bars(axes, bars, colours)
                axes.set_ylabel(self.legend_text(metric) if self.add_ylabels else "")
            if len(colours) > 1:
                all_axes[0].legend()
            all_axes[-1].set_xlabel("")
            self.save_plot(figure, metric)

    def _line(self, curves: Curves, name: str, label: str, std_scale: float) -> Line | None:
        if name not in curves.values:
            return None
        spread = curves.values.get(f"{name}{SPREAD}")
        return Line(label, curves.values[name], _scaled(spread, std_scale))

    def _lines_in_units(self, curves: Curves, metric: str, std_scale: float) -> Iterator[Line]:
        """The curves of a metric in the units of the targets, one per target."""
        whole = f"{metric}{UNSCALED}"
        for name in curves.values:
            is_one = name == whole or name.startswith(f"{whole}.")
            if is_one and not name.endswith(SPREAD):
                label = whole if name == whole else name.removeprefix(f"{whole}.")
                line = self._line(curves, name, label, std_scale)
                assert line is not None
                yield line

    def _draw(
        self,
        curves: Curves,
        name: str,
        lines: Sequence[Line],
        path: str,
        *,
        title: str = "",
        legend_title: str | None = None,
        ylabel: str | None = None,
        apart: bool = False,
    ) -> None:
        """Draw curves and write the figure.

        Args:
            curves: Where the iterations are.
            name: Of the metric or loss, and of the file.
            lines: The curves.
            path: Folder in the output directory.
            title: Stands over the plot.
            legend_title: Stands over the legend.
            ylabel: Label of the y axis; the name by default.
            apart: A pair of axes for every curve, whose values may be of different sizes.
        """
        groups = [[line] for line in lines] if apart and len(lines) <= MOST_APART else [lines]
        with self.style():
            figure, all_axes = self._figure_again(len(groups))
            for axes, group in zip(all_axes, groups, strict=True):
                for line in group:
                    self._draw_line(axes, curves.iterations, name, line, len(group))
                axes.set_ylabel(self.legend_text(ylabel or name) if self.add_ylabels else "")
                _count_iterations(axes, curves.iterations)
                if group:
                    axes.legend(title=legend_title).get_title().set_fontsize("small")
            titles = [self.legend_text(title) if self.add_titles else "", *([""] * len(groups))]
            drawn = [_set_title(*each) for each in zip(all_axes, titles, strict=False)]
            if len(groups) == 1 and self._has_plain_style and self.figures.has(figure):
                fit_axes(all_axes[0], drawn[0])
                self.save_plot(figure, name, path, tight_layout=False)
            else:
                self.save_plot(figure, name, path)

    def _draw_line(
        self, axes: Axes, iterations: Sequence[float], name: str, line: Line, num_lines: int
    ) -> None:
        """Draw a curve, its band, and a point where it is best."""
        best = self._best(name, line.values)
        marker = "o" if len(iterations) <= MOST_MARKED else None
        label = self.legend_text(line.label)
        position = None if math.isnan(best) else list(line.values).index(best)
        if position is not None and num_lines <= 2:
            label += f" (best {best:.4g} at {self.training_type} {iterations[position]:g})"
        (drawn,) = axes.plot(iterations, line.values, marker=marker, markersize=3.5, label=label)
        colour = drawn.get_color()
        if line.spread is not None:
            low = [v - s for v, s in zip(line.values, line.spread, strict=True)]
            high = [v + s for v, s in zip(line.values, line.spread, strict=True)]
            axes.fill_between(iterations, low, high, color=colour, alpha=0.2, linewidth=0)
        if position is not None:
            axes.plot(
                [iterations[position]],
                [best],
                marker="o",
                markersize=8,
                color=colour,
                markeredgecolor="white",
                markeredgewidth=1.2,
                linestyle="none",
                zorder=3,
            )

    def _pick(self, name: str) -> Any:
        """`max` or `min`: losses are best where they are smallest."""
        bare = name.removeprefix("test_").partition(UNSCALED)[0]
        suffix = next((m.suffix for m in self.metric_fns if m.name in (name, bare)), "min")
        return max if suffix == "max" else min

    def _best(self, name: str, values: Sequence[float]) -> float:
        numbers = [value for value in values if not math.isnan(value)]
        return float(self._pick(name)(numbers, default=math.nan))


def _count_iterations(axes: Axes, iterations: Sequence[float]) -> None:
    """Mark whole iterations only, also where there is but one."""
    locator: Any = axes.xaxis.get_major_locator()
    locator.set_params(integer=True)
    if len(iterations) == 1:
        axes.set_xlim(iterations[0] - 1, iterations[0] + 1)


def _set_title(axes: Axes, text: str) -> Text:
    """Put a title right above the axes, or above the power of ten that may stand there.

    Left to itself, matplotlib measures all labels again at every layout, and writes over the power.
    """
    from matplotlib import rcParams

    axes.yaxis.get_ticklabels()
    has_power = bool(axes.yaxis.get_major_formatter().get_offset())
    size: Any = axes.yaxis.get_offset_text().get_fontsize()
    line = 1.3 * size if has_power else 0.0
    pad = rcParams["axes.titlepad"] + line
    return axes.set_title(text, loc="left", fontsize="small", y=1.0, pad=pad)


def _finite(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) else math.nan


def _scaled(spread: Sequence[float] | None, scale: float) -> list[float] | None:
    return None if spread is None else [scale * value for value in spread]


def _order(sign: float, best: float) -> tuple[bool, float]:
    """Sorts the best value first and what has none last."""
    return math.isnan(best), 0.0 if math.isnan(best) else sign * best
