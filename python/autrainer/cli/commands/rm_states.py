"""`autrainer rm-states`: removes checkpoints of an experiment, the files that take most disk."""

from __future__ import annotations

import sys
from pathlib import Path

from autrainer.cli.door import confirmed, door, results_arguments, size_in_words, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator, Sequence

    from autrainer.runs.record.checkpoints import CheckpointFile
    from autrainer.runs.record.run_record import RunRecord

ABOUT = (
    "Remove the checkpoints of an experiment: models, optimizers and schedulers of all iterations "
    "but the best. Runs that another process works on are never touched, nor is what an "
    "interrupted run resumes from."
)
EXAMPLE = "autrainer rm-states results default --keep-iterations 10 20"
MOST_LISTED = 200
"""So many files are listed one by one; of more the number in each run."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    from argparse import BooleanOptionalAction

    results_arguments(parser)
    parser.add_argument(
        "-b",
        "--keep-best",
        action=BooleanOptionalAction,
        default=True,
        help="keep the states of the best iteration (they are kept unless --no-keep-best is given)",
    )
    parser.add_argument(
        "-r", "--keep-runs", nargs="+", metavar="RUN", help="keep all states of these runs"
    )
    parser.add_argument(
        "-i",
        "--keep-iterations",
        nargs="+",
        type=int,
        metavar="N",
        help="keep the states of these iterations",
    )
    parser.add_argument("-f", "--force", action="store_true", help="remove without asking")


def run(
    parser: ArgumentParser | None,
    results_dir: str,
    experiment_id: str,
    keep_best: bool = True,
    keep_runs: Sequence[str] | None = None,
    keep_iterations: Sequence[int] | None = None,
    force: bool = False,
) -> None:
    """List the states, ask, and remove them.

    Raises:
        CommandLineError: if there is no such experiment or run, or a file could not be removed.
    """
    with told(parser):
        _remove(results_dir, experiment_id, keep_best, keep_runs, keep_iterations, force)


@door
def rm_states(
    results_dir: str | Path,
    experiment_id: str,
    keep_best: bool = True,
    keep_runs: Sequence[str] | None = None,
    keep_iterations: Sequence[int] | None = None,
    force: bool = False,
) -> list[Path]:
    """Remove checkpoints of an experiment.

    Args:
        results_dir: Folder of results.
        experiment_id: The experiment.
        keep_best: Keep the states of the best iteration of each run.
        keep_runs: Names of runs that keep all of theirs.
        keep_iterations: Iterations whose states are kept.
        force: Remove without asking.

    Returns:
        The files that were removed.

    Raises:
        CommandLineError: if there is no such experiment or run, or a file could not be removed.
    """
    return _remove(results_dir, experiment_id, keep_best, keep_runs, keep_iterations, force)


def _remove(
    results_dir: str | Path,
    experiment_id: str,
    keep_best: bool,
    keep_runs: Sequence[str] | None,
    keep_iterations: Sequence[int] | None,
    force: bool,
) -> list[Path]:
    from autrainer.runs.record.finding import runs_of

    records = runs_of(results_dir, experiment_id)
    _check_names(keep_runs or (), records)
    kept = set(keep_iterations or ())
    states: list[CheckpointFile] = []
    for record in records:
        if record.name in (keep_runs or ()):
            continue
        found = list(_states_of(record, keep_best, kept))
        if found and record.state.is_running:
            print(f"Kept, as it is being worked on: {record.name}: {record.state}")
        else:
            states += found
    if not states:
        return []
    print("\n".join(_listing(states)))
    what = "1 state" if len(states) == 1 else f"{len(states)} states"
    size = size_in_words(sum(state.size for state in states))
    if not force and not confirmed(f"Remove {what} ({size})?"):
        print("Nothing was removed.")
        return []
    return _remove_all(states)


def _check_names(names: Sequence[str], records: Sequence[RunRecord]) -> None:
    """Refuse names of no run: a misspelt one would lose what was to be kept."""
    from autrainer.cli.errors import CommandLineError
    from autrainer.errors import did_you_mean

    known = [record.name for record in records]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are {len(known)} others"
            raise CommandLineError(None, f"there is no run {name!r} to keep; {hint}", 1)


def _states_of(record: RunRecord, keep_best: bool, kept: set[int]) -> Iterator[CheckpointFile]:
    from autrainer.runs.record.checkpoints import checkpoint_files

    for state in checkpoint_files(record):
        if not (keep_best and state.is_best) and state.iteration not in kept:
            yield state


def _listing(states: Sequence[CheckpointFile]) -> list[str]:
    if len(states) <= MOST_LISTED:
        return [f"  {state.run / state.name} ({size_in_words(state.size)})" for state in states]
    by_run: dict[Path, list[CheckpointFile]] = {}
    for state in states:
        by_run.setdefault(state.run, []).append(state)
    return [
        f"  {run}: {len(each)} states ({size_in_words(sum(state.size for state in each))})"
        for run, each in by_run.items()
    ]


def _remove_all(states: Sequence[CheckpointFile]) -> list[Path]:
    from autrainer.cli.errors import CommandLineError
    from autrainer.errors import OutputError, RunInUseError
    from autrainer.runs.locking.lock import RunLock

    by_run: dict[Path, list[CheckpointFile]] = {}
    for state in states:
        by_run.setdefault(state.run, []).append(state)
    removed: list[Path] = []
    troubles: list[str] = []
    for folder, each in by_run.items():
        try:
            lock = RunLock(folder, watches=False)
        except RunInUseError as error:
            sys.stderr.write(f"Kept: {error}\n")
            continue
        except OutputError as error:
            troubles.append(f"  {error}")
            continue
        try:
            removed += _removed(folder, each, troubles)
        finally:
            lock.release()
    if troubles:
        raise CommandLineError(None, "\n".join(["not everything was removed:", *troubles]), 1)
    return removed


def _removed(folder: Path, states: Sequence[CheckpointFile], troubles: list[str]) -> list[Path]:
    """Remove files of a run whose lock is held; what cannot be removed is added to the troubles."""
    from autrainer.runs.manifest import drop_from_manifest

    removed: list[Path] = []
    for state in states:
        path = folder / state.name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            troubles.append(f"  {path}: {error.strerror}")
            continue
        print(f"Deleted: {path}")
        removed.append(path)
    drop_from_manifest(folder, {str(path.relative_to(folder)) for path in removed})
    return removed
