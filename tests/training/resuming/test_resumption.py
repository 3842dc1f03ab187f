"""Interrupted runs in this process: asked to stop, failed, refused, resumed."""

import os
import resource
import signal

import pytest
import torch

from autrainer.errors import (
    ConfigError,
    CorruptFileError,
    OutputError,
    RunInterruptedError,
    RunInUseError,
)
from autrainer.runs.finished import is_finished
from autrainer.runs.layout import RESUME, TABLE
from autrainer.runs.state.sealed import read_sealed, write_sealed
from autrainer.runs.status import read_status
from autrainer.runs.yaml.reading import read_yaml
from tests.torture.kills import contents
from tests.training.conftest import built, damage, same_states, trained
from tests.training.parts import Ledger

PARTS = "tests.training.parts"
BALANCED = "train_loader_kwargs.sampler=autrainer.data.sampler.BalancedSampler"
SIZE = ("dataset.size=160", "iterations=3")


class Stopper:
    """Sends this process a signal after a step."""

    def __init__(self, number=signal.SIGINT, iteration=2, batch_idx=3):
        self.number, self.at = number, (iteration, batch_idx)

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if (iteration, batch_idx) == self.at:
            os.kill(os.getpid(), self.number)


WORKERS = (
    "dataset._target_=tests.training.parts.OwnCollateDataset",
    "dataset.train_loader_kwargs.num_workers=1",
)


class SignalsAll:
    """Sends signals to the workers of this process, and then to itself, after a step.

    Args:
        to_workers: What they get.
        asks_first: This process is asked to stop before they get it.
    """

    def __init__(self, to_workers, asks_first=False):
        self.to_workers, self.asks_first = to_workers, asks_first

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        if (iteration, batch_idx) == (2, 1):
            workers = torch.multiprocessing.active_children()
            assert workers
            if self.asks_first:
                os.kill(os.getpid(), signal.SIGTERM)
            for worker in workers:
                for number in self.to_workers:
                    os.kill(worker.pid, number)
                if signal.SIGKILL in self.to_workers:
                    worker.join()
            os.kill(os.getpid(), signal.SIGTERM)


class FailsAtTheEnd:
    def cb_on_train_end(self, trainer):
        raise RuntimeError("the upload has failed")


class StopsAt:
    """Sends this process a signal at an event."""

    def __init__(self, event):
        setattr(self, event, lambda trainer, **_: os.kill(os.getpid(), signal.SIGINT))


class Steps:
    """Counts the steps of training."""

    taken = 0

    def cb_on_step_begin(self, trainer, iteration, batch_idx):
        self.taken += 1


def stopped(folder, *overrides, number=signal.SIGINT, at=(2, 3), **changes):
    """A trainer whose run was stopped by a signal; the error that it raised."""
    trainer = built(folder, *SIZE, *overrides, **changes)
    trainer.callback_manager.register(Stopper(number, *at))
    with pytest.raises(RunInterruptedError) as caught:
        trainer.train()
    return trainer, caught.value


def same_files(one, other):
    return contents(one) == contents(other)


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        ((), (2, 3)),
        (("eval_frequency=3",), (2, 0)),
        (("training_type=step", "iterations=16", "eval_frequency=8"), (11, 2)),
        (("training_type=step", "iterations=16", "eval_frequency=8"), (8, 7)),
        (("training_type=step", "iterations=15", "eval_frequency=8"), (15, 6)),
        (("save_train_outputs=false",), (1, 5)),
        ((BALANCED,), (2, 3)),
    ],
    ids=[
        *("epochs", "within a period", "steps", "end of a period", "last step", "no outputs"),
        "drawn samples",
    ],
)
def test_a_stopped_run_goes_on_where_it_was(tmp_path, kind, at):
    trained(tmp_path / "whole", *SIZE, *kind)
    trainer, error = stopped(tmp_path / "stopped", *kind, at=at)
    assert error.exit_code == 130
    assert read_status(trainer.output_directory)["state"] == "interrupted"
    again = built(tmp_path / "stopped", *SIZE, *kind)
    assert again.resumption.is_resumed
    again.train()
    assert again.initial_iteration == (at[0] + 1 if "training_type=step" in kind else at[0])
    assert same_files(tmp_path / "whole", tmp_path / "stopped")
    assert read_status(again.output_directory)["state"] == "finished"
    assert not (again.output_directory / RESUME).exists()


