"""Files to tensors one by one, as a dataset without a loader reads them."""

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from autrainer.data.file_handlers import AudioFileHandler, ImageFileHandler, NumpyFileHandler

NUM_FILES = 50


def numpy_way(path):
    return torch.from_numpy(np.load(path))


def soundfile_way(path):
    signal, _ = soundfile.read(path, always_2d=True, dtype="float32")
    return torch.from_numpy(np.ascontiguousarray(signal.T))


def pillow_way(path):
    with Image.open(path) as image:
        pixels = np.array(image)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def write_npy(path, size, rng):
    np.save(path, rng.random(size, dtype=np.float32))


def write_wav(path, seconds, rng):
    soundfile.write(path, rng.uniform(-1, 1, int(seconds * 16000)), 16000)


def write_image(path, side, rng):
    # Smooth, as photographs are, with a little noise.
    ramp = np.add.outer(np.arange(side), np.arange(side))[..., None] * [1, 2, 3] / side * 40
    noise = rng.integers(0, 8, ramp.shape)
    Image.fromarray((ramp + noise).astype(np.uint8)).save(path, quality=90)


JOBS = {
    "npy_88_floats": (NumpyFileHandler(), numpy_way, write_npy, 88, "npy"),
    "npy_500x64": (NumpyFileHandler(), numpy_way, write_npy, (1, 500, 64), "npy"),
    "wav_1_s": (AudioFileHandler(16000), soundfile_way, write_wav, 1, "wav"),
    "wav_10_s": (AudioFileHandler(16000), soundfile_way, write_wav, 10, "wav"),
    "png_64x64": (ImageFileHandler(), pillow_way, write_image, 64, "png"),
    "png_512x512": (ImageFileHandler(), pillow_way, write_image, 512, "png"),
    "jpg_64x64": (ImageFileHandler(), pillow_way, write_image, 64, "jpg"),
    "jpg_512x512": (ImageFileHandler(), pillow_way, write_image, 512, "jpg"),
}


@pytest.fixture(scope="module", params=JOBS)
def job(request, tmp_path_factory):
    handler, other, write, size, suffix = JOBS[request.param]
    folder, rng = tmp_path_factory.mktemp(request.param), np.random.default_rng(0)
    paths = [str(folder / f"{number}.{suffix}") for number in range(NUM_FILES)]
    for path in paths:
        write(path, size, rng)
    return f"decode_{NUM_FILES}_files_{request.param}", handler, other, paths


@pytest.mark.parametrize("way", ["autrainer", "alternative"])
def test_decode(benchmark, job, way):
    benchmark.group, handler, other, paths = job
    load = handler if way == "autrainer" else other
    benchmark(lambda: [load(path) for path in paths])
