"""Runs that end with the mean of the weights of their best iterations."""

import os
from pathlib import PurePath

import numpy as np
import pytest
import torch

from autrainer.errors import ConfigError
from autrainer.runs import folder
from autrainer.runs.layout import is_file_of_run
from autrainer.runs.yaml.reading import read_yaml
from autrainer.serving.model import Serving
from autrainer.training.recording import saved_states
from tests.torture.kills import contents
from tests.training.conftest import built, damage, same_states, state, trained
from tests.training.resuming.test_resumption import SIZE, stopped

STEPS = ("training_type=step", "iterations=18", "eval_frequency=3")
LONE = "save_frequency=100"
"""Only the weights of the best iterations are kept, and the states of the last one."""


class Weights:
    """Remembers the weights after each evaluation."""

    def __init__(self):
        self.after = {}

    def cb_on_iteration_end(self, trainer, iteration, metrics):
        found = trainer.model.state_dict()
        self.after[iteration] = {name: value.clone() for name, value in found.items()}


def observed(folder, *options, **changes):
    """A trained run, and its weights after each evaluation."""
    trainer, weights = built(folder, *SIZE, *options, **changes), Weights()
    trainer.callback_manager.register(weights)
    trainer.train()
    return trainer, weights.after


def best_of(trainer, number):
    """The best iterations by the tracking metric, of equal ones the earlier."""
    values = trainer.metrics[trainer.data.tracking_metric.name]
    return sorted(sorted(values.index, key=lambda at: (-values[at], at))[:number])


def mean_of(states):
    means = {}
    for name, value in states[0].items():
        wide = torch.stack([each[name].double() for each in states]).mean(0)
        means[name] = wide.to(value.dtype)
    return means


def kept(run):
    """The iterations of which a run has weights."""
    return sorted(int(path.parent.name.split("_")[1]) for path in run.glob("*_[0-9]*/model.pt"))


@pytest.mark.parametrize("kind", [("iterations=6",), STEPS], ids=["epochs", "steps"])
def test_the_mean_of_the_best_weights_is_evaluated_tested_and_saved(tmp_path, kind):
    trainer, weights = observed(tmp_path, *kind, "swa={best: 3}", LONE)
    run, best = trainer.output_directory, best_of(trainer, 3)
    assert best != sorted(trainer.metrics.index)[-3:]
    mean = state(run, "_best", "swa.pt")
    expected = mean_of([weights[each] for each in best])
    for name, value in expected.items():
        torch.testing.assert_close(mean[name], value, rtol=1e-6, atol=1e-7)
    assert same_states(trainer.model.state_dict(), mean)
    assert same_states(Serving(run).model.state_dict(), mean)
    assert same_states(state(run, "_best"), weights[trainer.best_iteration])
    for each in best:
        assert same_states(state(run, trainer.folder_of(each)), weights[each])
    assert kept(run) == sorted({*best, max(weights)})

    batch = next(iter(trainer.test_loader))
    with torch.no_grad():
        outputs = trainer.model.eval()(batch.features).numpy()
    saved = np.load(run / "_test" / "test_outputs.npy")[: len(outputs)]
    np.testing.assert_allclose(outputs, saved, rtol=0, atol=1e-6)


def test_the_scores_of_the_mean_and_of_the_best_iteration_are_told(tmp_path):
    trainer, _ = observed(tmp_path, "iterations=6", "swa={best: 2}")
    run, (one, two) = trainer.output_directory, best_of(trainer, 2)
    name = trainer.data.tracking_metric.name
    score = trainer.evaluate(-1, "_test", trainer.dev_loader, dev_evaluation=False)[f"test_{name}"]
    told = read_yaml(run / "_best" / "dev_swa.yaml")
    assert (told["iterations"], told[name]["all"]) == ([one, two], score)
    assert read_yaml(run / "_best" / "dev.yaml")["iteration"] == trainer.best_iteration
    log = (run / "training.log").read_text()
    assert f"Dev results (mean of the weights after epochs {one} and {two}):" in log
    both = f"{score:.4f} by this mean, which is tested; {trainer.max_dev_metric:.4f}"
    assert f"{name} on the dev set: {both} after epoch {trainer.best_iteration}, the best" in log


@pytest.mark.parametrize("at", [(1, 2), (3, 5), (5, 0)])
@pytest.mark.parametrize("options", [(LONE,), ("keep_checkpoints=1",)])
def test_a_stopped_run_ends_with_the_same_bytes(tmp_path, at, options):
    options = (*options, "swa={best: 2}", "iterations=5", "model.dropout=0.3")
    trained(tmp_path / "whole", *SIZE, *options)
    stopped(tmp_path / "stopped", *options, at=at)
    again = built(tmp_path / "stopped", *SIZE, *options)
    assert again.resumption.is_resumed
    again.train()
    assert contents(tmp_path / "whole") == contents(tmp_path / "stopped")


@pytest.mark.parametrize("moment", ["before it is written", "before", "after"])
@pytest.mark.parametrize("number", [1, 3])
def test_a_run_that_is_killed_while_weights_are_replaced_ends_with_the_same_bytes(
    tmp_path, moment, number
):
    options = (*SIZE, LONE, "swa={best: 2}", "iterations=6", "model.dropout=0.3")
    trained(tmp_path / "whole", *options)
    function = "write_state" if moment == "before it is written" else "_remove_lone_weights"
    module = folder if function == "write_state" else saved_states
    if not (child := os.fork()):
        original, calls = getattr(module, function), []

        def killed(*arguments):
            calls.append(None)
            is_due = len(calls) == number + (2 if function == "write_state" else 0)
            if moment == "after":
                original(*arguments)
            if is_due:
                os._exit(9)
            if moment != "after":
                original(*arguments)

        setattr(module, function, killed)
        try:
            trained(tmp_path / "killed", *options)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    trained(tmp_path / "killed", *options)
    assert contents(tmp_path / "whole") == contents(tmp_path / "killed")


