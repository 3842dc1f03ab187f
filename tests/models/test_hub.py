"""Models of transformers, with random weights of tiny configurations, and without a network."""

import audobject
import pytest
import torch
import transformers
import yaml

from autrainer.errors import ConfigError, DataError, DownloadError, MissingExtraError
from autrainer.models import W2V2FFNN, ASTModel, HFAudioModel, WhisperFFNN
from autrainer.models.weights.hub import build_hub_model
from autrainer.models.weights.known import ARCHITECTURES
from autrainer.runs.objects import object_dict, object_yaml

SMALL = {
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
}
CONVOLUTIONS = {
    "conv_dim": [6, 6, 6],
    "conv_kernel": [10, 3, 3],
    "conv_stride": [5, 4, 4],
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "mask_time_prob": 0.0,
}
LAYER_NORM = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
WAVEFORMS = {**SMALL, **CONVOLUTIONS}
WHISPER = {
    "model_type": "whisper",
    "d_model": 8,
    **{f"{side}_layers": 2 for side in ("encoder", "decoder")},
    **{f"{side}_attention_heads": 2 for side in ("encoder", "decoder")},
    **{f"{side}_ffn_dim": 12 for side in ("encoder", "decoder")},
    **{"num_mel_bins": 5, "max_source_positions": 10, "vocab_size": 20},
    **{"decoder_start_token_id": 3, "pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 1},
}
AST = {
    "model_type": "audio-spectrogram-transformer",
    **SMALL,
    **{"max_length": 32, "num_mel_bins": 16, "patch_size": 8},
    **{"frequency_stride": 8, "time_stride": 8},
}
CLAP = {
    "model_type": "clap",
    "projection_dim": 4,
    "text_config": {**SMALL, "vocab_size": 20, "max_position_embeddings": 12},
    "audio_config": {
        **{"spec_size": 32, "num_mel_bins": 8, "patch_size": 2, "patch_stride": [2, 2]},
        **{"patch_embeds_hidden_size": 4, "depths": [1, 1], "num_attention_heads": [1, 1]},
        **{"window_size": 4, "hidden_size": 8, "num_hidden_layers": 2, "projection_dim": 4},
    },
}
ENCODERS = {
    "wav2vec2": ({"model_type": "wav2vec2", **WAVEFORMS}, (1, 1000)),
    "hubert": ({"model_type": "hubert", **WAVEFORMS, **LAYER_NORM}, (1, 1000)),
    "wavlm": ({"model_type": "wavlm", **WAVEFORMS}, (1000,)),
    "unispeech-sat": ({"model_type": "unispeech-sat", **WAVEFORMS}, (1000,)),
    "data2vec-audio": ({"model_type": "data2vec-audio", **WAVEFORMS}, (1000,)),
    "whisper": (WHISPER, (5, 20)),
    "ast": (AST, (32, 16)),
    "clap": (CLAP, (1, 32, 8)),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_any_audio_encoder_has_outputs_and_embeddings_and_trains(name):
    torch.manual_seed(0)
    config, shape = ENCODERS[name]
    model = HFAudioModel(3, name, config=config)
    x = torch.randn(2, *shape)
    assert model(x).shape == (2, 3)
    assert model.eval().embeddings(x).shape == (2, 8)
    model(x).square().sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in model.backbone.parameters())
    again = audobject.from_dict(object_dict(model), override_args={"transfer": None})
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.eval()(x), model(x))


@pytest.mark.parametrize(("layer", "place"), [("last", -1), (0, 0), (1, 1), (2, 2)])
def test_frames_are_those_of_a_layer(layer, place):
    model = HFAudioModel(3, "", layer=layer, config=ENCODERS["wavlm"][0]).eval()
    x = torch.randn(2, 1000)
    hidden = model.backbone(x, output_hidden_states=True).hidden_states
    assert len(hidden) == 3
    torch.testing.assert_close(model.embeddings(x), hidden[place].mean(1))


