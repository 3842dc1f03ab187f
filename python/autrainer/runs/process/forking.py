"""Signals in forked processes of the user: they end them, whatever this process does about them."""

from __future__ import annotations

# What `signal` is made of: always there, while importing `signal` takes milliseconds.
import _signal as signal  # type: ignore[import-not-found]
import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def default_when_forked(numbers: Sequence[int], is_ours: Callable[[object], bool]) -> None:
    """Give forked processes the default handlers of signals that are handled by this process.

    The signals wait from before the fork until then. One that came between would be lost: Python
    drops what its parent has not handled yet, and the handler would ask a run that is not there.

    Args:
        numbers: Signals.
        is_ours: Whether a handler is to be replaced.
    """
    if not hasattr(os, "register_at_fork"):
        return
    masks: dict[int, set[int]] = {}

    def block() -> None:
        masks[_thread.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop(_thread.get_ident()))

    def forget() -> None:
        for number in numbers:
            if is_ours(signal.getsignal(number)):
                is_interrupt = number == signal.SIGINT
                signal.signal(
                    number, signal.default_int_handler if is_interrupt else signal.SIG_DFL
                )
        unblock()

    os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=forget)
