"""Whoever makes the features of a recording, they have the same bytes."""

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.data import Loader
from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.targets import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.preprocessing.by_core import extract_by_core
from autrainer.preprocessing.by_torch import extract_by_torch
from autrainer.serving import Inference
from autrainer.transforms import PannMel, SmartCompose, StereoToMono
from tests.conftest import CONF
from tests.preprocessing.parts import Keeps
from tests.preprocessing.test_by_core import MEL, job_of
from tests.serving.conftest import write_model, write_wav

LOADERS = {
    "alone": {"num_workers": 0, "resident_mb": 0},
    "threads": {"num_workers": 2, "resident_mb": 0},
    "resident": {"num_workers": 2, "resident_mb": 100},
    "cached": {"num_workers": 2, "resident_mb": 0, "features_cache": "cache"},
    "cached and resident": {"num_workers": 0, "resident_mb": 100, "features_cache": "cache"},
}


@pytest.fixture
def recording(tmp_path):
    return write_wav(tmp_path / "a.wav", 9000, rate=16000, channels=2)


@pytest.fixture
def expected(tmp_path, recording):
    extract_by_core(job_of(tmp_path))[0](str(recording), tmp_path / "a.npy")
    return np.load(tmp_path / "a.npy")


def by_loader(folder, name, handler, transforms, options):
    dataset = DatasetWrapper(
        str(folder),
        None,
        "file",
        "label",
        handler,
        pd.DataFrame({"file": [name], "label": ["a"]}),
        transform=SmartCompose(transforms),
        target_transform=LabelEncoder(["a"]),
    )
    given = {"batch_size": 1, "seed": 0, "shuffle": False, "collate_fn": DataBatch.collate}
    loader = Loader(dataset, **given, **options)
    (batch,) = loader
    return batch.features[0].numpy()


def test_features_that_are_extracted_by_torch_have_the_same_bytes(tmp_path, recording, expected):
    extract_by_torch(job_of(tmp_path))[0](str(recording), tmp_path / "b.npy")
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


@pytest.mark.parametrize("options", LOADERS.values(), ids=LOADERS)
def test_features_that_a_run_trains_on_have_the_same_bytes(tmp_path, recording, expected, options):
    steps = [StereoToMono(), PannMel(**MEL)]
    # The second time, the cache is full.
    for _ in range(2):
        found = by_loader(tmp_path, "a.wav", AudioFileHandler(8000), steps, options)
        assert found.tobytes() == expected.tobytes()
    found = by_loader(tmp_path, "a.npy", NumpyFileHandler(), [], options)
    assert found.tobytes() == expected.tobytes()


def test_features_that_a_served_model_gets_have_the_same_bytes(tmp_path, recording, expected):
    model = write_model(
        tmp_path / "model", Keeps(2), handler=AudioFileHandler(8000), pipeline=[PannMel(**MEL)]
    )
    Keeps.seen.clear()
    Inference(model, batch_size=1, trusted=[CONF.parent]).predict_file(recording)
    (features,) = Keeps.seen
    assert features.dtype == torch.float32
    assert features[0].numpy().tobytes() == expected.tobytes()
