import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from autrainer.errors import ConfigError, DataError
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
from autrainer.statistics import Bootstrap, bootstrap_interval

LABELS = [Accuracy, UAR, F1]
SETS = [MLAccuracy, MLF1Macro, MLF1Micro, MLF1Weighted]
VALUES = [MSE, MAE, PCC, CCC]


def both_sides(metric, rng, num_samples):
    if metric in LABELS:
        truth = rng.integers(0, 4, num_samples)
        return truth, np.where(
            rng.random(num_samples) < 0.6, truth, rng.integers(0, 5, num_samples)
        )
    if metric in SETS:
        return rng.integers(0, 2, (num_samples, 3)), rng.integers(0, 2, (num_samples, 3))
    truth = rng.normal(5, 2, (num_samples, 2))
    return truth, truth + rng.normal(size=(num_samples, 2))


def resampled(bootstrap, metric, truth, prediction, taken):
    """The definition: every group as often as it was drawn, and the metric called."""
    scores = []
    for counts in np.concatenate(list(bootstrap._counts())):
        rows = [r for r in taken for _ in range(int(counts[bootstrap.codes[r]]))]
        scores.append(metric.fn(truth[rows], prediction[rows]) if rows else np.nan)
    return np.array(scores)


@pytest.mark.parametrize("metric", [*LABELS, *SETS, *VALUES], ids=lambda each: each.__name__)
@pytest.mark.parametrize("num_groups", [None, 4])
def test_scores_are_those_of_the_metric_on_every_resample(metric, num_groups):
    rng = np.random.default_rng(1)
    truth, prediction = both_sides(metric, rng, 30)
    groups = None if num_groups is None else rng.integers(0, num_groups, 30)
    bootstrap = Bootstrap(30, groups, resamples=40)
    mask = rng.random(30) < 0.7
    scores = bootstrap.scores(metric().fn, truth, prediction, mask)
    expected = resampled(bootstrap, metric(), truth, prediction, np.flatnonzero(mask))
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_a_metric_of_ones_own_is_called_for_every_resample():
    rng = np.random.default_rng(0)
    truth, prediction = both_sides(UAR, rng, 40)
    bootstrap = Bootstrap(40, rng.integers(0, 7, 40), resamples=30)
    own = bootstrap.scores(lambda a, b: UAR().fn(a, b), truth, prediction)
    np.testing.assert_allclose(own, bootstrap.scores(UAR().fn, truth, prediction), rtol=1e-12)


@pytest.mark.parametrize("metric", [UAR, PCC])
def test_intervals_are_those_of_scipy_up_to_chance(metric):
    rng = np.random.default_rng(3)
    truth, prediction = both_sides(metric, rng, 200)
    if metric is PCC:
        truth, prediction = truth[:, 0], prediction[:, 0]
    ours = bootstrap_interval(metric().fn, truth, prediction, resamples=2000)
    theirs = scipy.stats.bootstrap(
        (truth, prediction),
        metric().fn,
        paired=True,
        vectorized=False,
        n_resamples=400,
        method="percentile",
        rng=rng,
    ).confidence_interval
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.25 * width
    assert abs(ours.high - theirs.high) < 0.25 * width


def test_intervals_over_groups_are_wider_where_clips_of_a_speaker_are_alike():
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(20), 25)
    truth = rng.integers(0, 2, 500)
    prediction = np.where(np.repeat(rng.random(20) < 0.7, 25), truth, 1 - truth)
    by_clip = bootstrap_interval(Accuracy().fn, truth, prediction)
    by_speaker = bootstrap_interval(Accuracy().fn, truth, prediction, speakers)
    assert (by_speaker.num_samples, by_speaker.num_groups) == (500, 20)
    # The accuracy of a speaker is 0 or 1: 20 independent values, not 500.
    ratio = (by_speaker.high - by_speaker.low) / (by_clip.high - by_clip.low)
    assert 4 < ratio < 6


def test_intervals_over_groups_hold_the_true_score_as_often_as_they_say():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(60):
        chances = rng.beta(8, 2, 40)
        speakers = np.repeat(np.arange(40), 10)
        prediction = (rng.random(400) < chances[speakers]).astype(int)
        interval = bootstrap_interval(
            Accuracy().fn, np.ones(400, int), prediction, speakers, resamples=100
        )
        held += interval.low <= 0.8 <= interval.high
    assert 0.9 <= held / 60 < 1


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 20))
def test_every_resample_takes_as_many_groups_as_there_are(seed, num_groups, resamples):
    bootstrap = Bootstrap(num_groups, resamples=resamples, seed=seed)
    counts = np.concatenate(list(bootstrap._counts()))
    assert counts.shape == (resamples, num_groups)
    assert (counts.sum(axis=1) == num_groups).all()


def test_groups_are_drawn_evenly():
    counts = np.concatenate(list(Bootstrap(10, resamples=5000)._counts())).sum(axis=0)
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_resamples_that_are_too_many_to_keep_are_the_same(monkeypatch):
    truth, prediction = both_sides(F1, np.random.default_rng(2), 50)
    whole = bootstrap_interval(F1().fn, truth, prediction)
    monkeypatch.setattr("autrainer.statistics.bootstrap._KEPT", 0)
    monkeypatch.setattr("autrainer.statistics.bootstrap._CHUNK", 170)
    assert bootstrap_interval(F1().fn, truth, prediction) == whole


def test_a_score_that_is_not_defined_in_some_resamples_leaves_them_out():
    truth, prediction = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])
    interval = bootstrap_interval(PCC().fn, truth, prediction, resamples=300)
    assert 0 < interval.num_undefined < 100
    assert interval.low <= interval.score <= interval.high


def test_labels_may_be_texts():
    truth = np.array(["a", "b", "b", "c"] * 10)
    prediction = np.array(["a", "b", "c", "c"] * 10)
    interval = bootstrap_interval(UAR().fn, truth, prediction)
    assert interval.score == pytest.approx(balanced_accuracy_score(truth, prediction))


def test_one_group_has_no_interval():
    with pytest.raises(DataError, match="3 samples are of 1 groups; an interval needs two"):
        Bootstrap(3, ["a", "a", "a"])


def test_groups_that_are_too_few_are_refused():
    with pytest.raises(DataError, match="2 groups are given for 3 samples"):
        Bootstrap(3, ["a", "b"])


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 0.0}, {"resamples": 0}])
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is"):
        Bootstrap(3, **options)
