"""Runs in TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.loggers.base import Metric
from autrainer.loggers.export import get_params_to_export
from autrainer.loggers.fallback import LibraryLogger
from autrainer.loggers.marks import PARAMS, TEST

if TYPE_CHECKING:
    from omegaconf import DictConfig


class TensorBoardLogger(LibraryLogger):
    """Logs to `output_dir/exp_name/run_name` for TensorBoard; artifacts are left where they are.

    Needs the extra `tensorboard`; without it a `FallbackLogger` is what the constructor gives.

    Args:
        exp_name: Name of the experiment.
        run_name: Name of the run.
        metrics: Metrics whose best values are logged.
        tracking_metric: The metric that decides which iteration is best.
        artifacts: Not used here.
        output_dir: Folder of all experiments.
    """

    _module = "tensorboard"
    _extra = "tensorboard"

    def __init__(
        self,
        exp_name: str,
        run_name: str,
        metrics: Sequence[Metric],
        tracking_metric: Metric,
        artifacts: Sequence[str | Mapping[str, str]] | None = None,
        output_dir: str = "runs",
    ) -> None:
        super().__init__(exp_name, run_name, metrics, tracking_metric, artifacts)
        self.output_dir = output_dir
        self._writer: Any = None

    def setup(self) -> None:
        """Open the event file."""
        from torch.utils.tensorboard import SummaryWriter

        folder = Path(self.output_dir) / self.exp_name / self.run_name
        writer: Any = SummaryWriter
        # What an interrupted attempt logged of iterations that are trained again is hidden, also
        # if it has kept no state.
        has_points = self._marks is not None and not self._marks.was_empty
        purged = self.last_iteration + 1 if has_points or self.is_resumed else None
        self._writer = writer(log_dir=str(folder), purge_step=purged)

    def was_logged(self, iteration: int) -> bool:
        """Whether this was logged and will not be hidden: texts and test results have no step."""
        return iteration in (PARAMS, TEST) and super().was_logged(iteration)

    def log_params(self, params: DictConfig | dict[str, Any]) -> None:
        """Log the exported parameters as texts."""
        self._log_texts(get_params_to_export(params))

    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Log values as scalars."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, iteration)
        self._writer.flush()

    def log_timers(self, timers: dict[str, str]) -> None:
        """Log mean times as texts."""
        self._log_texts(timers)

    def log_artifact(self, filename: str, path: str = "") -> None:
        """Do nothing: TensorBoard shows no files."""

    def end_run(self) -> None:
        """Close the event file."""
        self._writer.close()

    def _log_texts(self, texts: Mapping[str, Any]) -> None:
        for name, value in texts.items():
            self._writer.add_text(name, str(value))
        self._writer.flush()
