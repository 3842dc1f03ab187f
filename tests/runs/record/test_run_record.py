"""What a run folder tells: of ours and of 0.10, finished or not, damaged or not."""

import math
import os
import shutil
import tarfile

import numpy as np
import pytest

from autrainer.errors import CorruptFileError
from autrainer.runs.locking.lock import RunLock
from autrainer.runs.record.finding import experiments_in, runs_of
from autrainer.runs.record.run_record import RunRecord
from autrainer.runs.record.run_state import UNFINISHED
from autrainer.runs.status import Status
from tests import forked
from tests.conftest import REPOSITORY
from tests.run_folders import config_with, write_run, write_yaml

ARCHIVES = REPOSITORY / "tests" / "fixtures" / "old_runs"


@pytest.fixture
def results_of(made_once):
    """`results_of(commit)`: the results of an earlier commit, which nobody changes."""

    def unpacked(commit):
        def unpack(folder):
            with tarfile.open(ARCHIVES / f"{commit}.tar.xz") as archive:
                archive.extractall(folder, filter="data")

        return made_once(f"old-{commit}", unpack) / "results"

    return unpacked


@pytest.fixture(params=["fd24357", "840ce11"])
def old_results(request, results_of):
    return results_of(request.param)


@pytest.fixture
def run(tmp_path):
    return RunRecord(write_run(tmp_path / "default" / "training"))


def test_runs_of_earlier_commits_are_read(old_results):
    records = [r for name in experiments_in(old_results) for r in runs_of(old_results, name)]
    assert {record.state.kind for record in records} == {"finished", "interrupted"}
    for record in records:
        assert record.problems == []
        assert record.best_value == record.dev.total(record.tracking_metric)
        assert record.metrics.row(record.best_iteration)[record.tracking_metric] == (
            record.best_value
        )
        assert record.outputs("dev").array("outputs").shape[0] == len(
            record.outputs("dev").columns["index"]
        )


def test_a_killed_run_of_an_earlier_commit_is_told(old_results):
    (record,) = runs_of(old_results, "killed")
    assert str(record.state).startswith("interrupted: its process on vm ended without a word")


def test_numbers_in_the_units_of_the_targets_are_read(results_of):
    (record,) = runs_of(results_of("840ce11"), "scaled")
    assert record.dev_unscaled.metrics == ["mae_unscaled"]
    assert record.metrics_unscaled.columns["mae_unscaled"] == [
        record.dev_unscaled.total("mae_unscaled")
    ]


def test_a_run_of_0_10_is_read(run):
    assert run.state.kind == "finished"
    assert (run.experiment_id, run.training_type) == ("default", "epoch")
    assert run.tracking_metric == "accuracy"
    assert (run.best_iteration, run.best_value) == (2, 0.51)
    assert [run.direction(n) for n in ("accuracy", "test_mse", "dev_loss")] == ["max", "min", "min"]
    assert run.metrics.best("accuracy", "max") == 2
    assert run.dev.strata("accuracy") == {"a": 0.52, "b": 0.53}
    assert run.test.totals.keys() == {"accuracy", "mse", "loss"}
    assert run.timers["train"].total_s == 3.0
    assert run.seconds == 9.0
    assert run.value("model") == run.value("model.id") == "FFNN"
    assert run.outputs("test").columns["predictions"] == ["yes", "no", "no", "yes"]
    assert run.outputs("train") is None
    assert run.size_bytes == sum(p.stat().st_size for p in run.folder.rglob("*") if p.is_file())


def test_a_run_of_0_10_that_has_not_finished_shows_what_there_is(tmp_path):
    run = RunRecord(write_run(tmp_path, finished=False))
    assert run.state.kind == UNFINISHED
    assert run.metrics.iterations == [1, 2]
    assert run.metrics.columns["accuracy"] == [pytest.approx(0.41), 0.51]
    assert run.best_iteration == 2
    assert not run.test
    assert run.problems == []


def test_a_folder_that_is_not_there_tells_nothing_and_breaks_nothing(tmp_path):
    run = RunRecord(tmp_path / "nothing")
    assert run.problems == []
    assert (run.state.kind, run.best_value, run.seconds, run.size_bytes) == (
        *(UNFINISHED, None, None),
        0,
    )
    assert (run.log_tail(), run.requirements, run.environments, run.samples) == ([], {}, [], {})


def damage(path, how):
    if how == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif how == "random":
        path.write_bytes(np.random.default_rng(0).bytes(200))
    elif how == "list":
        path.write_text("- 1\n- 2\n")
    elif how == "pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        path.unlink()
        path.mkdir()


SMALL_FILES = (
    *(".hydra/config.yaml", "metrics.csv", "_best/dev.yaml", "_best/best_results.yaml"),
    *("_test/test_holistic.yaml", "timer.yaml", "status.yaml", "hardware.yaml", "stages.yaml"),
)


