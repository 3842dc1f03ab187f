"""Exported models: what they say, what their files tell, and what is refused."""

import json
import sys

import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from safetensors import safe_open
from safetensors.torch import load_file

from autrainer.data.targets import MinMaxScaler
from autrainer.errors import ConfigError, DataError, MissingExtraError, UntrustedCodeError
from autrainer.export import make_export
from autrainer.export.running import run_onnx, run_pt2
from autrainer.models import FFNN, Cnn10, SeqFFNN, SmallCNN
from autrainer.runs.objects import load_object
from autrainer.serving import Serving
from autrainer.transforms import (
    Expand,
    PannMel,
    Resample,
    ScaleRange,
    SpectToImage,
)
from tests.serving.conftest import write_model
from tests.serving.parts import Energy
from tests.training.conftest import trained

PANN = PannMel(512, 160, 16000, 50, 8000, 64, 1.0, 1e-10, None)
ALL = {"README.md", "interface.yaml", "model.onnx", "model.pt2", "model.safetensors", "model.yaml"}


NOTHING = "$autrainer.transforms.SmartCompose:\n  transforms: []\n"


def by_onnxruntime(folder, features):
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    return session.run(["outputs"], {"features": features.numpy()})[0]


@pytest.fixture
def toy(tmp_path):
    """The folder of a trained run on a table in memory."""
    return trained(tmp_path).output_directory


@pytest.mark.slow
def test_a_run_is_exported_and_compared_on_its_test_set(toy, tmp_path):
    made = make_export(toy, tmp_path / "out")
    assert {path.name for path in made.folder.iterdir()} == ALL
    assert [(c.file, c.num_samples, c.origin) for c in made.comparisons] == [
        ("model.onnx", 8, "the test set"),
        ("model.pt2", 8, "the test set"),
    ]
    assert all(comparison.largest < 1e-5 for comparison in made.comparisons)
    assert made.interface["input"]["shape"] == ["batch", 64]
    assert yaml.safe_load((made.folder / "interface.yaml").read_text()) == made.interface

    card = (made.folder / "README.md").read_text()
    scores = yaml.safe_load((toy / "_test" / "test_holistic.yaml").read_text())
    assert f"| accuracy | {scores['accuracy']['all']:.4f} |" in card
    assert "bootstrap resamples of single samples, of 8 samples" in card
    assert "learning_rate: 0.1" in card


@pytest.mark.slow
def test_weights_are_read_back_as_the_card_says(toy, tmp_path):
    made = make_export(toy, tmp_path / "out", formats=["pt2"])
    model = load_object(made.folder / "model.yaml", {"transfer": None})
    model.load_state_dict(load_file(made.folder / "model.safetensors"))
    features = torch.randn(5, 64)
    program = torch.export.load(made.folder / "model.pt2").module()
    torch.testing.assert_close(model.eval()(features), program(features))
    with safe_open(made.folder / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    assert metadata["run"] == "run"
    assert json.loads(metadata["labels"])[0] == "class_1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "shape", "other", "expected", "format"),
    [
        (Cnn10(2), (1, 40, 64), (1, 71, 64), ["batch", 1, "length", 64], "pt2"),
        (
            SmallCNN(2, channels=(4,)),
            (1, 8, 8),
            (1, 5, 9),
            ["batch", 1, "size_2", "size_3"],
            "onnx",
        ),
        (SeqFFNN(2, 3, 4, 1, 4), (7, 3), (7, 3), ["batch", 7, 3], "onnx"),
    ],
    ids=["Cnn10", "SmallCNN", "LSTM"],
)
def test_sizes_may_differ_where_the_model_lets_them(
    tmp_path, model, shape, other, expected, format
):
    source = write_model(tmp_path / "model", model)
    (source / "preprocess_pipeline.yaml").write_text(NOTHING)
    made = make_export(source, tmp_path / "out", shape=shape, formats=[format])
    assert made.interface["input"]["shape"] == expected
    are_told_to_be_fixed = any(note.startswith("all sizes but") for note in made.notes)
    assert are_told_to_be_fixed == (shape == other)
    features = torch.randn(3, *other)
    with torch.no_grad():
        wanted = model.eval()(features).numpy()
    run = {"pt2": run_pt2, "onnx": run_onnx}[format](made.folder / f"model.{format}")
    np.testing.assert_allclose(run(features).numpy(), wanted, atol=1e-5)


