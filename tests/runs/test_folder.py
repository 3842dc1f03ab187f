import logging
import re
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.errors import OutputError
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.yaml.reading import read_yaml

SCHEDULERS = {
    "StepLR": {"step_size": 1},
    "MultiStepLR": {"milestones": [1, 2]},
    "CosineAnnealingWarmRestarts": {"T_0": 2},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 10},
    "ReduceLROnPlateau": {},
}


def make_parts(optimizer="Adam", scheduler="StepLR"):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = getattr(torch.optim, optimizer)(model.parameters(), lr=0.1)
    scheduler = getattr(torch.optim.lr_scheduler, scheduler)(optimizer, **SCHEDULERS[scheduler])
    return model, optimizer, scheduler


def take_step(model, optimizer):
    optimizer.zero_grad()
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()


@pytest.mark.parametrize("kind", ["Adam", "SGD", "RMSprop", "Adagrad"])
def test_a_state_comes_back_as_it_was_when_it_was_saved(bookkeeping, kind):
    model, optimizer, _ = make_parts(kind)
    take_step(model, optimizer)
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    gate = threading.Event()
    bookkeeping.background.submit(gate.wait)
    bookkeeping.save_state(model, "model.pt", "epoch_1")
    bookkeeping.save_state(optimizer, "optimizer.pt", "epoch_1")
    take_step(model, optimizer)
    gate.set()
    other, other_optimizer, _ = make_parts(kind)
    bookkeeping.load_state(other, "model.pt", "epoch_1")
    bookkeeping.load_state(other_optimizer, "optimizer.pt", "epoch_1")
    assert all(torch.equal(other.state_dict()[name], value) for name, value in expected.items())
    assert other_optimizer.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_states_of_schedulers_load_without_executing_anything(bookkeeping, kind):
    model, optimizer, scheduler = make_parts("Adam", kind)
    take_step(model, optimizer)
    scheduler.step(*[np.float64(0.5)] if kind == "ReduceLROnPlateau" else [])
    bookkeeping.save_state(scheduler, "scheduler.pt")
    bookkeeping.background.join()
    file = bookkeeping.output_directory / "scheduler.pt"
    assert torch.load(file, weights_only=True)["last_epoch"] == scheduler.last_epoch


def test_several_folders_get_the_same_bytes(bookkeeping):
    model, optimizer, scheduler = make_parts()
    states = {"model.pt": model, "optimizer.pt": optimizer, "scheduler.pt": scheduler, "x.pt": None}
    bookkeeping.save_states(states, ["epoch_1", "_best"])
    bookkeeping.background.join()
    first, best = (bookkeeping.output_directory / name for name in ("epoch_1", "_best"))
    assert sorted(p.name for p in best.iterdir()) == ["model.pt", "optimizer.pt", "scheduler.pt"]
    for path in best.iterdir():
        assert path.read_bytes() == (first / path.name).read_bytes()


def test_tied_weights_stay_tied_in_the_file(bookkeeping):
    model = torch.nn.Sequential(torch.nn.Linear(300, 300), torch.nn.Linear(300, 300))
    model[1].weight = model[0].weight
    bookkeeping.save_state(model, "model.pt")
    bookkeeping.background.join()
    assert (bookkeeping.output_directory / "model.pt").stat().st_size < 1.5 * 300 * 300 * 4


def test_what_has_no_state_is_refused_and_none_is_ignored(bookkeeping):
    bookkeeping.save_state(None, "model.pt")
    with pytest.raises(TypeError, match="int has no state"):
        bookkeeping.save_state(3, "model.pt")
    with pytest.raises(TypeError, match="int has no state"):
        bookkeeping.load_state(3, "model.pt")


def test_a_missing_state_is_named(bookkeeping):
    with pytest.raises(FileNotFoundError, match=r"_best/model\.pt"):
        bookkeeping.load_state(torch.nn.Linear(1, 1), "model.pt", "_best")


def test_a_relative_run_folder_is_found_wherever_the_process_goes(tmp_path, monkeypatch):
    bookkeeping = Bookkeeping("results/run")
    bookkeeping.save_state(torch.nn.Linear(1, 1), "model.pt", "epoch_1")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    bookkeeping.load_state(torch.nn.Linear(1, 1), "model.pt", "epoch_1")
    folder = bookkeeping.output_directory / "epoch_1"
    bookkeeping.load_state(torch.nn.Linear(1, 1), "model.pt", str(folder))
    bookkeeping.close()
    assert folder == tmp_path / "results" / "run" / "epoch_1"


