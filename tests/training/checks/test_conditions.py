"""Runs that go on with other samples, in another environment, or with other outputs."""

import logging

import pandas as pd
import pytest
import torch

from autrainer.errors import ConfigError, DataError, RunInterruptedError
from autrainer.runs.environment import numeric_environment
from autrainer.runs.finished import is_finished
from autrainer.runs.layout import RESUME
from autrainer.runs.state.sealed import read_sealed, write_sealed
from autrainer.runs.status import read_status
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml
from tests.training.conftest import built, trained
from tests.training.resuming.test_resumption import SIZE, Stopper, same_files, stopped

STEPS = ("training_type=step", "iterations=16", "eval_frequency=8")


def interrupted(folder, *overrides, at=(2, 1), **changes):
    """The folder of a run over files that has been stopped in its second epoch."""
    trainer = built(folder, "iterations=3", *overrides, **changes)
    trainer.callback_manager.register(Stopper(iteration=at[0], batch_idx=at[1]))
    with pytest.raises(RunInterruptedError):
        trainer.train()
    return trainer.output_directory


def rewrite(path, change):
    frame = pd.read_csv(path)
    change(frame).to_csv(path, index=False)


def reversed_rows(frame):
    return frame.iloc[::-1]


def other_label(frame):
    return frame.assign(label=frame["label"].iloc[::-1].to_numpy())


@pytest.mark.parametrize(
    ("subset", "change", "told"),
    [
        (
            "train",
            reversed_rows,
            r"train\.csv: it has other names and targets, or the same in",
        ),
        ("test", reversed_rows, r"test\.csv: it has other names and targets"),
        ("train", other_label, r"train\.csv: it has other targets"),
        ("dev", lambda frame: frame.iloc[:-1], r"dev\.csv: it had 10 samples and has 9"),
    ],
)
def test_a_run_does_not_go_on_with_other_samples(tmp_path, csv_data, csv_run, subset, change, told):
    changes = csv_run("Classification")
    run = interrupted(tmp_path, at=(2, 0), **changes)
    before = (csv_data / f"{subset}.csv").read_bytes()
    rewrite(csv_data / f"{subset}.csv", change)
    with pytest.raises(DataError, match=rf"{told}.*restore them, or remove .*_resume"):
        built(tmp_path, "iterations=3", **changes)
    (csv_data / f"{subset}.csv").write_bytes(before)
    again = trained(tmp_path, "iterations=3", **changes)
    assert again.initial_iteration == 2
    assert is_finished(run)


def test_samples_may_lie_elsewhere(tmp_path, csv_data, csv_run):
    changes = csv_run("Classification")
    interrupted(tmp_path, at=(2, 0), **changes)
    csv_data.rename(tmp_path / "moved")
    moved = csv_run("Classification", path=str(tmp_path / "moved"))
    # The path is part of the configuration.
    config = next(tmp_path.rglob(".hydra/config.yaml"))
    write_yaml(config, {**read_yaml(config), "dataset": moved["dataset"]})
    assert trained(tmp_path, "iterations=3", **moved).initial_iteration == 2


def test_a_longer_run_does_not_go_on_from_one_with_other_samples(
    tmp_path, csv_data, csv_run, caplog
):
    changes, on = csv_run("Classification"), "continue_training=true"
    trained(tmp_path, on, "iterations=1", name="short", **changes)
    rewrite(csv_data / "train.csv", reversed_rows)
    assert trained(tmp_path, on, name="long", **changes).initial_iteration == 1
    assert "short is passed over, its samples were others" in caplog.text


