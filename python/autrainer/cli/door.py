"""Commands as functions of Python: what they raise, and what a notebook sees of it."""

from __future__ import annotations

import functools
import sys

from autrainer.cli.errors import CommandLineError
from autrainer.errors import AutrainerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


def door(function: Callable[P, R]) -> Callable[P, R | None]:
    """A function of `autrainer.cli` of one that does the work.

    What cannot be done is a `CommandLineError`; in a notebook its message is printed, as by
    autrainer 0.10, and None returned.
    """

    @functools.wraps(function)
    def called(*args: P.args, **options: P.kwargs) -> R | None:
        try:
            with told():
                return function(*args, **options)
        except CommandLineError as error:
            from autrainer.runs.process.notebook import in_notebook

            if not in_notebook():
                # Its message says all; where it was found does not matter.
                raise error from None
            sys.stderr.write(f"{error.message}\n")
            return None

    return called


class told:
    """Within the block, errors of ours and missing files are errors of the command line.

    Args:
        parser: Parser of the command, whose help is shown with a wrong argument.
        misuse: Errors that a wrong argument makes.
    """

    def __init__(self, parser: object = None, misuse: tuple[type[Exception], ...] = ()) -> None:
        self._parser, self._misuse = parser, misuse

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        """Raise the error of the command line, if there is one to raise."""
        if isinstance(error, CommandLineError) or error is None:
            return
        if isinstance(error, self._misuse):
            # What is wrong is known: the help would push it off the screen.
            raise CommandLineError(None, str(error), 2) from error
        if isinstance(error, AutrainerError | FileNotFoundError):
            raise CommandLineError(self._parser, str(error), 1) from error  # type: ignore[arg-type]


def results_arguments(parser: object) -> None:
    """The two arguments of commands on an experiment."""
    add = parser.add_argument  # type: ignore[attr-defined]
    add("results_dir", help="folder of results, where the experiment lies")
    add("experiment_id", help="name of the experiment")


def confirmed(question: str) -> bool:
    """Ask on the terminal; anything but `y` or `yes` is no, and so is the end of the input."""
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    try:
        answer = input()
    except EOFError:
        print()
        return False
    return answer.strip().lower() in ("y", "yes")


def size_in_words(num_bytes: int) -> str:
    """Bytes as `532 B`, `1.3 kB`, `24.0 MB`.

    >>> size_in_words(532), size_in_words(1300), size_in_words(24_000_000)
    ('532 B', '1.3 kB', '24.0 MB')
    """
    if num_bytes < 1000:
        return f"{num_bytes} B"
    size = float(num_bytes)
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.95 or unit == "TB":
            break
    return f"{size:.1f} {unit}"
