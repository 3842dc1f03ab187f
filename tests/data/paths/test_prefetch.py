import os
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.data.paths import prefetch as prefetch_module
from autrainer.data.paths.prefetch import prefetch
from autrainer.errors import DataError
from tests import forked


def threads_of(name):
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


@given(
    start=st.integers(0, 5),
    count=st.integers(0, 40),
    num_threads=st.integers(1, 5),
    depth=st.integers(1, 12),
)
def test_results_come_in_order_whoever_made_them(start, count, num_threads, depth):
    results = prefetch(
        lambda number: number * 3, start, start + count, num_threads=num_threads, depth=depth
    )

    assert list(results) == [number * 3 for number in range(start, start + count)]


def test_no_more_is_made_than_the_depth_allows():
    made = []
    allowed = threading.Semaphore(0)

    def make(number):
        made.append(number)
        if len(made) >= 4:
            allowed.release()
        return number

    results = prefetch(make, 0, 100, num_threads=2, depth=3)
    first = next(results)
    # One that was handed out, three ahead of it.
    allowed.acquire()
    results.close()

    assert first == 0
    assert sorted(made) == [0, 1, 2, 3]


def test_work_goes_on_while_the_consumer_is_busy():
    others = threading.Event()

    def make(number):
        if number == 1:
            others.set()
        return number

    results = prefetch(make, 0, 10, num_threads=1, depth=1)
    next(results)

    others.wait()
    results.close()


def test_an_error_comes_where_its_number_is_due():
    def make(number):
        if number >= 3:
            raise ValueError(f"number {number}")
        return number

    results = prefetch(make, 0, 100, num_threads=4, depth=8, name="failing")

    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="number 3"):
        next(results)
    assert threads_of("failing") == []


@pytest.mark.parametrize("how", ["close", "drop", "exhaust"])
def test_no_thread_is_left(how):
    results = prefetch(lambda number: number, 0, 50, num_threads=3, depth=6, name="gone")
    next(results)
    assert len(threads_of("gone")) == 3

    if how == "close":
        results.close()
    elif how == "exhaust":
        list(results)
    else:
        del results

    assert threads_of("gone") == []


def test_nothing_starts_before_something_is_asked_for():
    results = prefetch(lambda number: number, 0, 5, num_threads=2, depth=2, name="lazy")

    assert threads_of("lazy") == []
    assert next(results) == 0
    results.close()


def test_who_takes_too_long_is_told_and_left_behind(monkeypatch):
    monkeypatch.setattr(prefetch_module, "JOIN_TIMEOUT_S", 0.05)
    forever = threading.Event()
    results = prefetch(
        lambda number: forever.wait(), 0, 2, num_threads=1, depth=1, timeout_s=0.05, name="dev"
    )

    with pytest.raises(DataError, match=r"the dev waited 0\.05 s for a batch"):
        next(results)

    assert len(threads_of("dev")) == 1
    forever.set()


def test_threads_leave_the_intra_op_threads_of_others_alone():
    before = torch.get_num_threads()

    counts = set(prefetch(lambda _: torch.get_num_threads(), 0, 8, num_threads=2, depth=4))

    assert counts == {1}
    assert torch.get_num_threads() == before


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_goes_on_by_threads_of_its_own():
    results = prefetch(lambda number: number, 0, 20, num_threads=2, depth=4)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]

    child = os.fork()
    if child == 0:
        rest = list(results)
        os._exit(0 if rest == list(range(5, 20)) else 1)
    _pid, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert list(results) == list(range(5, 20))


def test_an_interpreter_may_leave_with_work_half_done():
    code = (
        "from autrainer.data.paths.prefetch import prefetch\n"
        "results = prefetch(lambda n: n, 0, 100, num_threads=2, depth=4)\n"
        "print(next(results))\n"
    )
    done = forked.run(code)

    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
