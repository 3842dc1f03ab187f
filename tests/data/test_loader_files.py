"""Batches of files: read at once or as they are needed, in line or ahead, the same bytes."""

import logging
import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import autrainer.data
from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler, native_format
from autrainer.data.items import DataBatch, DataItem
from autrainer.data.loader import Loader
from autrainer.data.nonfinite import inspect_raw_features
from autrainer.data.paths.resident import ResidentLoading, TableReader, free_bytes, resident_limit
from autrainer.data.split_source import Files, ItemsOnly, SplitSource
from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.random.keys import current_key
from autrainer.runs.random.seeds import derived_seed
from tests.data.native.test_file_reader import needs_proc, num_readers, readers

DTYPES = ["bool", "uint8", "int16", "int64", "float16", "float32", "float64", "complex64"]


def doubled(features, indices):
    """Deterministic; of a whole batch or of samples of different shapes."""
    if isinstance(features, torch.Tensor):
        return features + features
    return [sample + sample for sample in features]


def shifted(features, indices):
    """By a number that belongs to (seed, epoch, index)."""
    seed, epoch, _ = current_key()
    numbers = [derived_seed(seed, epoch, index) % 7 for index in indices.tolist()]
    moved = [sample + number for sample, number in zip(features, numbers, strict=True)]
    return torch.stack(moved) if isinstance(features, torch.Tensor) else moved


def first_two(features, indices):
    return torch.stack([sample[:2] for sample in features])


class Folder(torch.utils.data.Dataset):
    """Samples in `.npy` files; by items too, which are the oracle."""

    shows_raw_features = True

    def __init__(self, path, arrays, fixed=None, varying=None, dtype=None, by_items=False):
        path.mkdir(exist_ok=True)
        self.paths = [str(path / f"{number}.npy") for number in range(len(arrays))]
        for name, array in zip(self.paths, arrays, strict=True):
            np.save(name, array)
        self.fixed, self.varying, self.dtype, self.by_items = fixed, varying, dtype, by_items
        self.handler = NumpyFileHandler()

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        features = self.load(index)
        inspect_raw_features(features, lambda: self.paths[index])
        for finish in filter(None, (self.fixed, self.varying)):
            features = finish(features[None], np.array([index]))[0]
        if self.dtype is not None:
            features = features.to(self.dtype)
        return DataItem(features, index % 3, index)

    def load(self, index):
        return self.handler(self.paths[index])

    def source(self):
        if self.by_items:
            return ItemsOnly("a test", is_thread_safe=True)
        files = Files(self.paths, native_format(self.handler), self.load)
        targets = torch.arange(len(self)) % 3
        return SplitSource(files, targets, self.fixed, self.varying, self.dtype)


