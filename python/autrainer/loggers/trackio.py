"""Runs in trackio."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autrainer.loggers.base import Metric
from autrainer.loggers.export import get_params_to_export
from autrainer.loggers.fallback import LibraryLogger

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from autrainer.loggers.base import LoggedRun


class TrackioLogger(LibraryLogger):
    """Logs to trackio: the experiment is the project, and the run has its name.

    Nothing leaves the machine unless a server or a Space is named. `trackio show` displays what is
    there; the library keeps it in the folder `TRACKIO_DIR` of the environment, by default in the
    cache of Hugging Face. Files stay where they are. Needs the extra `trackio`; without it a
    `FallbackLogger` is what the constructor gives.

    Args:
        exp_name: Name of the project; it is created if there is none.
        run_name: Name of the run.
        metrics: Metrics whose best values are logged.
        tracking_metric: The metric that decides which iteration is best.
        artifacts: Not used here.
        space_id: A Space of Hugging Face to log to; None for this machine, or what
            `TRACKIO_SPACE_ID` names.
        server_url: A trackio server; None for none, or what `TRACKIO_SERVER_URL` names.
    """

    _module = "trackio"
    _extra = "trackio"

    def __init__(
        self,
        exp_name: str,
        run_name: str,
        metrics: Sequence[Metric],
        tracking_metric: Metric,
        artifacts: Sequence[str | Mapping[str, str]] | None = None,
        space_id: str | None = None,
        server_url: str | None = None,
    ) -> None:
        super().__init__(exp_name, run_name, metrics, tracking_metric, artifacts)
        self.space_id = space_id
        self.server_url = server_url
        self._run: Any = None
        self._params: dict[str, Any] = {}

    def setup(self) -> None:
        """Begin a run, or go on with that of the attempt before."""
        import trackio

        with _unprinted():
            self._run = trackio.init(
                project=self.exp_name,
                name=self.run_name,
                space_id=self.space_id,
                server_url=self.server_url,
                config=self._params or None,
                resume="allow" if self.is_resumed else "never",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def cb_on_train_begin(self, trainer: LoggedRun) -> None:
        """Set up; the configuration has to be there when a run of trackio begins."""
        self._params = get_params_to_export(trainer.cfg)
        super().cb_on_train_begin(trainer)

    def was_logged(self, iteration: int) -> bool:
        """Whether this was logged before. What has kept no state begins a run of its own."""
        return self.is_resumed and super().was_logged(iteration)

    def log_params(self, params: DictConfig | dict[str, Any]) -> None:
        """Do nothing: the run has begun with them."""

    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Log values; those of the whole run at the iteration that was last."""
        step = self.last_iteration if iteration is None else iteration
        self._run.log({name: float(value) for name, value in metrics.items()}, step=step)

    def log_timers(self, timers: dict[str, str]) -> None:
        """Log mean times as texts."""
        self._run.log(dict(timers), step=self.last_iteration)

    def log_artifact(self, filename: str, path: str = "") -> None:
        """Do nothing: files stay in the run folder."""

    def end_run(self) -> None:
        """Write what is left, and end the run."""
        import trackio

        is_current = trackio.context_vars.current_run.get() is self._run
        with _unprinted():
            # The library finishes the current run once more, and says so, when the process ends.
            (trackio.finish if is_current else self._run.finish)()


def _unprinted() -> contextlib.AbstractContextManager[Any]:
    """Within, what the library prints is not printed: a run has its own lines."""
    return contextlib.redirect_stdout(io.StringIO())