@pytest.mark.parametrize("how", ["random", "list", "pipe", "folder"])
@pytest.mark.parametrize("name", SMALL_FILES)
def test_a_damaged_file_is_told_and_everything_else_read(run, name, how):
    (run.folder / name).touch()
    damage(run.folder / name, how)
    record = RunRecord(run.folder)
    problems = [
        problem for problem in record.problems if problem.startswith(str(run.folder / name))
    ]
    # A table that is a folder is none: the run has not finished.
    assert problems or (name == "metrics.csv" and record.state.kind == UNFINISHED)
    assert record.metrics.iterations == [1, 2, 3]
    assert record.name == run.name
    str(record.state)


def test_a_table_that_was_cut_is_replaced_by_what_the_iterations_tell(run):
    damage(run.folder / "metrics.csv", "cut")
    record = RunRecord(run.folder)
    assert record.metrics.iterations == [1, 2, 3]
    assert "train_loss" not in record.metrics.names
    assert "metrics.csv, line" in record.problems[0]


def test_a_config_of_other_shape_gives_no_tracking_metric(run):
    write_yaml(run.folder / ".hydra" / "config.yaml", config_with(dataset="none", seed=[1, {}]))
    record = RunRecord(run.folder)
    assert (record.tracking_metric, record.best_value) == (None, None)
    assert record.value("dataset.metrics", "none") == "none"


def test_damaged_outputs_are_told_where_they_are_asked_for(run):
    (run.folder / "_test" / "test_results.csv").write_text("index,predictions\n1\n")
    (run.folder / "_test" / "test_losses.npy").write_bytes(b"\x93NUMPY")
    outputs = run.outputs("test")
    with pytest.raises(CorruptFileError, match=r"test_results\.csv.*line 2"):
        _ = outputs.columns
    with pytest.raises(CorruptFileError, match=r"test_losses\.npy"):
        outputs.array("losses")
    with pytest.raises(FileNotFoundError):
        outputs.array("outputs")


def test_tables_become_data_frames(run):
    frame = run.metrics.frame()
    assert list(frame.index) == [1, 2, 3]
    assert frame["accuracy"].idxmax() == 2
    assert list(run.outputs("test").frame()["index"]) == [0, 1, 2, 3]


def test_a_run_that_is_worked_on_is_running(tmp_path):
    run = write_run(tmp_path, finished=False)
    lock = RunLock(run)
    try:
        Status(run).begin()
        state = RunRecord(run).state
    finally:
        lock.release()
    assert (state.kind, state.pid, state.is_seen) == ("running", os.getpid(), True)
    assert "ended without a word" in str(RunRecord(run).state)


def test_another_process_that_works_on_a_run_is_seen(tmp_path):
    run = write_run(tmp_path, finished=False)
    program = (
        "import signal, sys\nfrom pathlib import Path\n"
        "from autrainer.runs.locking.lock import RunLock\n"
        "lock = RunLock(Path(sys.argv[1]))\n"
        "print('held', flush=True)\nsignal.pause()\n"
    )
    with forked.Forked(program, str(run)) as process:
        assert process.stdout.readline().strip() == "held"
        assert str(RunRecord(run).state).startswith("running on ")
        process.kill()
    assert RunRecord(run).state.kind == UNFINISHED


def test_a_failed_run_tells_why(tmp_path):
    run = write_run(tmp_path, finished=False)
    Status(run).stop(ValueError("a label\nis missing"))
    record = RunRecord(run)
    assert str(record.state) == "failed: ValueError: a label is missing"
    assert record.error_text.endswith("is missing\n")


def test_a_stopped_run_is_finished(run):
    Status(run.folder).finish("unchecked", early_end=(2, "nothing improves"))
    record = RunRecord(run.folder)
    assert record.state.is_finished
    assert (record.stopped_at, str(record.state)) == (2, "stopped: nothing improves")


def test_a_finished_run_without_its_table_is_not_finished(run):
    Status(run.folder).finish("unchecked")
    (run.folder / "metrics.csv").unlink()
    assert "its table of metrics is missing" in str(RunRecord(run.folder).state)


def test_a_record_that_was_read_does_not_change(run):
    before = run.metrics
    shutil.rmtree(run.folder)
    assert run.metrics is before
    assert len(RunRecord(run.folder).metrics) == 0


def test_where_all_values_are_the_same_no_direction_is_told(tmp_path):
    run = RunRecord(write_run(tmp_path, iterations=1))
    assert run.direction("accuracy") is None


def test_an_undefined_metric_is_never_the_best(run):
    run.metrics.columns["accuracy"][1] = math.nan
    run.metrics.columns["mse"][2] = -1e32
    assert run.metrics.best("accuracy", "max") == 1
    assert run.metrics.best("mse", "min") == 2
