"""Epochs over recordings of a minute, of which a random crop of 5 s is taken each time."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from benches.python.test_epochs import BATCH, CLASSES, HandWritten

from autrainer.augmentations import GaussianNoise
from autrainer.datasets import BaseClassificationDataset
from autrainer.transforms import RandomCrop, SmartCompose

RATE, SECONDS, CROP = 16_000, 60, 5 * 16_000
NUM_FILES, NUM_DIFFERENT = 96, 6
SUBTYPES = {"wav": "PCM_16", "flac": "PCM_16"}


@pytest.fixture(scope="module", params=SUBTYPES)
def recordings(request, tmp_path_factory):
    """A folder with files of one format, of which some have several names."""
    soundfile = pytest.importorskip("soundfile")
    suffix, folder = request.param, tmp_path_factory.mktemp("minutes")
    (folder / "files").mkdir()
    rng = np.random.default_rng(0)
    tone = 0.4 * np.sin(np.arange(RATE * SECONDS) * 0.05)
    for number in range(NUM_FILES):
        path = folder / "files" / f"{number}.{suffix}"
        if number < NUM_DIFFERENT:
            sound = tone + rng.normal(0, 0.03, RATE * SECONDS)
            soundfile.write(path, sound, RATE, subtype=SUBTYPES[suffix])
        else:
            os.link(folder / "files" / f"{number % NUM_DIFFERENT}.{suffix}", path)
    for subset, count in (("train", NUM_FILES), ("dev", 1), ("test", 1)):
        labels = [f"class {number % CLASSES}" for number in range(count)]
        frame = pd.DataFrame({"file": [f"{n}.{suffix}" for n in range(count)], "label": labels})
        frame.to_csv(folder / f"{subset}.csv", index=False)
    return folder, suffix


def ours(folder, suffix, num_workers, *, whole=False):
    # Noise of none in front of the crop keeps it from the files.
    before = [GaussianNoise(std=0, order=-99)] if whole else []
    dataset = BaseClassificationDataset(
        path=str(folder),
        features_subdir="files",
        seed=1,
        metrics=["autrainer.metrics.Accuracy"],
        tracking_metric="autrainer.metrics.Accuracy",
        index_column="file",
        target_column="label",
        file_type=suffix,
        file_handler="autrainer.data.file_handlers.AudioFileHandler",
        train_transform=SmartCompose([*before, RandomCrop(CROP, axis=-1)]),
    )
    return dataset.create_train_loader(BATCH, num_workers=num_workers, resident_mb=0)


def random_slice(path):
    """What a user would write."""
    import soundfile

    with soundfile.SoundFile(path) as file:
        file.seek(int(torch.randint(0, file.frames - CROP + 1, (1,))))
        return file.read(CROP, dtype="float32")[None]


def by_hand(folder, suffix, num_workers):
    paths = [str(folder / "files" / f"{number}.{suffix}") for number in range(NUM_FILES)]
    return torch.utils.data.DataLoader(
        HandWritten(paths, random_slice),
        batch_size=BATCH,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        worker_init_fn=lambda _: torch.set_num_threads(1),
    )


WAYS = {
    **{f"DataLoader, {n} workers": lambda *at, n=n: by_hand(*at, n) for n in (0, 1, 2)},
    **{f"ours, {n} workers": lambda *at, n=n: ours(*at, n) for n in (0, 2)},
    "ours, whole recordings": lambda *at: ours(*at, 0, whole=True),
}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("who", WAYS)
def test_epoch_of_slices(benchmark, recordings, who):
    benchmark.group = f"load: 5 s of {NUM_FILES} {recordings[1]} of 60 s, one epoch"
    batches = WAYS[who](*recordings)

    def epoch():
        for _ in batches:
            pass

    benchmark.pedantic(epoch, rounds=2 if "whole" in who else 10, iterations=1, warmup_rounds=1)
