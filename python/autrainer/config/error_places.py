"""Where in a user's own code an error was raised, and how errors are shown in few lines.

Code of users is all that is neither installed nor of this package: what stands in a project.
"""

from __future__ import annotations

import linecache
import os
import re
import sysconfig
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autrainer.errors import AutrainerError, CorruptFileError, message_of
from autrainer.runs.writing.opening import reading

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_PACKAGE = Path(__file__).parent.parent
_IN_TEXT = re.compile(r'^ *File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<name>.+)$', re.M)
SHOWN_LINES = 10
_OF_WORKER = "Original Traceback"
"""What torch puts into the message of an error of one of its processes."""


@dataclass(frozen=True)
class Place:
    """A line of a user's code.

    Args:
        file: The file.
        line: Number of the line; 0 if it is not known.
        name: The function, or an empty text.
    """

    file: str
    line: int
    name: str = ""

    def __str__(self) -> str:
        """The place as `my_model.py, line 12`, with the path from the working directory."""
        return f"{shown_path(self.file)}, line {self.line}"

    def quoted(self) -> str:
        """The place with its function and what stands there."""
        linecache.checkcache(self.file)
        code = linecache.getline(self.file, self.line).strip()
        function = f", in {self.name}" if self.name else ""
        return f"{self}{function}" + (f": {code}" if code else "")


def shown_path(path: str | Path) -> str:
    """A path as a user would type it: from the working directory if it is below."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):
        return str(path)
    return str(path) if relative.startswith("..") else relative


@lru_cache(maxsize=1 << 16)  # a process may have thousands of modules, and is asked for all of them
def is_of_user(file: str) -> bool:
    """Whether a file of Python code is a user's own: neither installed nor of this package."""
    if file.startswith("<"):
        # A cell of a notebook is a user's too.
        return file.startswith("<ipython")
    path = Path(os.path.abspath(file))
    if _INSTALLED.intersection(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _installed_folders())


@lru_cache(maxsize=1)
def _installed_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    library = (Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    return (_PACKAGE, _PACKAGE.with_name("hydra_plugins"), *library)


def place_in_user_code(error: BaseException) -> Place | None:
    """The innermost line of a user's code that an error came through, or None.

    That of an error in a worker process is read from the text that came along. Where the error
    itself came through none, what caused it may have.
    """
    for each in _chain(error):
        if isinstance(each, SyntaxError) and each.filename and is_of_user(each.filename):
            return Place(each.filename, each.lineno or 0)
        found = [
            Place(frame.f_code.co_filename, line, frame.f_code.co_name)
            for frame, line in traceback.walk_tb(each.__traceback__)
        ]
        found += [Place(m["file"], int(m["line"]), m["name"]) for m in _in_text(each)]
        if own := [place for place in found if is_of_user(place.file)]:
            return own[-1]
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, each once."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        context = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or context


def _in_text(error: BaseException) -> Iterator[re.Match[str]]:
    text = message_of(error)
    return _IN_TEXT.finditer(text) if 'File "' in text else iter(())


def sentence(error: BaseException) -> str:
    """Type and message of an error in a line."""
    lines = message_of(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    if any(line.startswith(_OF_WORKER) for line in lines):
        # Of a worker process that could not send the error itself; the last line is the error.
        return lines[-1]
    return f"{type(error).__name__}: {lines[0]}"


def _described(error: BaseException) -> str:
    """An error with its message, of which the first lines will do."""
    first, *rest = message_of(error).strip().splitlines() or [""]
    if sentence(error) != f"{type(error).__name__}: {first}":
        return sentence(error)
    shown = [sentence(error), *rest[: SHOWN_LINES - 1]]
    return "\n".join([*shown, "..."] if len(rest) >= SHOWN_LINES else shown)


def describe(error: BaseException, record: Path | None = None) -> str:
    """An error as a user needs it: what happened, where in their own code, and where all of it is.

    Args:
        error: The error.
        record: File that may hold the whole traceback.

    Returns:
        Errors of this package with all of their message, any other with its first lines, each with
        the innermost line of the user's code. Where no record has it, the whole traceback.
    """
    is_recorded = record is not None and _holds(record, error)
    is_ours = isinstance(error, AutrainerError)
    if not is_ours and not is_recorded:
        return _without_hydra(error)
    lines = [f"{type(error).__name__}: {error}" if is_ours else _described(error)]
    place = place_in_user_code(error)
    if place is not None and str(place) not in lines[0]:
        lines.append(f"  {place.quoted()}")
    if is_recorded and (not is_ours or error.__cause__ is not None):
        lines.append(f"  The whole traceback is in {shown_path(str(record))}")
    return "\n".join(lines)


def _holds(record: Path, error: BaseException) -> bool:
    """Whether a file tells of this error: it may be missing, or of an earlier attempt."""
    try:
        with reading(record) as file:
            text = file.read().decode("utf-8", errors="replace")
    except (OSError, CorruptFileError):
        return False
    told = [type(error).__name__, *message_of(error).splitlines()]
    return all(line in text for line in told)


def _without_hydra(error: BaseException) -> str:
    frames = error.__traceback__
    # Hydra's frames say nothing about a job.
    while frames is not None and os.sep + "hydra" + os.sep in frames.tb_frame.f_code.co_filename:
        frames = frames.tb_next
    lines = traceback.format_exception(type(error), error, frames or error.__traceback__)
    return "".join(lines).rstrip()
