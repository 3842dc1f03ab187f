"""Files read by threads: the same bytes whoever reads them, and errors that name the file."""

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autrainer import _core
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import AxisPad, FileReader, Layout
from autrainer.errors import CorruptFileError, DataError
from tests import forked

on_files = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
DTYPES = ["?", "b", "B", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
NPY = NativeFormat("npy")


def readers():
    """Numbers of the threads of readers; earlier tests may have left some."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if (task / "comm").read_text().startswith("autrainer-read"):
                found.add(task.name)
    return found


def num_readers(expected, others):
    """Number of threads of readers but others, once the system knows of their names and ends."""
    deadline = time.monotonic() + 60
    while True:
        found = len(readers() - others)
        if found == expected or time.monotonic() > deadline:
            return found
        os.sched_yield()


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="threads are counted in /proc"
)


@pytest.fixture
def save(tmp_path):
    """Write arrays to files; returns their paths."""

    def write(arrays, name="sample"):
        paths = [str(tmp_path / f"{name}-{number}.npy") for number in range(len(arrays))]
        for path, array in zip(paths, arrays, strict=True):
            np.save(path, array)
        return paths

    return write


@pytest.fixture
def numbered(save):
    """Paths of files whose sample is their number, twelve times."""
    return save([np.full((3, 4), number, np.float32) for number in range(40)])


def order(*rows):
    return np.array(rows, np.int64)


@given(
    st.lists(st.lists(st.integers(0, 39), max_size=33), max_size=6),
    st.integers(0, 4),
    st.integers(1, 6),
)
@on_files
def test_batches_come_in_order_whatever_the_number_of_threads(numbered, batches, threads, depth):
    reader = FileReader(numbered, NPY, num_threads=threads)
    outs = [np.empty((len(rows), 3, 4), np.float32) for rows in batches]
    submitted = 0
    for number, rows in enumerate(batches):
        while submitted < min(len(batches), number + depth):
            reader.submit(order(*batches[submitted]), outs[submitted])
            submitted += 1
        reader.wait()
        assert outs[number][:, 1, 1].tolist() == rows
        assert (outs[number] == outs[number][:, :1, :1]).all()
    with pytest.raises(DataError, match="no batch to wait for"):
        reader.wait()
    reader.close()


@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    room=st.integers(0, 5),
    around=st.sampled_from([((), ()), ((2,), ()), ((), (3,)), ((2, 1), (3,)), ((0,), (2,))]),
    dtype=st.sampled_from(DTYPES),
    counts_back=st.booleans(),
    threads=st.integers(0, 2),
    keeps_rest=st.booleans(),
)
@on_files
def test_samples_are_filled_up_or_cut(
    save, lengths, room, around, dtype, counts_back, threads, keeps_rest
):
    before, behind = around
    axis = -1 - len(behind) if counts_back else len(before)
    samples = [np.ones((*before, length, *behind), dtype) for length in lengths]
    reader = FileReader(
        save(samples), NPY, num_threads=threads, pad=AxisPad(axis, True, keeps_rest)
    )
    out = np.full((len(samples), *before, room, *behind), 7).astype(dtype)
    expected = out.copy() if keeps_rest else np.zeros_like(out)
    for place, length in zip(expected, lengths, strict=True):
        np.moveaxis(place, axis, 0)[:length] = 1

    reader.submit(np.arange(len(samples)), out)
    reader.wait()
    assert out.tobytes() == expected.tobytes()
    assert reader.layouts(order(0)) == [Layout(samples[0].shape, samples[0].dtype)]
    reader.close()


@pytest.mark.parametrize("threads", [0, 1, 5])
def test_files_that_are_cut_off_are_told_by_any_number_of_threads(save, threads):
    paths = save([np.arange(25.0)] * 100)
    cuts = {0: 0, 3: 5, 41: 128, 98: 327, 99: 200}
    for number, keeps in cuts.items():
        os.truncate(paths[number], keeps)
    reader = FileReader(paths, NPY, num_threads=0)

    found = reader.inspect(np.arange(100), num_threads=threads)

    assert [position for position, _ in found] == list(cuts)
    for position, problem in found:
        with pytest.raises(CorruptFileError) as error:
            reader.read_each(order(position))
        assert problem == str(error.value)


@pytest.mark.parametrize(
    "pad",
    [
        *((1, True, False), (-3, True, False), (0, False, True)),
        *((2, True, False), (-(2**63), True, False)),
    ],
)
def test_samples_that_differ_in_more_than_the_padded_axis_are_refused(save, pad):
    reader = FileReader(save([np.zeros((3, 4))]), NPY, num_threads=0, pad=AxisPad(*pad))
    for shape, dtype in (((2, 4), float), ((3, 4, 1), float), ((3,), float), ((3, 4), int)):
        with pytest.raises(DataError, match=r"0\.npy: expected .* found \(3, 4\) of float64"):
            reader.read(order(0), np.empty((1, *shape), dtype))


@given(
    hnp.arrays(
        st.sampled_from(DTYPES),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
    )
)
@on_files
def test_arrays_of_every_dtype_and_shape_come_back(save, array):
    paths = save([array, array.ravel()])
    with_threads = FileReader(paths, NPY, num_threads=1)
    out = np.empty((2, *array.shape), array.dtype)
    with_threads.submit(order(0, 0), out)
    (flat, found), _ = with_threads.read_each(order(1, 0))
    with_threads.wait()
    for loaded, expected in ((found, array), (flat, array.ravel()), (out[1], array)):
        assert (loaded.shape, loaded.dtype) == (expected.shape, expected.dtype)
        assert loaded.tobytes() == expected.tobytes()
    assert with_threads.layouts(order(0)) == [Layout(array.shape, array.dtype)]
    with_threads.close()


def test_in_line_and_ahead_give_the_same(numbered):
    reader = FileReader(numbered, NPY, num_threads=2)
    rows = order(7, 39, 0, 7)
    in_line, ahead = np.empty((2, 4, 3, 4), np.float32)
    reader.read(rows, in_line)
    reader.submit(rows, ahead)
    reader.wait()
    arrays, _ = reader.read_each(rows)
    for batch in (ahead, arrays):
        assert np.array_equal(batch, in_line)


def test_arrays_of_their_own_can_be_written_and_outlive_the_reader(numbered):
    reader = FileReader(numbered, NPY, num_threads=1)
    (array,), _ = reader.read_each(order(3))
    del reader
    array += 1
    assert (array == 4).all()


def test_many_files_are_read_in_line_in_one_call(numbered):
    reader = FileReader(numbered, NPY, num_threads=0, check_finite=True)
    rows = np.arange(2000) % 40
    out = np.empty((2000, 3, 4), np.float32)
    outcome = reader.read(rows, out)
    assert (out[:, 2, 3] == rows).all()
    assert outcome.nonfinite == []
    assert outcome.busy_s > 0


def test_samples_that_are_not_finite_are_told_by_their_position_in_the_batch(save):
    paths = save([np.array([0, np.nan]), np.zeros(2), np.array([-np.inf, 0])])
    rows = np.tile(order(1, 0, 2, 1), 200)
    expected = [number for number, row in enumerate(rows) if row != 1]
    reader = FileReader(paths, NPY, num_threads=2, check_finite=True)
    out = np.empty((len(rows), 2))
    assert reader.read(rows, out).nonfinite == expected
    assert reader.read_each(rows)[1].nonfinite == expected
    reader.submit(rows, out)
    assert reader.wait().nonfinite == expected
    assert FileReader(paths, NPY, num_threads=0).read(rows, out).nonfinite == []


def test_files_for_the_handler_are_told_and_the_others_are_read(save):
    paths = save([np.zeros(2), np.array(["a", "b"]), np.ones(2)])
    reader = FileReader(paths, NPY, num_threads=1)
    out = np.empty((3, 2))
    assert reader.read(order(2, 1, 0), out).unsupported == [1]
    assert out[0].tolist() == [1, 1]
    arrays, outcome = reader.read_each(order(1, 2))
    assert outcome.unsupported == [0]
    assert arrays[0] is None
    assert reader.layouts(order(1)) == [None]


def test_the_first_file_of_a_batch_that_fails_is_named(save):
    paths = save([np.zeros(5)] * 30)
    Path(paths[9]).write_bytes(Path(paths[9]).read_bytes()[:-1])
    np.save(paths[23], np.zeros(4))
    Path(paths[27]).unlink()
    reader = FileReader(paths, NPY, num_threads=2)
    out, behind = np.empty((30, 5)), np.empty((1, 5))
    for _ in range(10):
        for rows, kind, culprit in (
            (np.arange(30), CorruptFileError, 9),
            (np.arange(30)[::-1], FileNotFoundError, 27),
            (np.arange(10, 30).repeat(2)[:30], DataError, 23),
        ):
            with pytest.raises(kind, match=f"sample-{culprit}.npy"):
                reader.read(rows, out)
            reader.submit(rows, out)
            reader.submit(order(0), behind)
            with pytest.raises(kind, match=f"sample-{culprit}.npy"):
                reader.wait()
            reader.wait()


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    reader = FileReader([str(tmp_path)], NPY, num_threads=1)
    with pytest.raises(CorruptFileError, match="director"):
        reader.read(order(0), np.empty((1, 2)))


@pytest.mark.parametrize(
    ("rows", "out", "message"),
    [
        ([40], np.empty((1, 3, 4), np.float32), "40"),
        ([-1], np.empty((1, 3, 4), np.float32), "-1"),
        ([1, 2], np.empty((1, 3, 4), np.float32), "one row for each file"),
        ([1], np.empty((), np.float32), "one row for each file"),
        ([1], np.empty((1, 3, 4), ">f4"), "byte order"),
        ([1], np.empty((1, 3, 4), object), "object"),
        ([1], np.empty((1, 4, 3), np.float32).transpose(0, 2, 1), "contiguous"),
        ([1], np.empty((1, 4, 3), np.float32), "(4, 3)"),
        ([1], np.empty((1, 3, 4), np.float64), "float64"),
    ],
)
def test_memory_and_rows_that_do_not_fit_are_refused(numbered, rows, out, message):
    reader = FileReader(numbered, NPY, num_threads=1)
    with pytest.raises(DataError) as error:
        reader.read(order(*rows), out)
    assert message in str(error.value)


def test_waiting_without_a_batch_is_refused(numbered):
    reader = FileReader(numbered, NPY, num_threads=1)
    with pytest.raises(DataError, match="submit"):
        reader.wait()


def overlapping(name):
    """Two arrays that have memory in common."""
    whole = np.empty((6, 3, 4), np.float32)
    tensor = torch.empty(6, 3, 4)
    return {
        "itself": (whole[:2], whole[:2]),
        "an equal view": (whole[:2], whole[0:2]),
        "a view that begins within it": (whole[:2], whole[1:3]),
        "a view of all": (whole[2:4], whole),
        "its bytes": (whole[:2], whole.view(np.uint8).reshape(6, 48)[1:3]),
        "another tensor of its memory": (tensor[:2].numpy(), tensor[1:3].numpy()),
        "a buffer": (np.frombuffer(memoryview(whole), np.float32).reshape(6, 3, 4)[:2], whole[:2]),
    }[name]


OVERLAPS = [
    *("itself", "an equal view", "a view that begins within it", "a view of all", "its bytes"),
    *("another tensor of its memory", "a buffer"),
]


@pytest.mark.parametrize("name", OVERLAPS)
@pytest.mark.parametrize("ends", ["wait", "cancel", "close"])
def test_memory_that_threads_write_to_is_refused_until_they_are_done(numbered, name, ends):
    reader, other = (FileReader(numbered, NPY, num_threads=1) for _ in range(2))
    first, second = overlapping(name)
    rows = np.arange(len(second))
    reader.submit(order(0, 1), first)

    for refused in (
        lambda: reader.submit(rows, second),
        lambda: other.read(rows, second),
        lambda: _core.gather(np.empty_like(second), rows, second),
        lambda: _core.gather(second, rows, np.empty_like(second)),
        lambda: _core.stack(list(second), np.empty_like(second)),
        lambda: _core.stack(list(np.empty_like(second)), second),
        lambda: _core.seal(second),
    ):
        with pytest.raises(DataError, match="shares memory with out, which is still being written"):
            refused()

    getattr(reader, ends)()
    _core.gather(second, rows, np.empty_like(second))
    reader.submit(order(2, 3), first)
    reader.wait()
    assert first[:, 0, 0].tolist() == [2, 3]


def test_neighbours_in_one_array_are_no_conflict(numbered):
    reader = FileReader(numbered, NPY, num_threads=2)
    out = np.empty((40, 3, 4), np.float32)
    for start in range(0, 40, 4):
        reader.submit(np.arange(start, start + 4), out[start : start + 4])
    for _ in range(10):
        reader.wait()
    assert out[:, 2, 3].tolist() == list(range(40))


def test_a_batch_without_bytes_may_be_submitted_twice(numbered, save):
    reader = FileReader(save([np.empty((0, 4))]), NPY, num_threads=1)
    for out in (np.empty((2, 0, 4)), torch.empty(2, 0, 4, dtype=torch.float64).numpy()):
        for _ in range(2):
            reader.submit(order(0, 0), out)
        for _ in range(2):
            assert reader.wait().unsupported == []
    nothing = np.empty((0, 3, 4), np.float32)
    for _ in range(2):
        reader.submit(order(), nothing)


def test_an_array_that_is_reshaped_while_threads_write_to_it_is_free_afterwards(numbered):
    reader = FileReader(numbered, NPY, num_threads=1)
    out = np.empty((4, 3, 4), np.float32)
    reader.submit(np.arange(4), out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        out.shape = (48,)
    reader.wait()
    assert out.reshape(4, 12)[:, 0].tolist() == [0, 1, 2, 3]
    reader.read(np.arange(4), out.reshape(4, 3, 4))


def test_a_batch_that_fails_leaves_its_array_free(numbered):
    reader = FileReader([*numbered, "missing"], NPY, num_threads=2)
    out = np.empty((2, 3, 4), np.float32)
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            reader.read(order(0, 40), out)
        reader.submit(order(0, 40), out)
        with pytest.raises(FileNotFoundError):
            reader.wait()
    reader.read(order(5, 6), out)
    assert out[:, 0, 0].tolist() == [5, 6]


def test_a_reader_holds_a_submitted_array_and_lets_go_of_it_when_waited_for(numbered):
    reader = FileReader(numbered, NPY, num_threads=1)
    out = np.empty((2, 3, 4), np.float32)
    before = sys.getrefcount(out)
    for end in (reader.wait, reader.cancel, reader.close):
        reader.submit(order(1, 2), out)
        assert sys.getrefcount(out) > before
        end()
        assert sys.getrefcount(out) == before


@needs_proc
def test_threads_start_with_the_first_batch_and_end_with_the_reader(numbered):
    others = readers()
    reader = FileReader(numbered, NPY, num_threads=3)
    reader.read_each(order(1))
    assert num_readers(0, others) == 0
    out = np.empty((100, 40, 3, 4), np.float32)
    reader.submit(order(1, 2), out[0, :2])
    assert num_readers(3, others) == 3
    reader.close()
    assert num_readers(0, others) == 0
    reader.submit(order(5), out[0, :1])
    reader.wait()
    assert out[0, 0, 0, 0] == 5
    assert num_readers(3, others) == 3
    for batch in out:
        reader.submit(np.arange(40), batch)
    del reader
    assert num_readers(0, others) == 0


def test_several_readers_at_once_do_not_disturb_each_other(numbered):
    readers = [FileReader(numbered, NPY, num_threads=2) for _ in range(4)]
    out = np.empty((4, 5, 3, 3, 4), np.float32)
    for number, reader in enumerate(readers):
        for step in range(5):
            reader.submit(order(number, step, number), out[number, step])
    for step in range(5):
        for number, reader in enumerate(readers):
            reader.wait()
            assert out[number, step, :, 0, 0].tolist() == [number, step, number]


def test_several_threads_can_read_with_one_reader(numbered):
    reader = FileReader(numbered, NPY, num_threads=1)
    failed = []

    def read(start):
        for step in range(200):
            rows = order(start, step % 40)
            arrays, _ = reader.read_each(rows)
            if [array[1, 2] for array in arrays] != rows.tolist():
                failed.append(rows)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_waiting_ends_in_time_however_long_a_batch_takes(numbered):
    reader = FileReader(numbered, NPY, num_threads=1)
    out = np.empty((20_000, 3, 4), np.float32)
    reader.submit(order(7).repeat(20_000), out)
    with pytest.raises(TimeoutError, match=r"0\.02 s"):
        reader.wait(0.02)
    reader.wait(60)
    assert (out == 7).all()


def child_reads(reader, queue):
    out = np.empty((2, 3, 4), np.float32)
    reader.submit(order(3, 4), out)
    reader.wait()
    queue.put(out[:, 0, 0].tolist())
    reader.close()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_reader_works_in_another_process_after_its_threads_have_started(numbered, method):
    context = multiprocessing.get_context(method)
    reader = FileReader(numbered, NPY, num_threads=2)
    out = np.empty((2, 3, 4), np.float32)
    reader.submit(order(1, 2), out)
    queue = context.SimpleQueue()
    process = context.Process(target=child_reads, args=(reader, queue))
    process.start()
    assert queue.get() == [3, 4]
    process.join()
    assert process.exitcode == 0
    reader.wait()
    assert out[:, 0, 0].tolist() == [1, 2]


def test_a_reader_that_was_pickled_has_the_same_files(numbered, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.npy")
    np.save(odd, np.full((3, 4), 9, np.float32))
    reader = FileReader([*numbered, odd], NPY, num_threads=1, check_finite=True)
    copy = pickle.loads(pickle.dumps(reader))
    assert [copy.path(row) for row in range(len(copy))] == [*numbered, odd]
    assert (copy.format, copy.num_threads, copy.check_finite) == (NPY, 1, True)
    assert copy.read_each(order(40))[0][0][2, 2] == 9


def test_ctrl_c_ends_a_consumer_and_its_threads(numbered):
    script = (
        "import numpy as np\n"
        "from autrainer.data.native.decode import NativeFormat\n"
        "from autrainer.data.native.file_reader import FileReader\n"
        f"reader = FileReader({numbered!r}, NativeFormat('npy'), num_threads=2)\n"
        "rows = np.arange(40).repeat(1000)\n"
        "outs = [np.empty((40_000, 3, 4), np.float32) for _ in range(8)]\n"
        "for out in outs:\n"
        "    reader.submit(rows, out)\n"
        "try:\n"
        "    print('reading', flush=True)\n"
        "    while True:\n"
        "        for out in outs:\n"
        "            reader.wait()\n"
        "            reader.submit(rows, out)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', flush=True)\n"
    )
    with forked.Forked(script) as process:
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted\n"
        assert process.wait() == 0


def test_memory_does_not_grow_with_the_number_of_batches(numbered):
    reader = FileReader(numbered, NPY, num_threads=2)
    out = np.empty((40, 3, 4), np.float32)

    def read(num):
        for _ in range(num):
            reader.submit(np.arange(40), out)
            reader.wait()

    read(10)
    tracemalloc.start()
    read(10)
    few = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    read(200)
    many = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert many < few + 10_000
