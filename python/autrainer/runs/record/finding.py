"""Finding runs: of an experiment, of all experiments, by a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from autrainer.errors import did_you_mean
from autrainer.runs.layout import (
    CONFIG_FILE,
    LOCK_FILE,
    MULTIRUN_FILE,
    RESULTS_DIR,
    RUNS,
    STATUS_FILE,
    SWEEP_FILE,
    TABLE,
    is_file_of_run,
    is_folder_of_run,
)
from autrainer.runs.record.natural import natural_key
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.record.run_state import Job

JobsOf = Callable[[Path], Mapping[str, Job]]

_MARKS = (CONFIG_FILE, TABLE, STATUS_FILE, LOCK_FILE)


def no_jobs(folder: Path) -> Mapping[str, Job]:
    """Default: nobody looks at clusters."""
    return {}


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run, or was to become one: it holds a file of a run."""
    if any((folder / mark).is_file() for mark in _MARKS):
        return True
    return any(_is_of_run(path) for path in _entries(folder))


def is_empty(folder: Path) -> bool:
    """Whether a folder holds nothing at all, as one that was made for a run that did not begin."""
    return next(_entries(folder), None) is None


def runs_in(folder: Path, jobs_of: JobsOf = no_jobs) -> list[RunRecord]:
    """The runs whose folders lie in a folder, sorted by name, numbers by their values.

    Hidden folders are left out: runs that are being removed. So is what holds no file of a run.

    Args:
        folder: The folder.
        jobs_of: Knows the jobs of a cluster that have runs; runs that wait in its queue are there
            too, without a folder.
    """
    paths = [folder / name for name in _names_in(folder)]
    found = {path.name for path in paths if path.is_dir() and is_run(path)}
    jobs = jobs_of(folder)
    return [
        RunRecord(folder / name, jobs.get(name))
        for name in sorted(found | {*jobs}, key=natural_key)
    ]


def runs_of(results_dir: str | Path, experiment_id: str) -> list[RunRecord]:
    """The runs of an experiment, sorted as by `runs_in`.

    Raises:
        FileNotFoundError: if there is no such folder of results, or no such experiment, with the
            near matches; if it has no folder of runs.
    """
    results, experiment = Path(results_dir), Path(results_dir, experiment_id)
    if not results.is_dir():
        raise FileNotFoundError(f"there is no folder of results {str(results)!r}")
    if not experiment.is_dir():
        names = experiments_in(results)
        hint = did_you_mean(experiment_id, names) or f"there are {', '.join(names) or 'none'}"
        raise FileNotFoundError(f"there is no experiment {experiment_id!r} in {results}; {hint}")
    if not (experiment / RUNS).is_dir():
        raise FileNotFoundError(f"the experiment {experiment} has no folder {RUNS!r} of runs")
    return runs_in(experiment / RUNS)


def empty_folders_of(results_dir: str | Path, experiment_id: str) -> list[RunRecord]:
    """Folders of an experiment that were made for runs that did not begin: nothing is in them."""
    folder = Path(results_dir, experiment_id, RUNS)
    names = _names_in(folder)
    return [
        RunRecord(folder / name)
        for name in names
        if (folder / name).is_dir() and is_empty(folder / name)
    ]


def experiments_in(results_dir: Path) -> list[str]:
    """Names of the experiments in a folder of results, sorted."""
    found = (entry.name for entry in _entries(results_dir) if (Path(entry) / RUNS).is_dir())
    return sorted(found, key=natural_key)


