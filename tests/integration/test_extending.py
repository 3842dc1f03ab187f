"""What users add: callbacks, optimizers, schedulers, states of earlier runs."""

import json

import pandas as pd
import torch

from tests.conftest import REPOSITORY
from tests.integration.conftest import SMALL, only_run, read, runs_of

CALLBACKS = '''
import json


class Diary:
    """Notes every event of a run."""

    def __init__(self, filename):
        self.filename = filename
        self.events = []

    def cb_on_train_begin(self, trainer):
        self.events.append("train begin")

    def cb_on_iteration_begin(self, trainer, iteration):
        self.events.append(f"iteration begin {iteration}")

    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):
        self.events.append(f"step end {iteration} {batch_idx} {type(loss).__name__}")

    def cb_on_val_begin(self, trainer, iteration):
        self.events.append(f"val begin {iteration}")

    def cb_on_val_end(self, trainer, iteration, val_results):
        self.events.append(f"val end {iteration} {sorted(val_results)}")

    def cb_on_iteration_end(self, trainer, iteration, metrics):
        self.events.append(f"iteration end {iteration} {sorted(metrics)}")

    def cb_on_loader_exhausted(self, trainer, iteration):
        self.events.append(f"exhausted {iteration}")

    def cb_on_test_end(self, trainer, test_results):
        self.events.append(f"test end {sorted(test_results)}")

    def cb_on_train_end(self, trainer):
        self.events.append(f"train end {(trainer.output_directory / 'metrics.csv').exists()}")
        (trainer.output_directory / self.filename).write_text(json.dumps(self.events))
'''


def test_a_callback_from_the_working_directory_hears_every_event(autrainer, project):
    (project / "diary.py").write_text(CALLBACKS)
    entry = json.dumps([{"diary.Diary": {"filename": "diary.json"}}])
    autrainer("train", *SMALL, "batch_size=64", f"+callbacks={entry}".replace('"', ""))
    columns = ["accuracy", "dev_loss", "f1", "train_loss", "uar"]
    tested = ["test_accuracy", "test_f1", "test_loss", "test_uar"]
    assert json.loads((only_run(project) / "diary.json").read_text()) == [
        "train begin",
        *(
            event
            for epoch in (1, 2)
            for event in (
                f"iteration begin {epoch}",
                f"step end {epoch} 0 float",
                f"step end {epoch} 1 float",
                f"val begin {epoch}",
                f"val end {epoch} {columns}",
                f"iteration end {epoch} {columns}",
                f"exhausted {epoch}",
            )
        ),
        f"test end {tested}",
        "train end True",
    ]


def test_the_callback_of_the_documentation_ends_a_run_which_is_finished_then(autrainer, project):
    _, rest = (REPOSITORY / "docs" / "extending.md").read_text().split("# my_callbacks.py\n")
    code, _ = rest.split("```", 1)
    # There is nothing to learn in toy data.
    (project / "my_callbacks.py").write_text(code.replace("== 1.0", ">= 0.0"))
    options = ("train", *SMALL, "iterations=9", "callbacks=[my_callbacks.StopWhenPerfect]")
    assert "  stopped  " in autrainer(*options).stdout
    status = read(only_run(project) / "status.yaml")
    assert (status["state"], status["iteration"]) == ("stopped", 1)
    assert status["reason"] == "the dev set is solved"
    assert "skipped: stopped before" in autrainer(*options).stdout


OPTIMIZER = '''
import torch

from autrainer.models.utils import create_model_inputs


class Halved(torch.optim.SGD):
    """Trains on the first half of every batch."""

    def custom_step(self, model, data, criterion, probabilities_fn):
        self.zero_grad()
        output = model(**create_model_inputs(model, data))
        loss = criterion(probabilities_fn(output), data.target)
        loss[: len(loss) // 2].mean().backward()
        self.step()
        return loss, output
'''


