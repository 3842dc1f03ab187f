"""What a trainer is to the code around it: attributes, results, the best state, and how it ends."""

import logging
import math
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from omegaconf import OmegaConf

from autrainer.errors import AutrainerError, OutputError
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.timer import Timer
from autrainer.training import CallbackManager, ModularTaskTrainer, OutputsTracker
from tests.conftest import CONF
from tests.training.conftest import built, configured, same_states, state, trained
from tests.training.parts import HalvingTrainer


def read(path):
    return yaml.safe_load(path.read_text())


def test_a_trainer_has_the_attributes_that_user_code_relies_on(tmp_path):
    trainer = trained(tmp_path, "scheduler=StepLR")
    kinds = {
        "DEVICE": torch.device,
        "output_directory": Path,
        "model": torch.nn.Module,
        "criterion": torch.nn.Module,
        "optimizer": torch.optim.Optimizer,
        "scheduler": torch.optim.lr_scheduler.LRScheduler,
        "metrics": pd.DataFrame,
        "max_dev_metric": float,
        "best_iteration": int,
        "loggers": list,
        "callbacks": list,
        "bookkeeping": Bookkeeping,
        "callback_manager": CallbackManager,
        "train_timer": Timer,
        "dev_timer": Timer,
        "test_timer": Timer,
        "train_tracker": OutputsTracker,
        "dev_tracker": OutputsTracker,
        "test_tracker": OutputsTracker,
    }
    wrong = [name for name, kind in kinds.items() if not isinstance(getattr(trainer, name), kind)]
    assert wrong == []
    assert trainer.scheduler_frequency == "evaluation"
    assert trainer.output_dim == trainer.data.output_dim == 10
    assert trainer.initial_iteration == 1
    assert trainer.continue_training is None
    assert trainer.disable_progress_bar is True
    assert callable(trainer.train_step_fn)
    assert [len(getattr(trainer, f"{name}_loader")) for name in ("train", "dev", "test")] == [
        *(2, 1, 1)
    ]


def test_what_is_not_configured_is_none(tmp_path):
    trainer = built(tmp_path, "save_train_outputs=false")
    trainer.close()
    assert trainer.scheduler is None
    assert not hasattr(trainer, "scheduler_frequency")
    assert trainer.train_tracker is None
    assert trainer.plot_metrics is None


def test_the_training_attributes_that_may_be_left_out_have_defaults(tmp_path):
    cfg = configured()
    for key in (
        *("training_type", "eval_frequency", "save_frequency", "inference_batch_size", "device"),
        *("reproducible", "progress_bar", "continue_training", "remove_continued_runs"),
        *("save_train_outputs", "save_dev_outputs", "save_test_outputs"),
    ):
        del cfg[key]
    trainer = ModularTaskTrainer({**cfg, "device": "cpu"}, tmp_path / "run")
    trainer.close()
    training, saving = trainer.config.training, trainer.config.saving
    assert (training.training_type, training.eval_frequency) == ("epoch", 1)
    assert saving.save_frequency == 1
    assert training.inference_batch_size == 16
    assert trainer.config.compute.reproducible
    assert saving.save_train_outputs
    assert saving.save_dev_outputs
    assert saving.save_test_outputs


def test_the_configuration_that_is_passed_in_is_left_as_it_was(tmp_path):
    cfg = configured("+model.skip_last_layer=true", "scheduler=StepLR")
    before = OmegaConf.to_yaml(cfg)
    values = [ModularTaskTrainer(cfg, tmp_path / name / "a" / "b").train() for name in "xy"]
    assert OmegaConf.to_yaml(cfg) == before
    assert values[0] == values[1]


def test_the_configuration_of_a_trainer_is_one_object_with_the_criterion_at_the_top(tmp_path):
    cfg = configured("scheduler=StepLR")
    trainer = ModularTaskTrainer(cfg, tmp_path / "run")
    trainer.close()
    assert trainer.cfg is trainer.cfg
    assert trainer.cfg.criterion == cfg.dataset.criterion
    assert "criterion" not in trainer.cfg.dataset
    assert trainer.cfg.scheduler.step_frequency == "evaluation"
    assert "transform" in trainer.cfg.model


