"""The line that a signal leaves behind."""

import shlex
import signal

from hypothesis import given
from hypothesis import strategies as st

from autrainer.cli.leaving import Leaving, command_line, installed


@given(st.lists(st.text()))
def test_the_command_is_quoted_as_a_shell_takes_it(arguments):
    assert command_line(arguments) == shlex.join(["autrainer", *arguments])


def test_handlers_are_found_while_they_stand():
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
    before = {number: signal.getsignal(getattr(signal, number)) for number in names}
    assert installed() is None
    leaving = Leaving([], goes_on=False)
    leaving.install()
    try:
        assert installed() is leaving
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
    assert installed() is None
