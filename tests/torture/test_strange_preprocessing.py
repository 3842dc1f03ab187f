"""Strange recordings become features, or are told together; an hour takes bounded memory."""

import json
import sys

import numpy as np
import pytest

from tests.forked import run
from tests.preprocessing.conftest import DATASET, PREPROCESSING
from tests.torture.recordings import FAULTY, RATE, SOUND, write_strange

HOUR_S = 3600
SHORTEST = 80


@pytest.fixture
def preprocess(tmp_path, autrainer):
    """Preprocess the recordings in `data/default`, features of at least 80 samples at 8 kHz."""

    def call():
        folder = tmp_path / "data/default"
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.wav"))
        lines = "\n".join(["filename,label", *(f"{name},a" for name in names)])
        for split in ("train", "dev", "test"):
            (tmp_path / "data" / f"{split}.csv").write_text(f"{lines}\n")
        for kind, name, text in (
            ("dataset", "Mine", DATASET),
            ("preprocessing", "short", PREPROCESSING.format(size=SHORTEST)),
        ):
            (tmp_path / "conf" / kind).mkdir(parents=True)
            (tmp_path / "conf" / kind / f"{name}.yaml").write_text(text)
        return autrainer("preprocess", "dataset=Mine", "-u", "0", check=False)

    return call


def write_hour(path):
    """Samples of 8 bit that are all zero, which take no room on the disk."""
    path.parent.mkdir(parents=True)
    num_samples = HOUR_S * RATE
    sizes = [number.to_bytes(4, "little") for number in (36 + num_samples, 16, RATE, RATE)]
    head = b"RIFF%bWAVEfmt %b\1\0\1\0%b%b\1\0\x08\0data" % tuple(sizes)
    with open(path, "wb") as file:
        file.write(head + num_samples.to_bytes(4, "little"))
        file.truncate(44 + num_samples)


def test_each_recording_has_features_or_one_clear_error(tmp_path, preprocess):
    write_strange(tmp_path / "data/default")
    done = preprocess()
    made = {path.stem: np.load(path) for path in (tmp_path / "data/short").rglob("*.npy")}
    assert {*made} == {*SOUND}
    assert made["eight_channels"].shape == (1, 4000)
    assert made["hundredth"].shape == (1, SHORTEST)
    assert made["high_rate"].shape == (1, 800)
    assert f"{len(FAULTY)} recordings have no features:\n" in done.stderr
    assert all(f"{name}.wav: " in done.stderr for name in FAULTY)
    assert done.returncode == 1


def test_a_folder_of_texts_has_as_many_errors(tmp_path, preprocess):
    (tmp_path / "data/default").mkdir(parents=True)
    for number in range(20):
        (tmp_path / f"data/default/{number:02}.wav").write_text("text")
    done = preprocess()
    assert "20 recordings have no features:\n" in done.stderr
    assert done.returncode == 1
    assert not [*tmp_path.rglob("*.npy")]


def test_an_hour_has_features(tmp_path, preprocess):
    write_hour(tmp_path / "data/default/hour.wav")
    assert preprocess().returncode == 0
    features = np.load(tmp_path / "data/short/hour.npy", mmap_mode="r")
    assert features.shape == (1, HOUR_S * RATE)
    assert features[0, -1] == -1


PROGRAM = """
import json, resource, sys
import pandas as pd
from autrainer.data import Loader
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.targets import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.transforms import PannMel, RandomCrop, SmartCompose

mel = PannMel(256, 80, 8000, 50, 4000, 64, 1.0, 1e-10, None)
dataset = DatasetWrapper(
    "data", "default", "file", "label", AudioFileHandler(),
    pd.DataFrame({"file": ["hour.wav"] * 4, "label": [0] * 4}),
    transform=SmartCompose([RandomCrop(40_000, axis=-1, order=-95), mel]),
    target_transform=LabelEncoder([0]),
)
loader = Loader(dataset, batch_size=4, seed=1, shuffle=True, collate_fn=DataBatch.collate)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
(batch,) = loader
try:
    AudioFileHandler().load("data/default/hour.wav")
    whole = "fits"
except (MemoryError, OSError):
    whole = "does not fit"
print(json.dumps({"shape": list(batch.features.shape), "whole": whole}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does")
def test_slices_of_an_hour_take_the_memory_of_slices(tmp_path):
    write_hour(tmp_path / "data/default/hour.wav")
    done = run(PROGRAM, cwd=tmp_path, check=True)
    told = json.loads(done.stdout)
    assert told == {"shape": [4, 1, 501, 64], "whole": "does not fit"}
