"""Signals ask a run to stop or to save; a second one ends it at once."""

import os
import signal
import threading

import pytest

from autrainer.errors import RunInterruptedError
from autrainer.runs.signals import heeded, warnings_survived


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_leaves(number):
    with heeded() as requests:
        os.kill(os.getpid(), number)
        assert requests.stop == number
        assert requests.any
        with pytest.raises(RunInterruptedError) as caught:
            os.kill(os.getpid(), number)
    assert caught.value.exit_code == 128 + number


def test_a_warning_asks_to_save_and_nothing_else():
    with heeded() as requests:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert requests.save
        assert requests.stop is None


def test_handlers_are_given_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with heeded():
        assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]
    assert before == {number: signal.getsignal(number) for number in before}


def test_threads_leave_signals_alone():
    seen = []

    def work():
        with heeded() as requests:
            seen.append((requests.any, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.getsignal(signal.SIGINT))]


def test_a_warning_between_runs_ends_nothing_and_a_run_heeds_it():
    with warnings_survived():
        os.kill(os.getpid(), signal.SIGUSR1)
        with heeded() as requests:
            assert not requests.save
            os.kill(os.getpid(), signal.SIGUSR1)
            assert requests.save
        os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL
