"""Features of recordings, made by the core while it reads: the bits of transforms one by one."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from autrainer.augmentations import GaussianNoise
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.loader import Loader
from autrainer.data.targets import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.errors import DataError
from autrainer.runs.random.keys import keyed
from autrainer.transforms import (
    MFCC,
    AnyToTensor,
    Deltas,
    Expand,
    MelSpectrogram,
    PannMel,
    Resample,
    SmartCompose,
    StereoToMono,
)
from autrainer.transforms.plan import plan

PANN_MEL = PannMel(512, 160, 16000, 50, 8000, 64, 1.0, 1e-10, None)
PIPELINES = {
    "nothing": ([], None, (), 1),
    "log-mel": ([StereoToMono(), PANN_MEL], 16000, ("mix_down", "mel"), 1),
    "another rate": (
        [AnyToTensor(), StereoToMono(), Resample(44100, 16000), PANN_MEL],
        44100,
        ("mix_down", "resample", "mel"),
        1,
    ),
    "coefficients": ([MFCC(16000, 13), Deltas()], 16000, ("mel", "cepstra", "deltas"), 2),
    "slopes as channels": (
        [MelSpectrogram(16000, "kaldi"), Deltas(stack="channels", derivatives=1)],
        16000,
        ("mel", "deltas"),
        4,
    ),
    "longer, then noise": (
        [StereoToMono(), PANN_MEL, Expand(80, axis=-2), GaussianNoise(std=0.1)],
        16000,
        ("mix_down", "mel"),
        1,
    ),
}
RATES = {"wav": 16000, "flac": 44100, "mp3": 22050, "ogg": 48000}
NUM_FILES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Half a second of two channels, in all formats and at several rates."""
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(NUM_FILES):
        suffix, rate = list(RATES.items())[number % 4]
        sound = 0.3 * np.random.default_rng(number).standard_normal((rate // 2, 2))
        soundfile.write(folder / f"{number}.{suffix}", sound, rate)
    return folder


@pytest.fixture
def split(folder):
    """The recordings as a split, behind some transforms."""

    def made(transforms, sample_rate=16000, suffixes=tuple(RATES)):
        names = [path.name for path in sorted(folder.iterdir()) if path.suffix[1:] in suffixes]
        df = pd.DataFrame({"file": names, "label": [name[0] for name in names]})
        return DatasetWrapper(
            *(str(folder), None, "file", "label", AudioFileHandler(sample_rate), df),
            transform=SmartCompose(transforms),
            target_transform=LabelEncoder(sorted(set(df["label"]))),
        )

    return made


@pytest.fixture
def loading():
    loaders = []

    def opened(dataset, **options):
        options = {"batch_size": 5, "seed": 1, "shuffle": True, "resident_mb": 0, **options}
        loaders.append(Loader(dataset, collate_fn=DataBatch.collate, **options))
        return loaders[-1]

    yield opened
    for loader in loaders:
        loader.close()


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"resident_mb": 64}], ids=str)
def test_batches_are_those_of_transforms_one_by_one(split, loading, name, options):
    transforms, sample_rate, expected_steps, num_channels = PIPELINES[name]
    # Where the handler leaves rates alone, samples of one batch need files of one rate.
    suffixes = tuple(RATES) if sample_rate else ("wav",)
    dataset = split(transforms, sample_rate, suffixes)
    assert tuple(step[0] for step in dataset.source().features.format.steps) == expected_steps

    batches = list(loading(dataset, **options))

    assert sum(len(batch.index) for batch in batches) == len(dataset)
    assert batches[0].features.shape[1] == num_channels or name == "nothing"
    for batch in batches:
        for features, index in zip(batch.features, batch.index.tolist(), strict=True):
            with keyed(1, 0, index):
                assert torch.equal(features, dataset[index].features)


def test_a_cache_keeps_what_the_core_has_made(split, loading, tmp_path):
    dataset = split(PIPELINES["another rate"][0], 44100)
    cache = tmp_path / "cache"

    for _ in range(2):
        batches = list(loading(dataset, features_cache=str(cache)))

    assert len(list(cache.rglob("*.npy"))) == NUM_FILES
    for batch in batches:
        for features, index in zip(batch.features, batch.index.tolist(), strict=True):
            assert torch.equal(features, dataset[index].features)


def test_more_than_two_channels_are_mixed_in_python(tmp_path, loading):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (8000, 5))
    soundfile.write(tmp_path / "a.wav", sound, 16000)
    df = pd.DataFrame({"file": ["a.wav"], "label": ["a"]})
    dataset = DatasetWrapper(
        *(str(tmp_path), None, "file", "label", AudioFileHandler(), df),
        transform=SmartCompose([StereoToMono(), PANN_MEL]),
        target_transform=LabelEncoder(["a"]),
    )

    (batch,) = loading(dataset)

    assert torch.equal(batch.features[0], dataset[0].features)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_sound_too_short_for_a_frame_is_told_in_the_words_of_the_transform(
    tmp_path, loading, num_workers
):
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 16000)
    df = pd.DataFrame({"file": ["a.wav"], "label": ["a"]})
    dataset = DatasetWrapper(
        *(str(tmp_path), None, "file", "label", AudioFileHandler(), df),
        transform=SmartCompose([PANN_MEL]),
        target_transform=LabelEncoder(["a"]),
    )

    with pytest.raises(DataError, match="100 samples"):
        list(loading(dataset, num_workers=num_workers))


def test_a_sample_that_is_no_number_is_seen_before_a_spectrogram_hides_it(tmp_path, loading):
    sound = np.zeros(8000, np.float32)
    sound[4000] = np.nan
    soundfile.write(tmp_path / "a.wav", sound, 16000, subtype="FLOAT")
    df = pd.DataFrame({"file": ["a.wav"], "label": ["a"]})
    dataset = DatasetWrapper(
        *(str(tmp_path), None, "file", "label", AudioFileHandler(), df),
        transform=SmartCompose([PANN_MEL]),
        target_transform=LabelEncoder(["a"]),
    )

    with pytest.raises(DataError, match=r"a\.wav: expected finite features"):
        list(loading(dataset, nonfinite="error"))


def test_transforms_that_others_have_changed_stay_in_python():
    class Louder(StereoToMono):
        def change_batch(self, features):
            return super().change_batch(features) * 2

    patched = StereoToMono()
    patched.change_batch = torch.clone

    for transform in (Louder(), patched):
        assert plan(SmartCompose([transform, PANN_MEL]), is_sound=True).native == ()
    assert plan(SmartCompose([StereoToMono(), PANN_MEL])).native == ()
