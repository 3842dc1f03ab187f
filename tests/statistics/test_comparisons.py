import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.errors import ConfigError, DataError
from autrainer.metrics import F1, MSE, UAR, Accuracy
from autrainer.statistics import (
    Bootstrap,
    compare_methods,
    compare_seeds,
    compare_strata,
    holm,
    interquartile_mean,
    over_seeds,
    paired_permutation_test,
    wilcoxon_signed_rank,
)


def two_runs(num_samples, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, num_samples)
    runs = [
        np.where(rng.random(num_samples) < rate, truth, rng.integers(0, 3, num_samples))
        for rate in (0.8, 0.5)
    ]
    return truth, *runs


@pytest.mark.parametrize("metric", [Accuracy, UAR, F1])
def test_paired_test_of_few_groups_is_that_of_scipy(metric):
    truth, first, second = two_runs(40)
    groups = np.arange(40) // 5

    ours = paired_permutation_test(metric().fn, truth, first, second, groups)
    blocks = np.stack([first, second]).reshape(2, 8, 5)

    def of_choice(choice_a, choice_b):
        a = np.concatenate([blocks[int(c), g] for g, c in enumerate(choice_a)])
        b = np.concatenate([blocks[int(c), g] for g, c in enumerate(choice_b)])
        return metric().fn(truth, a) - metric().fn(truth, b)

    theirs = scipy.stats.permutation_test(
        (np.zeros(8), np.ones(8)),
        of_choice,
        permutation_type="samples",
        vectorized=False,
        n_resamples=np.inf,
    )
    assert ours.is_exact
    assert ours.num_groups == 8
    assert ours.difference == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue)


def test_drawn_exchanges_agree_with_all_of_them():
    truth, first, second = two_runs(60, seed=2)
    groups = np.arange(60) // 5
    exact = paired_permutation_test(Accuracy().fn, truth, first, second, groups)
    drawn = paired_permutation_test(Accuracy().fn, truth, first, second, groups, permutations=4000)
    assert (exact.is_exact, drawn.is_exact) == (True, False)
    assert drawn.p_value == pytest.approx(exact.p_value, abs=0.02)


def test_a_metric_of_ones_own_gives_the_same_p_value():
    truth, first, second = two_runs(50, seed=4)
    known = paired_permutation_test(F1().fn, truth, first, second, permutations=300)
    own = paired_permutation_test(
        lambda a, b: F1().fn(a, b), truth, first, second, permutations=300
    )
    assert own.p_value == known.p_value


def test_values_of_several_targets_are_exchanged_as_a_whole():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(30, 2))
    first, second = truth + rng.normal(size=(30, 2)), truth + 3 * rng.normal(size=(30, 2))
    known = paired_permutation_test(MSE().fn, truth, first, second, permutations=300)
    own = paired_permutation_test(
        lambda a, b: MSE().fn(a, b), truth, first, second, permutations=300
    )
    assert known.difference < 0
    assert own.p_value == known.p_value == 1 / 301


def test_a_run_does_not_differ_from_itself():
    truth, first, _ = two_runs(50)
    assert paired_permutation_test(Accuracy().fn, truth, first, first).p_value == 1


def test_p_values_of_runs_that_are_alike_are_spread_evenly():
    p_values = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        first, second = rng.normal(size=(2, 12))
        found = paired_permutation_test(
            lambda t, p: float(np.mean(p)), np.zeros(12), first, second, permutations=19
        )
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) <= 0.1) == pytest.approx(0.1, abs=0.07)


def test_runs_of_other_samples_are_refused():
    with pytest.raises(DataError, match="3 truths and 3 and 2 predictions"):
        paired_permutation_test(Accuracy().fn, [0, 1, 2], [0, 1, 2], [0, 1])
    with pytest.raises(ConfigError, match="permutations is 0"):
        paired_permutation_test(Accuracy().fn, [0], [0], [0], permutations=0)


def test_three_seeds_have_mean_and_deviation_and_no_p_value():
    summary = over_seeds([0.5, 0.7, 0.9])
    assert summary.values == (0.5, 0.7, 0.9)
    assert summary.mean == pytest.approx(0.7)
    assert summary.sd == pytest.approx(np.std([0.5, 0.7, 0.9], ddof=1))
    assert summary.iqm is None
    assert compare_seeds([0.5, 0.7, 0.9], [0.1, 0.2, 0.3, 0.4]) is None


def test_one_seed_has_no_deviation():
    assert over_seeds([0.5]).sd is None


@settings(max_examples=30)
@given(st.lists(st.floats(-10, 10), min_size=5, max_size=23))
def test_interquartile_mean_is_the_trimmed_mean_of_scipy(values):
    expected = scipy.stats.trim_mean(values, 0.25)
    assert over_seeds(values).iqm == pytest.approx(expected, abs=1e-9)
    assert interquartile_mean(values) == over_seeds(values).iqm


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf]])
def test_scores_over_seeds_have_to_be_numbers(values):
    with pytest.raises(DataError, match="needs finite scores"):
        over_seeds(values)


