"""Runs in Weights & Biases."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.loggers.base import Metric
from autrainer.loggers.export import get_params_to_export
from autrainer.loggers.fallback import LibraryLogger

if TYPE_CHECKING:
    from omegaconf import DictConfig

log = logging.getLogger(__name__)


class WandBLogger(LibraryLogger):
    """Logs to Weights & Biases: the experiment is the project, and the run has its name.

    Without a key nothing is sent: the run is written to `output_dir/wandb/offline-run-*`, which
    `wandb sync` sends later. Best values, test results and times stand in the summary. Needs the
    extra `wandb`; without it a `FallbackLogger` is what the constructor gives.

    Args:
        exp_name: Name of the project; it is created if there is none.
        run_name: Name of the run.
        metrics: Metrics whose best values are logged.
        tracking_metric: The metric that decides which iteration is best.
        artifacts: Files of the run folder to upload at the end.
        output_dir: Folder in which the library makes its folder `wandb`.
        mode: `online` or `offline`; None for `WANDB_MODE` of the environment, else `online` where
            there is a key.
        entity: Team or user; None for the default one of the key.
    """

    _module = "wandb"
    _extra = "wandb"

    def __init__(
        self,
        exp_name: str,
        run_name: str,
        metrics: Sequence[Metric],
        tracking_metric: Metric,
        artifacts: Sequence[str | Mapping[str, str]] | None = None,
        output_dir: str = ".",
        mode: str | None = None,
        entity: str | None = None,
    ) -> None:
        super().__init__(exp_name, run_name, metrics, tracking_metric, artifacts)
        self.output_dir = output_dir
        self.mode = mode
        self.entity = entity
        self._run: Any = None
        self._run_id = ""

    def setup(self) -> None:
        """Begin a run, or go on with that of the attempt before."""
        import wandb

        mode: Any = self.mode or os.environ.get("WANDB_MODE")
        if mode is None:
            mode = "online" if wandb.api.api_key else "offline"
        if mode == "offline":
            log.info("WandBLogger writes to %s/wandb; send it by: wandb sync", self.output_dir)
        self._run_id = self._run_id or secrets.token_hex(4)
        Path(self.output_dir).mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=self.exp_name,
            entity=self.entity,
            name=self.run_name,
            dir=self.output_dir,
            id=self._run_id,
            resume="allow" if self.is_resumed and mode == "online" else None,
            # Neither what the process prints nor how its machine is doing belongs to a run.
            settings=wandb.Settings(mode=mode, silent=True, console="off", x_disable_stats=True),
            reinit="create_new",
        )

    def state_dict(self) -> dict[str, Any]:
        """The best values and the run."""
        return {**super().state_dict(), "run_id": self._run_id}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on in the run that was begun."""
        super().load_state_dict(state_dict)
        self._run_id = state_dict["run_id"]

    def was_logged(self, iteration: int) -> bool:
        """Whether this was logged before. What has kept no state begins a run of its own."""
        return self.is_resumed and super().was_logged(iteration)

    def log_params(self, params: DictConfig | dict[str, Any]) -> None:
        """Log the exported parameters as the configuration of the run."""
        self._run.config.update(get_params_to_export(params), allow_val_change=True)

    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Log values; those of the whole run in its summary."""
        values = {name: float(value) for name, value in metrics.items()}
        if iteration is None:
            self._run.summary.update(values)
        else:
            self._run.log(values, step=iteration)

    def log_timers(self, timers: dict[str, str]) -> None:
        """Log mean times in the summary."""
        self._run.summary.update(timers)

    def log_artifact(self, filename: str, path: str = "") -> None:
        """Upload a file."""
        folder = Path(path).absolute()
        self._run.save(str(folder / filename), base_path=str(folder), policy="now")

    def end_run(self) -> None:
        """End the run."""
        self._run.finish()
