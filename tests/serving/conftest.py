"""Folders of models, and of recordings."""

import wave

import numpy as np
import pytest
import torch

from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.targets import LabelEncoder
from autrainer.runs.objects import save_object
from autrainer.runs.state.torch_files import write_state
from autrainer.transforms import SmartCompose, StereoToMono
from tests.serving.parts import Energy

RATE = 8000


def write_model(
    folder, model=None, *, handler=None, pipeline=(), transform=(), targets=None, checkpoint="_best"
):
    """A folder like that of a run whose model has been trained."""
    torch.manual_seed(0)
    targets = targets or LabelEncoder(["a", "b"])
    model = model or Energy(len(targets))
    handler = handler or AudioFileHandler(RATE)
    for name, part in {
        "model": model,
        "file_handler": handler,
        "target_transform": targets,
        "inference_transform": SmartCompose([*transform]),
        "preprocess_file_handler": handler,
        "preprocess_pipeline": SmartCompose([StereoToMono(), *pipeline]),
    }.items():
        save_object(part, folder / f"{name}.yaml")
    write_state(model.state_dict(), folder / checkpoint / "model.pt")
    return folder


def write_wav(path, samples, *, rate=RATE, channels=1):
    """A file of 16 bit of noise; of its number of samples it holds the same every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(samples)
    signal = rng.integers(-9000, 9000, (samples, channels), dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(signal.tobytes())
    return path


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model")


@pytest.fixture
def recordings(tmp_path):
    """Five whole recordings of three lengths, one of them in a folder below."""
    folder = tmp_path / "recordings"
    for name, samples in {"a.wav": 8000, "b.WAV": 8000, "c.wav": 12000, "d.wav": 500}.items():
        write_wav(folder / name, samples)
    write_wav(folder / "deep" / "e.wav", 8000, channels=2)
    (folder / "notes.txt").write_text("no recording")
    return folder
