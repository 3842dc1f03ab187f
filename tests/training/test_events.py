"""Who hears what, and when, in whole runs."""

import pytest
import torch
from torch.overrides import TorchFunctionMode

from autrainer.callbacks.base import EVENTS
from tests.training.conftest import built, configured, trained

PARTS = "tests.training.parts"
LISTENERS = ("Dataset", "Model", "Optimizer", "Scheduler", "Criterion", "Logger", "Callback")
ALL_HEAR = {
    "dataset___target_": f"{PARTS}.HearingDataset",
    "model___target_": f"{PARTS}.HearingModel",
    "optimizer___target_": f"{PARTS}.HearingOptimizer",
    "dataset__criterion": f"{PARTS}.HearingCriterion",
    "loggers": [f"{PARTS}.HearingLogger"],
    "callbacks": [f"{PARTS}.HearingCallback"],
}


def events_of(trainer, name="HearingCallback"):
    """Events that an object has noted, each with the numbers that it was given."""
    return [
        (event.removeprefix("cb_on_"), *(v for v in given.values() if isinstance(v, int)))
        for listener, event, given in trainer.diary
        if listener == name
    ]


EVALUATED = ("dev_step_begin", 0), ("dev_step_end", 0)
TESTED = [
    *(("test_begin",), ("test_step_begin", 0), ("test_step_end", 0), ("test_end",)),
    ("train_end",),
]


def steps(iteration, *batches):
    """Both hooks of some steps of an iteration."""
    return [(f"step_{side}", iteration, b) for b in batches for side in ("begin", "end")]


def evaluation(iteration):
    """All hooks of an evaluation."""
    ends = ("dev_end", iteration), ("iteration_end", iteration)
    return [("dev_begin", iteration), *EVALUATED, *ends]


def test_epochs_fire_all_events_in_order(tmp_path):
    trainer = trained(tmp_path, "iterations=3", "eval_frequency=2", callbacks=ALL_HEAR["callbacks"])
    assert events_of(trainer) == [
        ("train_begin",),
        *(("iteration_begin", 1), *steps(1, 0, 1), ("loader_exhausted", 1)),
        *(("iteration_begin", 2), *steps(2, 0, 1), *evaluation(2), ("loader_exhausted", 2)),
        *(("iteration_begin", 3), *steps(3, 0, 1), *evaluation(3), ("loader_exhausted", 3)),
        *TESTED,
    ]


def test_steps_fire_all_events_in_order(tmp_path):
    options = ("training_type=step", "iterations=5", "eval_frequency=2")
    trainer = trained(tmp_path, *options, callbacks=ALL_HEAR["callbacks"])
    assert events_of(trainer) == [
        ("train_begin",),
        *(("iteration_begin", 1), *steps(1, 0), *steps(2, 1), *evaluation(2)),
        *(("iteration_begin", 3), ("loader_exhausted", 3)),
        *(*steps(3, 0), *steps(4, 1), *evaluation(4)),
        *(("iteration_begin", 5), ("loader_exhausted", 5), *steps(5, 0), *evaluation(5)),
        *TESTED,
    ]


def test_every_part_is_heard_in_its_place_merely_by_having_methods(tmp_path):
    scheduler = {"id": "S", "_target_": f"{PARTS}.HearingScheduler", "step_size": 1}
    trainer = trained(tmp_path, **ALL_HEAR, scheduler=scheduler)
    expected = [f"Hearing{name}" for name in LISTENERS]
    events = [event for name, event, _ in trainer.diary if name == expected[0]]
    heard = [(name, event) for name, event, _ in trainer.diary]
    assert heard == [(name, event) for event in events for name in expected]
    assert set(events) == set(EVENTS)


def test_hooks_are_given_what_the_signature_says(tmp_path):
    trainer = trained(tmp_path, callbacks=ALL_HEAR["callbacks"])
    wrong = [(event, given) for _, event, given in trainer.diary if tuple(given) != EVENTS[event]]
    assert wrong == []
    given = {event: given for _, event, given in trainer.diary}
    row = trainer.metrics.drop(columns="iteration").loc[2].to_dict()
    assert given["cb_on_dev_end"]["dev_results"] == row
    assert given["cb_on_iteration_end"]["metrics"] == row
    assert list(given["cb_on_test_end"]["test_results"]) == [
        *("test_loss", "test_accuracy", "test_uar", "test_f1"),
    ]
    losses = [event["loss"] for event in given.values() if "loss" in event]
    assert [type(loss) for loss in losses] == [float] * 3
    assert given["cb_on_dev_step_end"]["loss"] == pytest.approx(row["dev_loss"])


