"""Whether a command has trained all of its runs before, as far as a glance at its files tells.

Composing tells for certain, and takes as long as loading torch's libraries, which a thread does
meanwhile. Who has nothing left to train does without them.
"""

from __future__ import annotations

import os
from pathlib import Path

from autrainer.errors import CorruptFileError
from autrainer.runs.layout import MULTIRUN_FILE, RESULTS_DIR, RUNS, SWEEP_FILE
from autrainer.runs.writing.opening import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG = os.path.join("conf", "config.yaml")
PLACE = {"results_dir": RESULTS_DIR, "experiment_id": "default"}
"""Keys that say where the runs lie, and their defaults."""

ALL_ENDED = "left: 0\n"
"""How a journal begins if none of its runs is left to train."""


def seems_trained(arguments: list[str]) -> bool:
    """Whether the last sweep in the folder of these runs had the same arguments, and has ended.

    Nothing depends on the answer but what is loaded when. It is False where it takes more than a
    glance: with flags of Hydra, with quoted values in the configuration, where a folder is gone.

    Args:
        arguments: The command `train` and what it overrides.
    """
    overrides = arguments[1:]
    if any(argument.startswith(("-", "~", "hydra")) for argument in overrides):
        return False
    try:
        folder = os.path.join(*_place(overrides), RUNS)
        journal = os.path.join(folder, SWEEP_FILE)
        if os.path.exists(CONFIG) and os.stat(CONFIG).st_mtime_ns > os.stat(journal).st_mtime_ns:
            return False
        told = read_text(Path(journal))
        if not told.startswith(ALL_ENDED):
            return False
        runs = {line[2:-2] for line in told.splitlines(keepends=True) if _is_run(line)}
        before = _listed(read_text(Path(folder, MULTIRUN_FILE)), "    task:\n")
        return _are_same(overrides, before) and runs.issubset(os.listdir(folder))
    except (OSError, ValueError, CorruptFileError):
        return False


def _is_run(line: str) -> bool:
    """Whether a line of a journal names a run, as far as names need no quotes."""
    return line.startswith("  ") and line.endswith(":\n") and line[2] not in " '\"?"


def _place(overrides: list[str]) -> list[str]:
    """Where the runs lie: by the arguments, the main configuration, or default."""
    found = dict(PLACE)
    if os.path.exists(CONFIG):
        _take(found, read_text(Path(CONFIG)).splitlines(), ":")
    _take(found, overrides, "=")
    return list(found.values())


def _are_same(overrides: list[str], before: set[str]) -> bool:
    """Whether these are the overrides of a sweep, which chooses the groups of `group.key` too."""
    given = {override.lstrip("+") for override in overrides}
    groups = {override.partition(".")[0] for override in given}
    return given <= before and all(each.partition("=")[0] in groups for each in before - given)


def _take(found: dict[str, str], lines: Iterable[str], sign: str) -> None:
    for line in lines:
        key, _, value = line.partition(sign)
        if key in found:
            found[key] = value.strip()


def _listed(text: str, head: str) -> set[str]:
    """The items of a list in a YAML file, as they are written there."""
    _, _, rest = text.partition(head)
    items = set()
    for line in rest.splitlines():
        if not line.startswith("    - "):
            break
        items.add(line[6:].lstrip("+"))
    return items
