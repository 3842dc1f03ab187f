"""Recordings of which no more is read than a random crop takes: the same bits as of the whole."""

import itertools

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autrainer.augmentations import GaussianNoise
from autrainer.data import Loader
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.native.audio import audio_info
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import FileReader
from autrainer.data.targets import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.errors import CorruptFileError, DataError
from autrainer.features.settings import Crop
from autrainer.runs.random.keys import keyed
from autrainer.transforms import (
    Expand,
    PannMel,
    RandomCrop,
    SmartCompose,
    StereoToMono,
)
from tests.core.test_audio import SEEDS, signal, write
from tests.preprocessing.test_by_core import MEL
from tests.serving.conftest import write_wav

RATE = 8000
SUFFIXES = ("wav", "flac", "ogg", "mp3")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Two recordings of each kind, one of a second and one that is shorter than most crops."""
    folder = tmp_path_factory.mktemp("recordings")
    for suffix, seconds in itertools.product(SUFFIXES, (1.1, 0.05)):
        sound = signal(seconds, RATE, 2, seed=round(seconds * 100))
        path = folder / f"{seconds}.{suffix}"
        if suffix == "wav":
            soundfile.write(path, sound, RATE, subtype="PCM_16")
        else:
            write(path, sound, RATE)
    return folder


def split(folder, transforms, handler=None):
    names = sorted(path.name for path in folder.iterdir())
    labels = list(range(len(names)))
    return DatasetWrapper(
        *(str(folder.parent), folder.name, "file", "label"),
        handler or AudioFileHandler(),
        pd.DataFrame({"file": names, "label": labels}),
        transform=SmartCompose(transforms),
        target_transform=LabelEncoder(labels),
    )


def loading(dataset, **options):
    options = {"batch_size": 3, "seed": 5, "shuffle": True, "resident_mb": 0, **options}
    return Loader(dataset, collate_fn=DataBatch.collate, **options)


@pytest.fixture
def reads(monkeypatch):
    """The crops of the formats by which files are read."""
    seen = set()
    original = FileReader.__init__

    def noting(self, paths, format, **options):
        seen.add(format.crop)
        original(self, paths, format, **options)

    monkeypatch.setattr(FileReader, "__init__", noting)
    return seen


def by_items(dataset, batch, epoch):
    """What the transforms make of whole recordings, one by one."""
    for index, features in zip(batch.index.tolist(), batch.features, strict=True):
        with keyed(5, epoch, index):
            yield features, dataset[index].features


def same_bits(one, two):
    return one.shape == two.shape and one.numpy().tobytes() == two.contiguous().numpy().tobytes()


BEHIND = {
    "nothing": [],
    "a spectrogram": [PannMel(**MEL)],
    "Python": [GaussianNoise(std=0.1), Expand(3000, axis=-1)],
    "both": [GaussianNoise(std=0.1), PannMel(**MEL)],
}


@pytest.mark.slow
@settings(max_examples=30)
@given(
    size=st.integers(600, 3000),
    method=st.sampled_from(["pad", "replicate"]),
    value=st.sampled_from([0, -0.25]),
    fixed=st.booleans(),
    axis=st.sampled_from([-1, 1]),
    mono=st.booleans(),
    behind=st.sampled_from([*BEHIND]),
    handler=st.sampled_from([(None,), (16000,), (7000, 0.01), (8000, 0.0, 0.5)]),
    num_workers=st.sampled_from([0, 2]),
    first=st.tuples(st.integers(0, 3), st.integers(0, 2)),
)
def test_a_pass_has_the_bits_that_whole_recordings_have(
    recordings, *, size, method, value, fixed, axis, mono, behind, handler,
    num_workers, first,
):  # fmt: skip
    crop = RandomCrop(size, method, axis, fix_randomization=fixed, value=value, order=-90)
    others = [StereoToMono()] if mono else []
    dataset = split(recordings, [*others, crop, *BEHIND[behind]], AudioFileHandler(*handler))
    loader = loading(dataset, num_workers=num_workers)
    loader.start_at(*first)

    for epoch in (first[0], first[0] + 1):
        for batch in loader_at(loader, epoch) if epoch > first[0] else loader:
            assert all(same_bits(*pair) for pair in by_items(dataset, batch, epoch))
    loader.close()


@pytest.mark.parametrize("num_workers", [0, 2])
def test_only_slices_are_read_and_they_differ_from_pass_to_pass(recordings, reads, num_workers):
    crop = RandomCrop(1000, axis=-1, order=-90)
    loader = loading(split(recordings, [crop]), num_workers=num_workers)
    seen = {
        (batch.index[at].item(), batch.features[at].numpy().tobytes())
        for epoch in range(3)
        for batch in loader_at(loader, epoch)
        for at in range(len(batch.index))
    }

    assert reads == {None, Crop(1000, 0.0, False)}
    # The short ones come out alike in every pass.
    assert len(seen) == 3 * len(SUFFIXES) + len(SUFFIXES)


def loader_at(loader, epoch):
    loader.epoch = epoch
    return loader


def test_a_pass_goes_on_in_its_middle(recordings):
    crop = RandomCrop(1000, axis=-1, order=-90)
    whole = [batch.features.clone() for batch in loader_at(loading(split(recordings, [crop])), 2)]
    resumed = loading(split(recordings, [crop]), num_workers=2)
    resumed.start_at(2, 1)
    assert all(map(same_bits, (batch.features for batch in resumed), whole[1:]))
    assert len(whole) == 3


@pytest.mark.parametrize(
    ("size", "options", "sliced"),
    [
        (200, {"resident_mb": 100}, True),
        (200, {"features_cache": "cache"}, True),
        (201, {"resident_mb": 100}, False),
        (201, {"resident_mb": 0}, True),
        (201, {"resident_mb": 0, "features_cache": "cache"}, False),
        (201, {"resident_mb": 0, "features_cache": "cache", "features_cache_mb": 1}, False),
    ],
)
def test_short_slices_go_before_memory_and_cache_and_long_ones_behind(
    tmp_path, caplog, size, options, sliced
):
    for number in range(4):
        write_wav(tmp_path / "files" / f"{number}.wav", 800)
    if "features_cache" in options:
        options["features_cache"] = str(tmp_path / "cache")
    dataset = split(tmp_path / "files", [StereoToMono(), RandomCrop(size, axis=-1)])
    caplog.set_level("DEBUG")
    loader = loading(dataset, **options)

    for batch in loader:
        assert all(same_bits(*pair) for pair in by_items(dataset, batch, 0))
    assert ("a random crop comes first" in caplog.text) == sliced
    assert not sliced or not [*tmp_path.rglob("*.npy")]


@pytest.mark.parametrize(
    "transforms",
    [
        [RandomCrop(100, axis=0)],
        [RandomCrop(100, axis=-2)],
        [RandomCrop(100, axis=-1, value=1e39)],
        [Expand(5, axis=-1, order=-99), RandomCrop(100, axis=-1)],
        [GaussianNoise(order=-99), RandomCrop(100, axis=-1)],
        [StereoToMono(order=-99)],
        [],
    ],
    ids=str,
)
def test_nothing_else_is_read_by_slices(recordings, transforms):
    assert split(recordings, transforms).source().slices is None


def test_what_the_core_leaves_to_python_is_cropped_there(tmp_path):
    (tmp_path / "files").mkdir()
    write_wav(tmp_path / "files" / "a.wav", 9000)
    sound = signal(1, RATE, 1)
    soundfile.write(tmp_path / "files" / "b.aiff", sound, RATE)
    dataset = split(tmp_path / "files", [RandomCrop(1000, axis=-1), PannMel(**MEL)])
    for num_workers in (0, 2):
        (batch,) = loading(dataset, num_workers=num_workers)
        assert all(same_bits(*pair) for pair in by_items(dataset, batch, 0))
    (padded,) = loading(dataset, pad={"axis": -1})
    assert all(same_bits(*pair) for pair in by_items(dataset, padded, 0))


def test_slices_of_one_length_are_padded_to_it(recordings):
    dataset = split(recordings, [RandomCrop(1000, axis=-1)])
    for batch in loading(dataset, pad={"axis": -1}):
        assert batch.lengths.tolist() == [1000] * len(batch.index)
        assert all(same_bits(*pair) for pair in by_items(dataset, batch, 0))


def test_damage_is_told_with_the_file_and_channels_that_differ_with_both(tmp_path):
    (tmp_path / "files").mkdir()
    content = (SEEDS / "stereo.flac").read_bytes()
    write_wav(tmp_path / "files" / "a.wav", 9000, channels=2)
    (tmp_path / "files" / "b.flac").write_bytes(content[:60])
    with pytest.raises(CorruptFileError, match=r"b\.flac"):
        list(loading(split(tmp_path / "files", [RandomCrop(500, axis=-1)])))
    write_wav(tmp_path / "files" / "b.flac", 9000)
    with pytest.raises(DataError, match=r"b\.flac.*a\.wav|a\.wav.*b\.flac"):
        list(loading(split(tmp_path / "files", [RandomCrop(500, axis=-1)])))


def test_as_many_random_bits_as_rows_are_needed(recordings):
    path = str(recordings / "1.1.wav")
    reader = FileReader([path], NativeFormat("audio", crop=Crop(9, 0.0, False)), num_threads=0)
    out = np.empty((1, 2, 9), np.float32)
    rows = np.zeros(1, np.int64)
    for read in (lambda *a: reader.read(rows, out, *a), lambda *a: reader.submit(rows, out, *a)):
        with pytest.raises(DataError, match="draws"):
            read(np.zeros(2, np.uint64))
    reader.read(rows, out, np.full(1, 2**64 - 1, np.uint64))
    whole = soundfile.read(path, dtype="float32")[0].T
    assert np.array_equal(out[0], whole[:, -9:])
    assert audio_info(path).num_frames == whole.shape[1]


def test_numbers_that_are_not_finite_are_told_of_slices(tmp_path):
    (tmp_path / "files").mkdir()
    sound = np.full(4000, np.nan, np.float32)
    soundfile.write(tmp_path / "files" / "a.wav", sound, RATE, subtype="FLOAT")
    dataset = split(tmp_path / "files", [RandomCrop(500, axis=-1)])
    with pytest.raises(DataError, match=r"a\.wav"):
        list(loading(dataset, nonfinite="error"))
    assert torch.isnan(next(iter(loading(dataset, nonfinite="ignore"))).features).all()
