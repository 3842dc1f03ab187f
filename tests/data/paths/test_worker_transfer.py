"""Batches of worker processes where shared memory is small, and batches that cannot be sent."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pytest
import torch

from autrainer.data import DataBatch, DataItem, Loader
from autrainer.data.paths.worker_transfer import pinned
from autrainer.errors import DataError

PRIVILEGES = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))


class Table(torch.utils.data.Dataset):
    """Each sample takes 256 KiB."""

    def __len__(self):
        return 12

    def __getitem__(self, index):
        return DataItem(torch.full((64, 1024), float(index)), index, index)


def collate(items):
    return DataBatch.collate(items)


def loader(dataset, collate_fn=collate, **options):
    settings = {"batch_size": 4, "seed": 0, "shuffle": False, "num_workers": 1, **options}
    return Loader(dataset, collate_fn=collate_fn, **settings)


def in_small_shared_memory(size_kb, code, folder):
    """What a program prints and warns of if shared memory is small."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare")
    program = f"import tests.data.paths.test_worker_transfer as here\nhere.{code}"
    command = (
        f"mount -t tmpfs -o size={size_kb}k none /dev/shm || exit 77\n"
        f"exec '{sys.executable}' -c '{program}'"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for privileges in PRIVILEGES:
        done = subprocess.run(
            [*privileges, "sh", "-c", command],
            capture_output=True,
            text=True,
            cwd=folder,
            env=path,
            timeout=300,
        )
        if done.returncode == 0:
            return done.stdout, done.stderr
        if done.returncode != 77 and "unshare" not in done.stderr:
            pytest.fail(done.stderr)
    pytest.skip(f"shared memory cannot be mounted here: {done.stderr}")


def print_passes():
    """Two passes of batches that fill shared memory, and then what a full one says."""
    table = loader(Table(), num_workers=2)
    passes = [[batch.features[:, 0, 0].tolist() for batch in table] for _ in range(2)]
    table.close()
    free = os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_bsize
    with open("/dev/shm/full", "wb") as full:
        full.write(bytes(free))
    try:
        list(loader(Table()))
        said = "nothing"
    except DataError as error:
        said = str(error)
    print(json.dumps([passes, free, said]))


def test_small_shared_memory_is_told_once_and_nothing_is_lost(tmp_path):
    size_kb = 768
    printed, warned = in_small_shared_memory(size_kb, "print_passes()", tmp_path)

    passes, free, said = json.loads(printed)
    assert passes == [[[4.0 * batch + row for row in range(4)] for batch in range(3)]] * 2
    assert warned.count("shared memory has no room for the batches of worker processes") == 1
    assert "/dev/shm holds 1 MiB" in warned
    assert "--shm-size" in warned
    # All of it was given back.
    assert free > (size_kb - 64) * 1024
    assert "worker processes of the data loader cannot be started" in said
    assert "No space left on device" in said
    assert "set num_workers to 0" in said


class Shot(Table):
    """Earlier versions of torch write beyond what there is, and the system ends the worker."""

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGBUS)


def test_a_worker_that_found_no_shared_memory_is_told_with_advice(capfd):
    shot = loader(Shot())
    with pytest.raises(DataError, match=r"found no room in shared memory .* --shm-size"):
        list(shot)
    shot.close()


@dataclass
class OddBatch(DataBatch):
    extra: object = None


def with_a_function(items):
    return OddBatch(**vars(collate(items)), extra=lambda: None)


def with_a_graph(items):
    batch = collate(items)
    batch.features = batch.features.requires_grad_() * 2
    return batch


@pytest.mark.parametrize("collate_fn", [with_a_function, with_a_graph])
def test_a_batch_that_cannot_be_sent_is_an_error_and_not_waited_for(collate_fn):
    odd = loader(Table(), collate_fn)
    with pytest.raises(DataError, match=r"cannot be sent from a worker .* num_workers to 0"):
        list(odd)
    odd.close()


class Page(list):
    """A list with something beside its content."""

    number = 0


class Pair(NamedTuple):
    first: object
    second: object


class Pinned:
    """Says how it was reached."""

    def __init__(self, is_pinned=False):
        self.is_pinned = is_pinned

    def pin_memory(self):
        return Pinned(True)


def test_whatever_a_batch_holds_is_pinned_in_containers_of_the_same_classes():
    page = Page([Pinned(), "text"])
    page.number = 7
    batch = {"page": page, "pair": Pair(Pinned(), b"bytes"), "tuple": (Pinned(), 1), "n": None}
    found = pinned(MappingProxyType(batch))
    assert type(found) is MappingProxyType
    assert [type(value) for value in found.values()] == [Page, Pair, tuple, type(None)]
    assert found["page"].number == 7
    reached = [found["page"][0], found["pair"].first, found["tuple"][0]]
    assert [part.is_pinned for part in reached] == [True] * 3
    assert (found["page"][1], found["pair"].second, found["tuple"][1]) == ("text", b"bytes", 1)
    assert not page[0].is_pinned


def test_a_container_that_cannot_be_filled_again_becomes_a_plain_one():
    assert pinned(range(3)) == [0, 1, 2]


def with_all_sorts(items):
    extra = {
        "array": np.arange(4.0),
        "texts": ["a", "b"],
        "list": [torch.tensor(1), torch.eye(2, dtype=torch.bfloat16)],
        "view": torch.arange(6).view(2, 3)[:, 1],
        "empty": torch.empty(0, 3),
    }
    return OddBatch(**vars(collate(items)), extra=extra)


def test_everything_that_a_batch_holds_arrives():
    sorts = loader(Table(), with_all_sorts)
    extra = next(iter(sorts)).extra
    sorts.close()
    assert np.array_equal(extra["array"], np.arange(4.0))
    assert extra["texts"] == ["a", "b"]
    assert extra["list"][0].item() == 1
    assert torch.equal(extra["list"][1], torch.eye(2, dtype=torch.bfloat16))
    assert extra["view"].tolist() == [1, 4]
    assert extra["empty"].shape == (0, 3)