def test_results_are_written_in_their_order(bookkeeping):
    results = {"uar": {"all": np.float64(0.5), 3: 0.25}, "iteration": 3}
    bookkeeping.save_results_dict(results, "dev.yaml", "epoch_1")
    results["uar"]["all"] = 0.0
    bookkeeping.background.join()
    read = read_yaml(bookkeeping.output_directory / "epoch_1" / "dev.yaml")
    assert read == {"uar": {"all": 0.5, 3: 0.25}, "iteration": 3}
    assert list(read) == ["uar", "iteration"]


def test_tables_and_arrays_are_copied_before_they_are_written(bookkeeping):
    table, array = pd.DataFrame({"a": [1, 2]}, index=[5, 6]), np.arange(6.0).reshape(2, 3).T
    bookkeeping.save_results_df(table, "table.csv")
    bookkeeping.save_results_np(array, "array.npy")
    array += 1
    bookkeeping.background.join()
    assert (bookkeeping.output_directory / "table.csv").read_text() == "a\n1\n2\n"
    assert np.array_equal(np.load(bookkeeping.output_directory / "array.npy"), array - 1)


def test_the_best_results_ignore_what_is_not_a_number(bookkeeping):
    nan = float("nan")
    metrics = pd.DataFrame(
        {"uar": [nan, 0.5, 0.7], "mse": [3.0, nan, 1.0], "train_loss": 1.0, "dev_loss": [3, 2, 4]},
        index=[2, 4, 6],
    )
    uar, mse = SimpleNamespace(name="uar", suffix="max"), SimpleNamespace(name="mse", suffix="min")
    bookkeeping.save_best_results(metrics, "best_results.yaml", [uar, mse], uar, "_best")
    bookkeeping.background.join()
    assert read_yaml(bookkeeping.output_directory / "_best" / "best_results.yaml") == {
        "train_loss_min": 1.0,
        "dev_loss_min": 2.0,
        "uar": 0.7,
        "mse": 1.0,
        "best_iteration": 6,
    }


def test_a_folder_that_exists_may_be_created_again(bookkeeping):
    bookkeeping.create_folder("epoch_1")
    assert bookkeeping.create_folder("epoch_1").is_dir()


def test_a_state_that_cannot_be_written_fails_the_run_with_its_name(bookkeeping):
    (bookkeeping.output_directory / "_best").write_text("in the way")
    bookkeeping.save_state(torch.nn.Linear(1, 1), "model.pt", "_best")
    with pytest.raises(OutputError, match=r"_best/model\.pt"):
        bookkeeping.background.join()


def test_the_summary_of_a_model_takes_a_shape(bookkeeping):
    class Net(torch.nn.Linear):
        def forward(self, features):
            return super().forward(features)

    bookkeeping.save_model_summary(Net(3, 2), (1, 3), "cpu", "model_summary.txt")
    counts = read_yaml(bookkeeping.output_directory / "model_summary.yaml")
    assert counts["total_params"] == 8


def test_the_log_has_one_block_per_record(bookkeeping):
    bookkeeping.log("Dev results at epoch 1:\nuar: 0.5000")
    bookkeeping.log_to_file("for the file")
    logging.getLogger("autrainer.somewhere").warning("careful")
    text = (bookkeeping.output_directory / "training.log").read_text()
    header = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\]"
    pattern = (
        rf"{header}\[INFO\]\nDev results at epoch 1:\nuar: 0.5000\n\n"
        rf"{header}\[INFO\]\nfor the file\n\n{header}\[WARNING\]\ncareful\n\n"
    )
    assert re.fullmatch(pattern, text)


def test_the_log_of_an_earlier_attempt_stays(tmp_path):
    for attempt in ("first", "second"):
        bookkeeping = Bookkeeping(tmp_path)
        bookkeeping.log(attempt)
        bookkeeping.close()
    text = (tmp_path / "training.log").read_text()
    assert text.index("first") < text.index("second")


def test_closing_leaves_the_root_logger_as_it_was(tmp_path):
    root, package = logging.getLogger(), logging.getLogger("autrainer")
    stream = logging.StreamHandler()
    own = logging.Formatter("%(message)s")
    stream.setFormatter(own)
    root.addHandler(stream)
    before = list(root.handlers), root.level, package.level
    bookkeeping = Bookkeeping(tmp_path)
    assert stream.formatter is not own
    bookkeeping.close()
    bookkeeping.close()
    assert (list(root.handlers), root.level, package.level) == before
    assert stream.formatter is own
    root.removeHandler(stream)


def test_two_runs_one_after_the_other_do_not_share_a_log(tmp_path):
    for name in ("one", "two"):
        bookkeeping = Bookkeeping(tmp_path / name)
        bookkeeping.log(name)
        bookkeeping.close()
    assert "two" not in (tmp_path / "one" / "training.log").read_text()
