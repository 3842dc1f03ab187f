"""Predictions of a folder of recordings, beside a loop that a user would write by hand."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.targets import LabelEncoder
from autrainer.models import AbstractModel
from autrainer.serving.directory import Outputs, run_directory
from autrainer.serving.inference import Inference, find_files
from tests.conftest import REPOSITORY
from tests.serving.conftest import write_model

RATE = 16_000
BATCH = 32
NUM_CLIPS = 1000
CLASSES = 10


class Frames(AbstractModel):
    """Frames of 25 ms through a convolution, their mean through a linear layer: any length."""

    def __init__(self, output_dim, transfer=None):
        super().__init__(output_dim, transfer)
        self.frames = torch.nn.Conv1d(1, 32, 400, stride=160)
        self.out = torch.nn.Linear(32, output_dim)

    def embeddings(self, features):
        return torch.relu(self.frames(features)).mean(dim=-1)

    def forward(self, features):
        return self.out(self.embeddings(features))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inference")
    rng = np.random.default_rng(0)
    (folder / "in").mkdir()
    for number in range(NUM_CLIPS):
        num_samples = int(rng.uniform(1, 10) * RATE)
        signal = rng.integers(-9000, 9000, num_samples, dtype=np.int16)
        soundfile.write(folder / "in" / f"{number:04}.wav", signal, RATE)
    labels = LabelEncoder([str(label) for label in range(CLASSES)])
    write_model(folder / "model", Frames(CLASSES), handler=AudioFileHandler(RATE), targets=labels)
    return folder


def model_of(project):
    model = Frames(CLASSES)
    model.load_state_dict(torch.load(project / "model/_best/model.pt", weights_only=True))
    return model.eval()


def windows_by_hand(model, paths):
    """Probabilities of windows of a second, 32 at a time."""
    found, waiting = [], []
    with torch.inference_mode():
        for path in paths:
            signal, _ = soundfile.read(path, dtype="float32")
            waiting.extend(torch.from_numpy(signal).unfold(0, RATE, RATE))
            while len(waiting) >= BATCH:
                batch, waiting = torch.stack(waiting[:BATCH]), waiting[BATCH:]
                found.append(model(batch[:, None]).softmax(-1))
        if waiting:
            found.append(model(torch.stack(waiting)[:, None]).softmax(-1))
    return torch.cat(found)


def windows_and_table_by_hand(model, paths):
    """The same, and a table of the windows with file, seconds, prediction and probabilities."""
    probabilities = windows_by_hand(model, paths).numpy()
    starts = [
        (path, start) for path in paths for start in range(soundfile.info(path).frames // RATE)
    ]
    table = pd.DataFrame(probabilities, columns=[str(label) for label in range(CLASSES)])
    table.insert(0, "filename", [Path(path).name for path, _ in starts])
    table.insert(1, "offset", [f"{start:.2f}-{start + 1:.2f}" for _, start in starts])
    table.insert(2, "prediction", probabilities.argmax(axis=1))
    table.to_csv(Path(paths[0]).parent.parent / "by_hand.csv", index=False)


def padded_by_hand(model, paths):
    """Probabilities of whole clips, 32 at a time, filled up with zeros: not those of the clips."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            clips = [soundfile.read(path, dtype="float32")[0] for path in paths[start:][:BATCH]]
            clips = [torch.from_numpy(clip) for clip in clips]
            batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
            found.append(model(batch[:, None]).softmax(-1))
    return torch.cat(found)


def clips_by_hand(model, paths):
    """Probabilities of whole clips, one at a time."""
    with torch.inference_mode():
        return torch.cat(
            [
                model(torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None, None])
                for path in paths
            ]
        ).softmax(-1)


BY_HAND = {
    "windows": [windows_by_hand, windows_and_table_by_hand],
    "clips": [clips_by_hand, padded_by_hand],
}


@pytest.mark.parametrize(
    ("what", "who"),
    [(what, who) for what, loops in BY_HAND.items() for who in ["ours, tables written", *loops]],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_predictions_of_1000_clips(benchmark, project, what, who):
    benchmark.group = f"inference: {NUM_CLIPS} clips of 1 to 10 s, {what}"
    names = find_files(project / "in", "wav", recursive=False)
    paths = [str(project / "in" / name) for name in names]
    if callable(who):
        model = model_of(project)
        benchmark.pedantic(lambda: who(model, paths), rounds=3, iterations=1, warmup_rounds=1)
        return
    window = 1.0 if what == "windows" else None
    inference = Inference(
        project / "model", window_length=window, batch_size=BATCH, trusted=[REPOSITORY]
    )

    def run():
        shutil.rmtree(project / "out", ignore_errors=True)
        run_directory(
            inference, project / "in", names, Outputs(project / "out"), update_frequency=0
        )

    benchmark.pedantic(run, rounds=3, iterations=1, warmup_rounds=1)