def test_weights_of_layers_train():
    model = HFAudioModel(3, "", layer="weighted", config=ENCODERS["hubert"][0]).eval()
    x = torch.randn(2, 1, 1000)
    hidden = model.backbone(x[:, 0], output_hidden_states=True).hidden_states
    torch.testing.assert_close(model.embeddings(x), torch.stack(hidden).mean(0).mean(1))
    model(x).square().sum().backward()
    assert model.layer_weights.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("pooling", "pooled"),
    [
        ("mean", lambda x: x.mean(1)),
        ("max", lambda x: x.amax(1)),
        ("first", lambda x: x[:, 0]),
        ("statistics", lambda x: torch.cat([x.mean(1), x.std(1, correction=0)], 1)),
    ],
)
def test_frames_are_pooled(pooling, pooled):
    model = HFAudioModel(3, "", pooling=pooling, config=ENCODERS["hubert"][0]).eval()
    x = torch.randn(2, 1000)
    frames = model.backbone(x).last_hidden_state
    torch.testing.assert_close(model.embeddings(x), pooled(frames))
    assert model(x).shape == (2, 3)


def of_layer_norm(kind, **options):
    config = {**ENCODERS["hubert"][0], "model_type": "wav2vec2"}
    return kind(3, "", **options, config=config).eval()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((HFAudioModel, {"pooling": name}) for name in ("mean", "max", "first", "statistics")),
        (W2V2FFNN, {"freeze_extractor": False, "hidden_size": 4}),
    ],
    ids=["mean", "max", "first", "statistics", "W2V2FFNN"],
)
def test_what_a_sound_is_padded_with_changes_nothing(kind, options):
    model = of_layer_norm(kind, **options)
    torch.manual_seed(1)
    x, lengths = torch.randn(3, 1000), torch.tensor([1000, 700, 391])
    for row, length in zip(x, lengths.tolist(), strict=True):
        row[length:] = 0
    padded = model.embeddings(x, lengths)
    alone = [model.embeddings(x[i : i + 1, :n]) for i, n in enumerate(lengths.tolist())]
    torch.testing.assert_close(padded, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert "lengths" in model.inputs


def test_frozen_convolutions_are_computed_without_a_graph():
    config = ENCODERS["wav2vec2"][0]
    model = W2V2FFNN(3, "", True, 4, config=config)
    extractor = model.backbone.model.feature_extractor
    model(torch.randn(2, 1000)).sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in extractor.parameters())
    assert not extractor(torch.randn(1, 1000)).requires_grad
    assert (
        W2V2FFNN(3, "", False, 4, config=config)
        .backbone.model.feature_extractor(torch.randn(1, 1000))
        .requires_grad
    )
    assert {name.split(".")[0] for name in model.state_dict()} == {"backbone", "frontend"}
    assert any(name.startswith("backbone.model.encoder") for name in model.state_dict())


def test_whisper_is_asked_for_its_first_token():
    model = WhisperFFNN(3, "", 4, config=WHISPER).eval()
    x = torch.randn(2, 5, 20)
    assert model.state_dict()["backbone.decoder_input_ids"].tolist() == [[3, 3]]
    both = model.backbone.model(x, decoder_input_ids=torch.full((2, 2), 3)).last_hidden_state
    torch.testing.assert_close(model.embeddings(x), both[:, 0])
    assert model(x).shape == (2, 3)


def test_ast_takes_the_mean_of_its_tokens():
    model = ASTModel(3, num_hidden_layers=1, hidden_size=5, config=AST).eval()
    x = torch.randn(2, 32, 16)
    torch.testing.assert_close(model.embeddings(x), model.model(x).last_hidden_state.mean(1))
    torch.testing.assert_close(model(x.unsqueeze(1)), model(x))
    assert model.model.config.num_hidden_layers == 1
    head = {name for name in model.state_dict() if name.startswith("out.")}
    assert head == {"out.0.weight", "out.0.bias", "out.3.weight", "out.3.bias"}


@pytest.fixture
def folder(tmp_path):
    """A model as the hub has it, and where it lies."""
    torch.manual_seed(2)
    model = build_hub_model("", "a test", transfer=False, config=ENCODERS["wav2vec2"][0])
    # A bar leaves a thread behind.
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(tmp_path / "model")
    transformers.utils.logging.enable_progress_bar()
    return model, str(tmp_path / "model")


