"""Loggers that need a library, and what takes their place where it is not installed."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from autrainer.loggers.base import AbstractLogger, LoggedRun
from autrainer.runs.extras import is_installed

log = logging.getLogger(__name__)


class FallbackLogger(AbstractLogger):
    """Says once what is missing, and then does nothing.

    It keeps no state either: where the library is there again, an interrupted run begins a new log.

    Args:
        requested_logger: Name of the logger that was asked for.
        extras: The extra of this package that brings its library. Without both nothing is said.
    """

    def __init__(self, requested_logger: str | None = None, extras: str | None = None) -> None:
        nothing: Any = None
        super().__init__("", "", [], nothing, [])
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

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Do nothing."""

    def cb_on_train_begin(self, trainer: LoggedRun) -> None:
        """Do nothing."""

    def cb_on_iteration_end(
        self, trainer: LoggedRun, iteration: int, metrics: dict[str, float]
    ) -> None:
        """Do nothing."""

    def cb_on_test_end(self, trainer: LoggedRun, test_results: dict[str, float]) -> None:
        """Do nothing."""

    def cb_on_train_end(self, trainer: LoggedRun) -> None:
        """Do nothing."""


class LibraryLogger(AbstractLogger):
    """Base of loggers that need a library: without it their constructors give a `FallbackLogger`.

    A subclass names the module of its library and the extra of this package that brings it.
    """

    _module: ClassVar[str]
    _extra: ClassVar[str]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Any:
        """Make a logger, or a `FallbackLogger` if its library is missing."""
        if not is_installed(cls._module):
            return FallbackLogger(cls.__name__, cls._extra)
        return super().__new__(cls)
