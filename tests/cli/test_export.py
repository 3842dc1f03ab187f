"""`export`: what it prints, returns and refuses."""

import pytest
import torch

from autrainer.cli import export
from autrainer.cli.errors import CommandLineError
from autrainer.cli.main import run as command
from autrainer.models import SmallCNN
from tests.run_folders import write_run
from tests.serving.conftest import write_model


@pytest.mark.slow
def test_input_and_differences_are_printed_and_a_second_call_needs_force(
    tmp_path, capsys, monkeypatch
):
    write_model(tmp_path / "model", SmallCNN(2, channels=(4,)))
    (tmp_path / "model" / "preprocess_pipeline.yaml").unlink()
    arguments = ["export", "model", "--format", "pt2", "--shape", "1,8,8"]
    assert command(arguments) == 1
    assert "it lacks preprocess_pipeline.yaml" in capsys.readouterr().err
    write_model(tmp_path / "model", SmallCNN(2, channels=(4,)))
    text = "$autrainer.transforms.SmartCompose:\n  transforms: []\n"
    (tmp_path / "model" / "preprocess_pipeline.yaml").write_text(text)
    assert command(arguments) == 0
    out = capsys.readouterr().out
    assert "Export: export/model (README.md, interface.yaml, model.pt2, " in out
    assert "Input:  features, float32, (batch, 1, size_2, size_3)" in out
    assert "Before: AudioFileHandler(" in out
    assert "Note:   checked on seeded noise, since the test set cannot be read" in out
    assert "model.pt2: largest difference from PyTorch" in out
    assert "(tolerance 0.001)" in out
    assert command(arguments) == 1
    assert "replace the export in it with --force" in capsys.readouterr().err
    assert export("model", format="pt2", shape=[1, 8, 8], force=True).folder.name == "model"
    # Rounding alone is the same on some processors.
    forward = SmallCNN.forward

    def differing(self, features):
        return forward(self, features) + torch.compiler.is_compiling()

    monkeypatch.setattr(SmallCNN, "forward", differing)
    assert command([*arguments, "--force"]) == 1
    assert "nothing was written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none"], 1, "no run 'none'"),
        (["default"], 1, "default holds 2 runs; name one: "),
        (["default", "--format", "tflite"], 2, "invalid choice: 'tflite'"),
        (["default", "--shape", "1,-4"], 2, "the shape is '1,-4'; write sizes such as 1,16000"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, capsys, arguments, code, message):
    for seed in (1, 2):
        write_run(tmp_path / "results" / "default" / "training", seed=seed)
    assert command(["export", *arguments]) == code
    assert message in capsys.readouterr().err


def test_the_function_refuses_what_the_command_line_refuses():
    with pytest.raises(CommandLineError, match="the format is 'tflite'; use all, onnx, pt2"):
        export("default", format="tflite")
