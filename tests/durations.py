"""Who is slow: `make slow-tests` measures the processor time of all tests and writes `slow.txt`.

Processor time, since what a test waits for on a busy machine says nothing about the test.
"""

import os
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("slow.txt")
LIMIT_S = 0.2
"""Processor time from which on `make test-fast` leaves a test out."""


def slow_tests():
    """Names of the functions on the list, as `tests/data/test_loader.py::test_name`."""
    return set(LIST.read_text().split())


def function_of(nodeid):
    """The name of a test without its parameters.

    >>> function_of("tests/test_a.py::test_b[c::d]")
    'tests/test_a.py::test_b'
    """
    return nodeid.partition("[")[0]


def cpu_s():
    """Processor time of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Recorder:
    """A pytest plugin: keeps the largest processor time of each function, and writes the list."""

    def __init__(self):
        self.largest_s = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Put the processor time of the test so far into its report, which workers send."""
        report = yield
        begun_s = getattr(item, "begun_cpu_s", None)
        is_marked = item.get_closest_marker("slow") is not None
        report.cpu_s = None if begun_s is None else cpu_s() - begun_s
        report.is_marked_slow = is_marked and function_of(item.nodeid) not in slow_tests()
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        """Take note of the processor time before fixtures are made."""
        item.begun_cpu_s = cpu_s()
        return (yield)

    def pytest_runtest_logreport(self, report):
        """Keep the largest time of a function, here and in the process that workers send it to."""
        if report.when != "teardown" or report.is_marked_slow or report.cpu_s is None:
            return
        name = function_of(report.nodeid)
        self.largest_s[name] = max(self.largest_s.get(name, 0.0), report.cpu_s)

    def pytest_sessionfinish(self, session):
        """Write the list, where all reports are; what was not run stays as it was."""
        if hasattr(session.config, "workerinput"):
            return
        found = {name for name, seconds in self.largest_s.items() if seconds >= LIMIT_S}
        kept = slow_tests().difference(self.largest_s)
        LIST.write_text("".join(f"{name}\n" for name in sorted(found | kept)))


def pytest_configure(config):
    """Record in every process."""
    config.pluginmanager.register(Recorder())
