"""Draws the curves of a run beside it, so that neither training nor the exit waits for long."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autrainer.config.plain import plain_copy
from autrainer.config.schema.sections.plotting import PlottingSection
from autrainer.errors import OutputError
from autrainer.plotting.metrics import PlotMetrics
from autrainer.plotting.renderer import PlotProcess, RunPlots
from autrainer.training.recording.history import History

log = logging.getLogger(__name__)


class BackgroundPlots:
    """The plots of a run: drawn by a helper process that gets ready while the run trains.

    Args:
        output_directory: The run folder.
        training_type: `epoch` or `step`.
        plotting: How they look, and whether there are any; None for none.
        metrics: The metrics of the run.
    """

    def __init__(
        self,
        output_directory: Path,
        training_type: str,
        plotting: PlottingSection | None,
        metrics: Sequence[Any],
    ) -> None:
        self.plot_metrics: PlotMetrics | None = None
        self._process = PlotProcess()
        self._where = (str(output_directory), training_type)
        self._settings = {} if plotting is None else plain_copy(plotting.arguments)
        self._metrics = [(metric.name, metric.suffix) for metric in metrics]
        if plotting is not None and plotting.is_on:
            self.plot_metrics = PlotMetrics(*self._where, **self._settings, metric_fns=metrics)
            self._process.start()

    def draw(self, history: History) -> None:
        """Have the curves drawn; returns at once."""
        if self.plot_metrics is None:
            return
        values = {name: history.column(name) for name in (*history.columns, *history.names_beside)}
        self._process.submit(
            RunPlots(*self._where, self._settings, self._metrics, history.iterations, values)
        )

    def finish(self) -> None:
        """Wait until they are on disk.

        That they could not be drawn or written is logged: what was trained counts without them, and
        they can be drawn again.
        """
        try:
            self._process.join()
        except OutputError as error:
            # Beside the next run of a sweep: "this run" would be another one.
            log.error("The plots of %s are missing: %s", Path(self._where[0]).name, error)

    def close(self) -> None:
        """End the helper process."""
        self._process.close()
