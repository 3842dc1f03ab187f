"""Scores in the units of the targets: in tables, results, the log, to loggers, of longer runs."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autrainer.data.targets import MinMaxScaler, StandardScaler
from autrainer.datasets import BaseRegressionDataset
from autrainer.engine.unscaled import UnscaledScores, flat, interleaved
from autrainer.errors import CorruptFileError
from autrainer.loggers import AbstractLogger
from autrainer.metrics import CCC, MAE, MSE, PCC
from autrainer.metrics.base import BaseDescendingMetric
from autrainer.runs.layout import is_file_of_run
from autrainer.runs.random.seeding import set_seed
from autrainer.runs.yaml.reading import read_yaml
from tests.training.conftest import trained

HERE = "tests.training.test_unscaled"
METRICS = [f"autrainer.metrics.{name}" for name in ("CCC", "MAE", "MSE")]


def regression(csv_run, task="Regression", **options):
    return csv_run(task, **{"metrics": METRICS, "tracking_metric": METRICS[1], **options})


def results_of(run, folder="_test", subset="test"):
    return pd.read_csv(run / folder / f"{subset}_results.csv")


def test_scores_are_in_the_unit_of_the_target_wherever_scores_are(tmp_path, csv_run, caplog):
    trainer = trained(tmp_path, **regression(csv_run))
    run = trainer.output_directory

    for folder, subset, name in (
        ("_best", "dev", "dev"),
        ("epoch_2", "dev", "dev"),
        ("_test", "test", "test_holistic"),
    ):
        table = results_of(run, folder, subset)
        errors = table["predictions"] - table["target"]
        found = read_yaml(run / folder / f"{name}_unscaled.yaml")
        assert list(found) == ["mae_unscaled", "mse_unscaled"]
        assert found["mae_unscaled"] == {"all": pytest.approx(errors.abs().mean(), rel=1e-5)}
        assert found["mse_unscaled"] == {"all": pytest.approx((errors**2).mean(), rel=1e-5)}
        scaled = read_yaml(run / folder / f"{name}.yaml")
        assert scaled["mae"]["all"] == pytest.approx(found["mae_unscaled"]["all"] / 9, rel=1e-5)

    table = pd.read_csv(run / "metrics_unscaled.csv")
    assert list(table) == ["mae_unscaled", "mse_unscaled", "iteration"]
    last = read_yaml(run / "epoch_2" / "dev_unscaled.yaml")["mae_unscaled"]["all"]
    assert table["mae_unscaled"].tolist()[-1] == last
    assert trainer.unscaled_metrics(2)["mae_unscaled"] == last
    best = read_yaml(run / "_best" / "best_results.yaml")
    assert best["mae_unscaled"] == table["mae_unscaled"].min()
    assert list(best)[2:] == ["ccc", "mae_unscaled", "mae", "mse_unscaled", "mse", "best_iteration"]
    log = (run / "training.log").read_text()
    assert "Test results (unscaled: in the unit of 'age'):" in log
    assert log.index("test_mae_unscaled:") < log.index("test_mae:")


def test_what_autrainer_0_10_reads_has_no_other_names(tmp_path, csv_run):
    run = trained(tmp_path, **regression(csv_run)).output_directory

    assert list(pd.read_csv(run / "metrics.csv")) == [
        *("ccc", "mae", "mse", "train_loss", "dev_loss", "iteration")
    ]
    dev, test = read_yaml(run / "_best" / "dev.yaml"), read_yaml(run / "_test/test_holistic.yaml")
    assert list(dev) == ["ccc", "mae", "mse", "dev_loss", "iteration"]
    assert list(test) == ["ccc", "mae", "mse", "loss"]
    assert all(list(dev[name]) == list(test[name]) == ["all"] for name in ("ccc", "mae", "mse"))
    for path in run.rglob("*unscaled*"):
        assert is_file_of_run(path.relative_to(run))


def test_what_callbacks_get_and_the_best_state_are_as_they_were(tmp_path, csv_run):
    options = regression(csv_run)
    trainer = trained(tmp_path, **options, callbacks=[f"{HERE}.Hearing"])
    (hearing,) = trainer.callbacks

    names = {"ccc", "mae", "mse", "train_loss", "dev_loss"}
    assert hearing.heard["dev"].keys() == hearing.heard["iteration"].keys() == names
    assert hearing.heard["test"].keys() == {"test_loss", "test_ccc", "test_mae", "test_mse"}
    assert trainer.max_dev_metric == trainer.metrics["mae"].min()


class Hearing:
    """Keeps what it is told."""

    def __init__(self):
        self.heard = {}

    def cb_on_dev_end(self, trainer, iteration, dev_results):
        self.heard["dev"] = dev_results

    def cb_on_iteration_end(self, trainer, iteration, metrics):
        self.heard["iteration"] = metrics

    def cb_on_test_end(self, trainer, test_results):
        self.heard["test"] = test_results


def test_strata_are_in_the_unit_of_the_target_too(tmp_path, csv_run, csv_data):
    run = trained(tmp_path, **regression(csv_run, stratify=["city"])).output_directory

    table = results_of(run)
    errors = (table["predictions"] - table["target"]).abs()
    cities = pd.read_csv(csv_data / "test.csv")["city"]
    found = read_yaml(run / "_test" / "test_holistic_unscaled.yaml")["mae_unscaled"]
    assert set(found) == {"all", "Ulm", "Rom"}
    for city in ("Ulm", "Rom"):
        assert found[city] == pytest.approx(errors[cities == city].mean(), rel=1e-5)


def test_every_target_has_its_own_unit(tmp_path, csv_run):
    trainer = trained(tmp_path, **regression(csv_run, "MTRegression"))
    run = trainer.output_directory

    table = results_of(run)
    found = read_yaml(run / "_test" / "test_holistic_unscaled.yaml")
    for name in ("age", "height"):
        errors = (table[f"prediction_{name}"] - table[f"target_{name}"]).abs()
        assert found["mae_unscaled"][name] == pytest.approx(errors.mean(), rel=1e-5)
    assert list(found["mae_unscaled"]) == ["age", "height"]
    names = [f"{m}_unscaled.{target}" for m in ("mae", "mse") for target in ("age", "height")]
    assert list(pd.read_csv(run / "metrics_unscaled.csv")) == [*names, "iteration"]
    assert "unscaled: each in the unit of its target" in (run / "training.log").read_text()


def test_one_of_several_targets_has_a_total_as_it_is(tmp_path, csv_run):
    run = trained(tmp_path, **regression(csv_run, "MTRegression", target_column=["age"]))
    found = read_yaml(run.output_directory / "_test" / "test_holistic_unscaled.yaml")

    assert found["mae_unscaled"]["age"] == found["mae_unscaled"]["all"]
    assert list(run.unscaled_metrics(1)) == ["mae_unscaled", "mse_unscaled"]


@pytest.mark.parametrize("task", ["Classification", "MLClassification"])
def test_other_tasks_have_no_such_scores(tmp_path, csv_run, task):
    trainer = trained(tmp_path, **csv_run(task))

    assert trainer.unscaled_metrics(1) == trainer.unscaled_test == {}
    assert not list(trainer.output_directory.rglob("*unscaled*"))
    assert "unscaled" not in (trainer.output_directory / "training.log").read_text()


class Notes(AbstractLogger):
    """Keeps what it is told."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.noted = []

    def log_params(self, cfg):
        pass

    def log_metrics(self, metrics, iteration=None):
        self.noted.append((iteration, metrics))

    def log_timers(self, timers):
        pass

    def log_artifact(self, filename, path=""):
        pass


