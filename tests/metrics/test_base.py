import logging
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import DataError
from autrainer.metrics import (
    CCC,
    MAE,
    MSE,
    PCC,
    Accuracy,
    BaseAscendingMetric,
    BaseDescendingMetric,
    MLF1Macro,
)

ASCENDING, DESCENDING = Accuracy(), MSE()
NO_SCORES = [math.nan, math.inf, -math.inf, 1e32, -1e32]


def broken(y_true, y_pred):
    raise ValueError("no such label")


@pytest.mark.parametrize("metric", [ASCENDING, DESCENDING])
@pytest.mark.parametrize("nothing", NO_SCORES)
def test_what_is_no_score_is_never_best(metric, nothing):
    assert not metric.compare(nothing, metric.starting_metric)
    assert not metric.compare(nothing, 0.5)
    assert metric.compare(0.5, nothing)
    assert metric.get_best([nothing, 0.5]) == 0.5
    assert metric.get_best_pos([nothing, 0.5]) == 1


@pytest.mark.parametrize("metric", [ASCENDING, DESCENDING])
def test_fallback_is_not_better_than_the_start_but_any_score_is(metric):
    assert not metric.compare(metric.fallback, metric.starting_metric)
    assert metric.compare(1e6, metric.starting_metric)
    assert metric.compare(-1e6, metric.starting_metric)


def test_better_means_strictly_better():
    assert ASCENDING.compare(0.6, 0.5)
    assert DESCENDING.compare(0.5, 0.6)
    assert not ASCENDING.compare(0.5, 0.5)
    assert not DESCENDING.compare(0.5, 0.5)


def test_descending_metrics_fall_back_upwards():
    assert MSE().fallback == MAE().fallback == 1e32
    assert PCC().fallback == CCC().fallback == -1e32
    assert (MSE().suffix, PCC().suffix) == ("min", "max")


@given(st.lists(st.one_of(st.floats(-10, 10), st.sampled_from(NO_SCORES)), min_size=1))
def test_best_of_several_is_the_one_that_comparing_finds(scores):
    for metric in (ASCENDING, DESCENDING):
        best, position = metric.starting_metric, 0
        for index, score in enumerate(scores):
            if metric.compare(score, best):
                best, position = score, index
        assert metric.get_best_pos(scores) == position
        expected = best if abs(best) < 1e32 else math.nan
        assert metric.get_best(scores) == pytest.approx(expected, nan_ok=True)


def test_best_row_of_a_series_is_given_by_its_label():
    series = pd.Series([0.1, math.nan, 0.7, 0.7], index=[2, 4, 6, 8])
    assert ASCENDING.get_best_pos(series) == 6
    assert DESCENDING.get_best_pos(series) == 2
    assert ASCENDING.get_best_pos(series.to_numpy()) == 2
    assert ASCENDING.get_best(series) == 0.7


def test_best_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="best of several"):
        ASCENDING.get_best([])


def test_undefined_score_is_the_fallback_with_one_warning(caplog):
    metric = PCC()
    with caplog.at_level(logging.WARNING):
        assert metric([1.0, 1.0], [1.0, 2.0]) == -1e32
        assert metric([1.0], [1.0]) == -1e32
    assert len(caplog.records) == 1
    assert "pcc is not defined" in caplog.text


def test_constant_that_rounding_makes_uneven_is_still_constant():
    assert PCC()(np.full(7, 0.1), np.arange(7.0)) == -1e32
    assert CCC()(np.full(7, 0.1), np.full(7, 0.1)) == -1e32


def test_nan_predictions_give_no_score():
    assert MSE()([1.0, 2.0], [math.nan, 1.0]) == 1e32


def test_errors_of_a_metric_are_not_hidden():
    for base in (BaseAscendingMetric, BaseDescendingMetric):
        with pytest.raises(ValueError, match="no such label"):
            base("broken", broken)([0], [0])


@pytest.mark.parametrize("metric", [Accuracy(), MSE(), MLF1Macro()])
def test_shapes_that_differ_are_refused(metric):
    with pytest.raises(DataError, match=r"\(3, 1\) and predictions \(3,\)"):
        metric(np.zeros((3, 1)), np.zeros(3))


def test_label_codes_are_refused_where_zeros_and_ones_are_needed():
    with pytest.raises(DataError, match="zeros and ones"):
        MLF1Macro()(np.array([[0, 2]]), np.array([[0, 1]]))


def test_own_metric_gets_its_arguments_and_fallback():
    class Scaled(BaseAscendingMetric):
        def __init__(self):
            super().__init__("scaled", lambda t, p, factor: factor, fallback=0.0, factor=3)

    assert Scaled()([0], [0]) == 3
    assert (Scaled().name, Scaled().fallback) == ("scaled", 0.0)