def arrays_of(num_samples, shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return list((rng.standard_normal((num_samples, *shape)) * 9).astype(dtype))


@pytest.fixture
def loading():
    """Loaders over files that are closed at the end of the test."""
    loaders = []

    def opened(dataset, **options):
        options = {"batch_size": 3, "seed": 1, "shuffle": True, "resident_mb": 0, **options}
        loaders.append(Loader(dataset, collate_fn=DataBatch.collate, **options))
        return loaders[-1]

    yield opened
    for loader in loaders:
        loader.close()


def same(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert vars(one).keys() == vars(other).keys()
        for name, value in vars(one).items():
            expected = getattr(other, name)
            assert value.dtype == expected.dtype, name
            assert value.shape == expected.shape, name
            assert value.numpy().tobytes() == expected.numpy().tobytes(), name
    return True


@settings(max_examples=60)
@given(
    num_samples=st.integers(1, 20),
    shape=st.lists(st.integers(0, 4), max_size=3).map(tuple),
    dtype=st.sampled_from(DTYPES),
    num_workers=st.integers(0, 3),
    prefetch=st.integers(1, 3),
    resident_mb=st.sampled_from([0, 64]),
    transforms=st.sampled_from(
        [(None, None), (doubled, None), (None, shifted), (doubled, shifted)]
    ),
    final=st.sampled_from([None, torch.float32]),
)
def test_every_path_gives_the_same_bytes(
    tmp_path_factory,
    num_samples,
    shape,
    dtype,
    num_workers,
    prefetch,
    resident_mb,
    transforms,
    final,
):
    if dtype == "complex64" and final is not None:
        final = torch.complex128
    path = tmp_path_factory.mktemp("folder")
    arrays = arrays_of(num_samples, shape, dtype)
    options = {"batch_size": 4, "seed": 3, "shuffle": True, "collate_fn": DataBatch.collate}
    ahead = {"num_workers": num_workers, "prefetch_factor": prefetch if num_workers else None}
    ours = Loader(
        Folder(path, arrays, *transforms, final), resident_mb=resident_mb, **ahead, **options
    )
    items = Loader(Folder(path, arrays, *transforms, final, by_items=True), **options)
    try:
        for _ in range(2):
            assert same(ours, items)
    finally:
        ours.close()


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("transforms", [(), (doubled, shifted)])
def test_a_state_goes_on_from_any_batch_by_any_number_of_workers(
    tmp_path, loading, num_workers, transforms
):
    dataset = Folder(tmp_path / "f", arrays_of(11, (2, 3), "float32"), *transforms)
    whole = loading(dataset)
    expected = [*whole, *whole]

    for batch in range(5):
        stopped = loading(dataset, num_workers=2)
        passing = iter(stopped)
        got = [next(passing) for _ in range(batch)]
        resumed = loading(dataset, num_workers=num_workers)
        resumed.load_state_dict(stopped.state_dict())
        assert same([*got, *resumed, *resumed], expected)
        passing.close()


def test_batches_that_are_kept_are_not_written_again(tmp_path, loading):
    # Large enough for memory that goes round.
    dataset = Folder(tmp_path / "f", arrays_of(24, (200, 100), "float32"))

    for options in ({}, {"num_workers": 2}, {"resident_mb": 64}):
        kept = list(loading(dataset, batch_size=4, **options))
        assert same(kept, loading(dataset, batch_size=4))
        halves = [batch.features[:, :1] for batch in loading(dataset, batch_size=4, **options)]
        assert all(
            torch.equal(half, batch.features[:, :1])
            for half, batch in zip(halves, kept, strict=True)
        )


@pytest.mark.parametrize("resident_mb", [0, 64])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_file_of_another_shape_is_told_with_the_first_one(
    tmp_path, loading, resident_mb, num_workers
):
    arrays = arrays_of(9, (2, 3), "float32")
    arrays[7] = arrays[7][:1]
    loader = loading(
        Folder(tmp_path / "f", arrays), resident_mb=resident_mb, num_workers=num_workers
    )

    with pytest.raises(DataError) as error:
        list(loader)

    assert str(error.value).startswith(
        f"{tmp_path / 'f' / '7.npy'}: expected features of shape (2, 3), float32, as in "
        f"{tmp_path / 'f' / '0.npy'}, found (1, 3), float32; give all sounds one channel"
    )


@pytest.mark.parametrize("resident_mb", [0, 64])
@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("place", ["fixed", "varying"])
def test_samples_may_differ_until_a_transform_evens_them_out(
    tmp_path, loading, resident_mb, num_workers, place
):
    arrays = [np.arange(2 + number, dtype=np.float64) for number in range(9)]
    options = {"resident_mb": resident_mb, "num_workers": num_workers}
    even = loading(Folder(tmp_path / "f", arrays, **{place: first_two}), **options)

    batches = [*even, *even]

    assert all(batch.features.tolist() == [[0, 1]] * len(batch.index) for batch in batches)
    assert len(batches) == 6


def test_transforms_that_do_not_even_out_are_told(tmp_path, loading):
    arrays = [np.zeros(2), np.zeros(3)]
    loader = loading(Folder(tmp_path / "f", arrays, fixed=doubled), shuffle=False)

    with pytest.raises(DataError, match=r"1\.npy: expected .*\(2,\).* found \(3,\)"):
        list(loader)


@pytest.mark.parametrize("resident_mb", [0, 64])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_lengths_come_with_padded_batches(tmp_path, loading, resident_mb, num_workers):
    arrays = [np.full((2, 1 + number), number, dtype=np.float32) for number in range(7)]
    options = {"resident_mb": resident_mb, "num_workers": num_workers, "shuffle": False}
    loader = loading(Folder(tmp_path / "f", arrays), pad={"to": 5, "crop": True}, **options)

    batches = list(loader)

    assert torch.cat([batch.lengths for batch in batches]).tolist() == [1, 2, 3, 4, 5, 5, 5]
    assert all(batch.features.shape[1:] == (2, 5) for batch in batches)
    items = loading(
        Folder(tmp_path / "f", arrays, by_items=True), pad={"to": 5, "crop": True}, shuffle=False
    )
    assert same(batches, items)


@settings(max_examples=40)
@given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=12),
    axis=st.sampled_from([0, -1, 1]),
    pad=st.sampled_from([{}, {"to": 6}, {"to": 3, "crop": True}, {"to": 9}]),
    value=st.sampled_from([0, 1, -80.3, 300]),
    dtype=st.sampled_from(DTYPES),
    transforms=st.sampled_from([(None, None), (doubled, shifted)]),
    final=st.sampled_from([None, torch.float32, torch.complex64]),
    num_workers=st.integers(0, 2),
    resident_mb=st.sampled_from([0, 64]),
)
def test_padded_batches_are_those_of_padded_items(
    tmp_path_factory, lengths, axis, pad, value, dtype, transforms, final, num_workers, resident_mb
):
    # Torch warns of imaginary parts that are lost.
    assume((dtype, final) != ("complex64", torch.float32))
    path = tmp_path_factory.mktemp("folder")
    shapes = [(length, 2) if axis == 0 else (2, length) for length in lengths]
    arrays = [array for shape in shapes for array in arrays_of(1, shape, dtype, len(shapes))]
    options = {
        **{"batch_size": 4, "seed": 3, "shuffle": True, "collate_fn": DataBatch.collate},
        "pad": {"axis": axis, "value": value, **pad},
    }
    ours = Loader(
        Folder(path, arrays, *transforms, final),
        num_workers=num_workers,
        resident_mb=resident_mb,
        **options,
    )
    items = Loader(Folder(path, arrays, *transforms, final, by_items=True), **options)
    try:
        assert outcome(ours) == outcome(items)
    finally:
        ours.close()


