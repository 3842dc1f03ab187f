"""Sound to other rates and to spectrograms, on one core."""

import numpy as np
import pytest
import torch

from autrainer.features import modules, native
from autrainer.features.settings import preset
from autrainer.transforms import PannMel

RATES = [(44100, 16000), (48000, 32000)]
PANN_16K = {
    **{"window_size": 512, "hop_size": 160, "sample_rate": 16000, "fmin": 50, "fmax": 8000},
    **{"mel_bins": 64, "ref": 1.0, "amin": 1e-10, "top_db": None},
}


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def noise(num_samples):
    rng = np.random.default_rng(0)
    return rng.standard_normal(num_samples).astype(np.float32) * 0.1


def by_rates(rates):
    return "{}_to_{}".format(*rates)


@pytest.mark.parametrize("way", ["ours", "soxr_hq", "conv1d"])
@pytest.mark.parametrize("rates", RATES, ids=by_rates)
def test_resample_10_s(benchmark, rates, way):
    soxr = pytest.importorskip("soxr")
    benchmark.group = f"resample_10_s {by_rates(rates)}"
    signal = noise(10 * rates[0])
    resampler, convolution = native.Resampler(*rates), modules.Resample(*rates)
    tensor = torch.from_numpy(signal)[None]
    ways = {
        "ours": lambda: resampler(signal),
        "soxr_hq": lambda: soxr.resample(signal, *rates, quality="HQ"),
        "conv1d": lambda: convolution(tensor),
    }
    with torch.inference_mode():
        benchmark(ways[way])


@pytest.mark.parametrize("way", ["ours", "ours_as_transform", "torch_stft", "librosa"])
def test_log_mel_of_3_s(benchmark, way):
    librosa = pytest.importorskip("librosa")
    benchmark.group = "log_mel_of_3_s"
    signal = noise(48000)
    plan, transform = native.MelSpectrogram(preset("panns", 16000)), PannMel(**PANN_16K)
    tensor, window = torch.from_numpy(signal)[None], torch.hann_window(512)
    bank = torch.from_numpy(plan.filter_bank()).float()
    bank_of_librosa = librosa.filters.mel(sr=16000, n_fft=512, n_mels=64, fmin=50, fmax=8000)

    def by_torch():
        spectrum = torch.stft(tensor, 512, 160, window=window, return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()
        return (power.transpose(1, 2) @ bank).clamp(min=1e-10).log10() * 10

    def by_librosa():
        spectrum = librosa.stft(signal, n_fft=512, hop_length=160, pad_mode="reflect")
        return librosa.power_to_db(bank_of_librosa @ np.abs(spectrum) ** 2, top_db=None).T

    ways = {
        "ours": lambda: plan(signal[None, None]),
        "ours_as_transform": lambda: transform.change(tensor),
        "torch_stft": by_torch,
        "librosa": by_librosa,
    }
    np.testing.assert_allclose(by_torch()[0], plan(signal[None, None])[0, 0], atol=1e-3)
    with torch.inference_mode():
        benchmark(ways[way])
