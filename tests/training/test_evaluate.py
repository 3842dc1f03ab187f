"""Metrics of a split and of its parts, on files of real datasets."""

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from autrainer.datasets import BaseClassificationDataset
from autrainer.engine.evaluate import score, score_parts
from autrainer.errors import ConfigError
from autrainer.metrics import MSE, Accuracy
from tests.training.conftest import TARGETS, built, trained


def read(path):
    return yaml.safe_load(path.read_text())


def outputs(trainer, folder, subset):
    """Targets and predictions of a split, in the order of its rows."""
    run = trainer.output_directory / folder
    raw = torch.from_numpy(np.load(run / f"{subset}_outputs.npy"))
    transform = trainer.data.target_transform
    predictions = transform.predict_array(transform.probabilities_inference(raw))
    assert np.array_equal(np.load(run / f"{subset}_indices.npy"), np.arange(len(predictions)))
    return np.load(run / f"{subset}_targets.npy"), predictions


@pytest.mark.parametrize("task", TARGETS)
def test_a_dataset_of_files_trains(tmp_path, csv_run, task):
    trainer = trained(tmp_path, **csv_run(task))
    run = trainer.output_directory
    (metric,) = trainer.data.metrics
    for folder, subset, name, rows in (
        ("epoch_2", "dev", "dev.yaml", 10),
        ("_test", "test", "test_holistic.yaml", 9),
    ):
        targets, predictions = outputs(trainer, folder, subset)
        assert len(targets) == rows
        results = read(run / folder / name)
        assert results[metric.name]["all"] == pytest.approx(metric(targets, predictions))
        table = pd.read_csv(run / folder / f"{subset}_results.csv")
        assert list(table["index"]) == list(range(rows))


def test_regression_gives_predictions_in_units_of_the_data(tmp_path, csv_run):
    trainer = trained(tmp_path, **csv_run("Regression"))
    table = pd.read_csv(trainer.output_directory / "_test" / "test_results.csv")
    assert table["predictions"].between(0, 9).all()
    np.testing.assert_allclose(table["predictions"], 9 * table["probability_age"], rtol=1e-5)


def test_strata_are_scored_by_the_rows_that_have_their_value(tmp_path, csv_run, csv_data):
    changes = csv_run("Classification", stratify=["district", "city"])
    trainer = trained(tmp_path, **changes)
    for folder, subset, name in (
        ("epoch_2", "dev", "dev.yaml"),
        ("_test", "test", "test_holistic.yaml"),
    ):
        rows = pd.read_csv(csv_data / f"{subset}.csv")
        targets, predictions = outputs(trainer, folder, subset)
        found = read(trainer.output_directory / folder / name)["accuracy"]
        assert set(found) == {"all", "1", "2", "3", "Ulm", "Rom"}
        for column in ("district", "city"):
            for value in rows[column].unique():
                mask = (rows[column] == value).to_numpy()
                expected = (targets[mask] == predictions[mask]).mean()
                assert found[str(value)] == pytest.approx(expected), (column, value)


def test_strata_do_not_depend_on_the_index_of_the_frame(tmp_path, csv_run):
    changes = csv_run("Classification", stratify=["city"])
    plain = trained(tmp_path, name="plain", **changes)
    target = "tests.training.test_evaluate.Shuffled"
    other = trained(
        tmp_path, name="other", **csv_run("Classification", stratify=["city"], _target_=target)
    )
    for path in ("epoch_2/dev.yaml", "_test/test_holistic.yaml"):
        one, two = (read(run.output_directory / path)["accuracy"] for run in (plain, other))
        assert one == two


class Shuffled(BaseClassificationDataset):
    """Frames whose index has gaps and repetitions."""

    @property
    def df_dev(self):
        frame = super().df_dev
        return frame.set_index(np.arange(len(frame)) * 7 % 5)

    @property
    def df_test(self):
        frame = super().df_test
        return frame.set_index(np.arange(len(frame))[::-1] + 100)


def test_strata_of_a_loader_that_drops_its_last_batch_are_those_of_the_rest(
    tmp_path, csv_run, csv_data
):
    kwargs = {"drop_last": True}
    changes = csv_run("Classification", stratify=["city"], dev_loader_kwargs=kwargs)
    trainer = trained(tmp_path, "inference_batch_size=4", **changes)
    targets, predictions = outputs(trainer, "epoch_2", "dev")
    assert len(targets) == 8
    ulm = (pd.read_csv(csv_data / "dev.csv")["city"] == "Ulm").to_numpy()[:8]
    found = read(trainer.output_directory / "epoch_2" / "dev.yaml")["accuracy"]
    assert found["Ulm"] == pytest.approx((targets[ulm] == predictions[ulm]).mean())


