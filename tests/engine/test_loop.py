"""When iterations begin and end, with real loops over real batches."""

import pytest

from autrainer.callbacks.dispatch import CallbackManager
from autrainer.engine.loop import EpochLoop, StepLoop
from autrainer.engine.step import Hooks


class Diary:
    """Hears the hooks and is the period and the step of a loop."""

    is_stopping = is_stopping_after_step = False

    def __init__(self):
        self.lines = []

    def cb_on_iteration_begin(self, trainer, iteration):
        self.lines.append(f"begin {iteration}")

    def cb_on_loader_exhausted(self, trainer, iteration):
        self.lines.append(f"exhausted {iteration}")

    def seed(self, iteration):
        pass

    def begin(self, iteration):
        pass

    def end(self, iteration):
        self.lines.append(f"evaluate {iteration}")

    def __call__(self, iteration, batch_idx, batch):
        self.lines.append(f"step {iteration} batch {batch_idx} got {batch}")


def diary_of(kind, *, eval_frequency, first, last, batches=("a", "b")):
    diary = Diary()
    manager = CallbackManager()
    manager.register(diary)
    loop = kind(
        list(batches),
        diary,
        diary,
        Hooks(manager, None),
        eval_frequency=eval_frequency,
        show_progress=False,
    )
    loop.run(first, last)
    return diary.lines


def test_an_epoch_is_a_pass_and_the_last_one_is_always_evaluated():
    assert diary_of(EpochLoop, eval_frequency=2, first=1, last=3) == [
        *("begin 1", "step 1 batch 0 got a", "step 1 batch 1 got b", "exhausted 1"),
        *("begin 2", "step 2 batch 0 got a", "step 2 batch 1 got b", "evaluate 2", "exhausted 2"),
        *("begin 3", "step 3 batch 0 got a", "step 3 batch 1 got b", "evaluate 3", "exhausted 3"),
    ]


def test_steps_run_on_over_passes_and_the_last_one_is_always_evaluated():
    assert diary_of(StepLoop, eval_frequency=2, first=1, last=5) == [
        *("begin 1", "step 1 batch 0 got a", "step 2 batch 1 got b", "evaluate 2"),
        *("begin 3", "exhausted 3", "step 3 batch 0 got a", "step 4 batch 1 got b", "evaluate 4"),
        *("begin 5", "exhausted 5", "step 5 batch 0 got a", "evaluate 5"),
    ]


def test_steps_continue_inside_an_evaluation_period():
    lines = diary_of(StepLoop, eval_frequency=4, first=4, last=6, batches="abcdef")
    assert lines == [
        *("begin 4", "step 4 batch 3 got a", "evaluate 4"),
        *("begin 5", "step 5 batch 0 got b", "step 6 batch 1 got c", "evaluate 6"),
    ]


@pytest.mark.parametrize("kind", [EpochLoop, StepLoop])
def test_nothing_is_left_to_train_when_all_iterations_are_done(kind):
    assert diary_of(kind, eval_frequency=1, first=4, last=3) == []
