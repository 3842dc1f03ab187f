"""A short torture by signals: `make torture` is the long one, and starts interpreters for it."""

import os
import subprocess

import pytest

from tests import forked
from tests.torture.signals import KINDS, SMALL, torture


class ForkedCommand:
    """The command, from where everything is imported."""

    def __init__(self, folder, overrides):
        self._process = forked.Forked.command(
            "train", *SMALL, *overrides, cwd=folder, start_new_session=True
        )

    def send(self, shot):
        try:
            # It has a group of its own soon after its start.
            self._process.wait(0.1 + shot.after_s)
        except subprocess.TimeoutExpired:
            (os.killpg if shot.to_group else os.kill)(self._process.pid, shot.number)
            return True
        return False

    def end(self):
        with self._process as process:
            output, errors = process.communicate()
        return process.returncode % 256, output + errors


@pytest.mark.parametrize(
    "kind", ["a run", pytest.param("a sweep with worker processes", marks=pytest.mark.long)]
)
def test_a_signal_at_any_moment_ends_a_command_well_and_the_next_one_goes_on(kind, tmp_path):
    # What it imports is not part of the life of a command.
    forked.run("", check=True)
    result = torture(KINDS[kind], signals=3, seed=7, folder=tmp_path, start=ForkedCommand)
    assert result.complaints == []
    assert result.signals == 3