def test_four_seeds_are_compared_as_by_scipy():
    first, second = [0.9, 0.8, 0.85, 0.7], [0.6, 0.75, 0.5, 0.7, 0.65]
    theirs = scipy.stats.permutation_test(
        (first, second), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), n_resamples=1e5
    )
    # scipy doubles the smaller tail; counted here, for it need not be symmetric.
    null = theirs.null_distribution
    expected = np.mean(np.abs(null) >= abs(theirs.statistic) - 1e-12)
    assert compare_seeds(first, second) == pytest.approx(expected)


@settings(max_examples=30)
@given(st.lists(st.tuples(*[st.integers(0, 5)] * 2), min_size=2, max_size=9))
def test_signed_ranks_are_those_of_scipy_with_ties_too(pairs):
    a, b = np.array(pairs, float).T
    d = (a - b)[a != b]
    if not len(d):
        assert wilcoxon_signed_rank(a, b) == 1
        return
    signs = np.array(np.meshgrid(*[[0, 1]] * len(d))).reshape(len(d), -1)
    ranks = scipy.stats.rankdata(np.abs(d))
    sums, found = ranks @ signs, ranks[d > 0].sum()
    expected = min(1, 2 * min(np.mean(sums <= found), np.mean(sums >= found)))
    assert wilcoxon_signed_rank(a, b) == pytest.approx(expected)


@pytest.mark.parametrize("num_datasets", [2, 7, 30])
def test_signed_ranks_without_ties_are_the_exact_ones_of_scipy(num_datasets):
    a, b = np.random.default_rng(num_datasets).normal(size=(2, num_datasets))
    expected = scipy.stats.wilcoxon(a, b, method="exact").pvalue
    assert wilcoxon_signed_rank(a, b) == pytest.approx(expected)


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_its_definition(p_values):
    ordered = sorted(p_values)
    steps = [min(1, p * (len(ordered) - k)) for k, p in enumerate(ordered)]
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        last = len(ordered) - ordered[::-1].index(p) - 1
        first = ordered.index(p)
        assert adjusted in {max(steps[: k + 1]) for k in range(first, last + 1)}
        assert adjusted >= p


def test_methods_are_compared_in_pairs_over_the_datasets_that_both_have():
    scores = {
        "a": {"x": 0.9, "y": 0.8, "z": 0.7},
        "b": {"x": 0.8, "y": 0.6, "z": 0.4},
        "c": {"y": 0.5, "z": 0.9},
    }
    pairs = compare_methods(scores)
    assert [(p.first, p.second, p.num_datasets) for p in pairs] == [
        ("a", "b", 3),
        ("a", "c", 2),
        ("b", "c", 2),
    ]
    assert pairs[0].mean_difference == pytest.approx(0.2)
    assert pairs[0].p_value == pytest.approx(0.25)
    assert [p.adjusted for p in pairs] == holm([p.p_value for p in pairs])
    with pytest.raises(DataError, match="a and c have 1 datasets in common"):
        compare_methods({"a": {"x": 1.0, "y": 1.0}, "c": {"y": 2.0}})


def strata(direction="max"):
    rng = np.random.default_rng(0)
    names = np.repeat(["good", "bad", "few"], [100, 60, 10])
    rates = {"good": 0.95, "bad": 0.6, "few": 0.8}
    hits = rng.random(170) < np.array([rates[name] for name in names])
    masks = {name: names == name for name in rates}
    bootstrap = Bootstrap(170)
    truth = np.ones(170, int)
    return compare_strata(
        bootstrap, Accuracy().fn, truth, hits.astype(int), masks, direction=direction
    )


def test_strata_have_counts_intervals_and_a_gap():
    report = strata()
    assert [(s.name, s.interval.num_samples) for s in report.strata] == [
        ("good", 100),
        ("bad", 60),
        ("few", 10),
    ]
    assert (report.gap.worst, report.gap.best) == ("bad", "good")
    good, bad, _ = (each.interval for each in report.strata)
    assert report.gap.interval.score == pytest.approx(good.score - bad.score)
    assert 0 < report.gap.interval.low < report.gap.interval.score < report.gap.interval.high


def test_the_worst_stratum_of_an_error_is_that_with_the_largest():
    assert strata("min").gap.worst == "good"
    assert strata("min").gap.interval.score > 0


def test_a_stratum_of_fewer_than_30_samples_is_warned_of():
    report = strata()
    assert [each.name for each in report.strata if each.is_small] == ["few"]
    assert report.warnings == ["few has 10 samples, fewer than 30: its score says little"]


def test_statistics_import_neither_torch_nor_scipy():
    program = (
        "import sys\n"
        "import autrainer.statistics\n"
        "print(sorted({'torch', 'scipy', 'pandas', 'sklearn'} & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
