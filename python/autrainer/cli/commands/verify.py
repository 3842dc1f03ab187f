"""`autrainer verify`: whether the files of finished runs are still what was written."""

from __future__ import annotations

import os

from autrainer.cli.door import door, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Sequence
    from pathlib import Path

    from autrainer.runs.manifest import Verification
    from autrainer.runs.record.run_record import RunRecord

ABOUT = (
    "Compare the files of finished runs with their MANIFEST, which holds sizes and checksums. Ends "
    "with 1 if a file was changed or is missing, or a run cannot be verified."
)
EXAMPLE = "autrainer verify results/default"
MOST_SHOWN = 20
"""Files of a run that are named; of more the number."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="run",
        help="folders or names of runs or experiments; all of results by default",
    )
    parser.add_argument("-d", "--results-dir", default=None, help="where experiments lie (results)")


def run(parser: ArgumentParser | None, runs: Sequence[str], results_dir: str | None = None) -> None:
    """Verify runs and print what is wrong.

    Raises:
        CommandLineError: if there is no such run, or one is not sound.
    """
    from autrainer.cli.errors import CommandLineError

    with told(parser):
        results = _verified(runs, results_dir)
    unsound = 0
    for record, result in results:
        print("\n".join(_lines(record, result)))
        unsound += not result.is_sound
    if unsound:
        raise CommandLineError(None, f"{unsound} of {len(results)} runs are not verified", 1)


@door
def verify(
    runs: Sequence[str | Path] | str | Path = (), results_dir: str | Path | None = None
) -> list[Verification]:
    """Compare the files of finished runs with their manifests.

    Args:
        runs: Folders or names of runs or experiments; all of `results_dir` by default.
        results_dir: Where experiments lie; `results` by default.

    Returns:
        One result a run; `is_sound` tells whether all is as it was written.

    Raises:
        CommandLineError: if there is no such run.
    """
    places = [runs] if isinstance(runs, str | os.PathLike) else list(runs)
    return [result for _, result in _verified(places, results_dir)]


def _verified(
    runs: Sequence[str | Path], results_dir: str | Path | None
) -> list[tuple[RunRecord, Verification]]:
    from autrainer.runs.layout import RESULTS_DIR
    from autrainer.runs.manifest import Verification, verify
    from autrainer.runs.process.bars import new_bar
    from autrainer.runs.record.finding import find_any

    records = find_any(runs, results_dir or RESULTS_DIR)
    total = sum(record.size_bytes for record in records)
    results = []
    options = {"unit": "B", "unit_scale": True, "leave": False, "delay": 1.0, "disable": None}
    with new_bar(total=total, desc="verify", **options) as bar:
        for record in records:
            if record.state.is_running:
                problem = f"it is being worked on: {record.state}"
                results.append((record, Verification(record.folder, problem=problem)))
            else:
                results.append((record, verify(record.folder, bar.update)))
    return results


def _lines(record: RunRecord, result: Verification) -> list[str]:
    if result.problem is not None:
        return [f"{record.folder}: not verified: {result.problem}"]
    found = [f"  {name}: {what}" for name, what in result.changed.items()]
    found += [f"  {name}: it is missing" for name in result.missing]
    lines = found[:MOST_SHOWN]
    if len(found) > MOST_SHOWN:
        lines.append(f"  and {len(found) - MOST_SHOWN} more")
    if result.added:
        num = len(result.added)
        lines.append(
            f"  not in the manifest: {result.added[0]}" + f" and {num - 1} more" * (num > 1)
        )
    state = "damaged" if found else f"{result.num_files} files are as they were written"
    return [f"{record.folder}: {state}", *lines]
