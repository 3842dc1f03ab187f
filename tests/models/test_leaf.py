"""LEAF: its filters, pooling and compression beside their definitions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from autrainer.errors import ConfigError
from autrainer.models import LEAFNet
from autrainer.models.parts.frequencies import INITIALISATIONS, Range, initial_filters
from autrainer.models.parts.leaf import Leaf, SpeechBrainLeaf, filters_of_mel_bands
from autrainer.models.parts.pcen import Pcen, SpeechBrainPcen, smooth


def looped(x, weights):
    """The recurrence frame by frame."""
    averages = [x[..., 0]]
    for frame in range(1, x.shape[-1]):
        averages.append((1 - weights) * averages[-1] + weights * x[..., frame])
    return torch.stack(averages, dim=-1)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 100), st.integers(1, 3), st.floats(0, 1), st.integers(0, 2**20))
def test_averages_of_all_frames_at_once_are_those_of_the_recurrence(size, channels, s, seed):
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(2, channels, size, generator=rng, dtype=torch.float64).requires_grad_()
    weights = torch.full((channels,), s, dtype=torch.float64).requires_grad_()
    found, expected = smooth(x, weights), looped(x, weights)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    factors = torch.rand(found.shape, generator=rng, dtype=torch.float64)
    ours = torch.autograd.grad((found * factors).sum(), (x, weights), allow_unused=True)
    theirs = torch.autograd.grad((expected * factors).sum(), (x, weights), allow_unused=True)
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-11, atol=1e-11)
    if size > 1:
        torch.testing.assert_close(ours[1], theirs[1], rtol=1e-11, atol=1e-11)


def test_averages_keep_their_precision_over_a_minute_of_frames():
    x, weights = torch.rand(1, 4, 6000), torch.tensor([0.0, 0.001, 0.04, 1.0])
    expected = looped(x.double(), weights.double())
    error = (looped(x, weights) - expected).abs().max()
    assert (smooth(x, weights) - expected).abs().max() < 2 * error


def test_compression_is_that_of_the_paper():
    torch.manual_seed(0)
    x = torch.rand(2, 3, 50)
    pcen = Pcen(3)
    m = looped(x, torch.full((3,), 0.04))
    expected = (x / (1e-12 + m) ** 0.96 + 2) ** 0.5 - 2**0.5
    torch.testing.assert_close(pcen(x), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(SpeechBrainPcen(3)(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "given", "used"), [("alpha", 3.0, 1.0), ("delta", -1.0, 0.0), ("r", 0.2, 1.0)]
)
def test_compression_keeps_its_parameters_within_their_bounds(name, given, used):
    x = torch.rand(1, 2, 9)
    assert torch.equal(Pcen(2, **{name: given})(x), Pcen(2, **{name: used})(x))


GIVEN = Range(5, 60, 7800, 16_000, 42)


@pytest.mark.parametrize("name", INITIALISATIONS)
def test_filters_begin_at_frequencies_that_there_are(name):
    centres, deviations = initial_filters(name, GIVEN)
    assert centres.shape == deviations.shape == (5,)
    assert torch.isfinite(deviations).all()
    assert (deviations > 0).all()
    hertz = centres * 16_000 / (2 * math.pi)
    low, high = (0, 0) if name == "zeros" else (59.9, 7801)
    assert (hertz >= low).all()
    assert (hertz <= high).all()
    assert torch.equal(hertz, hertz.sort().values)


def test_filters_begin_where_the_scales_say():
    centres, deviations = initial_filters("mel", GIVEN)
    low, high = (1127 * math.log(1 + hz / 700) for hz in (60, 7800))
    peaks = [700 * (math.exp((low + (high - low) * i / 6) / 1127) - 1) for i in range(7)]
    expected = torch.tensor(peaks[1:-1]) * 2 * math.pi / 16_000
    torch.testing.assert_close(centres, expected, rtol=1e-4, atol=0)
    widths = torch.tensor([b - a for a, b in zip(peaks[:-2], peaks[2:], strict=True)])
    torch.testing.assert_close(deviations, 8000 / widths, rtol=1e-4, atol=0)
    centres, deviations = initial_filters("linear-constant", GIVEN)
    assert centres[-1] == pytest.approx(7800 * 2 * math.pi / 16_000)
    width = math.exp((math.log(7800) - math.log(60)) / 2.5 + math.log(60))
    assert deviations[0] == pytest.approx(8000 / width)
    centres, _ = initial_filters("constant", GIVEN)
    assert centres[2] == pytest.approx(math.sqrt(60 * 7800) * 2 * math.pi / 16_000)
    centres, deviations = initial_filters("bark", GIVEN)
    assert float(centres[0]) * 16_000 / (2 * math.pi) == pytest.approx(60, abs=25)
    other = initial_filters("uniform", Range(5, 60, 7800, 16_000, 43))
    assert not torch.equal(other[0], initial_filters("uniform", GIVEN)[0])


def defined(x, centres, deviations, widths, num_taps, hop):
    """Energies of filters by the formulas of LEAF, in double precision."""
    half = num_taps // 2
    t = torch.arange(-half, half + 1).double()
    outputs = []
    for w, s, p in zip(centres.double(), deviations.double(), widths.double(), strict=True):
        unit = math.sqrt(2 * math.log(2)) / math.pi
        w, s = w.clamp(0, math.pi), s.clamp(4 * unit, num_taps * unit)
        gabor = (
            torch.exp(1j * w * t) * torch.exp(-(t**2) / (2 * s**2)) / (math.sqrt(2 * math.pi) * s)
        )
        padded = functional.pad(x.double(), (half, half))
        windows = padded.unfold(-1, num_taps, 1)
        power = (windows @ gabor.real) ** 2 + (windows @ gabor.imag) ** 2
        places = 2 * torch.arange(num_taps).double() / (num_taps - 1) - 1
        window = torch.exp(-0.5 * (places / p.clamp(2 / num_taps, 0.5)) ** 2)
        outputs.append(functional.pad(power, (half, half)).unfold(-1, num_taps, hop) @ window)
    return torch.stack(outputs, dim=1)


def test_energies_are_those_of_the_definition():
    torch.manual_seed(3)
    leaf = Leaf(initial_filters("mel", GIVEN), 101, 40)
    with torch.no_grad():
        leaf.filterbank.pooling_widths.copy_(torch.tensor([0.0001, 0.1, 0.4, 0.5, 3.0]))
    x = torch.rand(2, 400) - 0.5
    bank = leaf.filterbank
    expected = defined(
        x, bank.center_freqs.data, bank.bandwidths.data, bank.pooling_widths.data, 101, 40
    )
    found = bank(x.unsqueeze(1))
    assert found.shape == (2, 5, 10)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)


def test_the_front_end_of_speechbrain_computes_the_same_from_its_own_parameters():
    torch.manual_seed(4)
    leaf = SpeechBrainLeaf(6, 16_000, 60)
    assert {name: tuple(p.shape) for name, p in leaf.named_parameters()} == {
        "complex_conv.kernel": (6, 2),
        "pooling.weights": (1, 1, 6, 1),
        "pooling._bias": (6,),
        "compression.alpha": (6,),
        "compression.delta": (6,),
        "compression.root": (6,),
        "compression.ema._weights": (6,),
    }
    x = torch.rand(1, 1, 1600) - 0.5
    centres, deviations = leaf.complex_conv.kernel.data.T
    pooled = 1 + defined(x[:, 0], centres, deviations, torch.full((6,), 0.4), 401, 160)
    expected = leaf.compression(pooled.float())
    torch.testing.assert_close(leaf(x), expected, rtol=1e-4, atol=1e-5)


def test_filters_of_mel_bands_lie_in_their_bands():
    centres, deviations = filters_of_mel_bands(10, 16_000, 60)
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (60, 8000))
    peaks = [700 * (10 ** ((low + (high - low) * i / 11) / 2595) - 1) for i in range(1, 11)]
    hertz = centres * 16_000 / (2 * math.pi)
    assert (hertz - torch.tensor(peaks)).abs().max() <= 31.25 / 2 + 1
    assert torch.equal(deviations, deviations.sort(descending=True).values)


@pytest.mark.parametrize(("mode", "own"), [("interspeech", 280), ("speech_brain", 320)])
def test_a_network_has_its_parameters_and_learns_through_the_front_end(mode, own):
    torch.manual_seed(5)
    model = LEAFNet(7, mode=mode)
    assert sum(p.numel() for p in model.parameters()) == 4_006_972 + own + 1281 * 7
    x = torch.rand(2, 1, 4800) - 0.5
    assert model.spectrogram(x).shape == (2, 1, 40, 30)
    assert torch.equal(model.spectrogram(x[:, 0]), model.spectrogram(x))
    model(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.leaf.parameters())
    assert model.eval().embeddings(x).shape == (2, 1280)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"efficientnet_type": "resnet18"}, "use a model of timm whose name begins with"),
        ({"mode": "speechbrain"}, "use 'interspeech' or 'speech_brain'"),
        ({"initialization": "log"}, "use one of mel, bark"),
    ],
)
def test_what_there_is_not_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        LEAFNet(2, **arguments)


def test_arguments_that_nothing_uses_are_told(caplog):
    LEAFNet(2, kernel_size=30, mode="speech_brain", window_stride=5)
    assert "does not use kernel_size, window_stride with mode 'speech_brain'" in caplog.text