def find_runs(
    places: Sequence[str | Path] = (),
    results_dir: str | Path = RESULTS_DIR,
    jobs_of: JobsOf = no_jobs,
) -> list[RunRecord]:
    """The runs that some names mean, each once, in the order of the names.

    Args:
        places: Experiments of `results_dir` by name; or folders: of an experiment, of a run, of
            runs, or of results. Without any, all experiments of `results_dir`. The file that a
            sweep leaves beside its runs, which `results/default/training/*` names too, means none.
        results_dir: Where experiments lie.
        jobs_of: Knows the jobs of a cluster that have runs, by the folder of these.

    Raises:
        FileNotFoundError: naming the near matches, if a name means nothing.
    """
    if not places and not Path(results_dir).is_dir():
        raise FileNotFoundError(f"there is no folder of results {str(results_dir)!r} here")
    found: dict[str, RunRecord] = {}
    for place in places or [results_dir]:
        if _is_beside_runs(place):
            continue
        for record in _runs_at(place, Path(results_dir), jobs_of):
            found.setdefault(os.path.abspath(record.folder), record)
    return list(found.values())


def find_run(name: str | Path, results_dir: str | Path = RESULTS_DIR) -> RunRecord:
    """The run of a folder, or of a name that only one run of `results_dir` has.

    Raises:
        FileNotFoundError: naming the near matches, if there is none, or several of this name.
    """
    if Path(name).is_dir():
        if is_run(Path(name)):
            return RunRecord(name)
        raise FileNotFoundError(f"{name} is no folder of a run")
    results = Path(results_dir)
    places = [results / experiment / RUNS for experiment in experiments_in(results)]
    found = [place / str(name) for place in places if (place / str(name)).is_dir()]
    if len(found) == 1:
        return RunRecord(found[0])
    if found:
        listed = ", ".join(map(str, found))
        raise FileNotFoundError(f"several runs are called {str(name)!r}: {listed}; name a folder")
    names = [record.name for place in places for record in runs_in(place)]
    hint = did_you_mean(PurePath(name).name, names) or "autrainer runs lists those that there are"
    raise FileNotFoundError(f"there is no run {str(name)!r}; {hint}")


def find_any(
    places: Sequence[str | Path], results_dir: str | Path = RESULTS_DIR
) -> list[RunRecord]:
    """As `find_runs`, and a place may be the name of a run too.

    Raises:
        FileNotFoundError: as `find_runs` and `find_run`.
    """
    if not places:
        return find_runs((), results_dir)
    found: dict[str, RunRecord] = {}
    for place in places:
        if _is_beside_runs(place):
            continue
        is_place = Path(place).is_dir() or (Path(results_dir) / place).is_dir()
        for record in (
            find_runs([place], results_dir) if is_place else [find_run(place, results_dir)]
        ):
            found.setdefault(os.path.abspath(record.folder), record)
    return list(found.values())


def _is_beside_runs(place: str | Path) -> bool:
    return Path(place).name in (MULTIRUN_FILE, SWEEP_FILE) and Path(place).is_file()


def _runs_at(place: str | Path, results_dir: Path, jobs_of: JobsOf) -> list[RunRecord]:
    of_results = results_dir / place
    path = of_results if (of_results / RUNS).is_dir() else Path(place)
    if not path.is_dir():
        names = experiments_in(results_dir)
        if not names:
            raise FileNotFoundError(f"there is no experiment in {str(results_dir)!r}, nor {place}")
        hint = did_you_mean(str(place), names) or f"there are {', '.join(names)}"
        raise FileNotFoundError(f"there is no experiment {str(place)!r}; {hint}")
    if (path / RUNS).is_dir():
        return runs_in(path / RUNS, jobs_of)
    if names := experiments_in(path):
        return [record for name in names for record in runs_in(path / name / RUNS, jobs_of)]
    if is_run(path):
        return [RunRecord(path, jobs_of(path.parent).get(path.name))]
    return runs_in(path, jobs_of)


def _names_in(folder: Path) -> list[str]:
    names = (entry.name for entry in _entries(folder) if not entry.name.startswith("."))
    return sorted(names, key=natural_key)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        yield from os.scandir(folder)
    except OSError:
        return


def _is_of_run(entry: os.DirEntry[str]) -> bool:
    name = PurePath(entry.name)
    return is_folder_of_run(name) if entry.is_dir() else is_file_of_run(name)
