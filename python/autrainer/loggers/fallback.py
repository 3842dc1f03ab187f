"""What takes the place of a logger whose library is not installed."""

from __future__ import annotations

import logging
from typing import Any

from autrainer.loggers.base import AbstractLogger

log = logging.getLogger(__name__)


class FallbackLogger(AbstractLogger):
    """Says once what is missing, and then does nothing.

    Args:
        requested_logger: Name of the logger that was asked for.
        extras: The extra of this package that brings its library. Without both nothing is said.
    """

    def __init__(self, requested_logger: str | None = None, extras: str | None = None) -> None:
        self._is_open = False
        if requested_logger is not None and extras is not None:
            log.warning(
                "%s needs a library that is not installed, so nothing is logged there; install it "
                "with: pip install 'autrainer[%s]'",
                requested_logger,
                extras,
            )

    def log_params(self, params: Any) -> None:
        """Do nothing."""

    def log_metrics(self, metrics: dict[str, float], iteration: int | None = None) -> None:
        """Do nothing."""

    def log_timers(self, timers: dict[str, str]) -> None:
        """Do nothing."""

    def log_artifact(self, filename: str, path: str = "") -> None:
        """Do nothing."""

    def log_and_update_metrics(self, metrics: Any, iteration: int) -> None:
        """Do nothing."""

    def cb_on_train_begin(self, trainer: Any) -> None:
        """Do nothing."""

    def cb_on_iteration_end(self, trainer: Any, iteration: int, metrics: dict[str, float]) -> None:
        """Do nothing."""

    def cb_on_test_end(self, trainer: Any, test_results: dict[str, float]) -> None:
        """Do nothing."""

    def cb_on_train_end(self, trainer: Any) -> None:
        """Do nothing."""
