"""A run as its folder tells it: whoever wrote it, however far it got, damaged or not."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autrainer.errors import CorruptFileError
from autrainer.runs.layout import (
    BEST,
    BEST_RESULTS_FILE,
    CONFIG_FILE,
    DEV_RESULTS,
    ERROR_FILE,
    HARDWARE_FILE,
    LOG_FILE,
    REQUIREMENTS_FILE,
    STAGES_FILE,
    STATUS_FILE,
    TABLE,
    TEST,
    TEST_RESULTS,
    TIMES_FILE,
    UNSCALED,
    UNSCALED_TABLE,
    iteration_of,
    results_file,
)
from autrainer.runs.record.configuration import lookup, tracking_metric
from autrainer.runs.record.metrics_table import Direction, MetricsTable, read_metrics, table_of
from autrainer.runs.record.scores import LOSSES, Scores
from autrainer.runs.record.times import Times
from autrainer.runs.status import STOPPED
from autrainer.runs.writing.opening import reading
from autrainer.runs.yaml.reading import read_yaml

if TYPE_CHECKING:
    from autrainer.runs.record.outputs import Outputs
    from autrainer.runs.record.run_state import Job, RunState

LARGEST_TEXT = 1 << 20
"""Of a log or of an error no more is read than its last bytes."""


class RunRecord:
    """A run, read from its folder.

    Making one reads nothing. Every attribute reads the files it needs when it is first asked for,
    and keeps what it has read: make a new record to look again. Nothing is written, locked or
    executed, and neither torch nor pandas is imported.

    What is missing is None or empty, and so is what is damaged: then `problems` says so. Only
    `read_config` and what `outputs` gives raise errors.

    Args:
        folder: The run folder.
        job: The job of a cluster that has the run; the folder need not be there then.

    Attributes:
        folder: The same, as a path.
    """

    def __init__(self, folder: str | Path, job: Job | None = None) -> None:
        self.folder = Path(folder)
        self._job = job
        self._damaged: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"RunRecord({str(self.folder)!r})"

    @cached_property
    def name(self) -> str:
        """Name of the folder."""
        return Path(os.path.abspath(self.folder)).name

    @cached_property
    def experiment_id(self) -> str:
        """The experiment: name of the folder two levels above."""
        return Path(os.path.abspath(self.folder)).parent.parent.name

    @cached_property
    def status(self) -> dict[str, Any]:
        """Content of `status.yaml`; empty for a run of 0.10."""
        return self._mapping(STATUS_FILE)

    @cached_property
    def state(self) -> RunState:
        """How far the run has got, and who works on it."""
        from autrainer.runs.record.run_state import read_state

        return read_state(self.folder, self.status, self._job)

    @property
    def stopped_at(self) -> int | None:
        """The last iteration of a finished run that ended before it had trained all; else None."""
        return self.state.iteration if self.state.kind == STOPPED else None

    @cached_property
    def config(self) -> dict[str, Any]:
        """The configuration, of plain values; empty if there is none that can be read."""
        return self._mapping(str(CONFIG_FILE))

    def read_config(self) -> dict[str, Any] | None:
        """The configuration, or None if the run has no file of it.

        Raises:
            CorruptFileError: naming the file, if it cannot be read.
        """
        try:
            content = read_yaml(self.folder / CONFIG_FILE)
        except FileNotFoundError:
            return None
        return content if isinstance(content, dict) else {}

    def value(self, key: str, default: Any = None) -> Any:
        """A value of the configuration by its dotted key; a choice of a group counts as its id.

        >>> RunRecord("no such run").value("model.id", "none")
        'none'
        """
        return lookup(self.config, key, default)

    @property
    def training_type(self) -> str:
        """`epoch` or `step`, whichever an iteration is."""
        found = self.config.get("training_type")
        return found if isinstance(found, str) else "epoch"

    @cached_property
    def metrics(self) -> MetricsTable:
        """Metrics over the iterations.

        Of `metrics.csv`; as long as a run has none, of the folders of its iterations, which do not
        tell the loss of training.
        """
        return self._table(TABLE, unscaled=False)

    @cached_property
    def metrics_unscaled(self) -> MetricsTable:
        """The same in the units of the targets, where they were scaled for the model."""
        return self._table(UNSCALED_TABLE, unscaled=True)

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics, in the order of the configuration, without losses."""
        return [name for name in self.metrics.names if name not in LOSSES] or self.dev.metrics

    @cached_property
    def tracking_metric(self) -> str | None:
        """Name of the metric that decides which iteration is best; None if that is not known."""
        return tracking_metric(self.config, self.dev.metrics or self.metric_names)

    def direction(self, name: str) -> Direction | None:
        """Whether more or less of a metric or loss is better, as far as the run shows.

        None where all its values are the same, or where the run has not ended.
        """
        name = name.removeprefix("test_").partition(UNSCALED)[0]
        if name in LOSSES:
            return "min"
        best = self.best_results.get(name)
        values = [value for value in self.metrics.columns.get(name, []) if math.isfinite(value)]
        if not isinstance(best, (int, float)) or len(set(values)) < 2:
            return None
        is_max, is_min = (math.isclose(best, edge) for edge in (max(values), min(values)))
        if is_max == is_min:
            return None
        return "max" if is_max else "min"

    @cached_property
    def best_results(self) -> dict[str, Any]:
        """Each metric's own best value over all iterations, of a finished run."""
        return self._mapping(f"{BEST}/{BEST_RESULTS_FILE}")

    @property
    def best_iteration(self) -> int | None:
        """The iteration with the best value of the tracking metric so far."""
        found = self.best_results.get("best_iteration", self.dev.iteration)
        return found if type(found) is int else None

    @property
    def best_value(self) -> float | None:
        """This value, on the dev set."""
        return None if self.tracking_metric is None else self.dev.total(self.tracking_metric)

    @property
    def best_value_unscaled(self) -> float | None:
        """The same in the unit of the target; None where there is none."""
        return self.dev_unscaled.total(f"{self.tracking_metric}{UNSCALED}")

    @cached_property
    def dev(self) -> Scores:
        """Scores on the dev set at the best iteration."""
        return self._scores(BEST, DEV_RESULTS)

    @cached_property
    def dev_unscaled(self) -> Scores:
        """The same in the units of the targets; names end with `_unscaled`."""
        return self._scores(BEST, DEV_RESULTS, unscaled=True)

    @cached_property
    def test(self) -> Scores:
        """Scores on the test set, of the best model; names without `test_`."""
        return self._scores(TEST, TEST_RESULTS)

    @cached_property
    def test_unscaled(self) -> Scores:
        """The same in the units of the targets."""
        return self._scores(TEST, TEST_RESULTS, unscaled=True)

    def dev_at(self, iteration: int) -> Scores:
        """Scores on the dev set after an iteration; empty if it was not evaluated."""
        folder = self.iteration_folders.get(iteration)
        return Scores() if folder is None else self._scores(folder, DEV_RESULTS)

    @cached_property
    def iteration_folders(self) -> dict[int, str]:
        """Names of the folders of the evaluated iterations, in their order."""
        try:
            names = [entry.name for entry in os.scandir(self.folder) if entry.is_dir()]
        except OSError:
            return {}
        found = {number: name for name in names if (number := iteration_of(name)) is not None}
        return dict(sorted(found.items()))

    @cached_property
    def timers(self) -> dict[str, Times]:
        """What was measured by `train`, `dev` and `test`."""
        content = self._mapping(TIMES_FILE)
        found = {str(name): Times.of(entry) for name, entry in content.items()}
        return {name: times for name, times in found.items() if times is not None}

    @cached_property
    def stages(self) -> dict[str, Any]:
        """Content of `stages.yaml`: seconds and shares of what the run waited for."""
        return self._mapping(STAGES_FILE)

    @property
    def seconds(self) -> float | None:
        """How long the run took: training and evaluation, of all attempts.

        Of one that has not finished: how long the latest attempt has been going on, or had.
        """
        if self.timers:
            return sum(times.total_s for times in self.timers.values())
        begun, ended = self.state.begun, self.state.ended
        if begun is None or (ended is None and not self.state.is_running):
            return None
        now = datetime.datetime.now(datetime.timezone.utc)
        return max(0.0, ((ended or now) - begun).total_seconds())

    @property
    def environments(self) -> list[dict[str, Any]]:
        """Versions and machine that the bits depend on, of each attempt in another one."""
        found = lookup(self.status, "conditions.environments", [])
        return [each for each in found if isinstance(each, dict)] if _is_list(found) else []

    @property
    def samples(self) -> dict[str, Any]:
        """Number and checksums of the samples of each split."""
        found = lookup(self.status, "conditions.samples", {})
        return found if isinstance(found, dict) else {}

    @cached_property
    def hardware(self) -> dict[str, Any]:
        """Content of `hardware.yaml`: `system` and `gpu`."""
        return self._mapping(HARDWARE_FILE)

    @cached_property
    def requirements(self) -> dict[str, str]:
        """Versions of the installed packages by name."""
        lines = self._text(REQUIREMENTS_FILE).splitlines()
        pairs = (line.partition("==") for line in lines if "==" in line)
        return {name.strip(): version.strip() for name, _, version in pairs}

    @cached_property
    def error_text(self) -> str:
        """The traceback of a failed run; empty if there is none."""
        return self._text(ERROR_FILE)

    def log_tail(self, lines: int = 20) -> list[str]:
        """The last lines of the log."""
        return self._text(LOG_FILE).splitlines()[-lines:]

    def outputs(self, subset: str, iteration: int | None = None) -> Outputs | None:
        """What the model said about every sample of a split; None if that was not saved.

        Args:
            subset: `train`, `dev` or `test`.
            iteration: After this iteration; by default by the best model, which was tested. There
                are none of `train` by default: name an iteration.
        """
        folder = {"dev": BEST, "test": TEST}.get(subset)
        if iteration is not None:
            folder = self.iteration_folders.get(iteration)
        if folder is None:
            return None
        from autrainer.runs.record.outputs import Outputs

        found = Outputs(self.folder / folder, subset)
        return found if found.is_there else None

    @cached_property
    def size_bytes(self) -> int:
        """Bytes of all files below the folder; links are not followed."""
        return sum(size for _, size in self.files())

    def files(self) -> Iterator[tuple[str, int]]:
        """Name, relative to the folder, and size of every file below it."""
        yield from _files(self.folder, "")

    @property
    def problems(self) -> list[str]:
        """What is damaged, one sentence each; looks at all files but outputs, states and logs."""
        for part in ("state", "config", "metrics", "metrics_unscaled", "best_results", "dev"):
            getattr(self, part)
        for part in ("dev_unscaled", "test", "test_unscaled", "timers", "stages", "hardware"):
            getattr(self, part)
        return list(self._damaged.values())

    def _mapping(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        try:
            content = read_yaml(path)
        except FileNotFoundError:
            return {}
        except (OSError, CorruptFileError) as error:
            self._damaged[name] = str(error)
            return {}
        if isinstance(content, dict):
            return content
        self._damaged[name] = f"{path}: expected a mapping, found {type(content).__name__}"
        return {}

    def _text(self, name: str) -> str:
        try:
            with reading(self.folder / name) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LARGEST_TEXT))
                return file.read(LARGEST_TEXT).decode(errors="replace")
        except FileNotFoundError:
            return ""
        except (OSError, CorruptFileError) as error:
            self._damaged[name] = str(error)
            return ""

    def _scores(self, folder: str, name: str, *, unscaled: bool = False) -> Scores:
        return Scores.of(self._mapping(f"{folder}/{results_file(name, unscaled=unscaled)}"))

    def _table(self, name: str, *, unscaled: bool) -> MetricsTable:
        try:
            return read_metrics(self.folder / name)
        except FileNotFoundError:
            pass
        except (OSError, CorruptFileError) as error:
            self._damaged[name] = str(error)
        if unscaled and not self.dev_unscaled:
            return MetricsTable()
        rows = (
            (iteration, dict(self._scores(folder, DEV_RESULTS, unscaled=unscaled).flat()))
            for iteration, folder in self.iteration_folders.items()
        )
        return table_of((iteration, row) for iteration, row in rows if row)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(folder / entry.name, f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                yield f"{prefix}{entry.name}", entry.stat(follow_symlinks=False).st_size
        except OSError:
            # Removed meanwhile, by the process that works on the run.
            continue