@pytest.mark.parametrize(
    ("to_workers", "asks_first"),
    [((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), False), ((signal.SIGKILL,), True)],
    ids=["a signal to the group", "workers killed after it"],
)
def test_workers_that_are_signalled_too_do_not_make_a_stopped_run_fail(
    tmp_path, to_workers, asks_first
):
    trained(tmp_path / "whole", *SIZE, *WORKERS)
    trainer = built(tmp_path / "stopped", *SIZE, *WORKERS)
    trainer.callback_manager.register(SignalsAll(to_workers, asks_first))
    with pytest.raises(RunInterruptedError) as caught:
        trainer.train()
    assert caught.value.exit_code == 143
    status = read_status(trainer.output_directory)
    assert (status["state"], status["exception"]["type"]) == ("interrupted", "RunInterruptedError")
    assert not (trainer.output_directory / "error.txt").exists()
    assert torch.multiprocessing.active_children() == []
    again = trained(tmp_path / "stopped", *SIZE, *WORKERS)
    assert again.resumption.is_resumed
    assert same_files(tmp_path / "whole", tmp_path / "stopped")


def test_a_run_whose_listener_failed_at_the_end_goes_on_from_there(tmp_path):
    trained(tmp_path / "whole", *SIZE)
    failing = built(tmp_path / "failed", *SIZE)
    failing.callback_manager.register(FailsAtTheEnd())
    with pytest.raises(RuntimeError, match="upload"):
        failing.train()
    assert (failing.output_directory / TABLE).is_file()
    assert not is_finished(failing.output_directory)
    again = built(tmp_path / "failed", *SIZE)
    assert again.resumption.is_resumed
    again.train()
    assert is_finished(again.output_directory)
    (again.output_directory / "error.txt").unlink(missing_ok=True)
    assert same_files(tmp_path / "whole", tmp_path / "failed")


def stopped_at(event, folder, *overrides):
    trainer = built(folder, *SIZE, *overrides)
    trainer.callback_manager.register(StopsAt(event))
    with pytest.raises(RunInterruptedError) as caught:
        trainer.train()
    assert caught.value.exit_code == 130
    return trainer.output_directory


def test_a_run_that_is_stopped_when_it_has_ended_ends_the_sweep(tmp_path):
    run = stopped_at("cb_on_train_end", tmp_path)
    assert is_finished(run)
    assert not (run / RESUME).exists()


@pytest.mark.parametrize("event", ["cb_on_dev_begin", "cb_on_test_begin"])
@pytest.mark.parametrize(
    "kind", [(), ("training_type=step", "iterations=15", "eval_frequency=8")], ids=["epoch", "step"]
)
def test_an_evaluation_is_left_at_once_and_done_again(tmp_path, event, kind):
    trained(tmp_path / "whole", *SIZE, *kind)
    run = stopped_at(event, tmp_path / "stopped", *kind)
    assert read_status(run)["state"] == "interrupted"
    assert not list(run.glob("*/test_holistic.yaml"))
    trained(tmp_path / "stopped", *SIZE, *kind)
    assert same_files(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.parametrize(
    "kind", [(), ("training_type=step", "iterations=15", "eval_frequency=8")], ids=["epoch", "step"]
)
def test_long_training_before_an_evaluation_is_not_done_again(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("autrainer.training.resuming.resumption.WORTH_KEEPING_S", 0.0)
    trained(tmp_path / "whole", *SIZE, *kind)
    stopped_at("cb_on_dev_begin", tmp_path / "stopped", *kind)
    again = built(tmp_path / "stopped", *SIZE, *kind)
    steps = Steps()
    again.callback_manager.register(steps)
    again.train()
    assert steps.taken == (7 if kind else 2 * len(again.train_loader))
    assert same_files(tmp_path / "whole", tmp_path / "stopped")


# From the second epoch on nothing is learnt any more: the first stays the best.
DECAY = {"id": "D", "_target_": "torch.optim.lr_scheduler.MultiStepLR", "milestones": [1]}
LEARNS_ONCE = {"scheduler": {**DECAY, "gamma": 1e-30}}


def test_a_damaged_best_state_is_read_from_the_folder_of_its_iteration(tmp_path, caplog):
    whole = trained(tmp_path / "whole", *SIZE, **LEARNS_ONCE)
    assert whole.best_iteration == 1
    trainer, _ = stopped(tmp_path / "stopped", **LEARNS_ONCE)
    damage(trainer.output_directory / "_best" / "model.pt")
    again = trained(tmp_path / "stopped", *SIZE, **LEARNS_ONCE)
    assert "_best" in caplog.text
    assert same_states(again.model.state_dict(), whole.model.state_dict())


def test_a_damaged_best_state_without_another_is_an_error_with_its_name(tmp_path):
    trainer, _ = stopped(tmp_path, **LEARNS_ONCE)
    for folder in ("_best", "epoch_1"):
        damage(trainer.output_directory / folder / "model.pt")
    with pytest.raises(CorruptFileError, match=r"_best.model\.pt"):
        trained(tmp_path, *SIZE, **LEARNS_ONCE)


def test_a_warning_saves_and_training_goes_on(tmp_path):
    trainer = built(tmp_path, *SIZE)
    trainer.callback_manager.register(Stopper(signal.SIGUSR1))
    trainer.train()
    assert read_status(trainer.output_directory)["state"] == "finished"


def test_sigterm_leaves_with_its_own_code(tmp_path):
    assert stopped(tmp_path, number=signal.SIGTERM)[1].exit_code == 143


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("learning_rate=0.2", "learning_rate: 0.1 .*0.2"),
        (BALANCED, "train_loader_kwargs.sampler: .*BalancedSampler"),
    ],
)
def test_another_configuration_is_refused_with_the_difference(tmp_path, change, difference):
    stopped(tmp_path)
    with pytest.raises(ConfigError, match=rf"the run in .*\n.*{difference}"):
        built(tmp_path, *SIZE, change)
    built(tmp_path, *SIZE).train()


