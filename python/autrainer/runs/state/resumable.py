"""The rolling state of a run: what it needs to go on where it was, whenever it was stopped.

Two files take turns, so that while one is written the other one stands. Rows that a tracker has
kept are written only once each, into files of their own that the states name.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.layout import RESUME
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess
from autrainer.runs.state.sealed import read_sealed, write_sealed
from autrainer.runs.state.staging import Staged, Staging
from autrainer.runs.writing.background import Background, Job
from autrainer.runs.writing.files import remove_files

log = logging.getLogger(__name__)

SLOTS = ("state-0", "state-1")
ROWS = "rows-"
_ROWS_NAME = re.compile(rf"{ROWS}[0-9]{{1,18}}")


@dataclass(frozen=True)
class ResumableState:
    """A rolling state that was found sound.

    Args:
        number: How many states the run had written, this one included.
        tree: What was given to `write`.
        row_files: Names of the files of rows that belong to it.
        rows: Their content, in order.
    """

    number: int
    tree: dict[str, Any]
    row_files: list[str]
    rows: list[Any]


class ResumableStates:
    """Writes the rolling state of a run and finds the newest sound one.

    Args:
        run_folder: The run folder.
        background: Writes the files.
        staging: Where states are copied to before they are written.
        process: Which process of the run this is; only the main one writes and removes files.
    """

    def __init__(
        self,
        run_folder: Path,
        background: Background,
        staging: Staging,
        process: RunProcess = ONLY_PROCESS,
    ) -> None:
        self._writes = process.is_main
        self.folder = run_folder / RESUME
        self._background = background
        self._staging = staging
        self._number = 0
        self._last: Job | None = None
        self._is_hindered = False

    @property
    def is_writing(self) -> bool:
        """Whether an earlier state is still on its way to the disk."""
        return self._last is not None and not self._last.ended

    def read(self) -> ResumableState | None:
        """The newest state that is sound, or None. Damaged ones are reported and passed over."""
        found = [state for name in SLOTS if (state := self._read(self.folder / name)) is not None]
        newest = max(found, key=lambda state: state.number, default=None)
        if newest is not None:
            self._number = newest.number
            if self._writes:
                # What was written after this state is written again.
                named = {name for state in found for name in state.row_files}
                rows = {path.name for path in self.folder.glob(f"{ROWS}*")}
                remove_files(self.folder, sorted(rows - named))
        return newest

    def _read(self, path: Path) -> ResumableState | None:
        if not path.is_file():
            return None
        try:
            number, names, tree = _checked(path, read_sealed(path))
            rows = [read_sealed(self.folder / name) for name in names]
            return ResumableState(number, tree, names, rows)
        except (CorruptFileError, OSError) as error:
            log.warning("%s is passed over: %s", path, error)
            return None

    def write(self, tree: Mapping[str, Any], rows: RowFiles) -> None:
        """Copy a state now and write it in the background.

        Args:
            tree: The state; it may change as soon as this has returned.
            rows: What has been tracked; those that have come since the last state are written.
        """
        self._number += 1
        name = SLOTS[self._number % len(SLOTS)]
        # Asked of all processes, whether or not there will be a file.
        new_rows, names, obsolete = rows.advance()
        if self._is_hindered or not self._writes:
            return
        try:
            staged = self._staging.take({"tree": dict(tree), "new_rows": new_rows})
        except DataError as error:
            self._give_up(error)
            return
        head = {"number": self._number, "rows": names}
        self._last = self._background.submit(self._write, name, staged, head, obsolete)

    def _write(self, name: str, staged: Staged, head: dict[str, Any], obsolete: list[str]) -> None:
        try:
            for file, content in staged.tree["new_rows"].items():
                write_sealed(self.folder / file, content)
            write_sealed(self.folder / name, {**head, "tree": staged.tree["tree"]})
        except DataError as error:
            self._give_up(error)
        finally:
            staged.release()
        remove_files(self.folder, obsolete)

    def _give_up(self, error: DataError) -> None:
        """A state of the user's own is made of something else: the run itself is sound."""
        self._is_hindered = True
        log.warning("This run cannot be resumed if it is interrupted: %s", error)

    def clear(self) -> None:
        """Remove everything: the run has ended and is on disk."""
        if not self._writes:
            return
        self._background.join()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            # A finished run never looks into it.
            log.warning("%s could not be removed; nobody needs it any more", self.folder)


def _checked(path: Path, content: Any) -> tuple[int, list[str], dict[str, Any]]:
    """Number, names of the files of rows, and tree of a state.

    The names are looked at: files of a state are removed when it is obsolete.

    Raises:
        CorruptFileError: if the content is that of something else.
    """
    if not isinstance(content, dict):
        content = {}
    number, names, tree = (content.get(key) for key in ("number", "rows", "tree"))
    is_named = isinstance(names, list) and all(
        isinstance(name, str) and _ROWS_NAME.fullmatch(name) for name in names
    )
    if type(number) is not int or not is_named or not isinstance(tree, dict):
        raise CorruptFileError(f"{path}: expected the state of a run, found something else")
    return number, cast("list[str]", names), tree


class RowFiles:
    """Which rows of a tracker have been written into which files.

    Rows that have been reset are kept on disk until both rolling states are newer.

    Args:
        state: Number of the pass (a reset begins a new one) and how many rows there are now.
        since: The rows from one of them on, as a tree; rows that are there never change.
    """

    def __init__(
        self,
        state: Callable[[], tuple[int, int]],
        since: Callable[[int], Mapping[str, Any]],
    ) -> None:
        self._state = state
        self._since = since
        self._pass, self._written = state()
        self._files: list[str] = []
        self._number = 0
        self._retired: deque[list[str]] = deque()

    def advance(self) -> tuple[dict[str, Any], list[str], list[str]]:
        """Rows to write by the name of their file, names of all files, and obsolete files."""
        new: dict[str, Any] = {}
        current, count = self._state()
        self._retired.append([])
        if current != self._pass:
            self._retired[-1] = self._files
            self._pass, self._files, self._written = current, [], 0
        if count > self._written:
            self._number += 1
            name = f"{ROWS}{self._number}"
            new[name] = self._since(self._written)
            self._files = [*self._files, name]
            self._written = count
        # The state before this one may still name what has just been retired.
        unneeded = self._retired.popleft() if len(self._retired) > 1 else []
        return new, list(self._files), unneeded

    def resume(self, files: list[str]) -> None:
        """The rows that are there now are those of files that an earlier process wrote."""
        self._pass, self._written = self._state()
        self._files = list(files)
        self._number = max((int(name.removeprefix(ROWS)) for name in files), default=0)