def test_loggers_get_both(tmp_path, csv_run):
    options = regression(csv_run, "MTRegression")
    trainer = trained(tmp_path, **options, loggers=[f"{HERE}.Notes"])
    noted = trainer.loggers[0].noted

    values = dict(noted)[2]
    assert values["mae_unscaled.age"] == trainer.unscaled_metrics(2)["mae_unscaled.age"]
    assert values["mae"] == trainer.metrics["mae"][2]
    best = [metrics for iteration, metrics in noted if iteration is None][-2]
    column = [trainer.unscaled_metrics(n)["mae_unscaled.age"] for n in (1, 2)]
    assert best["mae_unscaled.age.min"] == min(column)
    assert noted[-1][1].keys() >= {"test_mae", "test_mae_unscaled.age", "test_loss"}


def test_a_longer_run_goes_on_from_these_scores(tmp_path, csv_run):
    options = regression(csv_run)
    on = ("continue_training=true", "+remove_continued_runs=false")
    short = trained(tmp_path, *on, "iterations=1", name="short", **options)
    long = trained(tmp_path, *on, "iterations=2", name="long", **options)
    whole = trained(tmp_path / "whole", "iterations=2", **options)

    assert long.initial_iteration == 2
    assert long.unscaled_metrics(1) == short.unscaled_metrics(1)
    one, two = (run.output_directory / "metrics_unscaled.csv" for run in (long, whole))
    assert one.read_bytes() == two.read_bytes()


