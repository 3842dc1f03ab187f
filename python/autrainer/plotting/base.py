"""What every plot shares: its settings, and how a figure becomes files."""

from __future__ import annotations

import io
import logging
import pickle as pickling
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.plotting.figures import DPI, Figures, stacked_figure
from autrainer.plotting.theme import PLAIN_RC, check_settings, settings
from autrainer.runs.writing.background import Background

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

UNDATED: Mapping[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
LATEX_SPECIAL = {character: f"\\{character}" for character in "_%&#${}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


class PlotBase:
    """Settings of plots, named as in the `plotting` group of a configuration.

    Nothing of matplotlib is changed outside a drawing, and its state machine (pyplot) is not used.

    Args:
        output_directory: Folder that takes the files.
        training_type: `epoch` or `step`, the label of the x axis.
        figsize: Width and height in inches.
        latex: Typeset with LaTeX, if there is a `latex` executable.
        filetypes: One file is written per type.
        pickle: Also write the figure as a pickle. Load only pickles that you wrote yourself.
        context: Size of texts and lines: `paper`, `notebook`, `talk` or `poster`.
        palette: Colours: `colorblind`, `deep`, `muted`, `bright`, or a matplotlib colour map.
        replace_none: Write `~` for the field `None` of run names in legends.
        add_titles: Put the name of the run over its plots.
        add_xlabels: Label the x axis.
        add_ylabels: Label the y axis.
        rcParams: Settings of matplotlib that win over all of the above.

    Raises:
        ConfigError: if a setting means nothing; told here, so that nobody trains for it in vain.
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
    ) -> None:
        filetypes = [filetypes] if isinstance(filetypes, str) else list(filetypes)
        check_settings(figsize, filetypes, context, palette, rcParams or {})
        self.output_directory = Path(output_directory)
        self.training_type = training_type
        self.figsize = (float(figsize[0]), float(figsize[1]))
        self.latex = latex and _has_latex()
        self.filetypes = filetypes
        self.pickle = pickle
        self.context = context
        self.palette = palette
        self.replace_none = replace_none
        self.add_titles = add_titles
        self.add_xlabels = add_xlabels
        self.add_ylabels = add_ylabels
        self.rcParams = dict(rcParams or {})
        self.figures = Figures()
        self._writer: Background | None = None

    @contextmanager
    def style(self) -> Iterator[None]:
        """The look of these plots while the block runs; afterwards matplotlib is as it was."""
        import matplotlib

        rc: Any = settings(self.context, self.palette, self.rcParams)
        with matplotlib.rc_context(rc | ({"text.usetex": True} if self.latex else {})):
            yield

    def new_figure(self) -> tuple[Figure, Axes]:
        """A figure with one pair of axes, labelled with the training type; use within `style`."""
        figure, (axes,) = self.new_stacked_figure(1)
        return figure, axes

    def new_stacked_figure(self, rows: int) -> tuple[Figure, list[Axes]]:
        """A figure with pairs of axes under each other; the lowest has the training type.

        Every pair after the first makes the figure half as high again as one of them alone.
        """
        width, height = self.figsize
        figure, all_axes = stacked_figure((width, height * (rows + 1) / 2), rows)
        all_axes[-1].set_xlabel(self.training_type if self.add_xlabels else "")
        return figure, all_axes

    def _figure_again(self, rows: int) -> tuple[Figure, list[Axes]]:
        """The same, of an earlier plot where that can be: most of the time goes into new axes."""
        if not self._draws_as_we_do:
            return self.new_stacked_figure(rows)
        found = self.figures.emptied(rows)
        if found is None:
            found = self.new_stacked_figure(rows)
            self.figures.keep(rows, *found)
            _leave_out_hidden_areas(*found)
        figure, all_axes = found
        all_axes[-1].set_xlabel(self.training_type if self.add_xlabels else "")
        return figure, all_axes

    @property
    def _draws_as_we_do(self) -> bool:
        """Whether nobody else has had a figure in hand, and may have left something on it."""
        kind = type(self)
        return (
            kind.save_plot is PlotBase.save_plot
            and kind.new_stacked_figure is PlotBase.new_stacked_figure
            and not vars(self).keys() & {"save_plot", "new_stacked_figure"}
        )

    @property
    def _has_plain_style(self) -> bool:
        """Whether texts lie where our style puts them, and no setting has moved them."""
        return not self.latex and PLAIN_RC.issuperset(self.rcParams)

    @contextmanager
    def writing_behind(self) -> Iterator[None]:
        """Write files beside the drawing of the next; all are written at the end."""
        self._writer = Background()
        try:
            yield
            self._writer.join()
        finally:
            self._writer.close()
            self._writer = None

    def legend_text(self, text: str) -> str:
        """A run's name as it stands in a legend."""
        if self.replace_none:
            fields = "_".join("~" if field == "None" else field for field in text.split("_"))
            text = fields.replace("_~", "~").replace("~_", "~")
        return "".join(LATEX_SPECIAL.get(c, c) for c in text) if self.latex else text

    def save_plot(
        self,
        fig: Figure,
        name: str,
        path: str | Path = "",
        close: bool = True,
        tight_layout: bool = True,
    ) -> None:
        """Write a figure, once per file type.

        Args:
            fig: The figure.
            name: Name of the files, without suffix.
            path: Folder inside the output directory.
            close: Clear the figure afterwards, unless it is one that is drawn on again.
            tight_layout: Fit the axes and their labels to the figure.

        Raises:
            OutputError: if a file cannot be written.
        """
        from autrainer.runs.writing.files import write_bytes

        if tight_layout:
            fig.tight_layout()
        folder = self.output_directory / path
        for filetype in self.filetypes:
            file = folder / f"{name}.{filetype}"
            content = _drawn(fig, filetype)
            if self._writer is None:
                write_bytes(file, content)
            else:
                self._writer.submit(write_bytes, file, content)
        if self.pickle:
            write_bytes(folder / f"{name}.pkl", pickling.dumps(fig))
        if close and not self.figures.has(fig):
            fig.clear()


def _leave_out_hidden_areas(figure: Figure, all_axes: Sequence[Axes]) -> None:
    """Do not fill axes that have the colour of the figure behind them: millions of pixels each."""
    for axes in all_axes:
        axes.patch.set_visible(axes.get_facecolor() != figure.get_facecolor())


def _drawn(figure: Figure, filetype: str) -> bytes:
    """Draw a figure; the bytes of the file."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from autrainer.plotting.png import encode_png

    if filetype == "png" and isinstance(figure.canvas, FigureCanvasAgg):
        canvas: Any = figure.canvas
        canvas.draw()
        return encode_png(np.asarray(canvas.buffer_rgba()), figure.dpi)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=filetype, dpi=DPI, metadata=UNDATED.get(filetype))
    return buffer.getvalue()


def _has_latex() -> bool:
    if shutil.which("latex"):
        return True
    log.warning("plotting.latex is true but there is no latex executable; plotting without it")
    return False
