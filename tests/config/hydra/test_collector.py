"""The garbage collector while libraries are imported, and in between."""

import gc

import pytest

from autrainer.config.hydra.collector import collecting, pause_collector, resume_collector


@pytest.fixture(autouse=True)
def _nothing_stays_frozen():
    yield
    resume_collector()
    gc.unfreeze()


class Cycle:
    def __init__(self):
        self.me = self


def cycles():
    return sum(isinstance(thing, Cycle) for thing in gc.get_objects())


def test_the_collector_is_as_before_after_a_pause():
    before = gc.get_threshold()
    pause_collector()
    pause_collector()
    assert gc.get_threshold()[0] > 10**9
    resume_collector()
    gc.unfreeze()
    assert gc.get_threshold() == before
    resume_collector()
    assert gc.get_threshold() == before


def test_within_a_pause_a_block_leaves_no_garbage():
    pause_collector()
    with collecting():
        for _ in range(5000):
            Cycle()
        assert cycles() < 2000
    assert cycles() == 0
    assert gc.get_threshold()[0] > 10**9


def test_without_a_pause_the_block_changes_nothing():
    before = gc.get_threshold()
    with collecting():
        assert gc.get_threshold() == before
    assert gc.get_threshold() == before
