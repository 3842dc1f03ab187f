"""Errors that autrainer raises on purpose.

Each class is also a built-in error, so `except ValueError` and `except AutrainerError` both work.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any


class AutrainerError(Exception):
    """Base of every error that autrainer raises on purpose.

    Attributes:
        details: Where several things are wrong, a sentence for each.
    """

    details: tuple[str, ...] = ()


class ConfigError(AutrainerError, ValueError):
    """A configuration says something that cannot be done."""


class AnotherRunError(ConfigError):
    """The run folder holds a run of another configuration."""


class DataError(AutrainerError, ValueError):
    """Data does not look as it has to: shapes, dtypes, labels, columns."""


class CorruptFileError(DataError):
    """A file is truncated or contradicts itself."""


class UntrustedCodeError(AutrainerError, ValueError):
    """A file of a model names code that is not allowed to run."""


class UnsupportedFileError(DataError):
    """A file is written in a way that the extension leaves to others."""


class InternalError(AutrainerError, SystemError):
    """Code of autrainer itself has failed: a bug, whatever the data looks like.

    Not a `RuntimeError`: whoever catches one has an error of torch in mind, and would go on.
    """


class OutputError(AutrainerError, OSError):
    """A file of a run folder could not be written."""


class DownloadError(AutrainerError, OSError):
    """A file did not come from the web as a whole."""


class NonFiniteLossError(AutrainerError, ArithmeticError):
    """A loss of training is NaN or infinite."""


class OutOfMemoryError(AutrainerError, MemoryError):
    """A run needs more memory than there is."""


class RunInUseError(AutrainerError, RuntimeError):
    """Another process works on the run folder."""


class WorkerDiedError(AutrainerError, RuntimeError):
    """The process that trained a run has ended without an error: it was killed, or has crashed."""


class ProcessLostError(AutrainerError, RuntimeError):
    """One of the processes that train a run together has ended, or does not answer."""


class ProcessFailedError(AutrainerError, RuntimeError):
    """One of the processes that train a run together has failed; the cause is its traceback."""


class FailedElsewhereError(AutrainerError, RuntimeError):
    """A run of a sweep has failed in another command, which works on the same sweep."""


class RunFailedError(AutrainerError, RuntimeError):
    """Runs of a sweep that was started from Python have failed; the others have gone on.

    The cause is the error of the first one.

    Args:
        message: What happened, and where.
        runs: What became of all runs of the sweep, as `autrainer.cli.train` returns it.
    """

    def __init__(self, message: str, runs: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.runs = list(runs)


class RunInterruptedError(KeyboardInterrupt):
    """A run was asked to stop by a signal, and has stopped.

    Like Ctrl-C it ends a whole sweep: it is no `Exception`.

    Args:
        signal: The signal.
        saved: Whether the run goes on where it was when it is started again.

    Attributes:
        exit_code: That of a process which ends because of it.
        saved: As given.
    """

    def __init__(self, signal: int, *, saved: bool) -> None:
        name = getattr(signal, "name", str(signal))
        how = "goes on where it was" if saved else "goes on from the last state that it kept"
        super().__init__(f"Stopped by {name}; the same command {how}")
        self.exit_code = 128 + int(signal)
        self.saved = saved


class MissingExtraError(AutrainerError, ImportError):
    """An optional library is not installed.

    Args:
        needed_by: Name of the class that needs the library.
        library: Name of the library.
        extra: Extra of the autrainer package that brings it.
        reason: Why it cannot be imported although it is there.
    """

    def __init__(self, needed_by: str, library: str, extra: str, reason: str = "") -> None:
        found = f", which cannot be imported ({reason})" if reason else ""
        super().__init__(
            f"{needed_by} needs {library}{found}; install it with: pip install 'autrainer[{extra}]'"
        )


def message_of(error: BaseException) -> str:
    """The message of an error, or an empty text if its class cannot even give that."""
    try:
        return str(error)
    except Exception:
        return ""


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Sentence that names the options closest to a misspelt name, or an empty text.

    >>> did_you_mean("epochs", ["epoch", "step"])
    "did you mean 'epoch'?"
    >>> did_you_mean("uar", ["UAR", "MSE"])
    "did you mean 'UAR'?"
    """
    # Only somebody who mistyped waits for this import.
    import difflib

    known: dict[str, str] = {}
    for option in options:
        known.setdefault(option.lower(), option)
    matches = difflib.get_close_matches(str(name).lower(), list(known), n=3, cutoff=0.6)
    if not matches:
        return ""
    return "did you mean " + " or ".join(repr(known[match]) for match in matches) + "?"
