"""What a run waits for: the time of the thread that trains, by what it was spent on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from autrainer.errors import CorruptFileError
from autrainer.runs.layout import STAGES_FILE, TIMES_FILE
from autrainer.runs.timer import Timer, checked_seconds, no_times
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml

OTHER, DATA, TRANSFER, MODEL, EVALUATION, OUTPUTS, COMPILING = range(7)

NAMES = {
    DATA: "data",
    TRANSFER: "transfer",
    COMPILING: "compiling",
    MODEL: "forward_and_backward",
    EVALUATION: "evaluation",
    OUTPUTS: "outputs_and_states",
    OTHER: "other",
}
"""The stages as `stages.yaml` names them, in the order in which they are shown."""

FORMER_ENTRY = "stages"
"""The key of `timer.yaml` that held the same before there was a file of its own.

Programs that read `timer.yaml` take each of its entries for a timer.
"""


class StageClock:
    """Counts every nanosecond to the one stage that the training thread is in.

    | stage | what the thread did |
    |---|---|
    | data | waited for the next batch of the training loader |
    | transfer | brought the batch to the device |
    | compiling | compiled the model: the first batch of each shape, if it is compiled at all |
    | forward and backward | trained on it: forward, backward, update, learning rate |
    | evaluation | passed dev and test through the model and scored them, their loading included |
    | outputs and states | kept outputs and losses, handed files over, waited for the last of them |
    | other | everything else: callbacks, loggers, plots |

    A CUDA device works on while the thread goes on, so its time is counted where the thread first
    has to wait for it. To enter a stage costs about 0.1 us.
    """

    def __init__(self) -> None:
        self._spent_ns = [0] * len(NAMES)
        self._stage = OTHER
        self._since_ns = perf_counter_ns()

    def start(self) -> None:
        """Forget the time since the clock was made, or since the last stage was entered."""
        self._stage = OTHER
        self._since_ns = perf_counter_ns()

    def enter(self, stage: int) -> int:
        """Count what follows to a stage; returns the stage until now."""
        now_ns = perf_counter_ns()
        previous = self._stage
        self._spent_ns[previous] += now_ns - self._since_ns
        self._stage, self._since_ns = stage, now_ns
        return previous

    @contextmanager
    def within(self, stage: int) -> Iterator[None]:
        """Count what the block does to a stage, and afterwards to the one before."""
        previous = self.enter(stage)
        try:
            yield
        finally:
            self.enter(previous)

    def seconds(self) -> dict[str, float]:
        """Seconds of every stage so far; without compiling where nothing was compiled."""
        self.enter(self._stage)
        seconds = {name: self._spent_ns[stage] / 1e9 for stage, name in NAMES.items()}
        if not self._spent_ns[COMPILING]:
            del seconds[NAMES[COMPILING]]
        return seconds

    def state_dict(self) -> list[int]:
        """Nanoseconds of every stage so far."""
        self.enter(self._stage)
        return list(self._spent_ns)

    def load_state_dict(self, state_dict: list[int]) -> None:
        """Add the time of the attempt that gave this state."""
        for stage, spent_ns in enumerate(state_dict):
            self._spent_ns[stage] += int(spent_ns)

    def restore(self, path: str | Path) -> None:
        """Add the seconds of an earlier run, so that shares cover both.

        Args:
            path: The folder of that run; without a file that tells of stages nothing is added.

        Raises:
            CorruptFileError: naming the file, if it holds something else.
        """
        try:
            earlier = _read(Path(path)).get("seconds") or {}
            seconds = {stage: checked_seconds(earlier.get(n, 0)) for stage, n in NAMES.items()}
        except (AttributeError, TypeError, ValueError) as error:
            if isinstance(error, CorruptFileError):
                raise
            raise no_times(Path(path) / STAGES_FILE, error) from error
        for stage, spent_s in seconds.items():
            self._spent_ns[stage] += int(1e9 * spent_s)


def write_stages(
    path: str | Path, seconds: Mapping[str, float], loader_seconds: Mapping[str, float]
) -> None:
    """Write what a run waited for.

    Args:
        path: The run folder.
        seconds: Seconds of every stage.
        loader_seconds: Seconds of every stage of the training loader.
    """
    write_yaml(Path(path) / STAGES_FILE, stages_summary(seconds, loader_seconds))


def stages_summary(
    seconds: Mapping[str, float], loader_seconds: Mapping[str, float]
) -> dict[str, Any]:
    """What `stages.yaml` holds: seconds and share of every stage, and seconds inside the loader.

    >>> summary = stages_summary({"data": 1.0, "other": 3.0}, {"read": 0.5, "wait": 0.75})
    >>> summary["shares"], summary["loader_seconds"], summary["slowest_loader_stage"]
    ({'data': 0.25, 'other': 0.75}, {'read': 0.5, 'wait': 0.75}, 'read')
    """
    return {
        "seconds": dict(seconds),
        "shares": _shares(seconds),
        "loader_seconds": dict(loader_seconds),
        "slowest_loader_stage": slowest(loader_seconds),
    }


def waiting_line(seconds: Mapping[str, float], loader_seconds: Mapping[str, float]) -> str:
    """The line that closes a run: what it waited for.

    >>> waiting_line({"data": 1.0, "forward_and_backward": 89.0}, {"read": 0.5, "collate": 0.125})
    'Time: data 1.1 %, forward and backward 98.9 % of 0:01:30; slowest in the loader: read 0.50 s'
    """
    shares = ", ".join(f"{_words(name)} {100 * s:.1f} %" for name, s in _shares(seconds).items())
    line = f"Time: {shares} of {Timer.pretty_time(sum(seconds.values()))}"
    stage = slowest(loader_seconds)
    if stage is None:
        return line
    return f"{line}; slowest in the loader: {_words(stage)} {loader_seconds[stage]:.2f} s"


def slowest(loader_seconds: Mapping[str, float]) -> str | None:
    """The stage of a loader that took longest; waiting for the others is none. None without any."""
    work = {name: seconds for name, seconds in loader_seconds.items() if name != "wait"}
    return max(work, key=lambda name: work[name]) if any(work.values()) else None


def _read(folder: Path) -> Mapping[str, Any]:
    """What a run says it waited for, where runs of this and of earlier versions keep it."""
    if (folder / STAGES_FILE).is_file():
        return read_yaml(folder / STAGES_FILE) or {}
    timers = read_yaml(folder / TIMES_FILE) if (folder / TIMES_FILE).is_file() else None
    return (timers or {}).get(FORMER_ENTRY) or {}


def _shares(seconds: Mapping[str, float]) -> dict[str, float]:
    total_s = sum(seconds.values())
    return {name: round(value / total_s, 4) if total_s else 0.0 for name, value in seconds.items()}


def _words(name: str) -> str:
    return name.replace("_", " ")
