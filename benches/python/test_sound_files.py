"""Compressed sound to samples, whole files and parts of them, one thread."""

import numpy as np
import pytest
import soundfile

from autrainer.data.native.audio import decode_audio

RATE = 44_100
FORMATS = {"mp3": "MPEG_LAYER_III", "flac": "PCM_16", "ogg": "VORBIS"}
JOBS = {
    "1_min_of_mp3": ("mp3", 60, None),
    "10_s_of_flac": ("flac", 10, None),
    "10_s_of_ogg": ("ogg", 10, None),
    "5_s_of_60_s_of_mp3": ("mp3", 60, 5),
    "5_s_of_60_s_of_flac": ("flac", 60, 5),
    "5_s_of_60_s_of_ogg": ("ogg", 60, 5),
}


def music(seconds):
    """Two channels of tones that move, and noise that swells: nothing that is easy to code."""
    time = np.arange(seconds * RATE) / RATE
    rng = np.random.default_rng(0)
    tones = [
        level * np.sin(2 * np.pi * pitch * time + 3 * np.sin(np.pi * time))
        for pitch, level in [(220, 0.2), (440, 0.1), (1234, 0.08), (5000, 0.03)]
    ]
    swell = 0.02 * (0.5 + 0.5 * np.sin(2 * np.pi * 0.3 * time))
    left = sum(tones) + swell * rng.standard_normal(time.size)
    right = 0.7 * sum(tones) + swell * rng.standard_normal(time.size)
    return np.stack([left, right], axis=1).astype(np.float32)


@pytest.fixture(scope="module", params=JOBS)
def job(request, tmp_path_factory):
    suffix, seconds, part = JOBS[request.param]
    path = str(tmp_path_factory.mktemp(request.param) / f"a.{suffix}")
    sound = music(seconds)
    with soundfile.SoundFile(path, "w", RATE, 2, subtype=FORMATS[suffix]) as file:
        # libvorbis needs a deep stack for a long block.
        for start in range(0, len(sound), 4096):
            file.write(sound[start : start + 4096])
    return f"decode_{request.param}", path, part


def autrainer_way(path, part):
    if part is None:
        return decode_audio(path)
    return decode_audio(path, first_frame=30 * RATE + 77, num_frames=part * RATE)


def soundfile_way(path, part):
    if part is None:
        return soundfile.read(path, dtype="float32", always_2d=True)
    with soundfile.SoundFile(path) as file:
        file.seek(30 * RATE + 77)
        return file.read(part * RATE, dtype="float32", always_2d=True)


@pytest.mark.parametrize("way", ["autrainer", "alternative"])
def test_decode(benchmark, job, way):
    benchmark.group, path, part = job
    read = autrainer_way if way == "autrainer" else soundfile_way
    benchmark(read, path, part)
