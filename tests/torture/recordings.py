"""A folder of recordings such as users have: sound ones, strange ones, and some that are none."""

import wave
from pathlib import Path

import numpy as np

RATE = 8000
SOUND = ("eight_channels", "hundredth", "high_rate", "low_rate", "second", "three_seconds")
FAULTY = ("empty", "no_samples", "text", "truncated", "lies")


def write(path, seconds, *, rate=RATE, channels=1):
    """A file of 16 bit of noise, the same every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    num_samples = round(seconds * rate)
    rng = np.random.default_rng(num_samples)
    signal = rng.integers(-9000, 9000, (num_samples, channels), dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(signal.tobytes())
    return path


def write_strange(folder: Path, suffix: str = ".wav") -> None:
    """Write one recording of each kind; those of `FAULTY` cannot be read."""
    write(folder / f"eight_channels{suffix}", 0.5, channels=8)
    write(folder / f"hundredth{suffix}", 0.01)
    write(folder / f"high_rate{suffix}", 0.1, rate=192_000)
    write(folder / f"low_rate{suffix}", 0.5, rate=4000)
    write(folder / f"second{suffix}", 1)
    write(folder / f"deep/three_seconds{suffix}", 3)
    (folder / f"empty{suffix}").touch()
    write(folder / f"no_samples{suffix}", 0)
    (folder / f"text{suffix}").write_text("this is no sound\n" * 50)
    content = write(folder / f"truncated{suffix}", 1).read_bytes()
    (folder / f"truncated{suffix}").write_bytes(content[: len(content) // 2])
    lies = bytearray(write(folder / f"lies{suffix}", 0.1).read_bytes())
    lies[40:44] = (2**31).to_bytes(4, "little")
    (folder / f"lies{suffix}").write_bytes(lies)


def write_many(folder: Path, num: int) -> None:
    """Write short recordings of several lengths beside the strange ones."""
    write_strange(folder)
    for number in range(num):
        write(folder / f"clip_{number:03}.wav", 0.05 + 0.01 * (number % 7))
