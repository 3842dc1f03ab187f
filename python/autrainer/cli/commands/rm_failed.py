"""`autrainer rm-failed`: removes the runs of an experiment that have not finished."""

from __future__ import annotations

import sys
from pathlib import Path

from autrainer.cli.door import confirmed, door, results_arguments, size_in_words, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser

    from autrainer.runs.record.run_record import RunRecord

ABOUT = (
    "Remove the runs of an experiment that have not finished: those without a metrics.csv. What "
    "another process works on is never touched. Interrupted runs are among them, although "
    "`autrainer train` would go on with them."
)
EXAMPLE = "autrainer rm-failed results default"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    results_arguments(parser)
    parser.add_argument("-f", "--force", action="store_true", help="remove without asking")


def run(
    parser: ArgumentParser | None, results_dir: str, experiment_id: str, force: bool = False
) -> None:
    """List the runs, ask, and remove them.

    Raises:
        CommandLineError: if there is no such experiment, or one could not be removed.
    """
    with told(parser):
        _remove(results_dir, experiment_id, force)


@door
def rm_failed(results_dir: str | Path, experiment_id: str, force: bool = False) -> list[Path]:
    """Remove the runs of an experiment that have not finished.

    Args:
        results_dir: Folder of results.
        experiment_id: The experiment.
        force: Remove without asking.

    Returns:
        The folders that were removed.

    Raises:
        CommandLineError: if there is no such experiment, or one could not be removed.
    """
    return _remove(results_dir, experiment_id, force)


def _remove(results_dir: str | Path, experiment_id: str, force: bool) -> list[Path]:
    from autrainer.runs.layout import TABLE
    from autrainer.runs.record.finding import empty_folders_of, runs_of

    unfinished = [r for r in runs_of(results_dir, experiment_id) if not _has(r.folder, TABLE)]
    unfinished += empty_folders_of(results_dir, experiment_id)
    busy = [record for record in unfinished if record.state.is_running]
    for record in busy:
        print(f"Kept, as it is being worked on: {record.name}: {record.state}")
    failed = [record for record in unfinished if record not in busy]
    if not failed:
        return []
    for record in failed:
        print(_line(record))
    size = size_in_words(sum(record.size_bytes for record in failed))
    what = "1 unfinished run" if len(failed) == 1 else f"{len(failed)} unfinished runs"
    if not force and not confirmed(f"Remove {what} ({size})?"):
        print("Nothing was removed.")
        return []
    return _remove_all(failed)


def _has(folder: Path, name: str) -> bool:
    return (folder / name).is_file()


def _line(record: RunRecord) -> str:
    from pathlib import PurePath

    from autrainer.runs.layout import PLOTS, is_file_of_run

    names = [PurePath(name) for name, _ in record.files()]
    others = [name for name in names if not is_file_of_run(name) and name.parts[0] != PLOTS]
    note = f", with {len(others)} files that are not the run's" if others else ""
    return f"  {record.name} ({size_in_words(record.size_bytes)}{note}): {record.state}"


def _remove_all(failed: list[RunRecord]) -> list[Path]:
    from autrainer.cli.errors import CommandLineError
    from autrainer.errors import OutputError, RunInUseError

    removed: list[Path] = []
    troubles: list[str] = []
    for record in failed:
        try:
            if _removed(record.folder):
                removed.append(record.folder)
                print(f"Removed: {record.folder}")
            else:
                print(f"Kept, as it has finished meanwhile: {record.name}")
        except RunInUseError as error:
            sys.stderr.write(f"Kept: {error}\n")
        except OutputError as error:
            troubles.append(f"  {error}")
    if troubles:
        raise CommandLineError(None, "\n".join(["not everything was removed:", *troubles]), 1)
    return removed


def _removed(folder: Path) -> bool:
    """Remove a run that nobody works on; False if it has finished since it was listed.

    Raises:
        RunInUseError: if another process works on it.
        OutputError: if it cannot be locked or removed.
    """
    from autrainer.runs.layout import TABLE
    from autrainer.runs.locking.lock import RunLock
    from autrainer.runs.writing.folders import remove_folder, remove_whole

    if folder.is_symlink():
        remove_folder(folder)
        return True
    lock = RunLock(folder, watches=False)
    try:
        if _has(folder, TABLE):
            return False
        remove_whole(folder)
    finally:
        lock.release()
    return True
