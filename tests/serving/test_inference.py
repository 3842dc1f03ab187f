"""Predictions and embeddings of files."""

import numpy as np
import pytest
import soundfile
import torch

from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler
from autrainer.data.targets import (
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
)
from autrainer.errors import ConfigError, CorruptFileError, DataError, UntrustedCodeError
from autrainer.models import FFNN
from autrainer.runs.state.torch_files import write_state
from autrainer.serving import Inference, Serving
from autrainer.transforms import Expand, Normalize, SmartCompose
from tests.conftest import REPOSITORY
from tests.serving.conftest import RATE, write_model, write_wav
from tests.serving.parts import Energy, FailsOnLoud, Misfit

TRUSTED = {"trusted": [REPOSITORY]}


def test_a_model_of_autrainer_needs_no_trust(tmp_path):
    torch.manual_seed(0)
    model = FFNN(2, 4, 3, dropout=0)
    folder = write_model(tmp_path / "m", model, handler=NumpyFileHandler())
    np.save(tmp_path / "a.npy", np.arange(4, dtype=np.float32))
    serving = Inference(folder, preprocess_cfg=None)
    prediction, output, probabilities = serving.predict_file(tmp_path / "a.npy")
    expected = model.eval()(torch.arange(4.0)[None])
    assert torch.equal(output, expected)
    assert prediction == "ab"[int(expected.argmax())]
    assert list(probabilities) == ["a", "b"]
    assert sum(probabilities.values()) == pytest.approx(1)


def test_a_model_of_somebody_else_needs_trust(model):
    with pytest.raises(UntrustedCodeError, match=r"model\.yaml: the class tests\.serving\.parts"):
        Inference(model)


def test_a_file_is_what_its_signal_gives(model, recordings):
    inference = Inference(model, **TRUSTED)
    signal = AudioFileHandler(RATE).load(str(recordings / "a.wav"))
    prediction, output, probabilities = inference.predict_file(recordings / "a.wav")
    with torch.inference_mode():
        expected = inference.serving.model(signal[None])
    assert torch.equal(output, expected)
    assert prediction == "ab"[int(expected.argmax())]
    assert probabilities == dict(zip("ab", expected.softmax(-1)[0].tolist(), strict=True))
    embedding = inference.embed_file(recordings / "a.wav")
    assert torch.equal(embedding, inference.serving.model.embeddings(signal[None])[0])


def test_windows_of_a_file_vote(model, recordings):
    inference = Inference(model, window_length=0.5, **TRUSTED)
    predictions, outputs, probabilities = inference.predict_file(recordings / "c.wav")
    keys = ["0.00-0.50", "0.50-1.00", "1.00-1.50", "majority"]
    assert list(predictions) == list(outputs) == list(probabilities) == keys
    votes = [predictions[key] for key in keys[:3]]
    assert predictions["majority"] == max("ab", key=votes.count)
    assert outputs["majority"].numel() == 0
    assert probabilities["majority"] == {"a": None, "b": None}
    assert list(inference.embed_file(recordings / "c.wav")) == keys[:3]


def test_a_folder_is_read_in_order_whatever_the_letters_of_the_suffix(model, recordings):
    inference = Inference(model, **TRUSTED)
    table = inference.predict_directory(recordings, "wav", recursive=True, update_frequency=0)
    assert table["filename"].tolist() == ["a.wav", "b.WAV", "c.wav", "d.wav", "deep/e.wav"]
    assert list(table.columns) == ["filename", "prediction", "output", "a", "b"]
    flat = inference.predict_directory(recordings, ".WAV", update_frequency=0)
    assert flat["filename"].tolist() == ["a.wav", "b.WAV", "c.wav", "d.wav"]
    for name, output in zip(table["filename"], table["output"], strict=True):
        single = inference.predict_file(recordings / name)[1]
        assert torch.allclose(torch.tensor([output]), single, atol=1e-6)


def test_predictions_and_embeddings_come_from_one_pass(model, recordings):
    inference = Inference(model, batch_size=2, **TRUSTED)
    Energy.calls = 0
    table = inference.embed_directory(recordings, "wav", recursive=True, update_frequency=0)
    # Two of 8000 samples, then 12000, 500 and 8000.
    assert Energy.calls == 4
    assert table["embedding"].map(np.shape).tolist() == [(2,)] * 5


