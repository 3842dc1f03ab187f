"""Signals end forked processes of users from the first instant."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys

number = int(sys.argv[1])
# First in the child, before it could have been told anything.
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), number))

from autrainer.cli.signal_exit import SignalExit
from autrainer.runs.process.signals import requests_handled

def ends_by():
    child = os.fork()
    if child == 0:
        os._exit(0)
    return -os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

signal.signal(signal.SIGINT, signal.SIG_DFL)
with requests_handled() as requests:
    assert ends_by() == number
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
    assert not requests.any
SignalExit([], is_resumable=True).install()
assert ends_by() == number
with requests_handled():
    assert ends_by() == number
assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
"""


@pytest.mark.parametrize("number", [10, 15])
def test_a_signal_that_comes_while_a_process_is_being_forked_ends_it(number):
    subprocess.run([sys.executable, "-c", PROGRAM, str(number)], check=True, timeout=60)