@pytest.mark.slow
def test_transforms_of_sound_are_inside_and_lengths_may_differ(tmp_path):
    pipeline = [Resample(8000, 16000), PANN]
    transform = [ScaleRange(), Expand(64, axis=-2)]
    source = write_model(
        tmp_path / "model",
        SmallCNN(2, channels=(4, 4)),
        pipeline=pipeline,
        transform=transform,
    )
    made = make_export(source, tmp_path / "out", shape=(1, 4000), formats=["onnx"])
    assert made.interface["input"]["shape"] == ["batch", 1, "length"]
    assert [text.partition("(")[0] for text in made.interface["before"]] == ["AudioFileHandler"]
    inside = [text.partition("(")[0] for text in made.interface["inside"]]
    assert inside == ["StereoToMono", "Resample", "PannMel", "Expand", "ScaleRange"]

    serving = Serving(source)
    for length in (1000, 9001):
        sound = torch.randn(3, 1, length)
        wanted, _ = serving.forward([serving.features_of(signal) for signal in sound])
        found = by_onnxruntime(made.folder, sound)
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-4)


@pytest.mark.slow
def test_what_is_no_code_of_tensors_stays_outside_and_is_told(tmp_path):
    source = write_model(
        tmp_path / "model",
        SmallCNN(1, in_channels=3, channels=(4,)),
        pipeline=[PANN, SpectToImage(16, 16)],
        transform=[ScaleRange()],
        targets=MinMaxScaler("valence", 1, 7),
    )
    made = make_export(source, tmp_path / "out", shape=(1, 4000), formats=["pt2"])
    names = {key: [text.partition("(")[0] for text in made.interface[key]] for key in
             ("before", "inside")}  # fmt: skip
    assert names["before"] == ["AudioFileHandler", "StereoToMono", "PannMel", "SpectToImage"]
    assert names["inside"] == ["ScaleRange"]
    assert any("SpectToImage" in note and "stays outside" in note for note in made.notes)
    assert any("seeded noise" in note for note in made.notes)
    assert "from 1.0 to 7.0" in made.interface["output"]["meaning"]
    assert {path.name for path in made.folder.iterdir()} == ALL - {"model.onnx"}


@pytest.mark.slow
def test_what_differs_by_more_than_the_tolerance_is_not_written(tmp_path):
    source = write_model(tmp_path / "model", pipeline=[Resample(8000, 16000)])
    out = tmp_path / "out"
    options = {"shape": (1, 4000), "trusted": [tmp_path], "formats": ["pt2"]}
    with pytest.raises(UntrustedCodeError, match="Energy"):
        make_export(source, out, **options)
    source = write_model(
        tmp_path / "ours", SmallCNN(2, channels=(4,)), pipeline=[PANN], checkpoint="epoch_1"
    )
    del options["trusted"]
    made = make_export(source, out, checkpoint="epoch_1", **options)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(DataError, match=r"model.pt2: largest difference .* nothing was written"):
        make_export(source, out, checkpoint="epoch_1", tolerance=1e-30, force=True, **options)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []
    assert "checkpoint `epoch_1`" in (made.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"formats": ["tflite"]}, r"the formats are \['tflite'\]; use onnx or pt2"),
        ({"tolerance": 0}, "the tolerance is 0; use a number above 0"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        make_export(tmp_path, tmp_path / "out", **options)


def test_no_folder_with_other_files_is_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    with pytest.raises(ConfigError, match=r"holds 'thesis.tex', no file of an export"):
        make_export(tmp_path, tmp_path / "out", force=True)


def test_an_earlier_export_is_replaced_by_force_only(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.onnx").touch()
    with pytest.raises(ConfigError, match="is not empty; replace the export in it with --force"):
        make_export(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("library", "formats"),
    [("onnxscript", ["onnx"]), ("onnxruntime", ["onnx"]), ("safetensors", ["pt2"])],
)
def test_a_missing_library_is_told_before_anything_else(tmp_path, monkeypatch, library, formats):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setitem(sys.modules, f"{library}.torch", None)
    with pytest.raises(MissingExtraError, match=rf"{library}.*pip install 'autrainer\[export\]'"):
        make_export(tmp_path, tmp_path / "out", formats=formats)


def test_without_a_test_set_a_shape_is_asked_for(tmp_path):
    source = write_model(tmp_path / "model", FFNN(2, 3, 4))
    with pytest.raises(ConfigError, match="give the shape of a sample for noise"):
        make_export(source, tmp_path / "out")
    with pytest.raises(ConfigError, match=r"\(4,\) does not fit"):
        make_export(source, tmp_path / "out", shape=(4,))


def test_classes_of_others_need_to_be_allowed(tmp_path):
    source = write_model(tmp_path / "model", Energy(2))
    with pytest.raises(UntrustedCodeError, match=r"tests\.serving\.parts\.Energy"):
        make_export(source, tmp_path / "out", shape=(1, 100))
