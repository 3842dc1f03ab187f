"""The ways to make batches: which files of the package a batch passes on each of them."""

import sys
from collections import defaultdict

import numpy as np
import pytest
import torch

from autrainer.data import Files, ItemsOnly, Loader, SplitSource
from autrainer.data.file_handlers import NumpyFileHandler, native_format
from autrainer.data.items import DataBatch, DataItem
from tests.conftest import REPOSITORY

NUM_SAMPLES = 120
DATA = f"{REPOSITORY / 'python' / 'autrainer' / 'data'}/"


class Split:
    def __init__(self, source):
        self._source = source

    def __len__(self):
        return NUM_SAMPLES

    def __getitem__(self, index):
        return DataItem(torch.ones(4), 0, index)

    def source(self):
        return self._source


def files(folder):
    paths = [str(folder / f"{number}.npy") for number in range(NUM_SAMPLES)]
    for path in paths:
        np.save(path, np.ones(4, np.float32))
    handler = NumpyFileHandler()
    return Files(paths, native_format(handler), lambda index: handler.load(paths[index]))


def doubled(features, _indices):
    return features * 2


def files_passed(batches):
    """Files of `data` of which code runs, in this thread, for batches in the middle of a pass."""
    passed = defaultdict(set)

    def trace(frame, _event, _argument):
        file = frame.f_code.co_filename
        if file.startswith(DATA):
            passed[file.removeprefix(DATA)].add(frame.f_code.co_name)

    for _ in range(3):
        next(batches)
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for _ in range(9):
            next(batches)
    finally:
        sys.settrace(before)
        batches.close()
    return set(passed)


ON_ALL = {"loader.py", "samplers/batch_order.py", "paths/base.py"}
READING = {"paths/files.py", "native/file_reader.py", "native/collate.py"}
STACKING = {"paths/items.py", "items.py", "native/collate.py"}
CHECKING = {"nonfinite.py", "native/decode.py"}


@pytest.mark.parametrize(
    ("kind", "options", "passed"),
    [
        ("arrays", {}, {"paths/arrays.py", "native/collate.py"}),
        ("arrays, doubled", {}, {"paths/arrays.py", "native/collate.py"}),
        ("files", {"resident_mb": 0}, READING),
        ("files", {"resident_mb": 0, "num_workers": 2}, READING),
        ("files, doubled", {"resident_mb": 0}, READING),
        ("items", {"nonfinite": "ignore"}, STACKING | {"nonfinite.py"}),
        ("items", {}, STACKING | CHECKING),
        ("items of users", {"num_workers": 1}, {"paths/workers.py", "paths/worker_transfer.py"}),
    ],
)
def test_a_batch_passes_the_files_that_the_documentation_names(kind, options, passed, tmp_path):
    targets = torch.arange(NUM_SAMPLES)
    table = torch.ones(NUM_SAMPLES, 4)
    source = {
        "arrays": lambda: SplitSource(table, targets),
        "arrays, doubled": lambda: SplitSource(table, targets, varying=doubled),
        "files": lambda: SplitSource(files(tmp_path), targets),
        "files, doubled": lambda: SplitSource(files(tmp_path), targets, varying=doubled),
        "items": lambda: ItemsOnly("a test", is_thread_safe=True),
        "items of users": lambda: ItemsOnly("a test"),
    }[kind]()
    loader = Loader(
        Split(source), batch_size=8, seed=1, shuffle=True, collate_fn=DataBatch.collate, **options
    )

    assert files_passed(iter(loader)) == ON_ALL | passed
    loader.close()
