"""Loaders in processes of their own: interrupted, spawned, sent elsewhere."""

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from tests.forked import Forked

pytestmark = pytest.mark.slow

TABLE = """
    import torch
    from autrainer.data import DataBatch, DataItem, Loader

    class Table:
        def __len__(self):
            return 10
        def __getitem__(self, index):
            return DataItem(torch.rand(3), index, index)

    def loader(num_workers):
        return Loader(
            Table(), batch_size=3, seed=1, shuffle=True, collate_fn=DataBatch.collate,
            num_workers=num_workers,
        )
"""


@pytest.fixture
def python(tmp_path):
    """Start a program in the test's folder; it is ended with the test."""
    with contextlib.ExitStack() as stack:

        def start(code, **options):
            return stack.enter_context(Forked(textwrap.dedent(code), **options))

        yield start


def test_workers_may_be_spawned(tmp_path):
    code = f"""{TABLE}
    if __name__ == "__main__":
        torch.multiprocessing.set_start_method("spawn")
        spawned = loader(1)
        same = all(
            torch.equal(ours.features, theirs.features)
            for ours, theirs in zip(spawned, loader(0), strict=True)
        )
        spawned.close()
        print("same" if same else "different")
    """
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(code))

    assert subprocess.check_output([sys.executable, str(path)], text=True) == "same\n"


@pytest.mark.parametrize("transforms", ["None", "held"])
def test_an_interrupt_ends_the_loader_at_once(python, tmp_path, transforms):
    for number in range(400):
        np.save(tmp_path / f"{number}.npy", np.zeros((100, 100), dtype=np.float32))
    code = f"""
    import threading, torch
    from autrainer.data.file_handlers import NumpyFileHandler, native_format
    from autrainer.data import DataBatch, Loader
    from autrainer.data.split_source import Files, SplitSource

    def held(features, indices):
        threading.Event().wait(0.02)
        return features

    class Folder:
        def __len__(self):
            return 400
        def source(self):
            paths = [f"{{number}}.npy" for number in range(400)]
            handler = NumpyFileHandler()
            files = Files(paths, native_format(handler), lambda row: handler(paths[row]))
            return SplitSource(files, torch.arange(400), varying={transforms})

    loader = Loader(
        Folder(), batch_size=4, seed=1, shuffle=True, collate_fn=DataBatch.collate,
        num_workers=2, resident_mb=0,
    )
    try:
        print("begins", flush=True)
        while True:
            for _ in loader:
                pass
    except KeyboardInterrupt:
        pass
    left = [t for t in threading.enumerate() if t is not threading.main_thread()]
    print("ends", left, flush=True)
    """
    process = python(code)
    assert process.stdout.readline() == "begins\n"

    process.send_signal(signal.SIGINT)
    rest = process.communicate()[0]

    assert rest == "ends []\n"
    assert process.returncode == 0


@pytest.mark.parametrize("num_workers", [0, 1, 2])
def test_an_interrupt_ends_a_loader_that_waits_for_an_item(python, num_workers):
    code = f"""{TABLE}
    import time

    class Stuck(Table):
        def __getitem__(self, index):
            while index > 2:
                # Not for ever in one call: a signal just before it would not be seen in it.
                time.sleep(0.05)
            return super().__getitem__(index)

    loader = Loader(
        Stuck(), batch_size=1, seed=1, shuffle=False, collate_fn=DataBatch.collate,
        num_workers={num_workers},
    )
    try:
        for batch in loader:
            if batch.index == 2:
                print("waits", flush=True)
    except KeyboardInterrupt:
        loader.close()
        print("ends", torch.multiprocessing.active_children(), flush=True)
    """
    process = python(code, start_new_session=True)
    assert process.stdout.readline() == "waits\n"

    # As a terminal does: to the workers too.
    os.killpg(process.pid, signal.SIGINT)
    rest = process.communicate()[0]

    assert rest == "ends []\n"
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
def test_workers_end_with_their_parent_whatever_they_are_at(python):
    code = f"""{TABLE}
    import time

    class Stuck(Table):
        def __getitem__(self, index):
            if index == 3:
                threading.Event().wait()
            return super().__getitem__(index)

    loader = Loader(
        Stuck(), batch_size=3, seed=1, shuffle=False, collate_fn=DataBatch.collate, num_workers=1
    )
    next(iter(loader))
    print(*(worker.pid for worker in torch.multiprocessing.active_children()), flush=True)
    threading.Event().wait()
    """
    process = python(code)
    worker = int(process.stdout.readline())
    # That can be waited for, though it is no child of ours.
    ended = os.pidfd_open(worker)

    process.kill()
    process.communicate()

    assert select.select([ended], [], [], 60)[0] == [ended]
    os.close(ended)


def test_a_loader_can_be_sent_to_another_process(tmp_path):
    from tests.data.test_loader import make, order

    loader = make(20)
    expected = order(make(20))
    next(iter(loader))

    assert order(pickle.loads(pickle.dumps(loader))) == expected