def test_a_folder_gives_architecture_and_weights(folder):
    source, place = folder
    fresh = W2V2FFNN(3, place, True, 4)
    taken = W2V2FFNN(3, place, True, 4, transfer=True)
    own, theirs = taken.backbone.model.state_dict(), source.state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in theirs)
    assert fresh.backbone.model.config.hidden_size == 8
    assert not torch.equal(
        fresh.backbone.model.encoder.layers[0].attention.k_proj.weight,
        source.encoder.layers[0].attention.k_proj.weight,
    )


def test_a_trained_model_needs_neither_folder_nor_network(folder, tmp_path):
    _, place = folder
    model = W2V2FFNN(3, place, True, 4, transfer=True).eval()
    described = yaml.safe_load(object_yaml(model))
    (arguments,) = described.values()
    arguments["model_name"] = "nowhere/to-be-found"
    again = audobject.from_dict(described, override_args={"transfer": None}).eval()
    again.load_state_dict(model.state_dict())
    x = torch.randn(1, 1000)
    assert torch.equal(again(x), model(x))


def test_weights_that_are_missing_are_told(folder):
    from safetensors.torch import load_file, save_file

    _, place = folder
    state = load_file(f"{place}/model.safetensors")
    lost = "encoder.layers.1.attention.k_proj.weight"
    save_file(
        {k: v for k, v in state.items() if k != lost},
        f"{place}/model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(ConfigError, match=rf"has no weights for Wav2Vec2Model: {lost}, 1 in all"):
        HFAudioModel(2, place, transfer=True)


def test_code_of_a_folder_is_not_executed(folder, tmp_path):
    import json
    from pathlib import Path

    _, place = folder
    path = Path(place, "config.json")
    config = json.loads(path.read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "code.Own", "AutoModel": "code.Own"}}
    path.write_text(json.dumps(config))
    Path(place, "code.py").write_text(f"open({str(tmp_path / 'harm')!r}, 'w')\n")
    for transfer in (False, True):
        with pytest.raises(ConfigError, match="and code of others is not executed"):
            HFAudioModel(2, place, transfer=transfer)
    assert not (tmp_path / "harm").exists()


def test_a_hub_that_cannot_be_reached_is_told_with_what_works_without(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DownloadError, match=r"'nobody/nothing' did not come .*a folder with"):
        HFAudioModel(2, "nobody/nothing")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pooling": "median"}, "use one of mean, max, first, statistics"),
        ({"layer": 3}, "use 'last', 'weighted', or a number from 0 to 2"),
        ({"layer": "first"}, "model.layer is 'first'"),
        ({"layer": 1, "config": CLAP}, "layers of CLAP differ in their width"),
        ({"config": {"model_type": "nothing"}}, "describes no model of transformers"),
        ({"config": {"hidden_size": 3}}, "describes no model of transformers"),
        ({"config": {"model_type": "bert", **SMALL, "vocab_size": 9}}, "and no audio"),
    ],
)
def test_what_there_is_not_is_refused(arguments, message):
    with pytest.raises(ConfigError, match=message):
        HFAudioModel(2, "", **{"config": ENCODERS["wavlm"][0], **arguments})


def test_features_of_other_shapes_are_told():
    model = HFAudioModel(2, "mine", config=ENCODERS["wavlm"][0])
    with pytest.raises(DataError, match=r"mine takes features of 2 axes, found \(1, 2, 900\)"):
        model(torch.randn(1, 2, 900))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_known_architecture_has_its_size(name):
    millions = {
        **{"openai/whisper-tiny": 37.8, "openai/whisper-base": 72.6, "openai/whisper-small": 241.7},
        **{"facebook/wav2vec2-base": 94.4, "facebook/hubert-base-ls960": 94.4},
        **{"facebook/hubert-large-ll60k": 315.4, "facebook/wav2vec2-large-robust": 315.4},
        **{"facebook/wav2vec2-large-100k-voxpopuli": 315.4, "facebook/wav2vec2-large": 315.4},
        "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": 164.3,
    }
    with torch.device("meta"):
        model = build_hub_model(name, "a test", transfer=False)
    found = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    assert found == pytest.approx(millions[name], abs=0.1)


def test_a_library_that_is_not_there_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("autrainer.runs.extras._origin", lambda module: None)
    with pytest.raises(MissingExtraError, match=r"ASTModel needs transformers; .*transformers\]"):
        ASTModel(2)