def test_a_run_without_these_scores_is_gone_on_from(tmp_path, csv_run):
    options = regression(csv_run)
    on = ("continue_training=true", "+remove_continued_runs=false")
    short = trained(tmp_path, *on, "iterations=1", name="short", **options)
    for path in list(short.output_directory.rglob("*unscaled*")):
        path.unlink()
    long = trained(tmp_path, *on, "iterations=2", name="long", **options)

    assert long.initial_iteration == 2
    assert long.unscaled_metrics(1) == {}
    table = pd.read_csv(long.output_directory / "metrics_unscaled.csv")
    assert table["iteration"].tolist() == [1, 2]
    assert table["mae_unscaled"].isna().tolist() == [True, False]


def test_a_damaged_table_of_a_shorter_run_is_named(tmp_path, csv_run):
    options = regression(csv_run)
    on = ("continue_training=true", "+remove_continued_runs=false")
    short = trained(tmp_path, *on, "iterations=1", name="short", **options)
    (short.output_directory / "metrics_unscaled.csv").write_text("mae_unscaled,iteration\nx,1\n")

    with pytest.raises(CorruptFileError, match=r"metrics_unscaled\.csv, line 2"):
        trained(tmp_path, *on, "iterations=2", name="long", **options)


class Plain(MinMaxScaler):
    """Leaves numbers as they are."""

    def __init__(self, target):
        super().__init__(target, 0, 1)

    def probabilities_inference(self, x):
        return x


class Logarithmic(StandardScaler):
    """Learns logarithms."""

    def encode(self, x):
        return super().encode(math.log1p(x))

    def decode(self, x):
        return math.expm1(super().decode(x))


class PlainDataset(BaseRegressionDataset):
    @property
    def target_transform(self):
        return Plain("age")


class LogarithmicDataset(BaseRegressionDataset):
    @property
    def target_transform(self):
        return Logarithmic("age", 1.0, 2.0)


def with_dataset(options, name):
    return {**options, "dataset": {**options["dataset"], "_target_": f"{HERE}.{name}"}}


def test_targets_that_are_not_scaled_have_one_score(tmp_path, csv_run):
    trainer = trained(tmp_path, **with_dataset(regression(csv_run), "PlainDataset"))

    assert trainer.unscaled_metrics(1) == {}
    assert not list(trainer.output_directory.rglob("*unscaled*"))


def test_every_score_of_a_transform_that_is_not_affine_has_a_second_value(tmp_path, csv_run):
    trainer = trained(tmp_path, **with_dataset(regression(csv_run), "LogarithmicDataset"))

    scores = trainer.unscaled_metrics(2)
    assert list(scores) == ["ccc_unscaled", "mae_unscaled", "mse_unscaled"]
    table = results_of(trainer.output_directory, "epoch_2", "dev")
    expected = CCC()(table["target"].to_numpy(), table["predictions"].to_numpy())
    assert scores["ccc_unscaled"] == pytest.approx(expected, abs=1e-6)
    assert scores["ccc_unscaled"] != pytest.approx(trainer.metrics["ccc"][2], abs=1e-6)


class OnlyScaled(BaseDescendingMetric):
    """A metric of the user's own that expects values from 0 to 1."""

    def __init__(self):
        super().__init__(name="binned", fn=self.score)

    @staticmethod
    def score(y_true, y_pred):
        if max(y_true.max(), y_pred.max()) > 1:
            raise ValueError("values from 0 to 1 only")
        return abs(y_true - y_pred).max()


