"""A pytest plugin: the fixture `benchmark` runs a round whenever it is told to.

Loaded by the processes that `python -m benches.beside` starts, one for each of two trees. It knows
nothing of either: trees of earlier commits run it too.
"""

import os
import time
from multiprocessing.connection import Connection

import pytest

SHORTEST_S = 0.02
"""What takes less is called several times a round."""


class Turns:
    """Stands in for pytest-benchmark's fixture; takes what it takes."""

    def __init__(self, connection, name):
        self._connection = connection
        self._name = name
        self.group = None
        self.extra_info = {}

    def __call__(self, function, *args, **kwargs):
        """Measure calls; returns what the first one did."""
        result = function(*args, **kwargs)
        number = _calls_of_a_round(lambda: function(*args, **kwargs))

        def calls():
            for _ in range(number):
                function(*args, **kwargs)

        self._take_turns(lambda: ((), {}), calls, number)
        return result

    def pedantic(
        self, target, args=(), kwargs=None, setup=None, rounds=1, warmup_rounds=0, iterations=1
    ):
        """Measure one call a round, as often as is asked for; returns what the last one did."""
        results = []

        def given():
            made = setup() if setup is not None else None
            return (args, kwargs or {}) if made is None else made

        def call(*args, **kwargs):
            results[:] = [target(*args, **kwargs)]

        arguments, keywords = given()
        call(*arguments, **keywords)
        self._take_turns(given, call, 1)
        return results[0]

    def _take_turns(self, given, call, number):
        self._connection.send(("ready", self._name))
        while self._connection.recv() == "round":
            args, kwargs = given()
            begun = time.perf_counter()
            call(*args, **kwargs)
            self._connection.send(("took", (time.perf_counter() - begun) / number))


def _calls_of_a_round(function):
    number = 1
    while True:
        begun = time.perf_counter()
        for _ in range(number):
            function()
        if time.perf_counter() - begun >= SHORTEST_S:
            return number
        number *= 2


def pytest_configure(config):
    """Take the marker of pytest-benchmark, which is switched off."""
    config.addinivalue_line("markers", "benchmark(group): a group of benchmarks")


@pytest.fixture(scope="session")
def _connection():
    with Connection(int(os.environ["BESIDE_PIPE"])) as connection:
        yield connection


@pytest.fixture
def benchmark(request, _connection):
    """Rounds in turns with the same test of the other tree."""
    return Turns(_connection, request.node.nodeid)