def test_without_resume_a_run_starts_anew(tmp_path):
    stopped(tmp_path)
    trainer = built(tmp_path, *SIZE, "resume=false")
    assert not trainer.resumption.is_resumed
    trainer.train()
    assert trainer.initial_iteration == 1


def test_a_run_that_is_being_trained_is_refused(tmp_path):
    trainer = built(tmp_path)
    with pytest.raises(RunInUseError, match="is being worked on by process"):
        built(tmp_path)
    trainer.close()
    trained(tmp_path)


def test_what_was_logged_is_not_logged_twice(tmp_path):
    logger = {f"{PARTS}.Ledger": {}}
    trainer, _ = stopped(tmp_path, loggers=[logger])
    again = built(tmp_path, *SIZE, loggers=[logger])
    again.train()
    first, second = (next(x for x in t.loggers if isinstance(x, Ledger)) for t in (trainer, again))
    logged = [line[2] for x in (first, second) for line in x.lines if line[0] == "metrics"]
    assert [iteration for iteration in logged if iteration is not None] == [1, 2, 3]
    assert sum(line[0] == "params" for x in (first, second) for line in x.lines) == 1


def adam_of(tree):
    return tree["states"]["optimizer.pt"]["state"][0]


def numpy_at(position):
    return lambda tree: tree["random"].update(
        numpy=(*tree["random"]["numpy"][:2], position, *tree["random"]["numpy"][3:])
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (numpy_at(10**9), "NumPy's generator.* at position 1000000000"),
        (lambda tree: tree["position"].update(batch=-1), "a run cannot be at"),
        (lambda tree: tree["loader"].update(epoch=2**70), "cannot start at pass"),
        (lambda tree: tree.update(history=[(1, {"accuracy": None})]), "are no numbers"),
        (lambda tree: tree.update(best=[7, 0.5]), "7 is called the best iteration"),
        (lambda tree: tree["timers"].update(clock=5), "timers/clock is of type int"),
        (lambda tree: tree["losses"].update(count="x"), "losses.count is of type str"),
        (lambda tree: tree.update(stop=5), "stop is of type int"),
        (lambda tree: adam_of(tree).update(exp_avg=torch.ones(1)), "'exp_avg' of shape"),
        (lambda tree: tree["states"]["model.pt"].clear(), "Missing key"),
    ],
)
def test_a_forged_state_is_refused_with_its_folder(tmp_path, change, told):
    trainer, _ = stopped(tmp_path, "optimizer=Adam")
    folder = trainer.output_directory / RESUME
    newest = max(folder.glob("state-*"), key=lambda path: read_sealed(path)["number"])
    content = read_sealed(newest)
    change(content["tree"])
    write_sealed(newest, content)
    again = built(tmp_path, *SIZE, "optimizer=Adam")
    with pytest.raises(
        CorruptFileError, match=rf"_resume does not fit this run.*{told}.*remove it"
    ):
        again.train()


def test_a_full_disk_costs_nothing_but_time(tmp_path):
    trained(tmp_path / "whole", *SIZE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    trainer = built(tmp_path / "full", *SIZE)
    trainer.bookkeeping.background.join()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
        with pytest.raises(OutputError, match="File too large"):
            trainer.train()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    built(tmp_path / "full", *SIZE).train()
    assert same_files(tmp_path / "whole", tmp_path / "full")


def test_old_states_go_and_their_results_stay(tmp_path):
    options = ("iterations=6", "keep_checkpoints=2", "learning_rate=1e-9")
    run = trained(tmp_path, *options).output_directory
    states = {path.parent.name for path in run.glob("epoch_*/model.pt")}
    best = read_yaml(run / "_best" / "best_results.yaml")["best_iteration"]
    assert states == {"epoch_5", "epoch_6", f"epoch_{best}"}
    assert len(list(run.glob("epoch_*/dev.yaml"))) == 6


def test_states_of_an_iteration_are_removed_once(tmp_path, monkeypatch):
    removed = []
    monkeypatch.setattr(
        "autrainer.training.recording.saved_states.remove_files",
        lambda folder, names: removed.append(folder.name),
    )
    trained(tmp_path, "iterations=8", "keep_checkpoints=1", "learning_rate=1e-9")
    assert removed
    assert len(removed) == len(set(removed))
