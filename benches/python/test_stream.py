"""Files to batches: ours beside `DataLoader` over the usual readers, and beside bare reads.

The bare loop is a Rust program (rust/autrainer-core/examples/bare_reads.rs): open, one read into a
buffer that stays in the cache, close, on two threads. It decodes nothing and puts nothing anywhere.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data import DataLoader, Dataset

from autrainer.data.buffers import BatchBuffers
from autrainer.data.native.decode import NativeFormat
from autrainer.data.native.file_reader import FileReader

REPOSITORY = Path(__file__).parents[2]
JOBS = {
    "5000_npy_of_128_KB": ("npy", 5000, (1, 500, 64)),
    "20000_npy_of_88_floats": ("npy", 20_000, (88,)),
    "2000_wav_of_3_s": ("wav", 2000, (1, 48_000)),
}
BATCH = 32
DEPTH = 4


def read_npy(path):
    return torch.from_numpy(np.load(path))


def read_wav(path):
    return torch.from_numpy(soundfile.read(path, dtype="float32", always_2d=True)[0].T)


class Files(Dataset):
    def __init__(self, paths, read):
        self.paths = paths
        self.read = read

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        return self.read(self.paths[index])


@pytest.fixture(scope="module", params=JOBS)
def job(request, tmp_path_factory):
    kind, num, shape = JOBS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    paths = [str(folder / f"{number}.{kind}") for number in range(num)]
    rng = np.random.default_rng(0)
    for path in paths:
        sample = rng.random(shape, dtype=np.float32)
        if kind == "npy":
            np.save(path, sample)
        else:
            soundfile.write(path, sample.T - 0.5, 16_000, subtype="PCM_16")
    return request.param, kind, paths, shape


def streamed(paths, kind, shape, num_threads):
    """An epoch of batches in memory that goes round; returns the number of samples."""
    reader = FileReader(
        paths, NativeFormat("audio" if kind == "wav" else kind), num_threads=num_threads
    )
    buffers = BatchBuffers(DEPTH + 2)
    starts = range(0, len(paths), BATCH)
    dtype = np.dtype(np.float32)

    def epoch():
        order = np.random.default_rng(0).permutation(len(paths))
        waiting, num_samples, next_start = [], 0, iter(starts)
        for _ in starts:
            while len(waiting) < DEPTH and (start := next(next_start, None)) is not None:
                rows = order[start : start + BATCH]
                batch = buffers.take((len(rows), *shape), dtype)
                reader.submit(rows, batch.numpy())
                waiting.append(batch)
            reader.wait()
            batch = waiting.pop(0)
            num_samples += len(batch)
        return num_samples

    return epoch


def loaded(paths, kind, num_workers):
    files = Files(paths, read_npy if kind == "npy" else read_wav)
    loader = DataLoader(files, BATCH, shuffle=True, num_workers=num_workers)
    return lambda: sum(len(batch) for batch in loader)


@pytest.mark.parametrize("num_threads", [0, 2])
def test_epoch_of_the_stream(benchmark, job, num_threads):
    name, kind, paths, shape = job
    benchmark.group = f"epoch over {name}"
    epoch = streamed(paths, kind, shape, num_threads)
    assert benchmark.pedantic(epoch, rounds=7, warmup_rounds=1) == len(paths)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_epoch_of_data_loader(benchmark, job, num_workers):
    name, kind, paths, _ = job
    benchmark.group = f"epoch over {name}"
    epoch = loaded(paths, kind, num_workers)
    assert benchmark.pedantic(epoch, rounds=3, warmup_rounds=1) == len(paths)


@pytest.fixture(scope="module")
def bare_reads():
    command = ["cargo", "build", "--release", "--quiet", "-p", "autrainer-core"]
    subprocess.run([*command, "--example", "bare_reads"], cwd=REPOSITORY, check=True)
    return REPOSITORY / "target" / "release" / "examples" / "bare_reads"


def test_bare_reads(benchmark, job, bare_reads, tmp_path):
    name, _, paths, _ = job
    benchmark.group = f"epoch over {name}"
    listed = tmp_path / "paths.txt"
    order = np.random.default_rng(0).permutation(len(paths))
    listed.write_text("".join(f"{paths[row]}\n" for row in order))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([bare_reads, listed, "2"], **pipes) as process:

        def epoch():
            process.stdin.write("\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        num_bytes = sum(Path(path).stat().st_size for path in paths)
        assert benchmark.pedantic(epoch, rounds=7, warmup_rounds=1) == num_bytes
        process.stdin.close()


PEAK = """
import resource, sys
import numpy as np
sys.path.insert(0, {bench!r})
from test_stream import streamed
paths = [{folder!r} + f"/{{number % 200}}.npy" for number in range({num})]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
epoch = streamed(paths[:200], "npy", (1, 500, 64), 2)
epoch()
before = peak()
streamed(paths, "npy", (1, 500, 64), 2)()
print(peak() - before)
"""


@pytest.mark.parametrize("num", [2000, 20_000])
def test_peak_memory_of_an_epoch(benchmark, num, tmp_path):
    """Growth of the peak beyond that of a first short epoch, in KiB: an extra of the benchmark."""
    benchmark.group = "peak memory of 256 MB and 2.6 GB streamed"
    for number in range(200):
        np.save(tmp_path / f"{number}.npy", np.zeros((1, 500, 64), np.float32))
    code = PEAK.format(bench=str(Path(__file__).parent), folder=str(tmp_path), num=num)
    command = [sys.executable, "-c", code]

    def run():
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    grown = benchmark.pedantic(run, rounds=1)
    benchmark.extra_info["peak_growth_KiB"] = grown
    assert grown < 40_000