def test_a_model_whose_outputs_are_not_made_of_its_embeddings_is_asked_twice(tmp_path):
    folder = write_model(tmp_path / "m", FFNN(2, 4, 3, dropout=0), handler=NumpyFileHandler())
    serving = Serving(folder, preprocess_cfg=None)
    features = [torch.randn(4), torch.randn(4)]
    outputs, embeddings = serving.forward(features, with_embeddings=True)
    assert outputs.shape == (2, 2)
    assert torch.equal(embeddings, serving.model.embeddings(torch.stack(features)))
    assert "embeddings" not in vars(serving.model)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_size_of_a_batch_changes_rounding_alone(model, recordings, batch_size):
    one = Inference(model, window_length=0.25, batch_size=batch_size, **TRUSTED)
    two = Inference(model, window_length=0.25, batch_size=2, **TRUSTED)
    tables = [
        inference.predict_directory(recordings, "wav", update_frequency=0)
        for inference in (one, two)
    ]
    assert tables[0][["filename", "offset"]].equals(tables[1][["filename", "offset"]])
    assert np.allclose(tables[0][["a", "b"]], tables[1][["a", "b"]], atol=1e-6, equal_nan=True)


def test_a_file_that_cannot_be_read_ends_no_other(model, recordings, caplog):
    (recordings / "b.WAV").write_text("no sound at all")
    (recordings / "c.wav").write_bytes((recordings / "c.wav").read_bytes()[:-10])
    write_wav(recordings / "f.wav", 0)
    inference = Inference(model, **TRUSTED)
    table = inference.predict_directory(recordings, "wav", update_frequency=0)
    assert table["filename"].tolist() == ["a.wav", "d.wav"]
    assert list(inference.failures) == ["b.WAV", "c.wav", "f.wav"]
    assert inference.failures["f.wav"] == "it holds no samples"
    assert "No result for c.wav" in caplog.text
    with pytest.raises(DataError, match=r"f\.wav: it holds no samples"):
        inference.predict_file(recordings / "f.wav")


def test_a_recording_of_nan_has_an_error_and_no_prediction(model, recordings):
    samples = np.full(RATE, np.nan, np.float32)
    soundfile.write(recordings / "n.wav", samples, RATE, subtype="FLOAT")
    inference = Inference(model, **TRUSTED)
    table = inference.predict_directory(recordings, "wav", update_frequency=0)
    assert "n.wav" not in table["filename"].tolist()
    assert inference.failures["n.wav"].startswith("the model's outputs are NaN")


def test_errors_of_transforms_and_of_the_model_are_those_of_their_file(tmp_path, recordings):
    loud = write_wav(recordings / "loud.wav", 8000)
    content = bytearray(loud.read_bytes())
    content[100:102] = b"\xff\x7f"
    loud.write_bytes(content)
    flat = recordings / "flat.wav"
    flat.write_bytes(write_wav(recordings / "f.wav", 8000).read_bytes()[:44] + bytes(16000))
    folder = write_model(tmp_path / "m", Misfit(2), transform=[FailsOnLoud()])
    inference = Inference(folder, **TRUSTED)
    table = inference.predict_directory(recordings, "wav", update_frequency=0)
    assert table["filename"].tolist() == ["a.wav", "b.WAV", "c.wav", "d.wav", "f.wav"]
    assert inference.failures == {
        "flat.wav": "RuntimeError: a constant signal",
        "loud.wav": "KeyError: 'too loud'",
    }


@pytest.mark.parametrize(
    ("targets", "kind"),
    [
        (LabelEncoder([3, 5]), int),
        (MultiLabelEncoder(labels=["x", "y"], threshold=0.5), list),
        (MinMaxScaler("age", 10.0, 90.0), float),
        (MultiTargetMinMaxScaler(["x", "y"], [0.0, 1.0], [2.0, 3.0]), list),
    ],
    ids=["labels", "several labels", "number", "several numbers"],
)
def test_every_kind_of_target_has_predictions_and_votes(tmp_path, recordings, targets, kind):
    folder = write_model(tmp_path / "m", targets=targets)
    inference = Inference(folder, window_length=0.5, **TRUSTED)
    predictions, outputs, probabilities = inference.predict_file(recordings / "a.wav")
    assert {type(prediction) for prediction in predictions.values()} == {kind}
    assert outputs["0.00-0.50"].shape == (1, len(targets))
    assert len(probabilities["0.00-0.50"]) == len(targets)


def test_tables_are_saved_as_0_10_saved_them(model, recordings, tmp_path):
    inference = Inference(model, window_length=0.5, **TRUSTED)
    out = tmp_path / "out"
    table = inference.predict_directory(recordings, "wav", recursive=True, update_frequency=0)
    inference.save_prediction_results(table, out)
    inference.save_prediction_yaml(table, out)
    embeddings = inference.embed_directory(recordings, "wav", True, 0)
    inference.save_embeddings(embeddings, out, "wav")
    lines = (out / "results.csv").read_text().splitlines()
    assert lines[0] == "filename,offset,prediction,output,a,b"
    assert lines[3].startswith("a.wav,majority,")
    assert lines[3].endswith(",[],,")
    yaml = (out / "results.yaml").read_text()
    assert "deep/e.wav:\n  0.00-0.50:" in yaml
    saved = torch.load(out / "deep" / "e-0.50-1.00.pt", weights_only=True)
    assert saved.shape == (2,)