@pytest.fixture
def two_threads(monkeypatch):
    """Whoever has chosen a number of threads keeps it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    before = torch.get_num_threads()
    yield lambda: torch.set_num_threads(2)
    torch.set_num_threads(before)


def warnings(caplog):
    texts = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    return [text for text in texts if "other conditions" in text]


def test_another_environment_is_told_with_both_values(tmp_path, two_threads, caplog):
    interrupted(tmp_path)
    assert warnings(caplog) == []
    two_threads()
    run = trained(tmp_path, "iterations=3", "inference_batch_size=4").output_directory
    (warning,) = warnings(caplog)
    assert "intra_op_threads was 1, now 2" in warning
    assert "inference_batch_size was 16, now 4" in warning
    environments = read_status(run)["conditions"]["environments"]
    assert [environment["intra_op_threads"] for environment in environments] == [1, 2]


def test_the_same_environment_says_nothing_and_is_told_once(tmp_path, caplog):
    interrupted(tmp_path)
    run = trained(tmp_path, "iterations=3").output_directory
    assert warnings(caplog) == []
    (environment,) = read_status(run)["conditions"]["environments"]
    assert environment["torch"] == torch.__version__


def test_what_bits_depend_on_is_told_apart():
    environment = numeric_environment(torch.device("cpu"))
    names = {"autrainer", "torch", "numpy", "cpu_capability", "device", "processor"}
    assert set(environment) == names | {"intra_op_threads"}
    assert all(environment.values())


def test_a_state_of_an_earlier_version_goes_on(tmp_path):
    trained(tmp_path / "whole", *SIZE)
    trainer, _ = stopped(tmp_path / "resumed")
    for path in (trainer.output_directory / RESUME).glob("state-*"):
        content = read_sealed(path)
        del content["tree"]["conditions"], content["tree"]["stop"]
        write_sealed(path, content)
    trained(tmp_path / "resumed", *SIZE)
    assert same_files(tmp_path / "whole", tmp_path / "resumed")


ON, OFF = "save_train_outputs=true", "save_train_outputs=false"


@pytest.mark.parametrize(
    ("kind", "at"),
    [((), (2, 3)), (("eval_frequency=3",), (2, 0)), (STEPS, (11, 2))],
    ids=["within an epoch", "within a period", "within steps"],
)
def test_outputs_of_training_cannot_begin_within_a_period(tmp_path, kind, at):
    stopped(tmp_path, OFF, *kind, at=at)
    with pytest.raises(ConfigError, match=r"save_train_outputs is true.*remove .*_resume"):
        built(tmp_path, *SIZE, ON, *kind)
    run = trained(tmp_path, *SIZE, OFF, *kind).output_directory
    assert is_finished(run)


def test_outputs_that_were_kept_and_left_out_again_are_not_taken_for_whole(tmp_path):
    stopped(tmp_path, ON, at=(2, 1))
    trainer = built(tmp_path, *SIZE, OFF)
    trainer.callback_manager.register(Stopper(iteration=2, batch_idx=3))
    with pytest.raises(RunInterruptedError):
        trainer.train()
    with pytest.raises(ConfigError, match="save_train_outputs is true"):
        built(tmp_path, *SIZE, ON)


def test_outputs_of_training_may_begin_with_a_period(tmp_path):
    trained(tmp_path / "whole", *SIZE, ON)
    # After the last step of the first epoch comes its evaluation, in which nothing is kept.
    trainer = built(tmp_path / "resumed", *SIZE, OFF)
    trainer.callback_manager.register(StopsAtTheEndOf(1))
    with pytest.raises(RunInterruptedError):
        trainer.train()
    run = trained(tmp_path / "resumed", *SIZE, ON).output_directory
    whole = next((tmp_path / "whole").rglob("epoch_2"))
    for name in ("train_outputs.npy", "train_indices.npy"):
        assert (run / "epoch_2" / name).read_bytes() == (whole / name).read_bytes()
    assert not (run / "epoch_1" / "train_outputs.npy").exists()


class StopsAtTheEndOf(Stopper):
    """Sends this process a signal when an epoch has been evaluated."""

    def __init__(self, iteration):
        super().__init__()
        self.last = iteration

    def cb_on_loader_exhausted(self, trainer, iteration):
        if iteration == self.last:
            self.cb_on_step_end(trainer, *self.at, loss=0.0)
