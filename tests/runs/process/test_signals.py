"""Signals ask a run to stop or to save; a second one ends it at once."""

import os
import signal
import threading

import pytest

from autrainer.errors import RunInterruptedError
from autrainer.runs.process.signals import requests_handled, save_signals_ignored, stops_deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_and_the_second_leaves(number):
    with requests_handled(same_request_s=0) as requests:
        os.kill(os.getpid(), number)
        assert requests.stop == number
        assert requests.any
        with pytest.raises(RunInterruptedError) as caught:
            os.kill(os.getpid(), number)
    assert caught.value.exit_code == 128 + number


def test_a_warning_asks_to_save_and_nothing_else():
    with requests_handled() as requests:
        os.kill(os.getpid(), signal.SIGUSR1)
        assert requests.save
        assert requests.stop is None


def test_handlers_are_given_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with requests_handled():
        assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]
    assert before == {number: signal.getsignal(number) for number in before}


def test_threads_leave_signals_alone():
    seen = []

    def work():
        with requests_handled() as requests:
            seen.append((requests.any, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.getsignal(signal.SIGINT))]


def test_a_warning_between_runs_ends_nothing_and_a_run_heeds_it():
    with save_signals_ignored():
        os.kill(os.getpid(), signal.SIGUSR1)
        with requests_handled() as requests:
            assert not requests.save
            os.kill(os.getpid(), signal.SIGUSR1)
            assert requests.save
        os.kill(os.getpid(), signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL


def test_a_signal_to_the_process_and_then_to_its_group_is_one_request():
    with requests_handled(same_request_s=3600) as requests:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert requests.stop == signal.SIGTERM


def test_whoever_presses_ctrl_c_sees_that_it_was_heard():
    terminal, end = os.openpty()
    stderr = os.dup(2)
    os.dup2(end, 2)
    try:
        with requests_handled():
            os.kill(os.getpid(), signal.SIGTERM)
        with requests_handled():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        os.dup2(stderr, 2)
    said = os.read(terminal, 1000)
    assert said == b"\r\nStopping after this step; Ctrl-C once more leaves at once\r\n"
    for file in (terminal, end, stderr):
        os.close(file)


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with requests_handled() as requests:
            os.kill(os.getpid(), signal.SIGINT)
            assert requests.stop is None
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_that_follows_a_request_to_stop_is_that_request():
    with requests_handled() as requests:
        with pytest.raises(ValueError, match="before"), requests.prevailing():
            raise ValueError("before")
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(RunInterruptedError) as caught, requests.prevailing():
            raise ValueError("after")
    assert caught.value.exit_code == 143
    assert str(caught.value.__cause__) == "after"


def test_the_end_of_a_run_is_not_disturbed():
    def fail(*_):
        raise RuntimeError("a worker has died")

    before = signal.signal(signal.SIGCHLD, fail)
    try:
        with requests_handled(same_request_s=0) as requests, requests.ending():
            os.kill(os.getpid(), signal.SIGCHLD)
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        assert requests.stop == signal.SIGINT
        assert signal.getsignal(signal.SIGCHLD) is fail
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_forked_process_is_ended_by_signals_as_usual(number):
    reading, writing = os.pipe()
    with requests_handled() as requests:
        child = os.fork()
        if child == 0:
            handler = signal.getsignal(number)
            expected = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, signal.SIG_DFL)
            os.write(writing, b"ready" if handler == expected else b"wrong")
            signal.pause()
            os._exit(0)
        assert os.read(reading, 5) == b"ready"
        os.kill(child, number)
        _, status = os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)
    assert os.WTERMSIG(status) == number
    assert not requests.any


def test_requests_wait_while_workers_are_started():
    with requests_handled() as requests:
        with stops_deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            assert not requests.any
        assert requests.stop == signal.SIGTERM
