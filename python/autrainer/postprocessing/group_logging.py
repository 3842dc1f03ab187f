"""Averaged runs, told to the loggers of their members as if they had been trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.config.project_path import project_importable
from autrainer.errors import AutrainerError
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.timer import Timer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AveragedTimer:
    """A timer of an averaged run.

    Args:
        mean_s: Mean seconds of a period.
    """

    mean_s: float

    def get_mean_seconds(self) -> float:
        """Mean seconds of a period."""
        return self.mean_s

    def pretty_time(self, seconds: float) -> str:
        """Seconds as `H:MM:SS`."""
        return Timer.pretty_time(seconds)


class AveragedRun:
    """An averaged run, as far as loggers ask.

    Args:
        record: Its folder.

    Attributes:
        cfg: Its configuration.
        output_directory: Its folder, absolute.
    """

    def __init__(self, record: RunRecord) -> None:
        self.cfg = record.config
        self.output_directory = Path(record.folder).absolute()
        means = {name: times.mean_s for name, times in record.timers.items()}
        self.train_timer = AveragedTimer(means.get("train", 0.0))
        self.dev_timer = AveragedTimer(means.get("dev", 0.0))
        self.test_timer = AveragedTimer(means.get("test", 0.0))


def log_groups(experiment: str, groups: Sequence[RunRecord]) -> list[str]:
    """Tell averaged runs to the loggers that the configuration of the first one lists.

    Args:
        experiment: Name of the experiment for the loggers.
        groups: The averaged runs.

    Returns:
        What went wrong; the tables do not depend on it.
    """
    listed = groups[0].config.get("loggers") if groups else None
    if not isinstance(listed, list):
        return []
    troubles: list[str] = []
    with project_importable():
        for shorthand in listed:
            for record in groups:
                try:
                    _log(shorthand, experiment, record)
                except (AutrainerError, OSError) as error:
                    troubles.append(f"{record.name}: {error}")
    return troubles


def _log(shorthand: Any, experiment: str, record: RunRecord) -> None:
    from autrainer.config.instantiate import instantiate_shorthand
    from autrainer.loggers.base import AbstractLogger
    from autrainer.metrics.base import AbstractMetric

    dataset: Mapping[str, Any] = record.config["dataset"]
    metrics = [instantiate_shorthand(m, instance_of=AbstractMetric) for m in dataset["metrics"]]
    tracking = next(metric for metric in metrics if metric.name == record.tracking_metric)
    logger: Any = instantiate_shorthand(
        shorthand,
        instance_of=AbstractLogger,
        exp_name=experiment,
        run_name=record.name,
        metrics=metrics,
        tracking_metric=tracking,
    )
    run = AveragedRun(record)
    try:
        logger.cb_on_train_begin(run)
        for iteration, row in record.metrics.rows():
            logger.cb_on_iteration_end(run, iteration=iteration, metrics=row)
        tested = {f"test_{name}": value for name, value in record.test.totals.items()}
        logger.cb_on_test_end(run, test_results=tested)
        logger.cb_on_train_end(run)
    finally:
        logger.close()
