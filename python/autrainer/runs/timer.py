"""How long the parts of a run take."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

from autrainer.errors import ConfigError, CorruptFileError
from autrainer.runs.layout import TIMES_FILE
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml

_MOST_PERIODS = 1_000_000
"""A run does not begin with a longer log, whatever a damaged file says."""


class Timer:
    """Measures periods of one kind and tells their mean and total.

    Args:
        output_directory: The run folder.
        timer_type: What is measured: `train`, `dev` or `test`.
    """

    def __init__(self, output_directory: str | Path, timer_type: str) -> None:
        self.output_directory = Path(output_directory)
        self.timer_type = timer_type
        self._log_s: list[float] = []
        self._started_s: float | None = None
        self._carried_s = 0.0

    def start(self) -> None:
        """Begin a period, or go on with one that a loaded state left open.

        A period that has not been stopped is forgotten.
        """
        self._started_s = time.perf_counter() - self._carried_s
        self._carried_s = 0.0

    def stop(self) -> None:
        """End the period.

        Raises:
            ValueError: if none was begun.
        """
        if self._started_s is None:
            raise ConfigError(f"the {self.timer_type} timer was not started; call start() first")
        self._log_s.append(time.perf_counter() - self._started_s)
        self._started_s = None

    def get_time_log(self) -> list[float]:
        """Seconds of every period so far."""
        return list(self._log_s)

    def get_mean_seconds(self) -> float:
        """Mean seconds of a period; zero before the first one has ended."""
        return self.get_total_seconds() / len(self._log_s) if self._log_s else 0.0

    def get_total_seconds(self) -> float:
        """Seconds of all periods together."""
        return sum(self._log_s)

    @staticmethod
    def pretty_time(seconds: float) -> str:
        """Seconds as `H:MM:SS`, the fraction cut off.

        >>> Timer.pretty_time(3725.9)
        '1:02:05'
        """
        minutes, rest = divmod(int(seconds), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"

    def summary(self) -> dict[str, str | float]:
        """Mean and total, as text and in seconds: the entry of `timer.yaml`."""
        mean_s, total_s = self.get_mean_seconds(), self.get_total_seconds()
        return {
            "mean": self.pretty_time(mean_s),
            "mean_seconds": mean_s,
            "total": self.pretty_time(total_s),
            "total_seconds": total_s,
        }

    def save(self, path: str | Path = "") -> None:
        """Set this timer's entry in `timer.yaml`; those of other timers stay.

        Args:
            path: Folder inside the run folder.
        """
        file = self.output_directory / path / TIMES_FILE
        entries = dict(read_yaml(file) or {}) if file.is_file() else {}
        write_yaml(file, entries | {self.timer_type: self.summary()})

    def state_dict(self) -> dict[str, Any]:
        """Seconds of every period, and of the one that is open."""
        open_s = 0.0 if self._started_s is None else time.perf_counter() - self._started_s
        return {"log_s": list(self._log_s), "open_s": open_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a state; `start` goes on with the period that was open."""
        self._log_s = [checked_seconds(seconds) for seconds in state_dict["log_s"]]
        self._carried_s = checked_seconds(state_dict["open_s"])

    def restore(self, path: str | Path) -> None:
        """Begin with the periods of an earlier run, so that means and totals cover both.

        A `timer.yaml` tells mean and total, hence how many periods there were; each is taken to
        have lasted as long as their mean. Without the file or the entry nothing is added.

        Args:
            path: The `timer.yaml` of that run.

        Raises:
            CorruptFileError: naming the file, if it holds something else.
        """
        if not Path(path).is_file():
            return
        content = read_yaml(path)
        try:
            entry = (content or {}).get(self.timer_type) or {}
            mean_s = checked_seconds(entry.get("mean_seconds") or 0)
            total_s = checked_seconds(entry["total_seconds"]) if mean_s else 0.0
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise no_times(path, error) from error
        if mean_s:
            count = min(max(1, round(total_s / mean_s)), _MOST_PERIODS)
            self._log_s[:0] = [mean_s] * count


def checked_seconds(value: Any) -> float:
    """A number of seconds.

    Raises:
        ValueError: if it is none.
    """
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{value!r} is no number of seconds")
    return seconds


def no_times(path: str | Path, error: Exception) -> CorruptFileError:
    """The error for a file of times that holds something else."""
    return CorruptFileError(
        f"{path}: expected times, found something else ({error}); remove it to go on without them"
    )
