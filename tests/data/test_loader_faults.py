"""What is wrong with a file ends in one error that names it, however batches are made."""

import faulthandler
import os
import re
import shutil
import threading

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from autrainer.data.file_handlers import AudioFileHandler, NumpyFileHandler
from autrainer.data.items import DataBatch
from autrainer.data.loader import Loader
from autrainer.datasets.utils import LabelEncoder
from autrainer.datasets.wrapper import DatasetWrapper
from autrainer.errors import CorruptFileError, DataError

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


class OwnNumpy(NumpyFileHandler):
    """Ours, but the core cannot know that."""

    def load(self, file):
        return super().load(file)


class OwnAudio(AudioFileHandler):
    def load(self, file):
        return super().load(file)


HANDLERS = {"npy": (NumpyFileHandler, OwnNumpy), "wav": (AudioFileHandler, OwnAudio)}
PATHS = {
    "resident": {"resident_mb": 64},
    "resident, threads": {"resident_mb": 64, "num_workers": 2},
    "files": {"resident_mb": 0},
    "files, threads": {"resident_mb": 0, "num_workers": 2},
    "files, padded": {"resident_mb": 0, "num_workers": 2, "pad": {"axis": 0}},
    "items": {"own": True},
    "workers": {"own": True, "num_workers": 2},
}


def truncated(path):
    path.write_bytes(path.read_bytes()[:-3])


def emptied(path):
    path.write_bytes(b"")


def vanished(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def a_device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def lying(path):
    shape, lie = b"'shape': (4, 5), }           ", b"'shape': (40000000000, 5), } "
    path.write_bytes(path.read_bytes().replace(shape, lie))


def of_another_shape(path):
    np.save(path, np.zeros((4, 6), np.float32))


def of_another_dtype(path):
    np.save(path, np.zeros((4, 5), np.float64))


def not_finite(path):
    np.save(path, np.full((4, 5), np.nan, np.float32))


def of_no_numbers(path):
    np.save(path, np.full((4, 5), "a"))


def of_no_torch_dtype(path):
    np.save(path, np.zeros((4, 5), np.longdouble))


def of_wrong_chunk_size(path):
    whole = path.read_bytes()
    size = whole.index(b"data") + 4
    path.write_bytes(whole[:size] + (2**31 - 2).to_bytes(4, "little") + whole[size + 4 :])


FAULTS = [
    ("npy", truncated, CorruptFileError, "expected 208 bytes, .* found 205 bytes"),
    ("npy", emptied, CorruptFileError, "expected a NumPy array .* found 0 bytes"),
    ("npy", vanished, FileNotFoundError, "No such file"),
    ("npy", a_folder, CorruptFileError, "expected a file, found a directory"),
    ("npy", a_pipe, CorruptFileError, "expected a file, found a pipe"),
    ("npy", a_device, CorruptFileError, "expected a file, found a pipe, a socket or a device"),
    ("npy", lying, CorruptFileError, r"expected 800000000128 bytes, .* found 208 bytes"),
    ("npy", of_another_shape, DataError, r"expected .*\(4, [56]\).* found .*\(4, [56]\)"),
    ("npy", of_another_dtype, DataError, "expected .*float(32|64).* found .*float(64|32)"),
    ("npy", not_finite, DataError, "expected finite features, found NaN"),
    ("npy", of_no_numbers, DataError, "expected .*numbers.* found an array of <U1"),
    ("npy", of_no_torch_dtype, DataError, "expected .*numbers.* found an array of float128"),
    ("wav", truncated, CorruptFileError, "expected 844 bytes, .* found 841 bytes"),
    ("wav", of_wrong_chunk_size, CorruptFileError, "expected 2147483690 bytes, .* found 844"),
    ("wav", a_pipe, CorruptFileError, "expected a file, found a pipe"),
]


@pytest.fixture(autouse=True)
def _ends():
    """A hang ends the process with a traceback, since no signal ends a system call that waits."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def folder(tmp_path):
    """Nine files of each kind."""
    for number in range(9):
        np.save(tmp_path / f"{number}.npy", np.full((4, 5), number, np.float32))
        soundfile.write(tmp_path / f"{number}.wav", np.full(400, number / 10), 8000, "PCM_16")
    return tmp_path


def loader_of(folder, kind, own=False, **options):
    frame = pd.DataFrame({"file": [f"{number}.{kind}" for number in range(9)], "label": "a"})
    handler = HANDLERS[kind][own]()
    dataset = DatasetWrapper(
        str(folder), "", "file", "label", handler, frame, target_transform=LabelEncoder(["a"])
    )
    options = {"batch_size": 2, "seed": 0, "shuffle": True, **options}
    return Loader(dataset, collate_fn=DataBatch.collate, **options)


def reported(loader):
    """The error that ends a pass, and no thread or process is left after it."""
    threads = set(threading.enumerate())
    try:
        with pytest.raises((DataError, OSError)) as caught:
            list(loader)
        left = {thread for thread in threading.enumerate() if "loader" in thread.name} - threads
        assert left == set()
    finally:
        loader.close()
    assert torch.multiprocessing.active_children() == []
    return caught.value


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("kind", "fault", "error", "message"), FAULTS, ids=[f"{f[0]}-{f[1].__name__}" for f in FAULTS]
)
@pytest.mark.parametrize("row", [0, 4])
def test_a_fault_is_one_error_that_names_the_file(folder, path, kind, fault, error, message, row):
    bad = folder / f"{row}.{kind}"
    fault(bad)

    found = reported(loader_of(folder, kind, **PATHS[path]))

    assert isinstance(found, error)
    # Where two files differ, both are named.
    assert str(bad) in str(found)
    assert re.search(message, str(found))


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith("resident")])
def test_a_file_that_vanishes_half_way_ends_the_pass_there(folder, path):
    loader = loader_of(folder, "npy", shuffle=False, batch_size=1, **PATHS[path])
    try:
        passing = iter(loader)
        next(passing)
        shutil.rmtree(folder)
        with pytest.raises(FileNotFoundError, match=str(folder)):
            list(passing)
    finally:
        loader.close()


def test_workers_send_errors_with_their_traceback(folder):
    vanished(folder / "3.npy")

    error = reported(loader_of(folder, "npy", own=True, num_workers=1))

    assert error.filename == str(folder / "3.npy")
    assert "load_features" in str(error.__cause__)


class UnpicklableError(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Broken(torch.utils.data.Dataset):
    def __init__(self, fail):
        self.fail = fail

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.fail()


def unpicklable():
    raise UnpicklableError("this", "that")


def failing(fail, **options):
    return Loader(
        Broken(fail), batch_size=1, seed=0, shuffle=False, collate_fn=DataBatch.collate, **options
    )


def test_an_error_that_cannot_be_sent_is_told_all_the_same():
    loader = failing(unpicklable, num_workers=1)

    with pytest.raises(RuntimeError, match="UnpicklableError: this and that"):
        list(loader)
    loader.close()


def test_workers_that_take_too_long_are_told_as_threads_are():
    loader = failing(lambda: threading.Event().wait(2), num_workers=1, timeout=0.2)

    with pytest.raises(DataError, match=r"data loader waited 0\.2 s for a batch in vain"):
        list(loader)
    loader.close()
