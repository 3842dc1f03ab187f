"""What a run says it waited for, and that it stops when its files cannot be written."""

import re
import sys
import time

import pytest

from autrainer.errors import OutputError
from autrainer.runs.stage_clock import NAMES
from autrainer.runs.writing.files import write_text
from autrainer.runs.yaml.reading import read_yaml
from tests import forked
from tests.conftest import REPOSITORY
from tests.training.conftest import built, trained

PARTS = "tests.training.parts"


def test_a_run_ends_with_what_it_waited_for(tmp_path):
    trainer = trained(tmp_path, loggers=[f"{PARTS}.Ledger"])
    entry = read_yaml(trainer.output_directory / "stages.yaml")
    assert list(entry["shares"]) == [name for name in NAMES.values() if name != "compiling"]
    assert sum(entry["shares"].values()) == pytest.approx(1.0, abs=1e-3)
    spent = {name for name, seconds in entry["seconds"].items() if seconds > 0}
    assert spent == {*NAMES.values()} - {"compiling"}
    last = (trainer.output_directory / "training.log").read_text().strip().splitlines()[-1]
    assert f"Time: data {100 * entry['shares']['data']:.1f} %" in last
    (logged,) = (line[1] for line in trainer.loggers[0].lines if line[0] == "timers")
    assert set(logged) == {
        *(f"time.{subset}.mean" for subset in ("train", "dev", "test")),
        *(f"time.{stage}" for stage in NAMES.values() if stage != "compiling"),
    }


def test_every_entry_of_the_timer_file_is_a_timer(tmp_path):
    """What aggregates runs takes each entry for a timer."""
    trainer = trained(tmp_path)
    times = read_yaml(trainer.output_directory / "timer.yaml")
    assert list(times) == ["train", "dev", "test"]
    keys = ["mean", "mean_seconds", "total", "total_seconds"]
    assert [list(entry) for entry in times.values()] == [keys] * 3


def test_stages_cover_what_the_timers_measure(tmp_path):
    begin = time.perf_counter()
    trainer = trained(tmp_path)
    seconds = trainer.clock.seconds()
    elapsed_s = time.perf_counter() - begin
    timers = (trainer.train_timer, trainer.dev_timer, trainer.test_timer)
    measured_s = sum(timer.get_total_seconds() for timer in timers)
    assert measured_s < sum(seconds.values()) <= elapsed_s


@pytest.mark.parametrize("training_type", ["epoch", "step"])
def test_both_loops_tell_what_they_wait_for(tmp_path, training_type):
    trainer = trained(tmp_path, f"training_type={training_type}")
    seconds = trainer.clock.seconds()
    assert min(seconds["data"], seconds["transfer"], seconds["forward_and_backward"]) > 0


class FolderGoesAway:
    """In the second epoch, has a file written into a folder that is gone; notes what it hears."""

    def __init__(self):
        self.heard = []

    def cb_on_iteration_begin(self, trainer, iteration):
        self.heard.append(("begin", iteration))
        if iteration == 2:
            background = trainer.bookkeeping.background
            background.join()
            gone = trainer.output_directory / "_gone"
            gone.write_text("a file where a folder has to be")
            background.submit(write_text, gone / "dev.yaml", "").wait()

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        self.heard.append(("step", iteration))


def test_a_file_that_cannot_be_written_ends_the_run_at_the_next_hook(tmp_path):
    trainer = built(tmp_path, "iterations=5")
    listener = FolderGoesAway()
    trainer.callback_manager.register(listener)
    with pytest.raises(OutputError, match=r"_gone/dev\.yaml"):
        trainer.train()
    assert listener.heard == [("begin", 1), ("step", 1), ("step", 1), ("begin", 2)]
    assert not (trainer.output_directory / "metrics.csv").exists()


FULL = """
import resource, signal, sys
from pathlib import Path
from autrainer.errors import OutputError
from tests.conftest import REPOSITORY
from tests.training.conftest import built

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trainer = built(Path(sys.argv[1]), "dataset.size=4000", "iterations=50")
limit = 40_000  # above every file but the tables of outputs
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
heard = []

class Listener:
    def cb_on_iteration_begin(self, trainer, iteration):
        heard.append(iteration)

trainer.callback_manager.register(Listener())
try:
    trainer.train()
except OutputError as error:
    print("ended in", heard[-1], error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
def test_a_full_disk_ends_the_run_and_names_the_file(tmp_path):
    done = forked.run(FULL, tmp_path, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr
    match = re.fullmatch(r"ended in (\d+) (.*)", done.stdout.strip())
    assert match is not None, done.stdout
    assert int(match[1]) <= 2
    assert "epoch_1/train_outputs.npy" in match[2]
    left = [path.name for path in tmp_path.rglob("*") if "tmp" in path.suffix]
    assert left == []
