"""The line that a signal leaves behind."""

import shlex
import signal

from hypothesis import given
from hypothesis import strategies as st

from autrainer.cli.signal_exit import SignalExit, command_line, installed


@given(st.lists(st.text()))
def test_the_command_is_quoted_as_a_shell_takes_it(arguments):
    assert command_line(arguments) == shlex.join(["autrainer", *arguments])


def test_handlers_are_found_while_they_stand():
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
    before = {number: signal.getsignal(getattr(signal, number)) for number in names}
    assert installed() is None
    handlers = SignalExit([], is_resumable=False)
    handlers.install()
    try:
        assert installed() is handlers
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
    assert installed() is None
