"""Runs whose averaged weights are evaluated."""

import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.serving.model import Serving
from tests.torture.kills import contents
from tests.training.conftest import built, num_updates_made, same_states, state, trained
from tests.training.resuming.test_resumption import SIZE, stopped

EMA = "ema=0.9"


def followed(folder, *overrides, **changes):
    """A trained run, and the average of its weights after each update, made by hand."""
    trainer = built(folder, *SIZE, *overrides, **changes)
    average = {name: value.clone() for name, value in trainer.model.state_dict().items()}

    class Following:
        updates = 0

        def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
            decay = min(0.9, (1 + self.updates) / (10 + self.updates))
            self.updates += 1
            for name, value in trainer.model.state_dict().items():
                average[name] = torch.lerp(average[name], value, 1 - decay)

    trainer.callback_manager.register(Following())
    trainer.train()
    return trainer, average


@pytest.mark.parametrize("kind", [(), ("training_type=step", "iterations=12", "eval_frequency=6")])
def test_the_averaged_weights_are_saved_evaluated_and_tested(tmp_path, kind):
    trainer, average = followed(tmp_path, *kind, EMA, "save_frequency=1")
    last = trainer.folder_of(trainer.metrics.index[-1])
    found = state(trainer.output_directory, last, "ema.pt")
    assert found.keys() == average.keys()
    for name, value in average.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)
    assert not same_states(found, state(trainer.output_directory, last))

    best = state(trainer.output_directory, "_best", "ema.pt")
    assert same_states(trainer.average.model.state_dict(), best)
    batch = next(iter(trainer.test_loader))
    saved = torch.from_numpy(trainer.test_tracker.outputs)[: len(batch.index)]
    trainer.model.eval()
    with torch.no_grad():
        assert torch.allclose(trainer.average.model(batch.features), saved, atol=1e-6)
        assert not torch.allclose(trainer.model(batch.features), saved, atol=1e-6)


@pytest.mark.parametrize("options", [(), ("precision=fp16",), ("optimizer=SAM-SGD",)])
def test_a_stopped_run_ends_with_the_same_bytes(tmp_path, options):
    trained(tmp_path / "whole", *SIZE, EMA, *options)
    stopped(tmp_path / "stopped", EMA, *options, at=(2, 3))
    again = built(tmp_path / "stopped", *SIZE, EMA, *options)
    assert again.resumption.is_resumed
    again.train()
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


@pytest.mark.parametrize("kind", [("iterations={}",), ("training_type=step", "iterations={}")])
def test_a_continued_run_ends_as_one_that_was_never_ended(tmp_path, kind):
    def options(iterations):
        return [*SIZE, *(text.format(iterations) for text in kind), EMA, "continue_training=true"]

    trained(tmp_path, *options(2), name="short")
    continued = trained(tmp_path, *options(4), name="long")
    whole = trained(tmp_path / "alone", *options(4), name="whole")
    assert continued.initial_iteration == 3
    assert continued.average.num_updates == whole.average.num_updates
    last = continued.folder_of(4)
    for name in ("model.pt", "ema.pt"):
        one, two = (state(run.output_directory, last, name) for run in (continued, whole))
        assert same_states(one, two)


def test_updates_that_are_left_out_do_not_count(tmp_path):
    trainer = built(tmp_path, *SIZE, EMA, "precision=fp16")
    made = num_updates_made(trainer)
    assert trainer.average.num_updates == made


def test_predictions_are_made_with_the_averaged_weights(tmp_path):
    trainer = trained(tmp_path, *SIZE, EMA)
    model = Serving(trainer.output_directory)
    best = state(trainer.output_directory, "_best", "ema.pt")
    assert same_states(model.model.state_dict(), best)


def test_a_mapping_says_more_than_a_number(tmp_path):
    options = {"decay": 0.5, "warmup": False, "every": 2, "average_buffers": True}
    trainer = built(tmp_path, *SIZE, ema=options)
    trainer.close()
    assert vars(trainer.average.options) == options


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ema": 1}, "ema.decay is 1; use a number between 0 and 1"),
        ({"ema": "much"}, "ema.decay is 'much'; use a number between 0 and 1"),
        ({"ema": {"decai": 0.9}}, "did you mean 'decay'"),
        ({"ema": {"warmup": False}}, "ema.decay is missing"),
        ({"ema": {"decay": 0.9, "every": 0}}, "ema.every is 0; use an integer of at least 1"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(tmp_path, changes, message):
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, **changes)
    assert message in str(caught.value)
