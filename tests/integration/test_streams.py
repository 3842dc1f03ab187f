"""Commands whose streams are closed, full or gone: a run ends well all the same."""

import pytest

from tests import forked
from tests.integration.conftest import SMALL, only_run, read

CLOSED = "import os, sys\nos.close({0}); sys.{1} = sys.__{1}__ = None\n"
FULL = "import os\nos.dup2(os.open('/dev/full', os.O_WRONLY), {0})\n"
GONE = "import os\nends = os.pipe(); os.dup2(ends[1], {0}); os.close(ends[0]); os.close(ends[1])\n"

STREAMS = {
    "stderr closed": CLOSED.format(2, "stderr"),
    "stdout closed": CLOSED.format(1, "stdout"),
    "all closed": "".join(
        CLOSED.format(number, name) for number, name in enumerate(("stdin", "stdout", "stderr"))
    ),
    "both full": FULL.format(1) + FULL.format(2),
    "both gone": GONE.format(1) + GONE.format(2),
}
TALKS = """
import sys


class Talks:
    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        print("a step", flush=True)
        print("a step", file=sys.stderr)
"""


@pytest.mark.parametrize("streams", STREAMS)
def test_a_run_ends_well_whoever_reads_what_it_says(project, streams):
    (project / "talking.py").write_text(TALKS)
    options = (*SMALL, "progress_bar=true", "+callbacks=[talking.Talks]")
    done = forked.run(
        STREAMS[streams] + forked.COMMAND, "train", *options, name="autrainer", cwd=project
    )
    assert done.returncode == 0
    run = only_run(project)
    assert read(run / "status.yaml")["state"] == "finished"
    assert "a step" not in (run / "training.log").read_text()


def test_a_message_that_nobody_can_read_does_not_change_the_exit_code(project):
    program = STREAMS["both full"] + forked.COMMAND
    done = forked.run(program, "train", "iterations=0", name="autrainer", cwd=project)
    assert done.returncode == 1
    done = forked.run(program, "trian", name="autrainer", cwd=project)
    assert done.returncode == 2


def test_a_list_that_cannot_be_written_is_an_error(project):
    program = FULL.format(1) + forked.COMMAND
    done = forked.run(program, "list", "model", name="autrainer", cwd=project)
    assert done.returncode == 1
    assert "standard output cannot be written: [Errno 28] No space left on device" in done.stderr