def test_a_stratum_of_which_nothing_was_evaluated_is_left_out(tmp_path, csv_run, csv_data):
    frame = pd.read_csv(csv_data / "dev.csv")
    frame["city"] = ["Ulm"] * 9 + ["Bonn"]
    frame.to_csv(csv_data / "dev.csv", index=False)
    kwargs = {"drop_last": True}
    changes = csv_run("Classification", stratify=["city"], dev_loader_kwargs=kwargs)
    trainer = trained(tmp_path, "inference_batch_size=3", **changes)
    found = read(trainer.output_directory / "epoch_2" / "dev.yaml")["accuracy"]
    assert set(found) == {"all", "Ulm"}


@pytest.mark.parametrize("task", ["MLClassification", "MTRegression"])
def test_every_target_is_scored_by_itself(tmp_path, csv_run, task):
    trainer = trained(tmp_path, **csv_run(task))
    (metric,) = trainer.data.metrics
    columns = TARGETS[task][0]
    targets, predictions = outputs(trainer, "_test", "test")
    found = read(trainer.output_directory / "_test" / "test_holistic.yaml")[metric.name]
    assert list(found) == [*columns, "all"]
    for position, column in enumerate(columns):
        expected = metric.unitary(targets[:, position], predictions[:, position])
        assert found[column] == pytest.approx(expected)


def test_strata_of_several_targets_are_refused_before_training(tmp_path, csv_run):
    with pytest.raises(ConfigError, match=r"stratify.*target_column"):
        built(tmp_path, **csv_run("MTRegression", stratify=["city"]))
    assert not list(tmp_path.rglob("*.pt"))


def test_a_column_of_strata_that_is_not_there_is_told_before_training(tmp_path, csv_run):
    with pytest.raises(ValueError, match="town"):
        built(tmp_path, **csv_run("Classification", stratify=["town"]))


def test_results_are_plain_numbers_in_the_order_of_the_configuration(tmp_path, csv_run):
    metrics = [f"autrainer.metrics.{name}" for name in ("UAR", "Accuracy", "F1")]
    changes = csv_run("Classification", stratify=["district"], metrics=metrics)
    run = trained(tmp_path, **changes).output_directory
    dev = read(run / "_best" / "dev.yaml")
    assert list(dev) == ["uar", "accuracy", "f1", "dev_loss", "iteration"]
    assert {type(v) for name in ("uar", "accuracy", "f1") for v in dev[name].values()} == {float}
    assert list(dev["dev_loss"]) == ["all"]
    assert "!!" not in (run / "_test" / "test_holistic.yaml").read_text()


def test_a_split_of_one_class_is_scored(tmp_path, csv_run, csv_data):
    frame = pd.read_csv(csv_data / "dev.csv")
    frame.assign(label="bee").to_csv(csv_data / "dev.csv", index=False)
    trainer = trained(tmp_path, **csv_run("Classification"))
    assert trainer.metrics["accuracy"].between(0, 1).all()


def test_the_loss_weighs_samples_whatever_the_batch_size(tmp_path, csv_run):
    changes = csv_run("Classification")
    losses = [
        trained(tmp_path, f"inference_batch_size={size}", name=f"by {size}", **changes).metrics[
            "dev_loss"
        ]
        for size in (1, 3, 100)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    np.testing.assert_allclose(losses[0], losses[2], rtol=1e-6)


def test_a_user_may_evaluate_by_hand(tmp_path):
    trainer = trained(tmp_path)
    again = trainer.evaluate(-1, "again", trainer.dev_loader, dev_evaluation=False, save_to="x")
    trainer.close()
    assert list(again) == ["test_loss", "test_accuracy", "test_uar", "test_f1"]
    best = trainer.metrics.loc[trainer.best_iteration]
    assert again["test_accuracy"] == best["accuracy"]
    assert again["test_loss"] == pytest.approx(best["dev_loss"])
    assert (
        read(trainer.output_directory / "again" / "x.yaml")["accuracy"]["all"] == (best["accuracy"])
    )


def test_scores_are_python_floats():
    codes = np.array([0, 1, 1])
    totals = score([Accuracy()], codes, codes)
    assert totals == {"accuracy": 1.0}
    assert type(totals["accuracy"]) is float


def test_parts_stand_beside_the_whole():
    truths, guesses = np.array([[0.0, 0.5], [1.0, 0.5]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    metric = MSE()
    parts = score_parts(
        [metric], {"mse": 0.125}, truths, guesses, target_columns=["a", "b"], strata={}
    )
    assert parts == {"mse": {"a": 0.0, "b": 0.25, "all": 0.125}}


class Named(BaseClassificationDataset):
    """Strata that a user computes."""

    def strata(self, subset):
        return {"all": np.ones(len(self._frame_of(subset)), dtype=bool)}


def test_a_stratum_called_all_is_refused_before_training(tmp_path, csv_run):
    target = "tests.training.test_evaluate.Named"
    with pytest.raises(ConfigError, match=r"strata\('dev'\) of Named has a stratum 'all'"):
        built(tmp_path, **csv_run("Classification", _target_=target))
