"""What losses at rising learning rates say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.training.trying.rates import (
    SMOOTHING,
    Divergence,
    RateCurve,
    rising_rates,
    smoothed,
)


def curve(shape, noise=0.0, num=100):
    """Losses of a shape over the logarithm of the rate, from 1e-7 to 10."""
    rates = rising_rates(1e-7, 10, num)
    losses = np.array([shape(x) for x in np.log10(rates)])
    return RateCurve(rates, losses + noise * np.random.default_rng(0).standard_normal(num))


def falling(x):
    """Flat, then a fall whose middle is at 1e-3, then divergence from 1e-1 on."""
    return 2 - 1.5 / (1 + np.exp(-4 * (x + 3))) + (np.exp(4 * (x + 1)) if x > -1 else 0)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=50))
def test_an_average_is_the_weighted_mean_of_the_losses_until_then(losses):
    found = smoothed(np.array(losses))
    weights = SMOOTHING ** np.arange(len(losses))[::-1]
    expected = np.sum(weights * losses) / np.sum(weights)
    assert found[-1] == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_the_rate_of_the_steepest_fall_is_suggested(noise):
    # An average is about nine steps behind, which is 0.7 of a decade here.
    found = np.log10(curve(falling, noise).suggestion)
    assert -3.2 < found < -1.8


@pytest.mark.parametrize(
    "shape", [lambda x: 2.0, lambda x: 2 + 0.1 * (x + 7), lambda x: 2 + np.exp(x)]
)
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_where_the_loss_does_not_fall_nothing_is_suggested(shape, noise):
    assert curve(shape, noise).suggestion is None


@pytest.mark.parametrize("num", [0, 1, 2])
def test_few_steps_suggest_nothing(num):
    assert RateCurve(rising_rates(1e-3, 1, 5)[:num], np.arange(num, 0, -1.0)).suggestion is None


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([2.0], False),
        ([float("nan")], True),
        ([2.0, float("inf")], True),
        ([2.0] * 5 + [1.0] * 20, False),
        ([2.0] * 5 + [0.5] * 30 + [50.0] * 3, True),
        # From almost nothing to a little is no divergence.
        ([1.0] + [1e-9] * 200 + [1e-6] * 20, False),
        ([-1.0, -2.0, -3.0], False),
    ],
)
def test_a_loss_has_diverged_at_several_times_the_smallest(losses, expected):
    divergence = Divergence()
    came = [divergence.has_come(loss) for loss in losses]
    assert came[-1] is expected
    assert not any(came[: -3 if expected else None])


def test_rates_rise_by_equal_ratios():
    rates = rising_rates(1e-4, 1.0, 9)
    np.testing.assert_allclose(rates[1:] / rates[:-1], 10**0.5)
    assert (rates[0], rates[-1]) == pytest.approx((1e-4, 1.0))