def test_experiment_and_run_are_named_after_the_folders(tmp_path):
    entry = ["tests.training.parts.Ledger"]
    named = built(tmp_path, loggers=entry)
    named.close()
    assert (named.loggers[0].exp_name, named.loggers[0].run_name) == ("experiment", "run")
    cfg = configured(loggers=entry)
    given = ModularTaskTrainer(cfg, str(tmp_path / "r"), experiment_id="e", run_name="n")
    given.close()
    assert (given.loggers[0].exp_name, given.loggers[0].run_name) == ("e", "n")


def test_training_returns_the_tracking_metric_of_the_best_iteration_as_a_float(tmp_path):
    trainer = built(tmp_path, "iterations=3")
    value = trainer.train()
    assert type(value) is float
    assert value == trainer.metrics.loc[trainer.best_iteration, "accuracy"]
    assert value == trainer.max_dev_metric
    columns = ["accuracy", "uar", "f1", "train_loss", "dev_loss", "iteration"]
    assert list(trainer.metrics.columns) == columns
    assert list(trainer.metrics.index) == [1, 2, 3]


def test_a_relative_folder_is_one_of_the_working_directory_of_then(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer = ModularTaskTrainer(configured(), "a/training/b")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    trainer.train()
    assert (tmp_path / "a" / "training" / "b" / "metrics.csv").is_file()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_after_training_the_live_model_is_the_best_one(tmp_path):
    trainer = trained(tmp_path, "iterations=4", "learning_rate=2.0")
    assert same_states(trainer.model.state_dict(), state(trainer.output_directory, "_best"))
    folder = f"epoch_{trainer.best_iteration}"
    assert same_states(trainer.model.state_dict(), state(trainer.output_directory, folder))


def test_the_best_folder_holds_the_dev_files_of_the_best_iteration(tmp_path):
    run = trained(tmp_path, "iterations=4", "learning_rate=2.0").output_directory
    best = read(run / "_best" / "best_results.yaml")["best_iteration"]
    files = sorted(path.name for path in (run / "_best").glob("dev*"))
    assert len(files) == 6
    for name in files:
        assert (run / "_best" / name).read_bytes() == (run / f"epoch_{best}" / name).read_bytes()


def test_of_equal_iterations_the_first_is_the_best(tmp_path):
    # A learning rate that changes nothing.
    trainer = trained(tmp_path, "iterations=3", "learning_rate=1e-30")
    assert trainer.metrics["accuracy"].nunique() == 1
    assert trainer.best_iteration == 1


def test_the_initial_state_is_that_before_training(tmp_path):
    trainer = built(tmp_path)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.train()
    assert same_states(state(trainer.output_directory, "_initial"), before)
    assert not same_states(state(trainer.output_directory, "epoch_2"), before)


def test_states_are_saved_as_often_as_asked_and_after_the_last_iteration(tmp_path):
    run = trained(tmp_path, "iterations=5", "save_frequency=2").output_directory
    folders = {path.parent.name for path in run.glob("epoch_*/model.pt")}
    assert folders == {"epoch_2", "epoch_4", "epoch_5"}
    assert {path.parent.name for path in run.glob("epoch_*/dev.yaml")} == {
        f"epoch_{n}" for n in range(1, 6)
    }


def test_the_train_loss_spans_all_epochs_since_the_last_evaluation(tmp_path):
    trainer = trained(tmp_path, "iterations=3", "eval_frequency=2")
    run = trainer.output_directory
    assert list(trainer.metrics.index) == [2, 3]
    sizes = [len(np.load(run / f"epoch_{n}" / "train_losses.npy")) for n in (2, 3)]
    assert sizes == [48, 24]
    for n in (2, 3):
        losses = np.load(run / f"epoch_{n}" / "train_losses.npy")
        assert trainer.metrics["train_loss"][n] == pytest.approx(losses.mean(), rel=1e-6)


GOES_ON = "on_nonfinite=ignore"
DIVERGING = (
    *("dataset=ToyTabular-R", "learning_rate=1e30", "iterations=4", "eval_frequency=2"),
    GOES_ON,
)


def test_a_run_that_diverges_ends_with_the_initial_state_as_its_best(tmp_path, caplog):
    trainer = built(tmp_path, *DIVERGING)
    value = trainer.train()
    run = trainer.output_directory
    assert np.isnan(np.load(run / "epoch_4" / "dev_outputs.npy")).all()
    assert same_states(state(run, "_best"), state(run, "_initial"))
    assert math.isnan(trainer.metrics["dev_loss"][4])
    assert value == trainer.metrics.loc[trainer.best_iteration, "pcc"] == -1e32
    assert math.isfinite(read(run / "_test" / "test_holistic.yaml")["mse"]["all"])
    assert "initial state was tested" in caplog.text
    assert "Best results" not in (run / "training.log").read_text()
    assert "100000000000" not in (run / "training.log").read_text()


def test_a_run_that_diverges_later_keeps_the_best_state_from_before(tmp_path):
    options = ("dataset=ToyTabular-R", "learning_rate=1e-4", "iterations=3", GOES_ON)
    grow = {"_target_": "torch.optim.lr_scheduler.MultiStepLR", "milestones": [1], "gamma": 1e30}
    scheduler = {"id": "Growing", **grow, "step_frequency": "evaluation"}
    trainer = trained(tmp_path, *options, scheduler=scheduler)
    assert math.isnan(trainer.metrics["dev_loss"][3])
    assert trainer.best_iteration == 1
    assert all(torch.isfinite(value).all() for value in trainer.model.state_dict().values())


def test_a_classifier_that_diverges_is_never_the_best_whatever_its_accuracy(tmp_path):
    trainer = trained(tmp_path, "learning_rate=1e30", GOES_ON)
    run = trainer.output_directory
    assert np.isnan(np.load(run / "epoch_2" / "dev_outputs.npy")).any()
    assert same_states(state(run, "_best"), state(run, "_initial"))


def test_the_file_of_metrics_appears_last_and_only_when_all_went_well(tmp_path):
    entry = {"tests.training.parts.Failing": {"event": "cb_on_test_end"}}
    trainer = built(tmp_path, callbacks=[entry])
    with pytest.raises(RuntimeError, match="the callback has failed"):
        trainer.train()
    assert not (trainer.output_directory / "metrics.csv").exists()


def test_a_rerun_that_fails_does_not_look_finished(tmp_path):
    run = trained(tmp_path).output_directory
    assert (run / "metrics.csv").is_file()
    with pytest.raises(RuntimeError):
        trained(tmp_path, callbacks=["tests.training.parts.Failing"])
    assert not (run / "metrics.csv").exists()


EVENTS = ("cb_on_train_begin", "cb_on_step_end", "cb_on_dev_step_end", "cb_on_train_end")


@pytest.mark.parametrize("event", EVENTS)
def test_a_callback_that_fails_ends_the_run_and_leaves_nothing_open(tmp_path, event):
    handlers = list(logging.getLogger().handlers)
    processes = multiprocessing.active_children()
    entry = {"tests.training.parts.Failing": {"event": event}}
    trainer = built(tmp_path, callbacks=[entry], loggers=["tests.training.parts.Ledger"])
    with pytest.raises(RuntimeError, match="the callback has failed"):
        trainer.train()
    assert logging.getLogger().handlers == handlers
    assert multiprocessing.active_children() == processes
    assert trainer.loggers[0].ended == 1


def test_a_trainer_that_cannot_be_built_leaves_nothing_open(tmp_path):
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(ValueError, match=r"dataset\.dev_split"):
        built(tmp_path, "dataset.dev_split=1.5")
    assert logging.getLogger().handlers == handlers


def test_a_file_that_cannot_be_written_in_the_background_ends_the_run_with_its_name(tmp_path):
    trainer = built(tmp_path, callbacks=["tests.training.parts.Blocking"])
    with pytest.raises(OutputError, match=r"epoch_1.dev\.yaml"):
        trainer.train()
    assert not (trainer.output_directory / "metrics.csv").exists()


def test_a_subclass_may_train_in_its_own_way(tmp_path):
    trainer = HalvingTrainer(configured(), tmp_path / "run")
    trainer.train()
    assert trainer.steps == 4
    usual = trained(tmp_path)
    assert not same_states(
        state(tmp_path / "run", "epoch_2"), state(usual.output_directory, "epoch_2")
    )


def test_a_callback_may_wrap_the_training_step(tmp_path):
    trainer = trained(tmp_path, callbacks=["tests.training.parts.Doubling"])
    assert trainer.callbacks[0].calls == 4


def test_a_scheduler_that_is_put_in_its_place_is_the_one_that_steps(tmp_path):
    trainer = built(tmp_path, "scheduler=StepLR", "iterations=2")
    trainer.scheduler = torch.optim.lr_scheduler.ExponentialLR(trainer.optimizer, 0.5)
    trainer.train()
    assert trainer.scheduler.last_epoch == 2
    saved = torch.load(trainer.output_directory / "epoch_2" / "scheduler.pt", weights_only=True)
    assert saved["gamma"] == 0.5


def test_without_a_scheduler_none_can_be_replaced(tmp_path):
    trainer = built(tmp_path)
    assert trainer.scheduler is None
    assert not hasattr(trainer, "scheduler_frequency")
    with pytest.raises(AttributeError, match="has no scheduler that could be replaced"):
        trainer.scheduler = torch.optim.lr_scheduler.ExponentialLR(trainer.optimizer, 0.5)
    trainer.close()


def test_outputs_that_are_switched_off_change_no_number(tmp_path):
    off = [f"save_{subset}_outputs=false" for subset in ("train", "dev", "test")]
    quiet = trained(tmp_path, *off, name="quiet")
    loud = trained(tmp_path, name="loud")
    assert list(quiet.output_directory.rglob("*.npy")) == []
    pd.testing.assert_frame_equal(quiet.metrics, loud.metrics)
    assert same_states(quiet.model.state_dict(), loud.model.state_dict())


@pytest.mark.parametrize(
    "options",
    [
        ("batch_size=1000",),
        ("inference_batch_size=1",),
        ("batch_size=1",),
        ("iterations=1",),
        ("iterations=3", "eval_frequency=3"),
        ("dataset.dev_split=0.03", "dataset.test_split=0.03"),
        ("+train_loader_kwargs={drop_last: true}",),
        ("+train_loader_kwargs={pin_memory: true}",),
        ("training_type=step", "batch_size=1000", "iterations=3"),
        ("training_type=step", "iterations=1"),
    ],
    ids=" ".join,
)
def test_unusual_settings_train(tmp_path, options):
    trainer = trained(tmp_path, *options)
    assert math.isfinite(trainer.metrics["train_loss"].iloc[-1])
    assert (trainer.output_directory / "metrics.csv").is_file()


@pytest.mark.parametrize("task", ["C", "MLC", "R", "MTR"])
def test_a_single_target_trains(tmp_path, task):
    trainer = trained(tmp_path, f"dataset=ToyTabular-{task}", "dataset.num_targets=1")
    assert trainer.output_dim == 1
    assert math.isfinite(trainer.metrics["dev_loss"][2])


def test_images_train(tmp_path):
    shape = "dataset.feature_shape=[3,8,8]"
    trainer = trained(tmp_path, "dataset=ToyImage-C", shape, model=SMALL_CNN)
    assert math.isfinite(trainer.metrics["dev_loss"][2])


SMALL_CNN = {
    "id": "SmallCNN",
    "_target_": "autrainer.models.SmallCNN",
    "in_channels": 3,
    "channels": [2, 3, 4],
    "transform": {"type": "image"},
}


def test_a_run_without_hydra_writes_its_configuration_down(tmp_path):
    cfg = configured()
    trainer = built(tmp_path)
    trainer.close()
    written = read(trainer.output_directory / ".hydra" / "config.yaml")
    assert written == OmegaConf.to_container(cfg)


def test_a_trainer_trains_once(tmp_path):
    trainer = trained(tmp_path)
    with pytest.raises(AutrainerError, match="has trained before"):
        trainer.train()


def test_plots_that_cannot_be_drawn_do_not_cost_the_run(tmp_path, caplog):
    plotting = configured_plotting()
    trainer = built(tmp_path, plotting=plotting)
    (trainer.output_directory / "_plots").write_text("in the way")
    trainer.train()
    assert (trainer.output_directory / "metrics.csv").is_file()
    assert f"The plots of {trainer.output_directory.name} are missing" in caplog.text


def configured_plotting():
    return OmegaConf.to_container(OmegaConf.load(CONF / "plotting" / "Default.yaml"))


def test_a_loader_of_the_users_own_needs_only_to_yield_batches_and_have_a_length(tmp_path):
    trainer = built(tmp_path)
    trainer.dev_loader = list(trainer.dev_loader)
    trainer.train_loader = list(trainer.train_loader)
    trainer.train()
    assert len(trainer.metrics) == 2


def test_a_configuration_that_cannot_be_written_leaves_no_log_open(tmp_path):
    run = tmp_path / "experiment" / "training" / "run"
    run.mkdir(parents=True)
    (run / ".hydra").write_text("in the way")
    before = list(logging.getLogger().handlers)
    with pytest.raises(OutputError, match=r"\.hydra is a file"):
        built(tmp_path)
    assert logging.getLogger().handlers == before
