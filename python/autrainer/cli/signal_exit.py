"""What a signal does to the command while no run trains: the process ends, with a line about it.

Nothing is raised. An error that comes up anywhere (in an import, in the constructor of an
extension, where configurations are composed) would be lost there, or turned into another one. What
is written meanwhile is whole or not at all, so a process may end at any time. A run that trains has
handlers of its own, which let it save its state: `runs/process/signals.py`.
"""

from __future__ import annotations

# What `signal` is made of: always there, while importing `signal` takes milliseconds.
import _signal as signal  # type: ignore[import-not-found]
import os
import sys

from autrainer.runs.process.forking import default_when_forked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
SAVES = ("SIGUSR1",)
UNQUOTED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_")


class SignalExit:
    """Handlers that end the process.

    Args:
        arguments: Those of the command.
        is_resumable: The same command goes on with what this one has begun.

    Attributes:
        how_again: What the same command does, if it is resumable: it `goes on`, or `begins anew`.
        last_words: Called before the process ends, to print what is worth knowing.
    """

    def __init__(self, arguments: list[str], *, is_resumable: bool) -> None:
        self._arguments = arguments
        self._is_resumable = is_resumable
        self._is_ending = False
        self.how_again = "goes on"
        self.last_words: Callable[[], object] | None = None

    def install(self) -> None:
        """Take the place of the handlers that there are; what the parent ignores stays ignored."""
        for number in _numbers(STOPS):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.end_process)
        for number in _numbers(SAVES):
            signal.signal(number, self.ignore)
        default_when_forked(_numbers(STOPS + SAVES), self._is_ours)

    def end_process(self, number: int, frame: Any) -> None:
        """End the process with the exit code of a signal; asked again meanwhile, at once."""
        try:
            if not self._is_ending:
                self._is_ending = True
                self._say_last_words()
                _write(f"\n{self._text(number)}\n")
        finally:
            os._exit(128 + number)

    def ignore(self, number: int, frame: Any) -> None:
        """A scheduler warns; there is nothing to save."""

    def _say_last_words(self) -> None:
        try:
            if self.last_words is not None:
                self.last_words()
            sys.stdout.flush()
        except Exception:
            # Whatever was interrupted may be half done: what can be said is said.
            return

    def _text(self, number: int) -> str:
        names = {_number(name): name for name in STOPS}
        stopped = f"Stopped by {names.get(number, number)}"
        if not self._is_resumable:
            return stopped
        return f"{stopped}; the same command {self.how_again}:\n  {command_line(self._arguments)}"

    def _is_ours(self, handler: object) -> bool:
        return getattr(handler, "__self__", None) is self


def installed() -> SignalExit | None:
    """The handlers of this process, if they stand."""
    for number in _numbers(STOPS):
        owner = getattr(signal.getsignal(number), "__self__", None)
        if isinstance(owner, SignalExit):
            return owner
    return None


def command_line(arguments: list[str]) -> str:
    """The command with its arguments, as a shell takes them."""
    return " ".join(map(_quoted, ["autrainer", *arguments]))


def _quoted(text: str) -> str:
    """As `shlex.quote`, whose import a signal may come into."""
    if text and UNQUOTED.issuperset(text):
        return text
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _write(text: str) -> None:
    # Not by `sys.stderr`, which may just be writing.
    try:
        os.write(2, text.encode(errors="backslashreplace"))
    except OSError:
        return


def _number(name: str) -> int:
    return int(getattr(signal, name, 0))


def _numbers(names: tuple[str, ...]) -> list[int]:
    return [number for number in map(_number, names) if number]
