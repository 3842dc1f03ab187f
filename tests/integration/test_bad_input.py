"""What users type wrong: one readable message, exit code 1, nothing that looks finished."""

import pytest

from tests.integration.conftest import SMALL

BAD = {
    "training_type=epochs": ("training_type", "'epochs'", "epoch", "step"),
    "iterations=0": ("iterations", "0"),
    "iterations=-3": ("iterations", "-3"),
    "iterations=many": ("iterations", "many"),
    "eval_frequency=0": ("eval_frequency", "0"),
    "save_frequency=-1": ("save_frequency", "-1"),
    "batch_size=0": ("batch_size", "0"),
    "batch_size=2.5": ("batch_size", "2.5"),
    "learning_rate=0": ("learning_rate", "0"),
    "learning_rate=fast": ("learning_rate", "fast"),
    "eval_frequency=3": ("eval_frequency", "3", "iterations"),
    "seed=1-2-3": ("seed", "1-2-3"),
    "+eval_frequencey=1": ("eval_frequencey", "eval_frequency"),
    "dataset.tracking_metric=autrainer.metrics.Acuracy": (
        "dataset.tracking_metric",
        "autrainer.metrics.Acuracy",
        "Accuracy",
    ),
    "~dataset.metrics": ("dataset", "metrics"),
    "~model.hidden_size": ("model", "hidden_size"),
    "model._target_=autrainer.models.FFN": ("model._target_", "autrainer.models.FFN", "FFNN"),
    "model._target_=no_such_module.Model": ("model._target_", "no_such_module"),
    "model._target_=autrainer.metrics.Accuracy": ("model._target_", "AbstractModel"),
    "+model.hiden_size=3": ("model", "hiden_size", "hidden_size"),
    "+optimizer.momentun=3": ("optimizer", "momentun"),
    "scheduler=StepLR scheduler.step_frequency=epoch": (
        "scheduler.step_frequency",
        "'epoch'",
        "batch",
        "evaluation",
        "the command line",
    ),
    "+train_loader_kwargs={num_worker: 2}": ("num_worker", "num_workers"),
    "+model.model_checkpoint=missing.pt": ("model.model_checkpoint", "missing.pt"),
    "+loggers=[autrainer.metrics.Accuracy]": ("loggers", "AbstractLogger"),
}


@pytest.mark.parametrize("override", BAD)
def test_a_bad_value_is_named_with_what_is_allowed(autrainer, project, override):
    overrides = override.split(" ") if override.startswith("scheduler=") else [override]
    process = autrainer("train", *SMALL, *overrides, check=False)
    output = process.stdout + process.stderr
    assert process.returncode == 1, output
    assert [word for word in BAD[override] if word not in output] == [], output
    assert "Traceback" not in output
    assert list(project.rglob("metrics.csv")) == []
    assert list(project.rglob("*.pt")) == []


def test_the_file_that_a_bad_value_came_from_is_named(autrainer, project):
    (project / "conf" / "scheduler").mkdir()
    (project / "conf" / "scheduler" / "Hasty.yaml").write_text(
        "id: Hasty\n_target_: torch.optim.lr_scheduler.StepLR\nstep_size: 1\n"
        "step_frequency: epoch\n"
    )
    process = autrainer("train", *SMALL, "scheduler=Hasty", check=False)
    assert "conf/scheduler/Hasty.yaml" in process.stdout + process.stderr


def test_several_mistakes_are_told_at_once(autrainer, project):
    process = autrainer("train", *SMALL, "iterations=0", "batch_size=-1", check=False)
    output = process.stdout + process.stderr
    assert "iterations" in output
    assert "batch_size" in output


def test_points_that_would_share_a_folder_are_refused_before_anything_trains(autrainer, project):
    process = autrainer("train", *SMALL, "model.hidden_size=32,64", check=False)
    output = process.stdout + process.stderr
    assert process.returncode == 1
    assert "model.hidden_size" in output
    assert "32" in output
    assert "64" in output
    assert list(project.rglob("metrics.csv")) == []


def test_the_way_out_that_the_message_names_works(autrainer, project):
    autrainer("train", *SMALL, "model.hidden_size=32,64", "model.id='ToyFFNN-${model.hidden_size}'")
    assert len(list(project.rglob("metrics.csv"))) == 2


def test_a_finished_run_of_another_configuration_is_not_passed_off_as_this_one(autrainer, project):
    autrainer("train", *SMALL, "model.hidden_size=32")
    process = autrainer("train", *SMALL, "model.hidden_size=64", check=False)
    output = process.stdout + process.stderr
    assert process.returncode == 1
    assert "model.hidden_size" in output


def test_one_failing_run_does_not_stop_the_others(autrainer, project):
    (project / "conf" / "model").mkdir()
    (project / "broken.py").write_text(
        "import autrainer.models\n\n"
        "class Broken(autrainer.models.FFNN):\n"
        "    def forward(self, features):\n"
        "        raise RuntimeError('out of luck')\n"
    )
    (project / "conf" / "model" / "Broken.yaml").write_text(
        "id: Broken\n_target_: broken.Broken\ninput_size: 64\nhidden_size: 8\n"
        "transform:\n  type: tabular\n"
    )
    process = autrainer("train", *SMALL, "model=Broken,ToyFFNN", check=False)
    assert process.returncode == 1
    assert "Traceback" not in process.stdout + process.stderr
    told = process.stderr.split("1 of 2 jobs failed:")[1]
    place = "  broken.py, line 5, in forward: raise RuntimeError('out of luck')"
    assert f"RuntimeError: out of luck\n{place}\n" in told
    (error,) = project.rglob("error.txt")
    assert f"The whole traceback is in {error.relative_to(project)}" in told
    assert "Traceback" in error.read_text()
    (finished,) = project.rglob("metrics.csv")
    assert "ToyFFNN" in str(finished)


def test_a_background_write_that_fails_ends_the_run_with_the_file(autrainer, project):
    """A folder of the run turns into a file while the run writes."""
    (project / "saboteur.py").write_text(
        "class Saboteur:\n"
        "    def cb_on_iteration_begin(self, trainer, iteration):\n"
        "        if iteration == 2:\n"
        "            trainer.bookkeeping.background.join()\n"
        "            blocked = trainer.output_directory / 'epoch_2' / 'dev_outputs.npy'\n"
        "            blocked.mkdir(parents=True)\n"
        "            (blocked / 'x').touch()\n"
    )
    process = autrainer("train", *SMALL, "+callbacks=[saboteur.Saboteur]", check=False)
    output = process.stdout + process.stderr
    assert process.returncode == 1
    assert "dev_outputs.npy" in output
    assert list(project.rglob("metrics.csv")) == []


def test_a_class_that_only_the_last_point_of_a_sweep_lacks_is_told_before_the_first_trains(
    autrainer, project
):
    (project / "conf" / "model").mkdir()
    (project / "conf" / "model" / "Typo.yaml").write_text(
        "id: Typo\n_target_: autrainer.models.FFN\ninput_size: 64\nhidden_size: 8\n"
        "transform:\n  type: tabular\n"
    )
    process = autrainer("train", *SMALL, "model=ToyFFNN,Typo", check=False)
    assert process.returncode == 1
    assert "autrainer.models.FFN " in process.stderr
    assert "Traceback" not in process.stderr
    assert list(project.rglob("_initial")) == []
