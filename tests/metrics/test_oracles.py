"""Scores agree with scikit-learn and audmetric wherever those define them."""

import math
import sys
import warnings

import audmetric
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from autrainer.metrics import (
    CCC,
    F1,
    MAE,
    MSE,
    PCC,
    UAR,
    Accuracy,
    MLAccuracy,
    MLF1Macro,
    MLF1Micro,
    MLF1Weighted,
)

codes = st.integers(1, 40).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 6), min_size=n, max_size=n)] * 2)
)
label_sets = st.tuples(st.integers(1, 30), st.integers(1, 5)).flatmap(
    lambda shape: st.tuples(
        *[
            st.lists(
                st.lists(st.integers(0, 1), min_size=shape[1], max_size=shape[1]),
                min_size=shape[0],
                max_size=shape[0],
            )
        ]
        * 2
    )
)
finite = st.floats(-1e3, 1e3, width=32).map(lambda value: round(value, 3))
values = st.integers(2, 30).flatmap(
    lambda n: st.tuples(*[st.lists(finite, min_size=n, max_size=n)] * 2)
)


@given(codes)
def test_classification_scores_are_those_of_scikit_learn(pair):
    truth, prediction = map(np.array, pair)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # labels that are never true or never predicted
        expected = [
            oracle.accuracy_score(truth, prediction),
            oracle.recall_score(truth, prediction, average="macro", zero_division=0),
            oracle.f1_score(truth, prediction, average="macro", zero_division=0),
        ]
    assert [m(truth, prediction) for m in (Accuracy(), UAR(), F1())] == pytest.approx(expected)


@given(codes)
def test_classification_scores_are_those_of_audmetric(pair):
    expected = [
        audmetric.accuracy(*pair),
        audmetric.unweighted_average_recall(*pair),
        audmetric.unweighted_average_fscore(*pair),
    ]
    assert [m(*pair) for m in (Accuracy(), UAR(), F1())] == pytest.approx(expected)


@given(codes)
def test_names_and_far_away_codes_score_like_codes(pair):
    truth, prediction = map(np.array, pair)
    names = np.array(list("gfedcba"))
    for metric in (Accuracy(), UAR(), F1()):
        expected = pytest.approx(metric(truth, prediction))
        assert metric(names[truth], names[prediction]) == expected
        assert metric(truth * 10**9 - 3, prediction * 10**9 - 3) == expected


@given(label_sets)
def test_multi_label_scores_are_those_of_scikit_learn(pair):
    truth, prediction = map(np.array, pair)
    # A single column would make scikit-learn think of two classes.
    truth, prediction = (np.pad(side, ((0, 0), (0, 2))) for side in (truth, prediction))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [oracle.accuracy_score(truth, prediction)] + [
            oracle.f1_score(truth, prediction, average=average, zero_division=0)
            for average in ("macro", "micro", "weighted")
        ]
    found = [m(truth, prediction) for m in (MLAccuracy(), MLF1Macro(), MLF1Micro(), MLF1Weighted())]
    assert found == pytest.approx(expected)


@given(label_sets)
def test_score_of_one_label_is_its_f_score(pair):
    truth, prediction = (np.array(side)[:, 0] for side in pair)
    expected = pytest.approx(oracle.f1_score(truth, prediction, zero_division=0))
    for metric in (MLF1Macro(), MLF1Micro(), MLF1Weighted()):
        assert metric.unitary(truth, prediction) == expected


@given(values)
def test_regression_scores_are_those_of_audmetric(pair):
    for metric, function in (
        (PCC(), audmetric.pearson_cc),
        (CCC(), audmetric.concordance_cc),
        (MSE(), audmetric.mean_squared_error),
        (MAE(), audmetric.mean_absolute_error),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = function(*pair)
        spreads = [max(side) - min(side) for side in pair]
        if metric.name == "pcc" and min(spreads) == 0:
            expected = math.nan  # a constant has no direction, whatever rounding leaves of it
        expected = metric.fallback if math.isnan(expected) else expected
        assert metric(*pair) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(values)
def test_several_targets_score_the_mean_of_their_scores(pair):
    truth, prediction = map(np.array, pair)
    wide = np.stack([truth, prediction], axis=1), np.stack([prediction, prediction], axis=1)
    for metric in (MSE(), MAE()):
        single = metric(truth, prediction), metric(prediction, prediction)
        assert metric(*wide) == pytest.approx(sum(single) / 2)


@settings(max_examples=30)
@given(values, st.integers(-8, 8))
def test_correlation_does_not_depend_on_the_unit(pair, exponent):
    truth, prediction = map(np.array, pair)
    metric = PCC()
    expected = pytest.approx(metric(truth, prediction), abs=1e-6)
    assert metric(truth * 10.0**exponent, prediction * 10.0**-exponent) == expected


def lines_run(function, *arguments):
    """How many lines of Python a call executes."""
    lines = 0

    def trace(frame, event, argument):
        nonlocal lines
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("metric", [Accuracy(), UAR(), F1()], ids=lambda m: m.name)
def test_many_samples_take_no_loop(metric):
    rng = np.random.default_rng(0)
    few, many = (rng.integers(0, 5, (2, samples)) for samples in (100, 10_000))
    metric(*few)
    assert lines_run(metric, *few) == lines_run(metric, *many) > 0
