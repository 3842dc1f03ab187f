"""A command that has trained everything is told from others without composing."""

import os
import shutil
import sys

import pytest

from autrainer.cli.trained_before import seems_trained
from autrainer.runs.layout import MULTIRUN_FILE, SWEEP_FILE
from tests.forked import run_command

TRAIN = ["train", "device=cpu", "dataset.size=100", "iterations=1", "seed=1,2", "plotting=None"]
QUIET = "+progress_bar=false"


@pytest.fixture
def trained(autrainer, tmp_path, made_once):
    """Runs of a sweep of two, in the folder of the test; gives their folder."""

    def make(folder):
        run_command(*TRAIN, QUIET, cwd=folder, check=True)

    shutil.copytree(made_once("trained_before", make), tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "results" / "default" / "training"
    assert (folder / SWEEP_FILE).is_file()
    return folder


def test_the_same_command_again_has_nothing_to_train(trained):
    assert seems_trained([*TRAIN, QUIET])
    assert seems_trained([TRAIN[0], QUIET.lstrip("+"), *TRAIN[:0:-1]])


@pytest.mark.parametrize(
    "arguments",
    [
        TRAIN,
        [*TRAIN, QUIET, "batch_size=8"],
        [*TRAIN[:-2], "seed=1,2,3", TRAIN[-1], QUIET],
        [*TRAIN, QUIET, "experiment_id=other"],
        [*TRAIN, QUIET, "-cn", "other"],
        [*TRAIN, QUIET, "~scheduler"],
    ],
)
def test_another_command_may_have(trained, arguments):
    assert not seems_trained(arguments)


@pytest.mark.parametrize("missing", ["run", SWEEP_FILE, MULTIRUN_FILE, "left"])
def test_what_is_gone_may_have_to_be_trained_again(trained, missing):
    if missing == "run":
        shutil.rmtree(next(path for path in trained.iterdir() if path.is_dir()))
    elif missing == "left":
        journal = trained / SWEEP_FILE
        journal.write_text(journal.read_text().replace("left: 0\n", "left: 1\n"))
    else:
        (trained / missing).unlink()
    assert not seems_trained([*TRAIN, QUIET])


def test_a_configuration_that_was_edited_since_may_ask_for_more(trained, tmp_path):
    config = tmp_path / "conf" / "config.yaml"
    config.parent.mkdir()
    config.write_text("experiment_id: default\nresults_dir:  results\n")
    later_ns = os.stat(trained / SWEEP_FILE).st_mtime_ns + 1
    os.utime(config, ns=(later_ns, later_ns))
    assert not seems_trained([*TRAIN, QUIET])
    os.utime(config, ns=(later_ns - 2, later_ns - 2))
    assert seems_trained([*TRAIN, QUIET])
    config.write_text("experiment_id: elsewhere\n")
    os.utime(config, ns=(later_ns - 2, later_ns - 2))
    assert not seems_trained([*TRAIN, QUIET])


@pytest.mark.parametrize("content", [b"", b"left: 0", b"left: 0\n\xff\n", b"left: 0\nruns:\n  ?\n"])
def test_a_damaged_journal_tells_nothing_or_no_lie(trained, content):
    (trained / SWEEP_FILE).write_bytes(content)
    assert seems_trained([*TRAIN, QUIET]) == (content == b"left: 0\nruns:\n  ?\n")


@pytest.mark.parametrize("name", [SWEEP_FILE, MULTIRUN_FILE])
def test_a_pipe_in_the_place_of_a_file_is_not_opened(trained, name):
    (trained / name).unlink()
    os.mkfifo(trained / name)
    assert not seems_trained([*TRAIN, QUIET])


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are loaded early on Linux alone")
def test_torchs_libraries_are_not_loaded_for_a_command_that_has_nothing_to_train(
    trained, tmp_path, installed_autrainer, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(
        "import autrainer.fast.preloading as p\np.preload_torch = lambda: print('PRELOADED')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    again = installed_autrainer(*TRAIN, QUIET)
    assert "PRELOADED" not in again.stdout
    assert again.stdout.count("skipped: finished before") == 2
    more = installed_autrainer(*TRAIN, QUIET, "batch_size=16")
    assert "PRELOADED" in more.stdout
