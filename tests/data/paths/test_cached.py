"""Features that are computed once, for all runs that need the same."""

import os
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
import torch

from autrainer.data import Loader
from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.options import LoaderOptions
from autrainer.data.paths import cache_contents, cache_folders
from autrainer.data.paths import cached as module
from autrainer.data.targets import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.errors import ConfigError, CorruptFileError, DataError
from autrainer.transforms import Expand, RandomCrop, SmartCompose, StereoToMono
from tests.serving.conftest import write_wav
from tests.serving.parts import FailsOnLoud

NAMES = [f"{number}.wav" for number in range(12)]


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recordings"
    for number, name in enumerate(NAMES):
        write_wav(folder / name, 400 + 10 * number, channels=1 + number % 2)
    return folder


@pytest.fixture
def loader(recordings, tmp_path):
    def build(size=600, cache="cache", folder=recordings, transforms=None, handler=None, **options):
        df = pd.DataFrame({"file": NAMES, "label": list(range(len(NAMES)))})
        steps = [StereoToMono(), Expand(size, axis=-1)] if transforms is None else transforms
        dataset = DatasetWrapper(
            str(folder.parent),
            folder.name,
            "file",
            "label",
            handler or AudioFileHandler(8000),
            df,
            transform=SmartCompose(steps),
            target_transform=LabelEncoder(list(range(len(NAMES)))),
        )
        where = None if cache is None else str(tmp_path / cache)
        options = {"num_workers": 2, "resident_mb": 0, **options}
        return Loader(
            dataset,
            batch_size=5,
            seed=0,
            shuffle=True,
            collate_fn=DataBatch.collate,
            features_cache=where,
            **options,
        )

    return build


def batches(loader):
    return [(batch.features.clone(), batch.index.tolist()) for batch in loader]


def same(one, two):
    return len(one) == len(two) and all(
        torch.equal(a, b) and first == second
        for (a, first), (b, second) in zip(one, two, strict=True)
    )


def arrays(tmp_path):
    return sorted((tmp_path / "cache").rglob("*.npy"))


@pytest.mark.parametrize("resident_mb", [0, 100])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_are_the_same_to_the_last_bit(loader, tmp_path, resident_mb, num_workers):
    options = {"resident_mb": resident_mb, "num_workers": num_workers}
    plain = batches(loader(cache=None, **options))
    assert same(batches(loader(**options)), plain)
    assert len(arrays(tmp_path)) == 12
    assert same(batches(loader(**options)), plain)


def test_what_is_there_is_not_computed_again(loader, tmp_path, monkeypatch):
    batches(loader())
    times = [path.stat().st_mtime_ns for path in arrays(tmp_path)]
    monkeypatch.setattr(cache_contents, "_digest", None)
    monkeypatch.setattr(module, "write_npy", None)
    batches(loader())
    assert [path.stat().st_mtime_ns for path in arrays(tmp_path)] == times


def test_what_varies_comes_after_it(loader, tmp_path):
    steps = [StereoToMono(), Expand(600, axis=-1), RandomCrop(100, axis=-1, order=0)]
    plain = batches(loader(cache=None, transforms=steps))
    assert same(batches(loader(transforms=steps)), plain)
    assert np.load(arrays(tmp_path)[0]).shape == (1, 600)


def test_copies_of_a_data_set_share_it_and_changed_files_do_not(loader, recordings, tmp_path):
    batches(loader())
    copy = shutil.copytree(recordings, tmp_path / "copy")
    batches(loader(folder=copy))
    assert len(arrays(tmp_path)) == 12
    write_wav(copy / "3.wav", 333)
    changed = batches(loader(folder=copy))
    assert len(arrays(tmp_path)) == 13
    assert same(changed, batches(loader(folder=copy, cache=None)))


def test_another_pipeline_or_handler_has_features_of_its_own(loader, tmp_path):
    batches(loader())
    batches(loader(size=700))
    batches(loader(handler=AudioFileHandler(8000, duration=0.02)))
    assert len(arrays(tmp_path)) == 36
    assert len({path.parent.parent for path in arrays(tmp_path)}) == 3


def test_another_version_of_features_has_features_of_its_own(loader, tmp_path, monkeypatch):
    batches(loader())
    monkeypatch.setattr(module, "FEATURES_VERSION", module.FEATURES_VERSION + 1)
    batches(loader())
    assert len(arrays(tmp_path)) == 24