def outcome(loader):
    """The bytes of all batches, or that a value fits no features of their type."""
    try:
        batches = list(loader)
    except DataError as error:
        return str(error)
    return [
        (batch.features.dtype, batch.features.numpy().tobytes(), batch.lengths.tolist())
        for batch in batches
    ]


def test_shorter_samples_are_filled_up_with_a_value(tmp_path, loading):
    dataset = Folder(tmp_path / "f", [np.zeros((1, 2)), np.zeros((1, 3))])

    (batch,) = loading(dataset, pad={"value": -80}, shuffle=False)

    assert batch.features.tolist() == [[[0, 0, -80]], [[0, 0, 0]]]
    assert batch.lengths.tolist() == [2, 3]


def test_bytes_cannot_be_filled_up_with_what_they_do_not_hold(tmp_path, loading):
    arrays = [np.zeros(2, np.uint8), np.zeros(3, np.uint8)]
    as_floats = Folder(tmp_path / "f", arrays, dtype=torch.float32)

    (batch,) = loading(as_floats, pad={"value": -1}, shuffle=False)

    assert batch.features.tolist() == [[0, 0, -1], [0, 0, 0]]
    with pytest.raises(DataError, match=r"pad\.value is -1, which features of uint8 cannot hold"):
        list(loading(Folder(tmp_path / "f", arrays), pad={"value": -1}))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_sounds_that_only_python_reads_are_padded_too(tmp_path, loading, num_workers):
    lengths = [300, 500, 400, 200, 600]
    dataset = Folder(tmp_path / "f", [])
    dataset.paths = [str(tmp_path / f"{number}.wav") for number in range(5)]
    for number, (file, length) in enumerate(zip(dataset.paths, lengths, strict=True)):
        # The last one has to be resampled.
        rate = 16000 if number == 4 else 8000
        soundfile.write(file, np.full(length, 0.5), rate)
    dataset.handler = AudioFileHandler(target_sample_rate=8000)

    for number in (4, 0):
        dataset.paths[0], dataset.paths[number] = dataset.paths[number], dataset.paths[0]
        batches = list(loading(dataset, pad={}, num_workers=num_workers, shuffle=False))
        dataset.by_items = True
        items = list(loading(dataset, pad={}, shuffle=False))
        dataset.by_items = False
        assert same(batches, items)
        assert sorted(torch.cat([batch.lengths for batch in items]).tolist()) == [
            *(200, 300, 300, 400, 500)
        ]