def test_results_of_one_event_that_a_listener_changes_are_whole_in_the_next(tmp_path):
    trainer = trained(tmp_path, callbacks=[f"{PARTS}.Clearing", f"{PARTS}.HearingCallback"])
    (given,) = (
        given
        for _, event, given in trainer.diary[-99:]
        if event == "cb_on_iteration_end" and given["iteration"] == 2
    )
    assert given["metrics"] == trainer.metrics.drop(columns="iteration").loc[2].to_dict()


def test_the_former_names_are_heard_with_their_former_arguments(tmp_path):
    trainer = trained(tmp_path, "iterations=1", callbacks=[f"{PARTS}.Former"])
    columns = ["accuracy", "dev_loss", "f1", "train_loss", "uar"]
    assert trainer.diary == [
        *(("val_begin", 1), ("val_step_begin", 0), ("val_step_end", 0, float)),
        ("val_end", 1, columns),
    ]


def test_an_order_sets_hooks_apart_from_the_place_in_the_list(tmp_path):
    trainer = trained(tmp_path, callbacks=[f"{PARTS}.Late", f"{PARTS}.Early"])
    assert trainer.diary == [("early",), ("late",)]


def test_continuing_comes_after_everybody_else(tmp_path):
    options = ("continue_training=true", "iterations=1")
    trained(tmp_path, *options, name="short", callbacks=[f"{PARTS}.Starting"])
    later = ("continue_training=true", "iterations=2")
    trainer = trained(tmp_path, *later, callbacks=[f"{PARTS}.Starting"])
    assert trainer.diary == [("starts at", 1), ("short is there", True)]
    assert trainer.initial_iteration == 2


def test_an_object_deep_inside_a_part_is_heard(tmp_path):
    trainer = trained(tmp_path, dataset___target_=f"{PARTS}.NestingDataset")
    assert trainer.diary == [("nested",)]


def test_two_trainers_of_one_process_never_hear_each_other(tmp_path):
    changes = {**ALL_HEAR, "dataset___target_": f"{PARTS}.NestingDataset"}
    first = built(tmp_path, name="first", **changes)
    second = built(tmp_path, name="second", **changes)
    second.train()
    assert not hasattr(first, "diary")
    heard = len(second.diary)
    first.train()
    assert len(second.diary) == heard == len(first.diary)


def test_a_logger_is_told_what_the_run_does(tmp_path):
    trainer = trained(tmp_path, loggers=[f"{PARTS}.Ledger"])
    (logger,) = trainer.loggers
    kinds = [line[0] for line in logger.lines]
    metrics = ["metrics"] * 5
    assert kinds == ["params", *metrics, "timers", *(["artifact"] * kinds.count("artifact"))]
    assert [line[2] for line in logger.lines if line[0] == "metrics"] == [None, 1, None, 2, None]
    assert ("artifact", "metrics.csv") in logger.lines
    assert logger.ended == 1


FETCHING = {
    getattr(torch.Tensor, name) for name in ("item", "tolist", "__float__", "__int__", "__bool__")
}


class Fetches(TorchFunctionMode):
    """Counts how often a number is brought from a tensor, wherever it is, to Python."""

    count = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.count += func in FETCHING
        return func(*args, **(kwargs or {}))


def fetches(trainer):
    with Fetches() as counting:
        trainer.train()
    return counting.count


def test_a_loss_is_fetched_only_if_somebody_listens(tmp_path):
    ignoring = "on_nonfinite=ignore"
    few = fetches(built(tmp_path, "batch_size=24", ignoring, name="few"))
    many = fetches(built(tmp_path, "batch_size=2", ignoring, name="many"))
    # The mean losses of two evaluations of train and dev, and one of test.
    assert few == many == 5
    listener = [f"{PARTS}.StepListener"]
    heard = built(tmp_path, "batch_size=2", ignoring, name="heard", callbacks=listener)
    assert fetches(heard) == many + 2 * 12
    assert len(heard.diary) == 2 * 12


def test_a_hook_that_nobody_implements_has_no_listeners(tmp_path):
    trainer = built(tmp_path, "scheduler=StepLR")
    trainer.close()
    assert {event: trainer.callback_manager.handlers(event) for event in EVENTS} == {
        event: [] for event in EVENTS
    }


def test_a_misspelt_hook_of_any_part_is_reported(tmp_path, caplog):
    built(tmp_path, model___target_=f"{PARTS}.Misspelt").close()
    assert "Misspelt.cb_on_epoch_begin" in caplog.text


def test_a_hook_with_wrong_arguments_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match=r"Wrong\.cb_on_step_end takes"):
        built(tmp_path, callbacks=[f"{PARTS}.Wrong"])


def test_listeners_change_no_number(tmp_path):
    cfg = configured()
    assert "callbacks" not in cfg
    quiet = trained(tmp_path, name="quiet")
    heard = trained(tmp_path, name="heard", callbacks=[f"{PARTS}.Evaluations"])
    assert quiet.metrics.equals(heard.metrics)
