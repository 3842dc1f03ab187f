"""Filters of a sweep: which combinations are left out, and why."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.config.locate import locate
from autrainer.config.shorthand import split_shorthand
from autrainer.errors import AutrainerError, ConfigError, did_you_mean
from autrainer.runs.layout import TABLE

log = logging.getLogger(__name__)

_OLD_TYPES = {"exists": "hydra_filter_sweeper.Exists", "expr": "hydra_filter_sweeper.Expression"}


@dataclass(frozen=True)
class Filter:
    """One entry of `hydra.sweeper.filters`.

    Args:
        path: Import path of the filter class.
        kwargs: What its `filter` method gets.
        fails: An error in the filter ends the sweep; otherwise it leaves the combination in.
        logs: Say what was left out.
    """

    path: str
    kwargs: Mapping[str, Any]
    fails: bool = True
    logs: bool = True

    @classmethod
    def read(cls, entry: Any) -> Filter:
        """Read an entry, either a shorthand or one of version 1 of the sweeper's plugin."""
        if isinstance(entry, Mapping) and "type" in entry:
            return cls._read_old(dict(entry))
        path, kwargs = split_shorthand(entry, "hydra.sweeper.filters")
        fails, logs = kwargs.pop("_fail_", True), kwargs.pop("_log_", True)
        return cls(path, kwargs, bool(fails), bool(logs))

    @classmethod
    def _read_old(cls, entry: dict[str, Any]) -> Filter:
        kind = entry.pop("type")
        fails, logs = entry.pop("fail", True), entry.pop("log", True)
        if kind == "class":
            path = entry.pop("target", None)
            if path is None:
                raise ConfigError(
                    "hydra.sweeper.filters: an entry of type 'class' needs 'target', the import "
                    "path of a filter"
                )
        elif kind in _OLD_TYPES:
            path = _OLD_TYPES[kind]
        else:
            raise ConfigError(
                f"hydra.sweeper.filters: type is {kind!r}; use 'exists', 'expr' or 'class'; "
                + did_you_mean(kind, [*_OLD_TYPES, "class"])
            )
        return cls(path, entry, bool(fails), bool(logs))

    @property
    def skips_finished(self) -> bool:
        """Whether this leaves out runs that have a `metrics.csv`."""
        return self.path == "hydra_filter_sweeper.Exists" and self.kwargs.get("path") == TABLE

    def reason(self, config: Any, directory: Path) -> str | None:
        """Why a combination is left out, or None if it stays.

        Args:
            config: Its configuration, resolved: `model.id` and `model["id"]` both work.
            directory: Its run folder.

        Raises:
            ConfigError: if the filter fails.
        """
        try:
            kind: Any = locate(self.path, "hydra.sweeper.filters")
            judge = kind(config=config, directory=str(directory))
            if not judge.filter(**self.kwargs):
                return None
            return judge.reason(**self.kwargs) or "the filter says so"
        except Exception as error:
            if not self.fails:
                log.debug("Filter %s failed: %s", self.path, error)
                return None
            if isinstance(error, AutrainerError):
                raise
            raise ConfigError(
                f"hydra.sweeper.filters: {self.path} failed with {dict(self.kwargs)}: "
                f"{type(error).__name__}: {error}; add `_fail_: false` to leave such "
                "combinations in"
            ) from error


def read_filters(entries: Iterable[Any] | None) -> list[Filter]:
    """Read all entries of `hydra.sweeper.filters`."""
    return [Filter.read(entry) for entry in entries or []]
