"""New experiments of runs that are there already, averaged by groups of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autrainer.config.run_name import folder_name
from autrainer.errors import ConfigError
from autrainer.postprocessing.aggregate import PREFIX, AggregateGrid
from autrainer.postprocessing.selection import check_max_runs, with_bar
from autrainer.postprocessing.summary import SummarizeGrid
from autrainer.runs.finished import table_checksum
from autrainer.runs.layout import MEMBERS_FILE, RUNS, STATE_SUFFIX, TABLE
from autrainer.runs.manifest import drop_from_manifest
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.writing.folders import copy_folder
from autrainer.runs.yaml.reading import read_yaml

GROUPING = "grouping"
"""Name of the folder of the groups."""

_OF_GROUPING = ("experiment_id", "create_summary", "dir", "id", "states", "runs")
_OF_RUN = ("run_name", "dir", "id", "states", "combine")


@dataclass(frozen=True)
class Combined:
    """Runs that become one group.

    Args:
        name: Name of the group.
        results_dir: Where the experiment of the runs lies.
        experiment_id: This experiment.
        with_states: Copy checkpoints too.
        names: Names of the runs, or of averaged ones of `agg_*`, which stand for their members.
    """

    name: str
    results_dir: Path
    experiment_id: str
    with_states: bool
    names: list[str]

    def sources(self) -> list[RunRecord]:
        """The runs.

        Raises:
            ConfigError: if a name means no finished run.
        """
        experiment = self.results_dir / self.experiment_id
        aggregations = sorted(experiment.glob(f"{PREFIX}_*"))
        found: list[RunRecord] = []
        for name in self.names:
            places = [*(folder / name for folder in aggregations), experiment / RUNS / name]
            place = next((each for each in places if (each / TABLE).is_file()), None)
            if place is None:
                listed = ", ".join(str(each) for each in places[-1:])
                raise ConfigError(
                    f"groupings: {self.name}: there is no finished run {name!r} in {experiment} "
                    f"(looked for {listed} and in {PREFIX}_*)"
                )
            members = _members(place)
            found += [RunRecord(experiment / RUNS / member) for member in members]
        return found


class GroupGrid:
    """Copies runs into new experiments, and averages them by groups.

    Args:
        results_dir: Where the new experiments go.
        groupings: What becomes of what: a mapping each with `experiment_id`, `create_summary`,
            optional defaults `dir`, `id`, `states`, and `runs`, mappings with `run_name`, `dir`,
            `id`, `states` and `combine`.
        max_runs: Draw only so many runs, the best.
        plot_params: Keys of the group `plotting`; by default those of the first run.
        draws: Draw plots.

    Raises:
        ConfigError: if a key is missing or unknown; nothing has been copied then.

    Attributes:
        skipped: Runs that were left out, with the reasons.
        renamed: Names of runs that were copied under another one, since another run of that name
            was there.
    """

    def __init__(
        self,
        results_dir: str | Path,
        groupings: Sequence[Mapping[str, Any]],
        max_runs: int | None = None,
        plot_params: Mapping[str, Any] | None = None,
        *,
        draws: bool = True,
    ) -> None:
        check_max_runs(max_runs)
        self._results_dir = Path(results_dir)
        self._max_runs, self._plot_params, self._draws = max_runs, plot_params, draws
        self._groupings = [_checked(grouping) for grouping in groupings]
        self._combined = [_combined(grouping) for grouping in self._groupings]
        self.skipped: dict[str, str] = {}
        self.renamed: dict[str, str] = {}

    def group_runs(self) -> list[SummarizeGrid]:
        """Copy the runs, and write the tables of each experiment; those that were written.

        Raises:
            ConfigError: if a name means no run; nothing has been copied then.
            DataError: if the runs of a group have different metrics.
            OutputError: naming the file, if one could not be written.
        """
        sources = [[each.sources() for each in combined] for combined in self._combined]
        made: list[SummarizeGrid] = []
        for grouping, combined, runs in zip(self._groupings, self._combined, sources, strict=True):
            made += self._make(grouping, combined, runs)
        return made

    def _make(
        self,
        grouping: Mapping[str, Any],
        combined: Sequence[Combined],
        sources: Sequence[Sequence[RunRecord]],
    ) -> list[SummarizeGrid]:
        experiment_id = str(grouping["experiment_id"])
        training = self._results_dir / experiment_id / RUNS
        groups: dict[str, list[str]] = {}
        for group, records in zip(combined, sources, strict=True):
            copied = [self._copy(record, training, group) for record in with_bar(records, "copied")]
            names = [name for name in copied if name is not None]
            groups.setdefault(folder_name(group.name), []).extend(names)
        made: list[SummarizeGrid] = []
        if grouping.get("create_summary"):
            summary = SummarizeGrid(
                self._results_dir,
                experiment_id,
                max_runs_plot=self._max_runs,
                plot_params=self._plot_params,
            )
            summary.summarize()
            if self._draws:
                summary.plot_aggregated_bars()
                summary.plot_metrics()
            made.append(summary)
        averaged = AggregateGrid(
            self._results_dir,
            experiment_id,
            [],
            max_runs_plot=self._max_runs,
            aggregate_name=GROUPING,
            aggregated_dict=groups,
            plot_params=self._plot_params,
        )
        averaged.aggregate()
        averaged.summarize()
        if self._draws:
            averaged.plot()
        return [*made, averaged.summary]

    def _copy(self, record: RunRecord, training: Path, group: Combined) -> str | None:
        """Copy a run unless it is there; its name there, or None if it cannot be had."""
        if not record.state.is_finished:
            self.skipped[record.name] = str(record.state)
            return None
        target = training / record.name
        if (target / TABLE).is_file() and not _is_same(record, target):
            target = training / f"{record.name}~{group.experiment_id}"
            self.renamed[record.name] = target.name
        if not (target / TABLE).is_file():
            without = None if group.with_states else f"*{STATE_SUFFIX}"
            copy_folder(record.folder, target, without=without)
            if without is not None:
                states = [name for name, _ in record.files() if name.endswith(STATE_SUFFIX)]
                drop_from_manifest(target, states)
        return target.name


def _is_same(record: RunRecord, target: Path) -> bool:
    if record.folder.absolute() == target.absolute():
        return True
    same_config = record.config == RunRecord(target).config
    return same_config and table_checksum(record.folder) == table_checksum(target)


def _members(place: Path) -> list[str]:
    if not (place / MEMBERS_FILE).is_file():
        return [place.name]
    content = read_yaml(place / MEMBERS_FILE)
    return [str(name) for name in content] if isinstance(content, list) else []


def _checked(grouping: Any) -> Mapping[str, Any]:
    known(grouping, "groupings", _OF_GROUPING, required=("experiment_id", "runs"))
    runs = grouping["runs"]
    if not isinstance(runs, Sequence) or isinstance(runs, str) or not runs:
        message = f"groupings: runs of {grouping['experiment_id']} is {runs!r}; give a list"
        raise ConfigError(message)
    _check_switches(grouping)
    for run in runs:
        known(run, "groupings.runs", _OF_RUN, required=("run_name", "combine"))
        _check_switches(run)
        _check_names(run)
        for key in ("dir", "id"):
            if not run.get(key, grouping.get(key)):
                raise ConfigError(
                    f"groupings.runs: {run['run_name']} has no {key}; give it there, or to the "
                    f"whole of {grouping['experiment_id']}"
                )
    checked: Mapping[str, Any] = grouping
    return checked


def _check_switches(mapping: Mapping[str, Any]) -> None:
    for key in ("create_summary", "states"):
        if mapping.get(key) not in (None, True, False):
            raise ConfigError(f"groupings: {key} is {mapping[key]!r}; use true or false")


def _check_names(run: Mapping[str, Any]) -> None:
    names = run["combine"]
    listed = [names] if isinstance(names, str) else names
    if not isinstance(listed, list | tuple) or not all(isinstance(n, str) and n for n in listed):
        raise ConfigError(
            f"groupings.runs: combine of {run['run_name']} is {names!r}; give a name, or a list of "
            "names of runs"
        )


def known(mapping: Any, place: str, keys: Sequence[str], *, required: Sequence[str]) -> None:
    """Refuse a mapping that lacks keys or has unknown ones.

    Raises:
        ConfigError: naming the near matches.
    """
    from autrainer.errors import did_you_mean

    if not isinstance(mapping, Mapping):
        raise ConfigError(f"{place}: {mapping!r} is no mapping; its keys are {', '.join(keys)}")
    for key in mapping:
        if key not in keys:
            hint = did_you_mean(key, keys) or f"use {', '.join(keys)}"
            raise ConfigError(f"{place}: unknown key {key!r}; {hint}")
    for key in required:
        if mapping.get(key) in (None, "", "???"):
            named = mapping.get("experiment_id") or mapping.get("run_name")
            raise ConfigError(f"{place}: {key} is missing{f' in {named}' if named else ''}")


def _combined(grouping: Mapping[str, Any]) -> list[Combined]:
    found: list[Combined] = []
    for run in grouping["runs"]:
        merged = {key: run.get(key, grouping.get(key)) for key in ("dir", "id", "states")}
        names = run["combine"]
        found.append(
            Combined(
                str(run["run_name"]),
                Path(str(merged["dir"])),
                str(merged["id"]),
                bool(merged["states"]),
                [names] if isinstance(names, str) else [str(name) for name in names],
            )
        )
    return found