@pytest.mark.parametrize("kind", [(), STEPS[:1]], ids=["epochs", "steps"])
@pytest.mark.parametrize("options", [(LONE,), ("keep_checkpoints=1",)])
def test_a_continued_run_averages_the_best_of_both(tmp_path, kind, options):
    options = (*SIZE, *kind, *options, "swa={best: 3}", "continue_training=true")
    trained(tmp_path, *options, "iterations=4", name="short")
    longer = trained(tmp_path, *options, "iterations=8", name="long")
    whole = trained(tmp_path / "alone", *options, "iterations=8", name="whole")
    assert longer.initial_iteration == 5
    assert min(best_of(whole, 3)) <= 4
    one, other = longer.output_directory, whole.output_directory
    assert same_states(state(one, "_best", "swa.pt"), state(other, "_best", "swa.pt"))
    # The last states of the shorter run stay.
    assert {*kept(one), 4} == {*kept(other), 4}


def test_while_a_continued_run_trains_there_is_no_mean_of_the_shorter_one(tmp_path):
    class Looks:
        found = ("not looked",)

        def cb_on_step_begin(self, trainer, iteration, batch_idx):
            self.found = means(trainer)

    def means(trainer):
        return sorted(path.name for path in (trainer.output_directory / "_best").glob("*swa*"))

    options = (*SIZE, "swa={best: 2}", "continue_training=true")
    trained(tmp_path, *options, "iterations=2", name="short")
    longer, looks = built(tmp_path, *options, "iterations=3", name="long"), Looks()
    longer.callback_manager.register(looks)
    longer.train()
    assert looks.found == []
    assert means(longer) == ["dev_swa.yaml", "swa.pt"]


@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_weights_that_cannot_be_read_are_left_out_and_told(tmp_path, harm, caplog):
    options = (*SIZE, "swa={best: 3}", "continue_training=true")
    short = trained(tmp_path, *options, "iterations=5", name="short")
    lost = next(each for each in best_of(short, 3) if each != short.best_iteration)
    assert lost < 5
    path = short.output_directory / f"epoch_{lost}" / "model.pt"
    damage(path) if harm == "damaged" else path.unlink()
    longer = trained(tmp_path, *options, "learning_rate=0.1", "iterations=6", name="long")
    made_of = read_yaml(longer.output_directory / "_best" / "dev_swa.yaml")["iterations"]
    assert made_of == [each for each in best_of(longer, 3) if each != lost]
    assert f"epoch_{lost}" in caplog.text
    assert "The mean of the best weights is made without some" in caplog.text


def test_a_run_without_a_score_has_no_mean_and_says_so(tmp_path, caplog):
    diverging = ("dataset=ToyTabular-R", "learning_rate=1e30", "on_nonfinite=ignore")
    trainer = trained(tmp_path, *SIZE, *diverging, LONE, "swa={best: 2}")
    run = trainer.output_directory
    assert same_states(trainer.model.state_dict(), state(run, "_initial"))
    assert not list(run.glob("*/*swa*"))
    assert kept(run) == [3]
    assert "There is no mean of the best weights: no iteration had a score of pcc" in caplog.text


def test_statistics_that_are_not_averaged_are_those_of_the_best_weights(tmp_path):
    normed = {"id": "N", "_target_": "tests.training.parts.NormedModel"}
    options = {"model": normed | {"transform": {"type": "tabular"}}}
    found = {}
    for averages in (True, False):
        swa = {"best": 2, "average_buffers": averages}
        trainer, weights = observed(tmp_path / str(averages), "iterations=4", swa=swa, **options)
        found[averages] = state(trainer.output_directory, "_best", "swa.pt")
    mean = mean_of([weights[each] for each in best_of(trainer, 2)])
    best = weights[trainer.best_iteration]
    names = [name for name in mean if "running" in name]
    assert names
    for name, value in mean.items():
        kept_as_it_is = name in names or not value.is_floating_point()
        torch.testing.assert_close(found[False][name], best[name] if kept_as_it_is else value)
        torch.testing.assert_close(
            found[True][name], value if value.is_floating_point() else best[name]
        )


@pytest.mark.parametrize(
    ("swa", "message"),
    [
        ("{best: 9}", "swa.best is 9, but the run is evaluated 6 times; use at most 6"),
        ("{best: 0}", "swa.best is 0; use an integer of at least 1"),
        ("{best: 2, last: 2}", "swa has `last` and `best`; keep one of them"),
        ("{best: 2, last: 2, start: 0.5}", "swa has `start`, `last` and `best`; keep one"),
        ("{bset: 2}", "did you mean 'best'"),
    ],
)
def test_what_makes_no_mean_is_refused(tmp_path, swa, message):
    with pytest.raises(ConfigError) as error:
        built(tmp_path, *SIZE, f"swa={swa}", "iterations=6")
    assert message in str(error.value)


def test_averaged_weights_are_files_of_a_run():
    for name in ("_best/swa.pt", "epoch_3/ema.pt", "_best/dev_swa.yaml"):
        assert is_file_of_run(PurePath(name))
