"""Runs as lines of JSON."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.loggers.base import AbstractLogger, Metric
from autrainer.loggers.export import get_params_to_export
from autrainer.loggers.marks import PARAMS, TEST
from autrainer.runs.writing.opening import open_regular, reading

if TYPE_CHECKING:
    from omegaconf import DictConfig

Line = dict[str, Any]


class JSONLinesLogger(AbstractLogger):
    """Appends a line of JSON to `output_dir/exp_name/run_name.jsonl` for all that is logged.

    Needs no library, and any program reads the file while the run goes on: `tail -f`, `jq`,
    `pandas.read_json(file, lines=True)`. Every line has `event` and `time` (seconds since 1970):

    - `params`: the exported configuration;
    - `best`: the best values so far, `metrics`: the values of an `iteration`;
    - `test`: the test results;
    - `timers`: mean times, and what the run waited for;
    - `artifact`: where a file lies.

    Values that are not finite are null. A run that goes on after an interruption goes on in its
    file, where every iteration is once; any other run of the same name begins it anew.

    Args:
        exp_name: Name of the experiment.
        run_name: Name of the run.
        metrics: Metrics whose best values are logged.
        tracking_metric: The metric that decides which iteration is best.
        artifacts: Files of the run folder that are named at the end.
        output_dir: Folder of all experiments.
    """

    def __init__(
        self,
        exp_name: str,
        run_name: str,
        metrics: Sequence[Metric],
        tracking_metric: Metric,
        artifacts: Sequence[str | Mapping[str, str]] | None = None,
        output_dir: str = "logs",
    ) -> None:
        super().__init__(exp_name, run_name, metrics, tracking_metric, artifacts)
        self.output_dir = output_dir
        self._logged: set[int] = set()
        self._file: int | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.output_dir) / self.exp_name / f"{self.run_name}.jsonl"

    def setup(self) -> None:
        """Open the file: at its end if the run goes on, else empty."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = self._whole_lines() if self.is_resumed and self.path.exists() else []
        self._logged = {number for _, line in kept for number in _numbers(line)}
        self._file = open_regular(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.ftruncate(self._file, sum(size for size, _ in kept))

    def was_logged(self, iteration: int) -> bool:
        """Whether the file has this already."""
        return iteration in self._logged

    def log_params(self, params: DictConfig | dict[str, Any]) -> None:
        """Write the exported parameters."""
        self._write("params", params=get_params_to_export(params))

    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Write values: of an iteration, the best so far, or of the test set."""
        if iteration is not None:
            self._write("metrics", iteration=iteration, metrics=metrics)
        else:
            self._write("best" if "best_iteration" in metrics else "test", metrics=metrics)

    def log_timers(self, timers: dict[str, str]) -> None:
        """Write mean times."""
        self._write("timers", timers=timers)

    def log_artifact(self, filename: str, path: str = "") -> None:
        """Write where a file lies."""
        self._write("artifact", path=str(Path(path) / filename))

    def end_run(self) -> None:
        """Close the file."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _write(self, event: str, **values: Any) -> None:
        line = {"event": event, "time": round(time.time(), 3), **values}
        text = json.dumps(_finite(line), ensure_ascii=False, allow_nan=False, default=str)
        if self._file is not None:
            os.write(self._file, f"{text}\n".encode())

    def _whole_lines(self) -> list[tuple[int, Line]]:
        """Size and content of the lines up to the first that is torn, or has lost its companion."""
        lines: list[tuple[int, Line]] = []
        with reading(self.path) as file:
            for text in file:
                try:
                    line = json.loads(text) if text.endswith(b"\n") else None
                except ValueError:
                    line = None
                if not isinstance(line, dict):
                    break
                lines.append((len(text), line))
        # The best values are written just before those of the iteration.
        while lines and lines[-1][1].get("event") == "best":
            lines.pop()
        return lines


def _numbers(line: Line) -> list[int]:
    """What a line stands for among what `was_logged` is asked about."""
    special = {"params": PARAMS, "test": TEST}
    event, iteration = line.get("event"), line.get("iteration")
    if event in special:
        return [special[event]]
    return [iteration] if isinstance(iteration, int) else []


def _finite(value: Any) -> Any:
    """The same with null for every number that JSON does not have."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