def test_code_of_users_is_not_cached_since_it_may_change(loader, tmp_path):
    steps = [StereoToMono(), FailsOnLoud(), Expand(600, axis=-1)]
    assert same(batches(loader(transforms=steps)), batches(loader(transforms=steps, cache=None)))
    assert arrays(tmp_path) == []


def test_arrays_that_nothing_is_done_to_are_not_copied(loader, tmp_path):
    folder = tmp_path / "arrays"
    folder.mkdir()
    for name in NAMES:
        with open(folder / name, "wb") as file:
            np.save(file, np.ones(3, np.float32))
    batches(loader(folder=folder, handler=NumpyFileHandler(), transforms=[]))
    assert arrays(tmp_path) == []


def test_features_that_take_too_much_are_not_cached(loader, tmp_path):
    made = loader(size=60_000, features_cache_mb=1)
    assert same(batches(made), batches(loader(size=60_000, cache=None)))
    assert arrays(tmp_path) == []


@pytest.fixture
def short(tmp_path):
    """Twelve other recordings, of which features fit whatever the size."""
    for number, name in enumerate(NAMES):
        write_wav(tmp_path / "short" / name, 300 + number)
    return tmp_path / "short"


def test_a_data_set_that_takes_too_much_leaves_the_cache_to_the_next_one(loader, tmp_path, short):
    options = {"transforms": [StereoToMono()], "features_cache_mb": 1, "pad": {"axis": -1}}
    for name in NAMES:
        write_wav(tmp_path / "long" / name, 40_000 + int(name[:-4]))
    batches(loader(folder=tmp_path / "long", **options))
    batches(loader(folder=short, **options))
    assert len(arrays(tmp_path)) == 12


def test_features_of_a_data_set_that_nobody_uses_make_room_for_the_next_one(
    loader, tmp_path, short
):
    batches(loader(size=18_000, features_cache_mb=1))
    before = arrays(tmp_path)
    fits = loader(folder=short, size=18_000, features_cache_mb=1)
    batches(fits)
    after = arrays(tmp_path)
    assert len({*after} - {*before}) == 12
    assert sum(path.stat().st_size for path in after) <= 2**20
    # Those are used now, so nothing is taken from them.
    batches(loader(size=18_000, features_cache_mb=1))
    assert {*after} - {*before} <= {*arrays(tmp_path)}
    plain = loader(folder=short, size=18_000, cache=None)
    batches(plain)
    assert same(batches(fits), batches(plain))


def test_hours_are_not_spent_on_features_that_do_not_fit(loader, tmp_path, monkeypatch):
    made = []
    write = module.write_npy
    monkeypatch.setattr(module, "write_npy", lambda p, a: (made.append(p), write(p, a)))
    monkeypatch.setattr(module, "PROBED", 2)
    batches(loader(size=60_000, features_cache_mb=2, num_workers=1))
    # Two tell how large they are, and a thread was two ahead.
    assert len(made) <= 5


def test_features_that_nobody_uses_make_room(loader, tmp_path):
    used = loader(size=20_000, features_cache_mb=2)
    batches(used)
    batches(loader(size=20_001, features_cache_mb=2))
    batches(loader(size=20_002, features_cache_mb=2))
    sizes = {np.load(path).shape[-1] for path in arrays(tmp_path)}
    # The first is still used, the second is not.
    assert sizes == {20_000, 20_002}
    plain = loader(size=20_000, cache=None)
    batches(plain)
    assert same(batches(used), batches(plain))


def test_a_damaged_recording_is_named(loader, recordings):
    (recordings / "4.wav").write_bytes((recordings / "4.wav").read_bytes()[:-10])
    with pytest.raises(CorruptFileError, match=r"recordings/4\.wav"):
        batches(loader())


def test_a_file_without_finite_numbers_is_named_by_its_own_name(loader, tmp_path):
    folder = tmp_path / "arrays"
    folder.mkdir()
    for name in NAMES:
        with open(folder / name, "wb") as file:
            np.save(file, np.full((1, 3), np.nan if name == "7.wav" else 1, np.float32))
    with pytest.raises(DataError, match=r"arrays/7\.wav"):
        batches(loader(folder=folder, handler=NumpyFileHandler()))


