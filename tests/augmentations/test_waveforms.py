"""Augmentations of waveforms do what their names say, measured."""

import audobject
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.augmentations import (
    BackgroundNoise,
    BandLimit,
    BitDepth,
    Gain,
    MuLaw,
    PitchShift,
    RoomImpulseResponse,
    Speed,
    Telephone,
)
from autrainer.augmentations.recordings import convolved
from autrainer.augmentations.speed import resampled_by
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, DataError
from autrainer.runs.random.keys import keyed
from autrainer.transforms import SmartCompose
from autrainer.transforms.plan import plan

RATE = 8000
seeds = st.integers(0, 2**31)


def changed(augmentation, waveform, index=0):
    with keyed(1, 0, index):
        return augmentation(DataItem(waveform, 0, index)).features


def sine(hz, seconds=0.5, amplitude=0.5, rate=RATE):
    times = torch.arange(int(seconds * rate), dtype=torch.float64) / rate
    return (amplitude * torch.sin(2 * torch.pi * hz * times)).float()[None]


def noise(num_samples=4000, channels=1):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(channels, num_samples, generator=generator) * 0.1


def power_db(waveform):
    return float(10 * torch.log10(waveform.square().mean()))


def peak_hz(waveform, rate=RATE):
    """The loudest frequency of the middle of a waveform."""
    size = waveform.shape[1] // 2
    middle = waveform[0, size // 2 : size // 2 + size] * torch.hann_window(size)
    return float(torch.fft.rfft(middle, 2**16).abs().argmax()) * rate / 2**16


@pytest.fixture
def folder(tmp_path):
    """Writes recordings into the folder `folder.path`: `folder(name, waveform, rate)`."""

    def write(name, waveform, rate=RATE):
        path = tmp_path / "recordings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        AudioFileHandler(rate).save(str(path), waveform)

    write.path = str(tmp_path / "recordings")
    return write


@given(seeds, st.floats(-30, 30), st.floats(0, 20))
def test_gain_is_within_its_range(seed, low, span):
    louder = changed(Gain([low, low + span], generator_seed=seed), noise())
    gain_db = power_db(louder) - power_db(noise())
    assert low - 1e-3 <= gain_db <= low + span + 1e-3


def test_gain_is_cut_off_only_on_request():
    loud = sine(100, amplitude=0.9)
    assert changed(Gain(20.0), loud).abs().max() > 8
    assert changed(Gain(20.0, clips=True), loud).abs().max() == 1


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_noise_is_added_at_its_ratio(folder, snr_db):
    folder("hum.wav", sine(50, seconds=2))
    speech = sine(440)
    added = changed(BackgroundNoise(folder.path, RATE, snr_db), speech) - speech
    assert power_db(speech) - power_db(added) == pytest.approx(snr_db, abs=0.01)
    assert peak_hz(added) == pytest.approx(50, abs=3)


def test_ratios_fill_their_range(folder):
    folder("hum.wav", sine(50, seconds=2))
    speech = sine(440)
    augmentation = BackgroundNoise(folder.path, RATE, [0, 10])
    ratios = [
        power_db(speech) - power_db(changed(augmentation, speech, index) - speech)
        for index in range(100)
    ]
    assert min(ratios) == pytest.approx(0, abs=0.5)
    assert max(ratios) == pytest.approx(10, abs=0.5)


def test_noise_is_a_stretch_of_any_recording_of_the_folder(folder):
    recordings = {name: noise(8000) * (1 + place) for place, name in enumerate("ab")}
    for name, recording in recordings.items():
        folder(f"sub/{name}.wav", recording)
    augmentation = BackgroundNoise(folder.path, RATE, 0.0)
    added = [changed(augmentation, sine(440), index) - sine(440) for index in range(12)]
    # Of the same noise, so the place tells stretches apart, and any place is as good.
    places = set()
    for stretch in added:
        windows = recordings["a"][0].unfold(0, stretch.shape[1], 1)
        likeness = windows @ stretch[0] / windows.norm(dim=1) / stretch.norm()
        assert float(likeness.max()) > 0.999
        places.add(int(likeness.argmax()))
    assert len(places) == 12


def test_short_recordings_are_repeated_and_channels_mixed(folder):
    folder("tick.wav", torch.tensor([[0.5, -0.5, 0.25], [0.5, -0.5, 0.25]]))
    speech = noise(100, channels=2)
    added = changed(BackgroundNoise(folder.path, RATE, 0.0), speech) - speech
    assert torch.allclose(added[0], added[1])
    assert torch.allclose(added[0, :-3], added[0, 3:], atol=1e-6)


@pytest.mark.slow  # imports scipy
def test_recordings_of_another_rate_are_resampled(folder):
    folder("hum.wav", sine(440, seconds=2, rate=16_000), 16_000)
    speech = sine(1000)
    added = changed(BackgroundNoise(folder.path, RATE, 0.0), speech) - speech
    assert peak_hz(added) == pytest.approx(440, abs=3)


def test_silence_stays_silent(folder):
    folder("hum.wav", sine(50))
    silence = torch.zeros(1, 500)
    assert changed(BackgroundNoise(folder.path, RATE), silence).abs().sum() == 0


@given(st.integers(1, 300), st.integers(1, 300))
def test_convolution_is_that_of_numpy(num_samples, length):
    waveform, response = noise(num_samples, channels=2), noise(length)[0]
    expected = [np.convolve(channel, response)[:num_samples] for channel in waveform.numpy()]
    assert np.allclose(convolved(waveform, response), expected, atol=1e-5)


def test_a_room_without_echo_changes_nothing_but_the_level(folder):
    response = torch.zeros(1, 200)
    response[0, 60] = 0.25
    folder("dry.wav", response)
    speech = noise()
    assert torch.allclose(
        changed(RoomImpulseResponse(folder.path, RATE), speech), speech, atol=1e-5
    )


def test_an_echo_comes_after_its_delay_and_noise_keeps_its_level(folder):
    response = torch.zeros(1, 2000)
    response[0, 10], response[0, 1010] = 0.8, 0.4
    folder("echo.wav", response)
    speech = noise(40_000)
    heard = changed(RoomImpulseResponse(folder.path, RATE), speech)
    expected = (speech + 0.5 * torch.nn.functional.pad(speech, (1000, 0))[:, :40_000]) / 1.25**0.5
    assert heard.shape == speech.shape
    assert torch.allclose(heard, expected, atol=1e-3)
    assert power_db(heard) == pytest.approx(power_db(speech), abs=0.2)


def test_a_silent_room_is_named(folder):
    folder("silent.wav", torch.zeros(1, 100))
    with pytest.raises(DataError, match=r"silent\.wav is silent"):
        changed(RoomImpulseResponse(folder.path, RATE), noise())


@given(st.integers(50, 200), st.integers(1, 3000))
def test_a_faster_waveform_is_shorter(percent, num_samples):
    faster = changed(Speed([percent / 100], keeps_length=False), noise(num_samples, channels=2))
    assert faster.shape == (2, -(-num_samples * 100 // percent))


@pytest.mark.parametrize("factor", [0.8, 1.25, 1.1])
def test_a_faster_waveform_is_higher(factor):
    faster = changed(Speed([factor], keeps_length=False), sine(440))
    assert peak_hz(faster) == pytest.approx(440 * factor, rel=0.005)


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1])
def test_the_length_can_stay(factor):
    kept = changed(Speed([factor]), sine(440))
    assert kept.shape == (1, 4000)
    assert (kept[0, -300:].abs().max() < 1e-6) == (factor > 1)


def test_values_between_samples_are_those_of_the_sound():
    times = torch.arange(3200, dtype=torch.float64) * 1.25 / RATE
    expected = (0.5 * torch.sin(2 * torch.pi * 440 * times)).float()
    found = resampled_by(sine(440), 1.25)[0]
    assert float((found - expected)[50:-50].abs().max()) < 1e-3


def test_what_the_new_rate_does_not_hold_is_left_out():
    found = resampled_by(sine(3000), 2.0)
    assert power_db(found[:, 50:-50]) < power_db(sine(3000)) - 50


@pytest.mark.parametrize("semitones", [-12, -3, 4, 12])
def test_pitch_moves_by_semitones_and_length_and_level_stay(semitones):
    waveform = sine(440, seconds=1)
    shifted = changed(PitchShift(float(semitones)), waveform)
    assert shifted.shape == waveform.shape
    assert peak_hz(shifted) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.005)
    middle = shifted[:, 2000:-2000]
    assert power_db(middle) == pytest.approx(power_db(waveform), abs=1)


