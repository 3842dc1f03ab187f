"""Runs in MLflow."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from autrainer.loggers.base import Metric
from autrainer.loggers.export import get_params_to_export
from autrainer.loggers.fallback import LibraryLogger
from autrainer.loggers.marks import PARAMS, TEST
from autrainer.runs.extras import is_installed

if TYPE_CHECKING:
    from omegaconf import DictConfig

ALLOW_FILES = "MLFLOW_ALLOW_FILE_STORE"


DATABASE = "mlflow.db"
DEFAULT_DIR = "mlruns"
_SERVED = "http://localhost"


def tracking_uri(output_dir: str) -> str:
    """The address of an MLflow store: a URI as it is, a folder as that of a database in it.

    A folder that holds runs of MLflow as files stays such a store: its address is the absolute
    `file://` URI. So does any folder where the libraries of the database are not installed. In the
    place of the default folder, `MLFLOW_TRACKING_URI` of the environment counts, if it is set.

    >>> tracking_uri("http://localhost:5000")
    'http://localhost:5000'
    """
    if "://" in output_dir or output_dir.startswith(("databricks", "file:", "sqlite:")):
        return output_dir
    if output_dir == DEFAULT_DIR and (told := os.environ.get("MLFLOW_TRACKING_URI")):
        return told
    folder = Path(output_dir).absolute()
    holds_files = next(folder.glob("*/meta.yaml"), None) is not None
    if holds_files or not (is_installed("sqlalchemy") and is_installed("alembic")):
        return folder.as_uri()
    return f"sqlite:///{folder / DATABASE}"


class MLFlowLogger(LibraryLogger):
    """Logs to MLflow: to a database in a folder, or to the server or database that a URI names.

    `mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db` shows what is there. A folder with
    runs that MLflow has kept as files goes on as it is. Earlier runs of the same name stay. Needs
    the extra `mlflow`; without it a `FallbackLogger` is what the constructor gives.

    Args:
        exp_name: Name of the experiment; it is created if there is none.
        run_name: Name of the run.
        metrics: Metrics whose best values are logged.
        tracking_metric: The metric that decides which iteration is best.
        artifacts: Files of the run folder to upload at the end.
        output_dir: A folder, or a tracking URI such as `http://host:5000` or `sqlite:///runs.db`.
            Where the default is left, `MLFLOW_TRACKING_URI` of the environment counts.
    """

    _module = "mlflow"
    _extra = "mlflow"

    def __init__(
        self,
        exp_name: str,
        run_name: str,
        metrics: Sequence[Metric],
        tracking_metric: Metric,
        artifacts: Sequence[str | Mapping[str, str]] | None = None,
        output_dir: str = DEFAULT_DIR,
    ) -> None:
        super().__init__(exp_name, run_name, metrics, tracking_metric, artifacts)
        self.output_dir = output_dir
        self._client: Any = None
        self._run_id = ""

    def setup(self) -> None:
        """Connect, find or create the experiment, and begin a run in it."""
        uri = tracking_uri(self.output_dir)
        if uri.startswith("file:"):
            # MLflow 3.13 and newer ask for consent to keep runs in a folder; naming one gives it.
            os.environ.setdefault(ALLOW_FILES, "true")
        from mlflow import MlflowClient

        # Of a database `mlflow-skinny` has no registry of models, and looks for one by its address
        # when the client is made; nobody asks it.
        registry = {"registry_uri": _SERVED} if uri.startswith("sqlite:") else {}
        if self._database is not None:
            self._database.parent.mkdir(parents=True, exist_ok=True)
        self._client = MlflowClient(tracking_uri=uri, **registry)
        experiment_id = self._experiment_id()
        if self.is_resumed and self._run_id:
            self._client.update_run(self._run_id, status="RUNNING")
            return
        run = self._client.create_run(experiment_id, run_name=self.run_name)
        self._run_id = run.info.run_id

    @property
    def _database(self) -> Path | None:
        """The database in the folder of runs; None if they are kept elsewhere."""
        uri = tracking_uri(self.output_dir)
        path = Path(self.output_dir).absolute() / DATABASE
        return path if uri == f"sqlite:///{path}" else None

    def _experiment_id(self) -> str:
        """The experiment, which another process may be creating too."""
        from mlflow.exceptions import MlflowException

        options: dict[str, str] = {}
        if self._database is not None:
            # MLflow would put files of a database into the working directory.
            place = self._database.with_name("artifacts") / quote(self.exp_name, safe="")
            options["artifact_location"] = place.as_uri()
        if (found := self._client.get_experiment_by_name(self.exp_name)) is None:
            try:
                return str(self._client.create_experiment(self.exp_name, **options))
            except MlflowException:
                found = self._client.get_experiment_by_name(self.exp_name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def state_dict(self) -> dict[str, Any]:
        """The best values and the run."""
        return {**super().state_dict(), "run_id": self._run_id}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on in the run that was begun."""
        super().load_state_dict(state_dict)
        self._run_id = state_dict["run_id"]

    def was_logged(self, iteration: int) -> bool:
        """Whether MLflow has this already. What has kept no state begins a run of its own."""
        if not self.is_resumed:
            return False
        if iteration in (PARAMS, TEST):
            return super().was_logged(iteration)
        history = self._client.get_metric_history(self._run_id, "dev_loss")
        return any(metric.step == iteration for metric in history)

    def log_params(self, params: DictConfig | dict[str, Any]) -> None:
        """Log the exported parameters."""
        for name, value in get_params_to_export(params).items():
            self._client.log_param(self._run_id, name, value)

    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Log values; those of the whole run at step 0."""
        from mlflow.entities import Metric as Point

        now_ms, step = int(time.time() * 1000), iteration or 0
        points = [Point(allowed_name(k), float(v), now_ms, step) for k, v in metrics.items()]
        self._client.log_batch(self._run_id, metrics=points)

    def log_timers(self, timers: dict[str, str]) -> None:
        """Log mean times as parameters."""
        for name, value in timers.items():
            self._client.log_param(self._run_id, name, value)

    def log_artifact(self, filename: str, path: str = "") -> None:
        """Upload a file."""
        self._client.log_artifact(self._run_id, str(Path(path) / filename))

    def end_run(self) -> None:
        """Mark the run as ended."""
        self._client.set_terminated(self._run_id)


def allowed_name(name: str) -> str:
    """The name of a value with `_` for every character that MLflow does not take.

    >>> allowed_name("mae_unscaled.valence (1-7)")
    'mae_unscaled.valence _1-7_'
    """
    return re.sub(r"[^\w\-. :/]", "_", name)
