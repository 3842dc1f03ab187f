"""Names that would make one result replace another."""

import pandas as pd
import pytest

from autrainer.datasets.tables.strata import strata_of
from autrainer.errors import ConfigError, DataError
from autrainer.metrics import MAE, MSE


class Loss(MSE):
    def __init__(self):
        super().__init__()
        self.name = "dev_loss"


class Double(MAE):
    """A metric that keeps the name of another one."""


@pytest.mark.parametrize("task", ["ml-classification", "mt-regression"])
def test_a_target_called_all_is_refused_with_the_reason(build, task):
    with pytest.raises(ConfigError, match="column 'all': results of each target stand beside"):
        build(task, target_column=["loud", "all"])


def test_a_target_is_named_once(build):
    with pytest.raises(ConfigError, match="target_column names age more than once"):
        build("mt-regression", target_column=["age", "loud", "age"])


def test_a_single_target_may_be_called_all(build, folder):
    for subset in ("train", "dev", "test"):
        frame = pd.read_csv(folder / f"{subset}.csv").rename(columns={"label": "all"})
        frame.to_csv(folder / f"{subset}.csv", index=False)

    assert build(target_column="all").target_transform.labels == ["ant", "bee", "cat"]


@pytest.mark.parametrize(
    ("other", "message"),
    [("Loss", "a metric called 'dev_loss'"), ("Double", "has mae more than once")],
)
def test_a_metric_has_a_name_of_its_own(build, other, message):
    metrics = ["autrainer.metrics.MAE", f"{__name__}.{other}"]
    with pytest.raises(ConfigError, match=message):
        build("regression", metrics=metrics, tracking_metric=metrics[0])


@pytest.mark.parametrize("task", ["classification", "regression", "mt-regression"])
def test_columns_are_named_by_texts(build, folder, task):
    for subset in ("train", "dev", "test"):
        frame = pd.read_csv(folder / f"{subset}.csv").rename(columns={"age": "7", "label": "7"})
        frame.to_csv(folder / f"{subset}.csv", index=False)
    column = [7] if task == "mt-regression" else 7

    with pytest.raises((ConfigError, DataError), match="names of columns are texts: write '7'"):
        build(task, target_column=column).create_train_loader(1)


def test_strata_that_would_share_a_name_are_refused():
    frame = pd.DataFrame({"a": ["x", "b=x"], "b": ["x", "y"]})

    with pytest.raises(DataError, match="2 strata would be called 'b=x'"):
        strata_of(frame, ["a", "b"])