@pytest.mark.parametrize("num_samples", [0, 1, 100, 1023])
def test_pitch_of_short_waveforms_can_be_shifted(num_samples):
    shifted = changed(PitchShift(3.0), noise(num_samples, channels=2))
    assert shifted.shape == (2, num_samples)
    assert bool(shifted.isfinite().all())


def test_a_band_stays_as_it_is_and_the_rest_goes():
    limit = BandLimit(RATE, 500, 2000)
    for hz, change_db in ((1000, 0), (600, 0), (1900, 0)):
        kept = changed(limit, sine(hz))[:, 500:-500]
        assert power_db(kept) == pytest.approx(power_db(sine(hz)) + change_db, abs=0.1)
    for hz in (100, 400, 2300, 3900):
        assert power_db(changed(limit, sine(hz))[:, 500:-500]) < power_db(sine(hz)) - 40


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_fewer_bits_have_the_noise_that_they_should(bits):
    # Every level is as likely: 6.02 dB a bit.
    full = torch.linspace(-1, 1 - 2 ** (2 - bits), 20_001)[None]
    rounded = changed(BitDepth(bits), full)
    ratio = power_db(full) - power_db(rounded - full)
    assert ratio == pytest.approx(6.02 * bits, abs=1)
    assert len(rounded.unique()) <= 2**bits