def test_an_optimizer_with_a_custom_step_trains(autrainer, project):
    (project / "halved.py").write_text(OPTIMIZER)
    (project / "conf" / "optimizer").mkdir()
    (project / "conf" / "optimizer" / "Halved.yaml").write_text(
        "id: Halved\n_target_: halved.Halved\nmomentum: 0.9\n"
    )
    autrainer("train", *SMALL, "optimizer=Halved", "learning_rate=0.1")
    run = only_run(project)
    initial = torch.load(run / "_initial" / "model.pt")
    trained = torch.load(run / "epoch_2" / "model.pt")
    assert not torch.equal(initial["Linear0.weight"], trained["Linear0.weight"])


def learning_rate(run, folder):
    return torch.load(run / folder / "optimizer.pt")["param_groups"][0]["lr"]


def test_a_scheduler_steps_by_batch_or_by_evaluation(autrainer, project):
    options = ("scheduler=StepLR", "scheduler.step_size=1", "+scheduler.gamma=0.5")
    for frequency in ("batch", "evaluation"):
        autrainer(
            "train",
            *SMALL,
            *options,
            f"scheduler.step_frequency={frequency}",
            f"experiment_id={frequency}",
            "learning_rate=1.0",
            "optimizer=SGD",
            "batch_size=36",
        )
    # 72 training samples are two batches an epoch.
    assert learning_rate(only_run(project, "batch"), "epoch_2") == 0.5**4
    assert learning_rate(only_run(project, "evaluation"), "epoch_2") == 0.5**2
    assert (only_run(project, "batch") / "_best" / "scheduler.pt").is_file()


def test_a_scheduler_that_wants_the_metric_gets_it(autrainer, project):
    options = ("scheduler=ReduceLROnPlateau", "scheduler.patience=0", "scheduler.factor=0.5")
    autrainer("train", *SMALL, *options, "iterations=12", "learning_rate=0.0001")
    run = only_run(project)
    accuracy = pd.read_csv(run / "metrics.csv")["accuracy"]
    stale = (accuracy <= accuracy.cummax().shift(fill_value=-1.0) * (1 + 1e-4)).sum()
    assert stale > 0
    assert learning_rate(run, "epoch_12") < 0.0001


def test_a_checkpoint_of_another_number_of_classes_is_taken_but_for_its_last_layer(
    autrainer, project
):
    autrainer("train", *SMALL, "experiment_id=ten")
    ten = only_run(project, "ten") / "_best"
    autrainer(
        "train",
        *SMALL,
        "experiment_id=three",
        "dataset.num_targets=3",
        f"+model.model_checkpoint={ten / 'model.pt'}",
        f"+model.optimizer_checkpoint={ten / 'optimizer.pt'}",
    )
    start = torch.load(only_run(project, "three") / "_initial" / "model.pt")
    given = torch.load(ten / "model.pt")
    assert torch.equal(start["Linear0.weight"], given["Linear0.weight"])
    assert start["Linear1.weight"].shape == (3, 64)


def test_a_checkpoint_of_other_classes_is_refused_when_the_last_layer_counts(autrainer, project):
    autrainer("train", *SMALL, "experiment_id=ten")
    ten = only_run(project, "ten") / "_best" / "model.pt"
    process = autrainer(
        "train",
        *SMALL,
        "experiment_id=three",
        "dataset.num_targets=3",
        f"+model.model_checkpoint={ten}",
        "+model.skip_last_layer=false",
        check=False,
    )
    assert process.returncode == 1
    assert "skip_last_layer" in process.stdout + process.stderr


def test_sweeping_seeds_never_lets_one_run_hear_another(autrainer, project):
    (project / "diary.py").write_text(CALLBACKS)
    entry = "+callbacks=[{diary.Diary: {filename: diary.json}}]"
    autrainer("train", *SMALL, entry, "seed=1,2,3")
    for run in runs_of(project).values():
        events = json.loads((run / "diary.json").read_text())
        assert events.count("train begin") == events.count("train end True") == 1


def test_weight_decay_leaves_biases_alone(autrainer, project):
    autrainer("train", *SMALL, "optimizer=SGD", "+optimizer.weight_decay=0.1")
    groups = torch.load(only_run(project) / "_best" / "optimizer.pt")["param_groups"]
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [
        (0.1, 2),
        (0.0, 2),
    ]
    config = read(only_run(project) / ".hydra" / "config.yaml")
    assert config["optimizer"]["weight_decay"] == 0.1