class Taken(BaseDescendingMetric):
    """A metric of the user's own that has the name already."""

    def __init__(self):
        super().__init__(name="mae_unscaled", fn=lambda y_true, y_pred: 42.0)


def test_metrics_of_the_users_own_go_on_as_they_did(tmp_path, csv_run, caplog):
    metrics = [METRICS[1], f"{HERE}.OnlyScaled", f"{HERE}.Taken"]
    trainer = trained(tmp_path, **regression(csv_run, metrics=metrics))

    assert trainer.metrics["mae_unscaled"].tolist() == [42.0, 42.0]
    assert trainer.metrics["binned"].between(0, 1).all()
    assert list(trainer.unscaled_metrics(1)) == ["mae_unscaled_unscaled"]
    told = [r for r in caplog.records if "binned cannot be computed" in r.getMessage()]
    assert len(told) == 1
    assert "values from 0 to 1 only" in told[0].getMessage()


SPLITS = hnp.arrays(
    np.float64, st.integers(3, 20), elements=st.floats(-10, 10, width=16), unique=True
)


@pytest.mark.parametrize("metric", [PCC(), CCC(), MAE(), MSE()], ids=lambda metric: metric.name)
@given(truth=SPLITS, scale=st.floats(0.1, 100), offset=st.floats(-100, 100), seed=st.integers(0, 9))
def test_scale_free_metrics_are_those_that_do_not_change(metric, truth, scale, offset, seed):
    guess = truth + np.random.default_rng(seed).normal(size=len(truth))

    before, after = (
        metric(truth, guess),
        metric(scale * truth + offset, scale * guess + offset),
    )

    power = {"mae": 1, "mse": 2}.get(metric.name, 0)
    assert metric.is_scale_free == (power == 0)
    assert after == pytest.approx(before * scale**power, rel=1e-6, abs=1e-9)


def test_scores_that_are_not_defined_stay_so():
    class Data:
        task = "regression"
        target_column = "age"
        metrics = (MAE(),)
        target_transform = MinMaxScaler("age", 0, 10)

    scores = UnscaledScores(Data())

    assert scores.of(np.float32([0.5]), np.float32([np.nan]), {}) == {
        "mae_unscaled": {"all": MAE().fallback}
    }
    assert scores.of(np.float32([0.5]), np.float32([0.7]), {})["mae_unscaled"]["all"] == (
        pytest.approx(2)
    )
    assert scores.of(np.float32([[0.5]]), np.float32([0.7]), {}) == {}


def test_scores_stand_before_the_scaled_ones():
    parts = {"mae_unscaled": {"a": 1.0, "b": 2.0}, "mse_unscaled": {"x": 3.0, "all": 4.0}}
    scores = flat(parts)

    assert scores == {"mae_unscaled.a": 1.0, "mae_unscaled.b": 2.0, "mse_unscaled": 4.0}
    merged = interleaved({"ccc": 0.5, "mae": 0.1, "mse": 0.2, "dev_loss": 0.3}, scores)
    assert list(merged) == [
        *("ccc", "mae_unscaled.a", "mae_unscaled.b", "mae", "mse_unscaled", "mse", "dev_loss")
    ]


def test_a_resumed_run_has_the_scores_of_all_its_iterations(tmp_path, csv_run):
    options = {**regression(csv_run), "callbacks": [f"{HERE}.Stops"]}
    whole = trained(tmp_path / "whole", "iterations=3", **regression(csv_run))
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, "iterations=3", **options)
    set_seed(7)
    again = trained(tmp_path, "iterations=3", **options)

    assert again.resumption.is_resumed
    one, two = (run.output_directory / "metrics_unscaled.csv" for run in (again, whole))
    assert one.read_bytes() == two.read_bytes()


class Stops:
    """Interrupts the first attempt after its second iteration."""

    def cb_on_step_begin(self, trainer, iteration, batch_idx):
        mark = trainer.output_directory / "mark"
        if iteration == 3 and not mark.exists():
            mark.touch()
            raise KeyboardInterrupt
