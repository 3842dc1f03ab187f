import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from autrainer.metrics import F1, UAR, Accuracy, MLAccuracy
from autrainer.statistics import Bootstrap, bootstrap_interval, compare_strata, wilson_interval
from autrainer.statistics.shares import effective_number


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.5, 0.999))
def test_intervals_of_shares_are_those_of_scipy(hits, errors, level):
    num = hits + errors
    theirs = scipy.stats.binomtest(hits, num).proportion_ci(level, method="wilson")
    ours = wilson_interval(hits / num, num, level)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert 0 <= ours[0] <= hits / num <= ours[1] <= 1


@pytest.mark.parametrize("num_samples", [20, 359])
def test_accuracy_without_an_error_may_still_be_below_one(num_samples):
    labels = ["a", "b"] * (num_samples // 2)
    interval = bootstrap_interval(Accuracy().fn, labels, labels)
    # Not far from the rule of three, which is the exact end at 97.5 % for this level: ln(40) / n.
    assert interval.high == interval.score == 1.0
    assert 1 - interval.low == pytest.approx(math.log(40) / num_samples, rel=0.15)


def test_one_error_more_never_raises_an_end():
    truth = np.zeros(100, int)
    found = [
        bootstrap_interval(Accuracy().fn, truth, (np.arange(100) < errors).astype(int))
        for errors in range(101)
    ]
    for before, after in itertools.pairwise(found):
        assert after.low < before.low
        assert after.high < before.high
    assert found[-1].low == 0.0


def test_whole_label_sets_are_shares_too():
    truth = np.eye(3)[np.arange(60) % 3]
    interval = bootstrap_interval(MLAccuracy().fn, truth, truth)
    assert (interval.low, interval.high) == wilson_interval(1.0, 60, 0.95)


@pytest.mark.parametrize("metric", [UAR, F1])
def test_other_metrics_have_no_interval_without_an_error(metric):
    labels = [0, 1, 2] * 20
    interval = bootstrap_interval(metric().fn, labels, labels, resamples=50)
    assert interval.score == 1.0
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_samples_that_are_alike_in_a_group_count_once():
    codes = np.repeat(np.arange(30), 10)
    alike = np.repeat(np.arange(30) % 2 == 0, 10)
    # The variance between 30 groups has 29 in its denominator.
    assert effective_number(alike, codes) == pytest.approx(29)


def test_groups_that_differ_no_more_than_by_chance_count_as_their_samples():
    rng = np.random.default_rng(0)
    numbers = [
        effective_number(rng.random(2000) < 0.8, np.repeat(np.arange(200), 10)) for _ in range(20)
    ]
    assert np.mean(numbers) > 1800
    assert max(numbers) <= 2000


def test_errors_in_few_groups_do_not_tell_how_alike_samples_are():
    codes = np.repeat(np.arange(40), 10)
    for num_groups in range(5):
        hits = np.ones(400, bool)
        hits[: 10 * num_groups : 10] = False
        assert effective_number(hits, codes) == effective_number(~hits, codes) == 40


def test_intervals_hold_a_high_accuracy_as_often_as_they_say():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        errors = (rng.random(359) < 0.003).astype(int)
        interval = bootstrap_interval(Accuracy().fn, np.zeros(359, int), errors)
        held += interval.low <= 0.997 <= interval.high
    # Percentiles of resamples hold it in two thirds of such test sets: often there is no error.
    assert held / 300 > 0.94


def test_strata_without_an_error_have_an_interval():
    truth = np.repeat([0, 1], 50)
    prediction = truth.copy()
    prediction[60:70] = 0
    masks = {"a": np.arange(100) < 50, "b": np.arange(100) >= 50}
    found = compare_strata(Bootstrap(100), Accuracy().fn, truth, prediction, masks)
    assert [each.interval.score for each in found.strata] == [1.0, 0.8]
    assert found.strata[0].interval.low == pytest.approx(wilson_interval(1.0, 50, 0.95)[0])
    assert found.gap.interval.low > 0