@pytest.fixture
def change_later(recordings, monkeypatch):
    """Changes a recording after it was looked at, so many times."""

    def begin(times):
        look, left = module.contents_of, list(range(times))

        def looked_early(index, paths):
            found = look(index, paths)
            for number in left[:1]:
                write_wav(recordings / "3.wav", 333 + number)
                left.pop(0)
            return found

        monkeypatch.setattr(module, "contents_of", looked_early)

    return begin


def test_a_file_that_changes_after_it_was_looked_at_is_looked_at_again(
    loader, recordings, tmp_path, change_later
):
    copy = shutil.copytree(recordings, tmp_path / "copy")
    change_later(1)
    assert same(batches(loader()), batches(loader(cache=None)))
    # The array of what it held before is not one of what it holds now.
    assert same(batches(loader(folder=copy)), batches(loader(folder=copy, cache=None)))


def test_a_file_that_changes_again_and_again_is_named(loader, change_later):
    change_later(99)
    with pytest.raises(DataError, match=r"recordings/3\.wav changes while"):
        batches(loader())


@pytest.mark.parametrize("index", ["cut", "foreign", "gone"])
def test_an_index_that_is_damaged_is_made_again(loader, tmp_path, index):
    batches(loader())
    path = tmp_path / "cache" / cache_contents.CONTENTS
    content = path.read_bytes()
    path.write_bytes({"cut": content[:-9], "foreign": b"[1, 2]\n\xff\n", "gone": b""}[index])
    assert same(batches(loader()), batches(loader(cache=None)))
    assert len(arrays(tmp_path)) == 12


def test_runs_that_begin_together_compute_everything_once(loader, tmp_path, monkeypatch):
    made = []
    write = module.write_npy
    monkeypatch.setattr(module, "write_npy", lambda p, a: (made.append(p), write(p, a)))
    threads = [threading.Thread(target=lambda: batches(loader())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(made)) == 12


def test_a_folder_that_is_removed_while_it_is_waited_for_is_made_anew(tmp_path):
    folder = tmp_path / "pipeline"
    uses = [cache_folders.Use(folder)]
    assert not cache_folders.remove_unused(folder)
    uses.clear()
    assert cache_folders.remove_unused(folder)
    assert not os.path.exists(folder)
    uses.append(cache_folders.Use(folder))
    assert not cache_folders.remove_unused(folder)


def test_a_folder_that_was_removed_and_made_anew_is_not_removed_by_who_came_late(
    tmp_path, monkeypatch
):
    folder = tmp_path / "pipeline"
    cache_folders.Use(folder)
    take, uses = cache_folders.flocks.take, []

    def taken_late(file, *, until):
        if not uses:
            # Between opening the folder and locking it, others do all of this.
            uses.append(None)
            assert cache_folders.remove_unused(folder)
            uses[0] = cache_folders.Use(folder)
            (folder / "ab").mkdir()
        return take(file, until=until)

    monkeypatch.setattr(cache_folders.flocks, "take", taken_late)
    assert not cache_folders.remove_unused(folder)
    assert (folder / "ab").is_dir()


def test_folders_that_vanish_while_their_sizes_are_looked_at_count_nothing(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / cache_folders.PIPELINE).write_text(name)
        np.save(tmp_path / name / "x.npy", np.zeros(9))
    sizes = cache_folders.sizes_of

    def sizes_late(folder):
        shutil.rmtree(folder)
        return sizes(folder)

    monkeypatch.setattr(cache_folders, "sizes_of", sizes_late)
    cache_folders.make_room(tmp_path, tmp_path / "a", 0)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_has_left_is_removed(loader, tmp_path):
    batches(loader())
    cut = next((tmp_path / "cache").glob("*/??")) / ".autrainer-1-2.tmp"
    cut.write_text("half")
    removed = tmp_path / "cache" / f"{cache_folders.REMOVED}ab-1"
    removed.mkdir()
    arrays(tmp_path)[0].unlink()
    batches(loader())
    assert not cut.exists()
    assert not removed.exists()


@pytest.mark.parametrize("options", [{"features_cache_mb": 0}, {"features_cache": 3}])
def test_options_that_cannot_be_are_refused(options):
    with pytest.raises(ConfigError, match=f"{next(iter(options))} is"):
        LoaderOptions(batch_size=1, seed=0, shuffle=False, **options)