def test_a_rate_that_is_not_that_of_the_model_is_refused(model):
    with pytest.raises(ConfigError, match=r"sample rate is 16000 Hz, but .* reads at 8000 Hz"):
        Inference(model, window_length=1, sample_rate=16000, **TRUSTED)


def test_what_a_run_lacks_is_told(model):
    with pytest.raises(ConfigError, match=r"there is no checkpoint .*epoch_3.*; there are _best"):
        Inference(model, checkpoint="epoch_3", **TRUSTED)
    write_state(torch.nn.Linear(1, 1).state_dict(), model / "_best" / "model.pt")
    with pytest.raises(CorruptFileError, match=r"model\.pt does not fit the model"):
        Inference(model, **TRUSTED)
    (model / "target_transform.yaml").unlink()
    with pytest.raises(ConfigError, match=r"it lacks target_transform\.yaml"):
        Inference(model, **TRUSTED)


@pytest.mark.parametrize("device", ["", "gpu", "cuda:", "cuda:x", "cpu0"])
def test_a_device_that_is_none_is_refused(model, device):
    with pytest.raises(ConfigError, match="use cpu, cuda, cuda:<number> or mps"):
        Inference(model, device=device, **TRUSTED)


@pytest.mark.parametrize("device", ["cuda:99", "mps"])
def test_a_device_that_is_not_there_is_replaced_after_a_warning(model, device, caplog):
    assert Serving(model, device=device, **TRUSTED).device == torch.device("cpu")
    assert f"There is no device {device} here; using the CPU" in caplog.text


def test_preprocessing_of_the_user_takes_the_place_of_what_is_stored(model, recordings, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "file_handler:\n"
        "  autrainer.datasets.utils.AudioFileHandler: {target_sample_rate: 8000, duration: 0.5}\n"
        "pipeline:\n"
        "  - autrainer.transforms.Expand: {size: 5000, axis: -1}\n"
    )
    serving = Serving(model, preprocess_cfg=tmp_path / "mine.yaml", **TRUSTED)
    signal = serving.file_handler.load(str(recordings / "a.wav"))
    assert serving.features_of(signal).shape == (1, 5000)
    assert signal.shape == (1, 4000)
    with pytest.raises(ConfigError, match=r"nothing\.yaml cannot be read"):
        Serving(model, preprocess_cfg=tmp_path / "nothing.yaml", **TRUSTED)


def test_padding_of_the_test_set_is_that_of_inference(tmp_path, recordings):
    folder = write_model(tmp_path / "m")
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "config.yaml").write_text(
        "dataset:\n  test_loader_kwargs:\n    pad: {to: 9000, crop: true}\n"
    )
    serving = Serving(folder, **TRUSTED)
    short, long = torch.ones(1, 10), torch.ones(1, 9500)
    assert serving.evenness_of(short) == serving.evenness_of(long)
    assert serving.batch_of([short, long]).features.shape == (2, 1, 9000)


def test_pipeline_and_transform_are_applied_as_training_does(tmp_path):
    folder = write_model(
        tmp_path / "m", pipeline=[Expand(6, axis=-1)], transform=[Expand(8, axis=-1)]
    )
    serving = Serving(folder, **TRUSTED)
    stereo = torch.tensor([[1, 3], [3, 5]], dtype=torch.float64)
    features = serving.features_of(stereo)
    assert features.dtype == torch.float32
    assert features.tolist() == [[2, 4, 0, 0, 0, 0, 0, 0]]
    assert isinstance(serving.pipeline, SmartCompose)


def test_windows_are_transformed_together_as_each_alone(tmp_path, recordings):
    steps = [Expand(5000, axis=-1), Normalize(0.1, 0.3)]
    serving = Serving(write_model(tmp_path / "m", transform=steps), **TRUSTED)
    signal = serving.file_handler.load(str(recordings / "c.wav"))
    parts = [signal[..., start : start + 4000] for start in range(0, 8001, 50)]
    together = serving.features_of_all(parts)
    assert len(together) == len(parts) > 64
    for part, features in zip(parts, together, strict=True):
        assert torch.equal(features, serving.features_of(part))
    uneven = [signal, signal[..., :100]]
    assert [f.shape[-1] for f in serving.features_of_all(uneven)] == [12000, 5000]
