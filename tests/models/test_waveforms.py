"""Models over waveforms: End2You and ECAPA-TDNN."""

import math
from itertools import pairwise

import pytest
import torch

from autrainer.errors import ConfigError, DataError
from autrainer.models import TDNNFFNN, AudioRNNModel
from autrainer.models.parts.ecapa import EcapaTdnn
from autrainer.models.parts.filter_banks import Fbank, triangles

SIZES = {"emo18": (1_300_288, 256, 24), "zhao19": (1_008_960, 128, 62)}


@pytest.mark.parametrize("name", SIZES)
def test_end2you_has_the_parameters_frames_and_names_of_its_authors(name):
    num_parameters, width, num_frames = SIZES[name]
    model = AudioRNNModel(7, name).eval()
    assert sum(p.numel() for p in model.parameters()) == num_parameters + 257 * 7
    x = torch.rand(2, 1, 16_000) - 0.5
    assert model.audio_model(x).shape == (2, width, num_frames)
    assert model(x).shape == (2, 7)
    assert model.embeddings(x[:, 0]).shape == (2, 256)
    names = {key.rpartition(".")[0] for key in model.state_dict()}
    network = "audio_model.model.model.network"
    blocks = {f"{network}.{2 * j}.{part}" for j in range(3 + (width == 128)) for part in (0, 1)}
    assert names == {*blocks, "rnn.model", "linear"}


@pytest.mark.parametrize(("name", "fewest"), [("emo18", 731), ("zhao19", 256)])
def test_end2you_takes_what_gives_a_frame_and_tells_what_does_not(name, fewest):
    model = AudioRNNModel(2, name, hidden_size=4, num_layers=1).eval()
    assert model(torch.rand(1, 1, fewest)).shape == (1, 2)
    with pytest.raises(DataError, match=f"takes {fewest} samples or more, found {fewest - 1}"):
        model(torch.rand(1, 1, fewest - 1))
    with pytest.raises(DataError, match=r"found \(1, 2, 900\); StereoToMono makes one channel"):
        model(torch.rand(1, 2, 900))


def test_end2you_reads_both_ways():
    model = AudioRNNModel(3, "zhao19", hidden_size=4, bidirectional=True, cell="GRU")
    assert model(torch.rand(2, 1, 300)).shape == (2, 3)
    assert model.embeddings(torch.rand(2, 300)).shape == (2, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model_name": "emo19"}, "use one of emo18, zhao19 did you mean 'emo18'"),
        ({"model_name": "emo18", "cell": "RNN"}, "use 'LSTM' or 'GRU'"),
        ({"model_name": "emo18", "transfer": True}, "no pretrained weights for AudioRNNModel"),
    ],
)
def test_end2you_refuses_what_there_is_not(arguments, message):
    with pytest.raises(ConfigError, match=message):
        AudioRNNModel(1, **arguments)


@pytest.fixture(scope="module")
def tdnn():
    torch.manual_seed(1)
    return TDNNFFNN(3, 8).eval()


def test_ecapa_has_the_parameters_and_names_of_speechbrain(tdnn):
    state = tdnn.state_dict()
    assert len(state) == 236
    assert sum(p.numel() for p in tdnn.backbone.parameters()) == 20_767_552
    assert state["features.compute_deltas.kernel"].shape == (80, 1, 5)
    for name in (
        *("blocks.0.conv.conv.weight", "blocks.0.norm.norm.running_mean"),
        *("blocks.3.tdnn1.conv.conv.bias", "blocks.3.tdnn2.norm.norm.weight"),
        *("blocks.1.res2net_block.blocks.6.conv.conv.weight", "blocks.2.se_block.conv1.conv.bias"),
        *("mfa.conv.conv.weight", "asp.tdnn.norm.norm.bias", "asp.conv.conv.weight"),
        *("asp_bn.norm.num_batches_tracked", "fc.conv.weight"),
    ):
        assert f"backbone.{name}" in state


def test_ecapa_takes_sounds_from_five_frames_on(tdnn):
    assert tdnn(torch.rand(2, 1, 640) - 0.5).shape == (2, 3)
    assert tdnn.embeddings(torch.rand(1, 640) - 0.5).shape == (1, 192)
    with pytest.raises(DataError, match="takes 640 samples or more, found 639"):
        tdnn(torch.rand(1, 639))


def test_ecapa_learns_with_its_spectrogram_on_the_way():
    model = EcapaTdnn(8, channels=(16, 16, 16, 16, 24), embedding_size=5, scale=4, hidden=6)
    waveforms = (torch.rand(2, 3200) - 0.5).requires_grad_()
    model(Fbank(8)(waveforms)).square().sum().backward()
    assert waveforms.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_attention_weighs_frames_alike_where_they_are_alike():
    model = EcapaTdnn(4, channels=(8, 8, 8, 8, 8), embedding_size=3, scale=4, hidden=5).eval()
    frame = torch.rand(1, 1, 4)
    # Reflection at the ends changes nothing where all frames are the same.
    assert torch.allclose(model(frame.expand(1, 9, 4)), model(frame.expand(1, 30, 4)), atol=1e-5)


def test_a_spectrogram_is_that_of_the_definition():
    torch.manual_seed(2)
    wave = (torch.rand(1, 1600) - 0.5).double()
    padded = torch.nn.functional.pad(wave, (200, 200))[0]
    t = torch.arange(400).double()
    window = 0.54 - 0.46 * torch.cos(2 * math.pi * t / 400)
    frames = padded.unfold(0, 400, 160) * window
    angles = 2 * math.pi * torch.outer(t, torch.arange(201).double()) / 400
    power = (frames @ torch.cos(angles)) ** 2 + (frames @ torch.sin(angles)) ** 2
    top = 2595 * math.log10(1 + 8000 / 700)
    hertz = [700 * (10 ** (top * i / 11 / 2595) - 1) for i in range(12)]
    bands = []
    for low, centre in pairwise(hertz[:-1]):
        slope = (torch.arange(201).double() * 40 - centre) / (centre - low)
        bands.append(torch.minimum(1 + slope, 1 - slope).clamp(min=0))
    levels = 10 * torch.log10((power @ torch.stack(bands, 1)).clamp(min=1e-10))
    found = Fbank(10)(wave.float())
    assert found.shape == (1, 11, 10)
    torch.testing.assert_close(found[0].double(), levels, atol=1e-3, rtol=0)
    assert triangles(10).shape == (201, 10)


def test_silence_of_one_sound_is_measured_by_that_sound_alone():
    loud, quiet = torch.sin(torch.arange(1600) * 0.3), torch.sin(torch.arange(1600) * 0.3) / 1000
    both = Fbank(20)(torch.stack([loud, quiet]))
    assert torch.allclose(both[1], Fbank(20)(quiet[None])[0])
    assert both.amax(dim=(1, 2)).sub(both.amin(dim=(1, 2))).max() <= 80.001


def test_transferred_speaker_embeddings_are_those_of_the_file(tdnn, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "speechbrain" / "embedding_model.ckpt"
    place.parent.mkdir(parents=True)
    torch.save(tdnn.backbone.state_dict(), place)
    model = TDNNFFNN(5, 4, transfer=True).eval()
    x = torch.rand(1, 1600) - 0.5
    assert torch.equal(model.embeddings(x), tdnn.embeddings(x))
    assert all(parameter.requires_grad for parameter in model.parameters())
