"""The log of a run where it cannot be written."""

import logging
from pathlib import Path

import pytest

from autrainer.errors import OutputError
from autrainer.runs.logfile import LogFile

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason=f"there is no {FULL}")


@needs_full
def test_a_log_that_cannot_be_written_is_told_once_and_ends_nothing(caplog):
    log = LogFile(FULL)
    for number in range(3):
        log.write(f"message {number}")
    log.close()
    assert caplog.text.count("/dev/full cannot be written: No space left on device") == 1


def test_a_log_that_cannot_be_opened_is_named(tmp_path):
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(OutputError, match=tmp_path.name):
        LogFile(tmp_path)
    assert logging.getLogger().handlers == handlers
