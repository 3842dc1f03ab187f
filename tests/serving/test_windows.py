"""Signals in windows."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import ConfigError
from autrainer.serving.windows import TAILS, Windows


def parts(windows, num_samples):
    """Seconds and samples of the parts of the signal 1, 2, 3, ..."""
    return [(key, part.tolist()) for key, part in windows.cut(torch.arange(1, num_samples + 1))]


def test_whole_signals_are_not_cut():
    assert parts(Windows.read(None, None, None, None), 3) == [(None, [1, 2, 3])]


def test_short_signals_are_filled_up():
    assert parts(Windows.read(None, None, 0.5, 10), 3) == [(None, [1, 2, 3, 0, 0])]


def test_the_tail_is_dropped_filled_up_or_aligned():
    told = {tail: parts(Windows.read(0.4, 0.3, None, 10, tail), 9) for tail in TAILS}
    whole = [("0.00-0.40", [1, 2, 3, 4]), ("0.30-0.70", [4, 5, 6, 7])]
    assert told == {
        "drop": whole,
        "pad": [*whole, ("0.60-0.90", [7, 8, 9, 0])],
        "align": [*whole, ("0.50-0.90", [6, 7, 8, 9])],
    }


def test_a_stride_is_as_long_as_a_window_unless_told():
    assert [key for key, _ in parts(Windows.read(0.2, None, None, 10), 4)] == [
        "0.00-0.20",
        "0.20-0.40",
    ]


def test_a_signal_that_is_shorter_than_a_window_is_one_part():
    assert parts(Windows.read(0.4, 0.1, None, 10), 2) == [("0.00-0.20", [1, 2])]
    assert parts(Windows.read(0.4, 0.1, None, 10, "pad"), 2) == [("0.00-0.20", [1, 2, 0, 0])]


def test_windows_that_are_closer_than_a_hundredth_have_names_of_their_own():
    keys = [key for key, _ in parts(Windows.read(0.01, 0.0025, None, 8000), 160)]
    assert keys[:2] == ["0.0000-0.0100", "0.0025-0.0125"]
    assert len(set(keys)) == len(keys)


@given(
    num_samples=st.integers(1, 60),
    length=st.integers(1, 20),
    stride=st.integers(1, 20),
    tail=st.sampled_from(TAILS),
)
def test_windows_lie_in_the_signal_one_stride_apart(num_samples, length, stride, tail):
    windows = Windows(1, length, stride, 0, tail)
    signal = torch.arange(1, num_samples + 1)
    cut = list(windows.cut(signal))
    starts = [int(part[0]) - 1 for _, part in cut]
    expected = max(num_samples - length, 0) // stride + 1
    assert starts[:expected] == [number * stride for number in range(expected)]
    assert len({key for key, _ in cut}) == len(cut)
    if num_samples >= length:
        assert {len(part) for _, part in cut} == {length}
    if tail == "align" and num_samples >= length:
        assert cut[-1][1][-1] == num_samples or starts[-1] + length == num_samples
    if tail == "pad" and stride <= length:
        assert any(num_samples in part for _, part in cut)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((0, None, None, 10), "the window length is 0 s"),
        ((1, -1, None, 10), "the stride length is -1 s"),
        ((float("nan"), None, None, 10), "the window length is nan s"),
        ((None, 1, None, 10), "a stride length but no window length"),
        ((1, None, None, None), "need a sample rate, and it is None"),
        ((None, None, 1, 0), "need a sample rate, and it is 0"),
        ((0.001, None, None, 10), "the window length is 0.001 s, no sample at 10 Hz"),
        ((1, None, None, 10, "keep"), "use one of drop, pad, align"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Windows.read(*options)
