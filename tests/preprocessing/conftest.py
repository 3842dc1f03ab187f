"""A project with recordings, a dataset and a preprocessing."""

import pytest

from tests.serving.conftest import write_wav

PREPROCESSING = """\
file_handler:
  autrainer.datasets.utils.AudioFileHandler: {{target_sample_rate: 8000}}
pipeline:
  - autrainer.transforms.StereoToMono
  - autrainer.transforms.Expand: {{size: {size}, axis: -1}}
"""
DATASET = """\
id: Mine
_target_: autrainer.datasets.BaseClassificationDataset
path: data
features_subdir: short
index_column: filename
target_column: label
file_type: npy
file_handler: autrainer.datasets.utils.NumpyFileHandler
criterion: autrainer.criterions.CrossEntropyLoss
metrics: [autrainer.metrics.Accuracy]
tracking_metric: autrainer.metrics.Accuracy
transform:
  type: raw
"""
SPLITS = {
    "train": ["a.wav", "deep/b.wav", "c.x.wav"],
    "dev": ["d.wav", "a.wav"],
    "test": ["e.wav"],
}
NAMES = sorted({name for names in SPLITS.values() for name in names})
FEATURES = ["a.npy", "c.x.npy", "d.npy", "deep/b.npy", "e.npy"]


@pytest.fixture
def project(tmp_path):
    """Recordings of 1000 samples and more, in two channels where their number is odd."""
    for number, name in enumerate(NAMES):
        write_wav(tmp_path / "data/default" / name, 1000 + number, channels=1 + number % 2)
    for split, names in SPLITS.items():
        rows = [f"{name},{'ab'[number % 2]}" for number, name in enumerate(names)]
        (tmp_path / "data" / f"{split}.csv").write_text("\n".join(["filename,label", *rows]) + "\n")
    for folder in ("dataset", "preprocessing"):
        (tmp_path / "conf" / folder).mkdir(parents=True)
    (tmp_path / "conf/dataset/Mine.yaml").write_text(DATASET)
    write_preprocessing(tmp_path, 1200)
    return tmp_path


def write_preprocessing(project, size):
    text = PREPROCESSING.format(size=size)
    (project / "conf/preprocessing/short.yaml").write_text(text)


def features_in(project):
    folder = project / "data/short"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.npy"))


def contents(project):
    folder = project / "data/short"
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
