"""Features in torch: the numbers of the core, with gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from autrainer.errors import ConfigError, DataError
from autrainer.features import modules, native
from autrainer.features.settings import PRESETS, preset
from tests.features.references import RATES, speech_like

TINY = replace(preset("panns", 16000), window_len=16, fft_len=16, hop_len=5, num_bands=3, amin=1e-3)


@pytest.fixture
def in_float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def speech(*shape):
    clips = [speech_like(shape[-1], seed) for seed in range(int(np.prod(shape[:-1])))]
    return torch.from_numpy(np.stack(clips)).reshape(shape)


@pytest.mark.parametrize(("old_hz", "new_hz"), [*RATES, (5, 5)])
def test_resampling_agrees_with_the_core(old_hz, new_hz):
    signals = torch.rand(2, 3, 700) * 2 - 1
    found = modules.Resample(old_hz, new_hz)(signals)
    expected = native.Resampler(old_hz, new_hz)(signals.numpy())
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_a_convolution_of_gigabytes_is_refused_where_the_core_resamples():
    resampler = native.Resampler(44101, 44100)

    assert resampler(np.ones(44101, np.float32)).shape == (44100,)
    message = "from 44101 Hz to 44100 Hz has 1945.* weights, and may have 4194304: take rates"
    with pytest.raises(ConfigError, match=message):
        modules.Resample(44101, 44100)


@pytest.mark.parametrize("name", list(PRESETS))
@pytest.mark.usefixtures("in_float64")
def test_spectrograms_in_float64_agree_with_the_core(name):
    settings = preset(name, 16000)
    signals = speech(2, 2, 4000)
    found = modules.MelSpectrogram(settings)(signals.double())
    expected = native.MelSpectrogram(settings)(signals.numpy())
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("name", list(PRESETS))
def test_spectrograms_in_float32_agree_as_far_as_their_rounding_lets_them(name):
    settings = preset(name, 16000)
    noise = torch.randn(2, 1, 4000) * 0.1
    found = modules.MelSpectrogram(settings)(noise)
    expected = native.MelSpectrogram(settings)(noise.numpy())
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)
    signals = speech(2, 1, 4000)
    difference = modules.MelSpectrogram(settings)(signals).numpy()
    difference -= native.MelSpectrogram(settings)(signals.numpy())
    assert np.abs(difference).max() < 0.1


@pytest.mark.usefixtures("in_float64")
def test_mfcc_in_float64_agree_with_the_core():
    settings = replace(preset("torchaudio", 16000), top_db=80.0)
    signals = speech(2, 4000)
    found = modules.MFCC(settings, 40)(signals.double())
    levels = native.MelSpectrogram(settings)(signals[:, None].numpy())
    np.testing.assert_allclose(found.numpy(), native.cepstra(levels, 40)[:, 0], atol=1e-4)


@pytest.mark.parametrize("num_frames", [1, 2, 9])
def test_slopes_agree_with_the_core(num_frames):
    features = torch.rand(2, 3, num_frames, 4)
    found = modules.Deltas(5)(features)
    expected = native.deltas(features.numpy(), 5)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_the_range_is_that_of_each_clip():
    settings = replace(preset("panns", 16000), top_db=30.0)
    clips = speech(2, 1, 4000) * torch.tensor([1.0, 1e-3])[:, None, None]
    together = modules.MelSpectrogram(settings)(clips)
    each = torch.cat([modules.MelSpectrogram(settings)(clip[None]) for clip in clips])
    assert torch.allclose(together, each, atol=1e-4)
    assert torch.allclose(modules.MelSpectrogram(settings)(clips[:, 0]), each[:, 0], atol=1e-4)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: modules.Resample(3, 2), (2, 9)),
        (lambda: modules.MelSpectrogram(TINY), (1, 24)),
        (lambda: modules.MelSpectrogram(replace(TINY, top_db=10.0)), (1, 1, 24)),
        (
            lambda: modules.MelSpectrogram(
                replace(TINY, framing="whole", removes_mean=True, preemphasis=0.97)
            ),
            (1, 24),
        ),
        (lambda: modules.MFCC(TINY, 2), (1, 24)),
        (lambda: modules.Deltas(3), (1, 5, 2)),
    ],
)
@pytest.mark.usefixtures("in_float64")
def test_gradients_are_those_of_differences(make, shape):
    torch.manual_seed(1)
    signals = torch.randn(shape, requires_grad=True)
    assert torch.autograd.gradcheck(make().double(), signals, eps=1e-6, atol=1e-5)


def test_nothing_of_them_is_in_the_state_of_a_model():
    settings = preset("panns", 16000)
    parts = [modules.Resample(3, 2), modules.MelSpectrogram(settings), modules.MFCC(settings, 9)]
    assert [part.state_dict() for part in parts] == [{}, {}, {}]
    assert [*torch.nn.ModuleList(parts).parameters()] == []


def test_a_signal_that_is_too_short_says_so():
    with pytest.raises(DataError, match="too short for this spectrogram"):
        modules.MelSpectrogram(preset("panns", 16000))(torch.zeros(1, 256))
