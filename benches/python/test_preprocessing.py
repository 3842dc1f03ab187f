"""Log-mel spectrograms of a folder of recordings, as files, beside librosa on all cores."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

RATE = 16_000
NUM_FILES = 2000
DATASET = """\
id: Mine
_target_: autrainer.datasets.BaseClassificationDataset
path: data
features_subdir: log_mel_16k
index_column: filename
target_column: label
file_type: npy
file_handler: autrainer.datasets.utils.NumpyFileHandler
criterion: autrainer.criterions.CrossEntropyLoss
metrics: [autrainer.metrics.Accuracy]
tracking_metric: autrainer.metrics.Accuracy
transform:
  type: grayscale
"""
LIBROSA = """\
import sys
from pathlib import Path

import joblib
import librosa
import numpy as np


def extract(path):
    signal, _ = librosa.load(path, sr=16000)
    mel = librosa.feature.melspectrogram(
        y=signal, sr=16000, n_fft=512, hop_length=160, n_mels=64, fmin=50, fmax=8000,
        pad_mode="reflect",
    )
    np.save(f"librosa/{path.stem}.npy", librosa.power_to_db(mel, top_db=None).T[None])


Path("librosa").mkdir(exist_ok=True)
paths = sorted(Path("data/default").iterdir())[: int(sys.argv[1])]
joblib.Parallel(n_jobs=-1)(joblib.delayed(extract)(path) for path in paths)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preprocessing")
    (folder / "data/default").mkdir(parents=True)
    (folder / "conf/dataset").mkdir(parents=True)
    (folder / "conf/dataset/Mine.yaml").write_text(DATASET)
    rng = np.random.default_rng(0)
    names = [f"{number:05}.wav" for number in range(NUM_FILES)]
    for name in names:
        signal = rng.integers(-9000, 9000, 3 * RATE, dtype=np.int16)
        soundfile.write(folder / "data/default" / name, signal, RATE)
    for split, rows in (("train", names[2:]), ("dev", names[:1]), ("test", names[1:2])):
        lines = "".join(f"{name},a\n" for name in rows)
        (folder / "data" / f"{split}.csv").write_text(f"filename,label\n{lines}")
    (folder / "by_librosa.py").write_text(LIBROSA)
    return folder


def run(folder, *command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, *command], cwd=folder, check=True, env=environment, capture_output=True
    )


OURS = ("-m", "autrainer", "preprocess", "dataset=Mine", "-u", "0")


@pytest.mark.parametrize("who", ["ours", "ours, second call", "librosa and joblib"])
def test_log_mel_of_2000_files(benchmark, project, who):
    benchmark.group = f"preprocess: {NUM_FILES} WAV of 3 s to log-mel, whole process"
    if who == "librosa and joblib":
        pytest.importorskip("librosa")
        benchmark.pedantic(
            lambda: run(project, "by_librosa.py", str(NUM_FILES)), rounds=2, warmup_rounds=1
        )
    elif who == "ours":
        benchmark.pedantic(lambda: run(project, *OURS, "-f"), rounds=2, warmup_rounds=1)
    else:
        run(project, *OURS)
        benchmark.pedantic(lambda: run(project, *OURS), rounds=3)


@pytest.mark.parametrize("who", ["ours", "librosa and joblib"])
def test_start_up(benchmark, project, who):
    benchmark.group = "preprocess: the same for nothing: start-up"
    if who == "ours":
        run(project, *OURS)
        command = (*OURS, "--check")
    else:
        pytest.importorskip("librosa")
        command = ("by_librosa.py", "1")
    benchmark.pedantic(lambda: run(project, *command), rounds=3, warmup_rounds=1)
