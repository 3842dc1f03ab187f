"""Bars of scores by what runs were trained with."""

import math

import pytest

from autrainer.errors import ConfigError
from autrainer.plotting import PlotMetrics
from autrainer.plotting.bars import bars_of
from tests.run_folders import PLOTTING

NAME = "{}_{}_Adam_0.001_32_epoch_3_None_None_1"
TABLE = {
    "run_name": [NAME.format(d, m) for d in ("A", "B") for m in ("Cnn", "Cnn-pret", "Cnn-x-y")],
    "uar": [0.1, 0.2, 0.3, 0.4, 0.5, math.nan],
}


def test_scores_are_put_by_dataset_model_and_what_is_behind_the_dash():
    first, second = bars_of(TABLE, "uar", 0, 1, True)
    assert (first.title, first.scores) == (
        "A",
        {"Cnn": {"scratch": [0.1], "pretrained": [0.2], "x-y": [0.3]}},
    )
    assert second.scores == {"Cnn": {"scratch": [0.4], "pretrained": [0.5]}}
    assert bars_of(TABLE, "uar", 0, 1, False)[0].scores.keys() == {"Cnn", "Cnn-pret", "Cnn-x-y"}


def test_fields_may_be_columns_whatever_the_names_are():
    table = {"dataset": ["A", "A"], "model": ["my_net", "my_net"], "uar": [0.1, 0.3]}
    (bars,) = bars_of(table, "uar", 0, 1, True)
    assert bars.scores == {"my_net": {"scratch": [0.1, 0.3]}}


def test_what_cannot_be_told_apart_is_refused():
    with pytest.raises(ConfigError, match="run names do not have the 10 fields"):
        bars_of({"run_name": ["mine"], "uar": [1.0]}, "uar", 0, 1, True)
    with pytest.raises(ConfigError, match="no column 'f1'"):
        bars_of(TABLE, "f1", 0, 1, True)
    with pytest.raises(ConfigError, match="no field 10"):
        bars_of(TABLE, "uar", 0, 10, True)


def test_bars_are_drawn(tmp_path):
    plots = PlotMetrics(tmp_path, "epoch", **PLOTTING, metric_fns=[])
    plots.plot_aggregated_bars(TABLE, "uar")
    assert (tmp_path / "uar.png").stat().st_size > 2000
    plots.plot_aggregated_bars({"run_name": [], "none": []}, "none")
    assert not (tmp_path / "none.png").exists()
