import traceback

import pytest

from autrainer.errors import (
    ConfigError,
    MissingExtraError,
    ProcessFailedError,
    ProcessLostError,
    RunInterruptedError,
)
from autrainer.runs.process.endings import Ending, Endings, first_failure


class Shelf:
    """A store in this process."""

    def __init__(self):
        self.kept = {}

    def set(self, key, value):
        self.kept[key] = value

    def get(self, key):
        return self.kept[key].encode()

    def check(self, keys):
        return all(key in self.kept for key in keys)


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def test_what_has_been_told_is_heard_with_the_traceback():
    endings = Endings(Shelf(), 3)
    endings.tell(Ending.of(2, raised(ConfigError("no such key"))))
    endings.tell(Ending.of(0, None))

    done, failed = endings.told()
    assert (done.rank, done.kind, failed.rank, failed.kind) == (0, "done", 2, "failed")
    own = failed.as_error(named=False)
    assert (type(own), str(own)) == (ConfigError, "no such key")
    assert "in rank 2\nTraceback" in "".join(traceback.format_exception(own))
    named = failed.as_error(named=True)
    assert (type(named), str(named)) == (ProcessFailedError, "rank 2: ConfigError: no such key")


def test_errors_of_others_and_those_of_more_than_a_sentence_keep_their_text():
    other = Ending.of(1, raised(KeyError("x"))).as_error(named=False)
    assert (type(other), str(other)) == (ProcessFailedError, "rank 1: KeyError: 'x'")
    missing = Ending.of(1, raised(MissingExtraError("Thing", "lib", "extra")))
    assert "Thing needs lib" in str(missing.as_error(named=False))


def test_the_first_failure_counts_and_losses_that_follow_do_not():
    lost = Ending.of(0, ProcessLostError("gone"))
    follows = Ending.of(3, ProcessFailedError("rank 1 has failed"))
    late, early = Ending(1, "failed", 9.0), Ending(2, "failed", 8.0)
    assert first_failure([lost, late, early, follows]) is early
    assert first_failure([lost, follows, Ending.of(1, None)]) is None


@pytest.mark.parametrize("saved", [True, False])
def test_a_process_that_was_stopped_tells_by_what_and_whether_it_was_saved(saved):
    ending = Ending.of(1, RunInterruptedError(15, saved=saved))
    assert (ending.kind, ending.signal, ending.saved) == ("interrupted", 15, saved)
