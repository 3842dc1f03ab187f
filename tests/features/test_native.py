"""Features of the core against their definitions, in float64."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import ConfigError, DataError
from autrainer.features import native
from autrainer.features.settings import PRESETS, preset
from tests.features.references import (
    RATES,
    decibels,
    filter_bank,
    sinc_sum,
    speech_like,
    torchaudio_kernel,
)


@pytest.mark.parametrize(("old_hz", "new_hz"), RATES)
def test_taps_are_those_of_torchaudio_bit_for_bit(old_hz, new_hz):
    taps, width = native.Resampler(old_hz, new_hz).kernel()
    expected, expected_width = torchaudio_kernel(old_hz, new_hz)
    assert width == expected_width
    # Sines of another library may differ in the last bit of a float64.
    np.testing.assert_allclose(taps, expected, rtol=2e-7, atol=1e-12)
    assert np.mean(taps == expected) > 0.999


@pytest.mark.parametrize(("old_hz", "new_hz"), RATES)
def test_a_resampled_signal_is_the_direct_sum_of_sincs(old_hz, new_hz):
    signal = np.random.default_rng(1).uniform(-1, 1, 1500 if old_hz > 3 else 90)
    signal = signal.astype(np.float32)
    found = native.Resampler(old_hz, new_hz)(signal)
    rounded = sinc_sum(signal, old_hz, new_hz, rounds_times=True)
    assert np.abs(found - rounded).max() < 5e-7
    # What torchaudio loses by rounding times to float32.
    assert np.abs(found - sinc_sum(signal, old_hz, new_hz)).max() < 2e-5


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 50))
def test_every_row_is_resampled_by_itself_to_the_length_rounded_up(old_hz, new_hz, num_samples):
    signals = np.random.default_rng(2).standard_normal((2, 3, num_samples)).astype(np.float32)
    plan = native.Resampler(old_hz, new_hz)
    found = plan(signals)
    assert found.shape == (2, 3, -(-num_samples * new_hz // old_hz))
    assert np.array_equal(found[1, 2], plan(signals[1, 2]))


def test_rates_without_a_filter_are_refused_by_name():
    with pytest.raises(ConfigError, match="from 0 Hz to 16000 Hz"):
        native.Resampler(0, 16000)
    with pytest.raises(ConfigError, match="their ratio one of smaller numbers"):
        native.Resampler(2_147_483_647, 16000)


GOLDEN = [
    (8000, 10, [7.576, 14.759, 8.958]),
    (16000, 8, [17.734, 18.256, 6.963]),
    (32000, 6, [13.738, 24.856, 20.993]),
]
"""Levels of frame 50 around its peak: 1 s of a sine of 440 Hz, by autrainer 0.10."""


@pytest.mark.parametrize(("sample_rate", "peak", "around"), GOLDEN)
def test_a_sine_has_the_levels_of_autrainer_0_10(sample_rate, peak, around):
    times = np.arange(sample_rate) / sample_rate
    signal = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    found = native.MelSpectrogram(preset("panns", sample_rate))(signal[None, None])
    assert found.shape == (1, 1, 101, 64)
    assert found[0, 0, 50].argmax() == peak
    np.testing.assert_allclose(found[0, 0, 50, peak - 1 : peak + 2], around, atol=6e-4)


@pytest.mark.parametrize("name", ["panns", "librosa", "torchaudio"])
@pytest.mark.parametrize("top_db", [None, 60.0])
def test_levels_agree_with_float64_down_to_the_quietest_band(name, top_db):
    settings = replace(preset(name, 16000), top_db=top_db, amin=1e-20)
    signal = speech_like(12000)
    found = native.MelSpectrogram(settings)(signal[None, None])[0, 0]
    expected = decibels(signal, settings)
    assert top_db is not None or expected.max() - expected.min() > 80
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 5e-5


@pytest.mark.parametrize(("window_len", "fft_len"), [(400, 512), (250, 400), (551, 551), (77, 154)])
def test_windows_of_any_length_agree_with_float64(window_len, fft_len):
    settings = replace(preset("panns", 16000), window_len=window_len, fft_len=fft_len, num_bands=20)
    signal = speech_like(4000)
    found = native.MelSpectrogram(settings)(signal[None, None])[0, 0]
    assert np.abs(found - decibels(signal, settings)).max() < 5e-5


@pytest.mark.parametrize("name", ["panns", "librosa", "torchaudio"])
def test_a_filter_bank_is_that_of_its_definition(name):
    settings = preset(name, 22050)
    found = native.MelSpectrogram(settings).filter_bank()
    np.testing.assert_allclose(found, filter_bank(settings), rtol=1e-9, atol=1e-12)


def test_silence_has_the_level_of_the_smallest_power():
    found = native.MelSpectrogram(preset("panns", 16000))(np.zeros((1, 1, 2000)))
    np.testing.assert_allclose(found, -100.0, atol=2e-5)


def test_the_range_is_that_of_each_item():
    settings = replace(preset("panns", 16000), top_db=40.0)
    items = np.stack([speech_like(4000), speech_like(4000) * 1e-2])[:, None]
    found = native.MelSpectrogram(settings)(items)
    np.testing.assert_allclose(found.max((1, 2, 3)) - found.min((1, 2, 3)), 40.0, atol=1e-4)
    assert np.array_equal(found[1], native.MelSpectrogram(settings)(items[1:])[0])


def test_the_memory_of_a_caller_is_written_and_has_to_fit():
    plan = native.MelSpectrogram(preset("panns", 16000))
    signals = speech_like(4000)[None, None]
    out = np.full((1, 1, 26, 64), np.nan, np.float32)
    assert plan(signals, out=out) is out
    assert np.array_equal(out, plan(signals))
    with pytest.raises(DataError, match=r"out has shape \(1, 1, 25, 64\)"):
        plan(signals, out=out[:, :, :25])
    with pytest.raises(DataError, match="out has dtype float64"):
        plan(signals, out=np.empty((1, 1, 26, 64)))
    with pytest.raises(DataError, match="shares memory"):
        native.Resampler(2, 1)(out[0, 0, 0], out=out[0, 0, 0, :32])


def test_plans_are_pickled_by_their_settings():
    signals = speech_like(4000)[None, None]
    for plan in (native.MelSpectrogram(preset("ast", 16000)), native.Resampler(3, 2)):
        assert np.array_equal(pickle.loads(pickle.dumps(plan))(signals), plan(signals))


def test_settings_that_make_no_sense_are_named():
    settings = preset("panns", 16000)
    for changes, message in (
        ({"fmax_hz": 9000.0}, "fmax is 9000; it has to be above 0 and at most half"),
        ({"fmin_hz": 8000.0}, "fmin is 8000; it has to be at least 0 and below fmax"),
        ({"amin": 0.0}, "amin is 0; it has to be from 1e-37"),
        ({"window_len": 513}, "window_size is 513"),
        ({"hop_len": 0}, "hop_size is 0"),
        ({"num_bands": 0}, "mel_bins is 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            native.MelSpectrogram(replace(settings, **changes))
    with pytest.raises(ConfigError, match=r"preset is 'pans'; use one of.*did you mean 'panns'"):
        preset("pans", 16000)


def test_a_signal_that_is_too_short_says_so():
    with pytest.raises(DataError, match=r"256 samples is too short.*257 or more.*Expand"):
        native.MelSpectrogram(preset("panns", 16000))(np.zeros((1, 1, 256)))


@pytest.mark.parametrize("sample_rate", [8000, 16000, 22050, 32000, 44100])
@pytest.mark.parametrize("name", list(PRESETS))
def test_every_preset_works_at_usual_rates(name, sample_rate):
    settings = preset(name, sample_rate)
    if settings.fmax_hz > sample_rate / 2:
        assert (name, sample_rate) == ("whisper", 8000) or pytest.fail("a band beyond Nyquist")
        return
    signal = speech_like(sample_rate // 5)[None, None]
    found = native.MelSpectrogram(settings)(signal)
    assert np.isfinite(found).all()


def test_cepstra_are_those_of_scipy():
    from scipy.fft import dct

    features = np.random.default_rng(3).standard_normal((2, 5, 24)).astype(np.float32)
    expected = dct(features.astype(np.float64), type=2, norm="ortho")[..., :13]
    np.testing.assert_allclose(native.cepstra(features, 13), expected, atol=1e-6)
    np.testing.assert_allclose(
        native.cosine_matrix(24, 24), dct(np.eye(24), norm="ortho").T, atol=1e-14
    )
    with pytest.raises(DataError, match="num_coefficients is 25"):
        native.cepstra(features, 25)


@given(st.integers(1, 12), st.sampled_from([3, 5, 9]))
def test_deltas_are_slopes_of_least_squares_with_repeated_ends(num_frames, window_size):
    features = np.random.default_rng(4).standard_normal((2, num_frames, 3)).astype(np.float32)
    reach = window_size // 2
    padded = np.pad(features.astype(np.float64), ((0, 0), (reach, reach), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, window_size, axis=1)
    steps = np.arange(-reach, reach + 1)
    expected = windows @ steps / (steps**2).sum()
    np.testing.assert_allclose(native.deltas(features, window_size), expected, atol=1e-6)
