"""Who is slow: `make slow-tests` measures the processor time of all tests and writes two lists.

`slow.txt` has what `make test-fast` leaves out, `long.txt` what `make test` leaves to
`make test-long`. Processor time, since what a test waits for on a busy machine says nothing about
the test.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import forked

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Kind:
    """Tests with a mark, those of a list among them.

    Args:
        mark: Its name.
        limit_s: Processor time from which on a test is on the list, in seconds.
        without: A folder whose tests are never on the list.
    """

    mark: str
    limit_s: float
    without: str = ""

    @property
    def path(self):
        """Where the list is."""
        return Path(__file__).with_name(f"{self.mark}.txt")

    def listed(self):
        """Names of the functions on the list, as `tests/data/test_loader.py::test_name`."""
        return set(self.path.read_text().split())


# The torture is short there already.
KINDS = (Kind("slow", 0.2), Kind("long", 1.5, without="tests/torture/"))


def function_of(nodeid):
    """The name of a test without its parameters.

    >>> function_of("tests/test_a.py::test_b[c::d]")
    'tests/test_a.py::test_b'
    """
    return nodeid.partition("[")[0]


def cpu_s():
    """Processor time of this process and of all that it has started, ended ones included."""
    times = os.times()
    ended = times.user + times.system + times.children_user + times.children_system
    return ended + _of_children_s("self")


def _of_children_s(process):
    total = 0.0
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        for child in _text(listed).split():
            # Its own time and that of the children that it has waited for, in both modes.
            fields = _text(Path(f"/proc/{child}/stat")).rpartition(")")[2].split()[11:15]
            total += sum(map(int, fields)) / TICKS_PER_S + _of_children_s(child)
    return total


def _text(path):
    try:
        return path.read_text()
    except OSError:
        return ""


class Recorder:
    """A pytest plugin: keeps the largest processor time of each function, and writes the lists."""

    def __init__(self):
        self.largest_s = {kind.mark: {} for kind in KINDS}

    def pytest_collection_finish(self):
        """Start the server of forked processes: the first test that asks it is none the slower."""
        forked.run("pass")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        """Put the processor time of the test so far into its report, which workers send."""
        report = yield
        begun_s = getattr(item, "begun_cpu_s", None)
        report.cpu_s = None if begun_s is None else cpu_s() - begun_s
        name = function_of(item.nodeid)
        report.marked = [
            kind.mark
            for kind in KINDS
            if item.get_closest_marker(kind.mark) and name not in kind.listed()
        ]
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        """Take note of the processor time before fixtures are made."""
        item.begun_cpu_s = cpu_s()
        return (yield)

    def pytest_runtest_logreport(self, report):
        """Keep the largest time of a function, here and in the process that workers send it to."""
        if report.when != "teardown" or report.cpu_s is None:
            return
        name = function_of(report.nodeid)
        for mark, largest_s in self.largest_s.items():
            if mark not in report.marked:
                largest_s[name] = max(largest_s.get(name, 0.0), report.cpu_s)

    def pytest_sessionfinish(self, session):
        """Write the lists, where all reports are; what was not run stays as it was."""
        if hasattr(session.config, "workerinput"):
            return
        for kind in KINDS:
            times_s = self.largest_s[kind.mark]
            found = {
                name
                for name, seconds in times_s.items()
                if seconds >= kind.limit_s and not (kind.without and name.startswith(kind.without))
            }
            kept = kind.listed().difference(times_s)
            kind.path.write_text("".join(f"{name}\n" for name in sorted(found | kept)))


def pytest_configure(config):
    """Record in every process."""
    config.pluginmanager.register(Recorder())