@pytest.mark.parametrize("amplitude", [0.9, 0.1, 0.02])
def test_mu_law_has_the_same_ratio_for_loud_and_soft(amplitude):
    waveform = sine(437, seconds=2, amplitude=amplitude)
    coded = changed(MuLaw(), waveform)
    assert power_db(waveform) - power_db(coded - waveform) == pytest.approx(36.5, abs=3)
    assert len(coded.unique()) <= 256


def test_a_telephone_leaves_out_what_is_below_and_above_its_band():
    telephone = Telephone(16_000)
    middle = changed(telephone, sine(1000, rate=16_000))[:, 500:-500]
    assert power_db(middle) == pytest.approx(power_db(sine(1000)), abs=0.2)
    assert power_db(changed(telephone, sine(5000, rate=16_000))[:, 500:-500]) < -60


def every(folder):
    folder("hum.wav", sine(50, seconds=2))
    folder("hiss.wav", noise(2000))
    return [
        Gain([-3, 3], clips=True, p=0.5, generator_seed=1),
        BackgroundNoise(folder.path, RATE, [0, 10]),
        RoomImpulseResponse(folder.path, RATE, order=3),
        Speed([0.9, 1.1], keeps_length=False),
        PitchShift([-2, 2], n_fft=512),
        BandLimit(RATE, 300, 1000),
        BitDepth([4, 5]),
        MuLaw(16),
        Telephone(RATE),
    ]


def test_all_of_them_survive_yaml(folder):
    for augmentation in every(folder):
        again = audobject.from_dict(augmentation.to_dict(include_version=False))
        assert again.arguments == augmentation.arguments


def test_what_all_of_them_draw_belongs_to_the_sample(folder):
    speech = noise() + sine(440)
    for augmentation in every(folder):
        first = changed(augmentation, speech, index=3)
        changed(augmentation, speech, index=4)
        assert torch.equal(changed(augmentation, speech, index=3), first)


def test_all_of_them_leave_what_they_are_given_and_may_be_called_by_threads(folder):
    speech = noise(channels=2)
    before = speech.clone()
    for augmentation in every(folder):
        assert changed(augmentation, speech).is_floating_point()
        assert torch.equal(speech, before)
    assert plan(SmartCompose(every(folder))).reason is None


def test_all_of_them_name_features_that_are_no_waveforms(folder):
    for augmentation in every(folder):
        with pytest.raises(DataError, match=r"\(channels, samples\); got \(1, 2, 3\)"):
            changed(type(augmentation)(**augmentation.arguments | {"p": 1.0}), torch.zeros(1, 2, 3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gain([3, 1]), "the lower one first"),
        (lambda: Gain([1, 2, 3]), "use a number, or the lowest and the highest"),
        (lambda: Gain("loud"), "use a number"),
        (lambda: BackgroundNoise("nowhere", RATE), "where there is no folder"),
        (lambda: RoomImpulseResponse(".", RATE), r"holds none of \.flac"),
        (lambda: BackgroundNoise(".", 0), "sample_rate is 0"),
        (lambda: Speed([]), "factors are"),
        (lambda: Speed([0.0]), "above zero"),
        (lambda: PitchShift(30.0), "use -24 to 24"),
        (lambda: BandLimit(RATE, 2000, 1000), "low_hz is 2000"),
        (lambda: BitDepth(1), "use integers from 2 to 24"),
        (lambda: BitDepth([]), "use integers from 2 to 24"),
        (lambda: MuLaw(1), "use 2 or more"),
    ],
)
def test_bad_arguments_fail_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