def test_a_file_that_grows_between_passes_is_padded_as_it_is_then(tmp_path, loading):
    dataset = Folder(tmp_path / "f", [np.ones(2), np.ones(3)])
    loader = loading(dataset, pad={}, shuffle=False)
    next(iter(loader))

    np.save(dataset.paths[0], np.ones(5))

    assert next(iter(loader)).lengths.tolist() == [5, 3]


def test_padding_says_which_file_is_too_long(tmp_path, loading):
    dataset = Folder(tmp_path / "f", [np.ones(2), np.ones(3), np.ones(2)])

    with pytest.raises(DataError, match=r"1\.npy: expected a length of at most 2.*found 3"):
        list(loading(dataset, pad={"to": 2}))


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"resident_mb": 64}])
@pytest.mark.parametrize("by_items", [False, True])
def test_features_that_are_not_finite_name_their_file(tmp_path, loading, options, by_items):
    arrays = arrays_of(8, (3,), "float32")
    arrays[5][1] = np.inf
    dataset = Folder(tmp_path / "f", arrays, by_items=by_items)

    with pytest.raises(DataError, match=r"5\.npy: expected finite features"):
        list(loading(dataset, **options))
    assert len(list(loading(dataset, nonfinite="ignore", **options))) == 3


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"resident_mb": 64}])
def test_a_broken_file_ends_the_pass_with_its_name(tmp_path, loading, options):
    dataset = Folder(tmp_path / "f", arrays_of(8, (3,), "float32"))
    loader = loading(dataset, **options)
    broken = Path(dataset.paths[6])

    broken.write_bytes(broken.read_bytes()[:-4])
    with pytest.raises(CorruptFileError, match=r"6\.npy"):
        list(loader)
    broken.unlink()
    with pytest.raises(FileNotFoundError, match=r"6\.npy"):
        list(loading(dataset, **options))


def test_a_pass_that_is_dropped_leaves_nothing_running(tmp_path, loading):
    dataset = Folder(tmp_path / "f", arrays_of(40, (50, 10), "float32"))
    before = set(threading.enumerate())
    loader = loading(dataset, num_workers=2)
    transforming = loading(
        Folder(tmp_path / "f", arrays_of(40, (50, 10), "float32"), doubled), num_workers=2
    )

    for one in (loader, transforming):
        passing = iter(one)
        next(passing)
        del passing
        assert set(threading.enumerate()) == before
        assert len(list(one)) == len(one)


def test_files_that_take_longer_than_the_timeout_are_told(tmp_path, loading):
    dataset = Folder(tmp_path / "f", arrays_of(1, (3,), "float32"))
    dataset.paths *= 40_000
    loader = loading(dataset, batch_size=40_000, num_workers=1, timeout=0.01)

    with pytest.raises(DataError, match=r"data loader waited 0\.01 s for a batch in vain"):
        list(loader)


