import numpy as np
import pytest
import torch

from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, DataError
from autrainer.features import native
from autrainer.transforms import MFCC, Deltas, MelSpectrogram, PannMel, Resample, SmartCompose
from autrainer.transforms.base import batch_form, is_random
from tests.features.references import speech_like

PANN_16K = {
    **{"window_size": 512, "hop_size": 160, "sample_rate": 16000, "fmin": 50, "fmax": 8000},
    **{"mel_bins": 64, "ref": 1.0, "amin": 1e-10, "top_db": None},
}
EVERY = [
    Resample(44100, 16000),
    PannMel(**PANN_16K),
    *(MelSpectrogram(16000, preset) for preset in ("librosa", "torchaudio", "kaldi", "whisper")),
    MFCC(16000),
]


def signals(*shape):
    return torch.from_numpy(np.stack([speech_like(shape[-1], seed) for seed in range(6)])).view(
        3, 2, -1
    )[: shape[0], : shape[1]]


@pytest.mark.parametrize("transform", EVERY, ids=repr)
def test_a_batch_has_the_bits_of_its_samples(transform):
    batch = signals(3, 2, 5000)
    changed = batch_form(transform)(batch)
    assert changed.dtype == torch.float32
    assert torch.equal(changed, torch.stack([transform.change(sample) for sample in batch]))
    assert not is_random(transform)


def test_a_resampled_signal_has_its_length_rounded_up():
    assert Resample(44100, 16000).change(torch.zeros(2, 44101)).shape == (2, 16001)
    same = torch.rand(1, 100)
    assert torch.equal(Resample(16000, 16000).change(same), same)


def test_integers_are_resampled_as_the_numbers_they_are():
    signal = torch.arange(-50, 50, dtype=torch.int16)[None]
    assert torch.equal(Resample(2, 1).change(signal), Resample(2, 1).change(signal.float()))


def test_log_mel_has_time_before_frequency_and_the_preset_is_the_same():
    features = signals(1, 2, 16000)[0]
    log_mel = PannMel(**PANN_16K).change(features)
    assert log_mel.shape == (2, 101, 64)
    assert torch.equal(log_mel, MelSpectrogram(16000).change(features))


def test_arguments_change_a_preset():
    features = signals(1, 1, 16000)[0]
    changed = MelSpectrogram(16000, "torchaudio", window_size=512, hop_size=100, mel_bins=40)
    assert changed.change(features).shape == (1, 161, 40)
    limited = MelSpectrogram(16000, top_db=30.0).change(features)
    assert (limited.max() - limited.min()).item() == pytest.approx(30.0, abs=1e-4)


def test_a_fixed_range_spans_the_channels_of_an_item():
    features = signals(1, 2, 8000)[0] * torch.tensor([[1.0], [1e-3]])
    quiet = MelSpectrogram(16000, top_db=20.0).change(features)[1]
    assert quiet.min() == quiet.max()


def test_mfcc_are_cepstra_of_decibels():
    features = signals(1, 1, 8000)[0]
    levels = MelSpectrogram(16000, "torchaudio", top_db=80.0).change(features)
    expected = native.cepstra(levels.numpy(), 13)
    assert np.array_equal(MFCC(16000, 13).change(features).numpy(), expected)


def test_deltas_stand_behind_features_or_channels():
    features = torch.rand(2, 9, 4)
    behind = Deltas(3).change(features)
    assert behind.shape == (2, 9, 12)
    assert torch.equal(behind[..., :4], features)
    slopes = (features[:, 2:] - features[:, :-2]) / 2
    assert torch.allclose(behind[:, 1:-1, 4:8], slopes, atol=1e-7)
    assert torch.equal(behind[..., 8:], Deltas(3, 1).change(behind[..., 4:8])[..., 4:])
    channels = Deltas(3, 2, "channels").change(features)
    assert torch.equal(channels, torch.cat(behind.split(4, dim=-1)))


def test_gradients_are_left_behind():
    signal = torch.rand(1, 2000, requires_grad=True)
    assert not PannMel(**PANN_16K).change(signal).requires_grad


def test_a_pipeline_of_sound_ends_as_a_spectrogram():
    compose = SmartCompose([Deltas(), PannMel(**PANN_16K), Resample(44100, 16000)])
    item = compose(DataItem(torch.rand(1, 44100), 0, 0))
    assert item.features.shape == (1, 101, 192)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Resample(44100.5, 16000), "Resample: current_sr is 44100.5"),
        (lambda: PannMel(**{**PANN_16K, "fmax": 9000}), "PannMel: fmax is 9000"),
        (lambda: PannMel(**{**PANN_16K, "amin": "small"}), "PannMel: amin is 'small'"),
        (lambda: MelSpectrogram(16000, "pan"), "MelSpectrogram: preset is 'pan'.*'panns'"),
        (lambda: MelSpectrogram(16000, "kaldi", top_db=80.0), "no decibels"),
        (lambda: MelSpectrogram(16000, mel_bins=0), "MelSpectrogram: mel_bins is 0"),
        (lambda: MFCC(16000, 129), "num_coefficients is 129; there are 128 bands"),
        (lambda: Deltas(4), "Deltas: window_size is 4; use an odd number"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_shapes_that_make_no_sense_are_named():
    with pytest.raises(DataError, match=r"PannMel works on.*\(channels, samples\); got \(1000,\)"):
        PannMel(**PANN_16K).change(torch.zeros(1000))
    with pytest.raises(DataError, match="too short for this spectrogram"):
        PannMel(**PANN_16K).change(torch.zeros(1, 100))