@needs_proc
@pytest.mark.parametrize("options", [{}, {"pad": {}}])
def test_a_loader_that_is_dropped_half_way_frees_threads_and_memory(tmp_path, options):
    dataset = Folder(tmp_path / "f", arrays_of(40, (500, 100), "float32"))
    sample_bytes = 500 * 100 * 4
    options = {"batch_size": 4, "seed": 1, "shuffle": True, "resident_mb": 0, **options}
    others = readers()
    tracemalloc.start()
    try:
        loader = Loader(dataset, collate_fn=DataBatch.collate, num_workers=2, **options)
        passing = iter(loader)
        next(passing)
        assert tracemalloc.get_traced_memory()[0] > sample_bytes

        del loader, passing

        assert tracemalloc.get_traced_memory()[0] < sample_bytes
        assert num_readers(0, others) == 0
    finally:
        tracemalloc.stop()


def test_several_loaders_and_passes_run_side_by_side(tmp_path, loading):
    arrays = arrays_of(20, (4,), "float32")
    dataset = Folder(tmp_path / "f", arrays)
    one, other = loading(dataset, num_workers=2), loading(dataset, num_workers=1)
    expected = list(loading(dataset))

    for batches in zip(one, one, other, expected, strict=True):
        assert same(batches[:1], batches[3:])
        assert same(batches[1:2], batches[3:])
        assert same(batches[2:3], batches[3:])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_may_use_the_loader(tmp_path, loading):
    dataset = Folder(tmp_path / "f", arrays_of(20, (4,), "float32"))
    loader = loading(dataset, num_workers=2)
    expected = [*loading(dataset), *loading(dataset)][: len(loader)]
    list(loader)
    loader.start_at(0)

    child = os.fork()
    if child == 0:
        os._exit(0 if same(loader, expected) else 1)
    _pid, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
    assert same(loader, expected)


def test_the_log_says_which_path_files_take(tmp_path, loading, caplog):
    caplog.set_level(logging.DEBUG, "autrainer")
    dataset = Folder(tmp_path / "f", arrays_of(40, (100, 100), "float64"))

    for resident_mb in (0, 1, 8):
        next(iter(loading(dataset, resident_mb=resident_mb)))

    assert "path 'files' (resident_mb is 0)" in caplog.messages[0]
    assert "path 'files' (their features take more than 1 MiB)" in caplog.messages[1]
    assert "path 'arrays' (3.1 MiB of features are kept in memory)" in caplog.messages[2]


def test_what_is_kept_is_read_once(tmp_path, loading):
    dataset = Folder(tmp_path / "f", arrays_of(8, (3,), "float32"), doubled, shifted)
    loader = loading(dataset, resident_mb=64)
    first = list(loader)

    for path in dataset.paths:
        Path(path).unlink()

    loader.start_at(0)
    assert same(loader, first)


def test_at_most_a_quarter_of_free_memory_is_taken():
    assert 0 < resident_limit(1 << 30) <= free_bytes() // 4 + (64 << 20)
    assert resident_limit(1) == 1 << 20
    assert resident_limit(0) == 0


def test_a_table_is_kept_with_its_transforms_done():
    table = torch.arange(12.0).reshape(6, 2)

    def load(limit):
        return ResidentLoading(TableReader(table, "dev"), 6, doubled, None, 0).load(limit)

    assert torch.equal(load(48), table * 2)
    assert load(47) is None


def test_keys_are_those_of_the_loader(tmp_path, loading):
    seen = []

    def spy(features, indices):
        seen.append(current_key()[:2])
        return features

    dataset = Folder(tmp_path / "f", arrays_of(4, (1,), "float32"), varying=spy)
    loader = loading(dataset, seed=9)
    loader.start_at(5)
    list(loader)

    assert set(seen) == {(9, 5)}
    assert current_key() is None


def test_datasets_written_for_the_first_name_of_a_split_source_still_import_it():
    assert autrainer.data.Source is autrainer.data.SplitSource
