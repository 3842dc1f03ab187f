"""Write the small sounds from which fuzzing begins: python fuzz/make_audio_seeds.py.

Needs soundfile and, from Debian, lame, ffmpeg, flac, vorbis-tools and opus-tools. What comes out
depends on their versions; `README.md` names those that wrote what lies there.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

SEEDS = Path(__file__).parent / "seeds" / "audio"


def sweep(seconds: float, rate: int, num_channels: int, *, seed: int = 0) -> np.ndarray:
    """A tone that rises, with some noise: no two parts are alike. Shape (samples, channels)."""
    time = np.arange(int(seconds * rate)) / rate
    rng = np.random.default_rng(seed)
    columns = [
        0.4 * np.sin(2 * np.pi * (200 + 150 * channel + 400 * time) * time)
        + rng.normal(0, 0.02, time.size)
        for channel in range(num_channels)
    ]
    return np.stack(columns, axis=1)


def by_command(signal: np.ndarray, rate: int, suffix: str, *command: str) -> bytes:
    """What a program makes of a WAV file; IN and OUT are the names of the files."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.wav", Path(folder) / f"out.{suffix}"
        soundfile.write(source, signal, rate, subtype="PCM_16")
        names = {"IN": str(source), "OUT": str(target)}
        command = tuple(names.get(word, word) for word in command)
        subprocess.run(command, check=True, capture_output=True)
        return target.read_bytes()


def flac() -> dict[str, bytes]:
    """Channels, depths, a length that is not known, blocks of several sizes, other codings."""
    mono, stereo = sweep(0.1, 16000, 1), sweep(0.05, 44100, 2)
    encode = ("flac", "--totally-silent", "--no-padding")
    return {
        "mono.flac": by_command(mono, 16000, "flac", *encode, "-8", "IN", "-o", "OUT"),
        "stereo.flac": by_command(stereo, 44100, "flac", *encode, "-b", "1152", "IN", "-o", "OUT"),
        "verbatim.flac": by_command(mono, 16000, "flac", *encode, "-0", "IN", "-o", "OUT"),
        "small_blocks.flac": by_command(
            mono, 16000, "flac", *encode, "-b", "192", "IN", "-o", "OUT"
        ),
        "stream.flac": by_command(
            mono, 16000, "flac", "sh", "-c", f"cat $0 | {' '.join(encode)} -c - > $1", "IN", "OUT"
        ),
        "quiet.flac": by_command(0 * stereo, 44100, "flac", *encode, "IN", "-o", "OUT"),
    }


def mp3() -> dict[str, bytes]:
    """Both versions of MPEG, constant and variable rates, with and without a tag of the encoder."""
    mono, stereo = sweep(0.2, 16000, 1), sweep(0.2, 44100, 2)
    low = sweep(0.3, 8000, 1)
    lame = ("lame", "--quiet", "-q", "5")
    return {
        "cbr.mp3": by_command(stereo, 44100, "mp3", *lame, "-b", "64", "IN", "OUT"),
        "vbr.mp3": by_command(stereo, 44100, "mp3", *lame, "-V", "6", "IN", "OUT"),
        "vbr_no_xing.mp3": by_command(stereo, 44100, "mp3", *lame, "-V", "6", "-t", "IN", "OUT"),
        "mpeg2.mp3": by_command(mono, 16000, "mp3", *lame, "-b", "24", "IN", "OUT"),
        "mpeg25.mp3": by_command(low, 8000, "mp3", *lame, "-b", "8", "IN", "OUT"),
        "id3.mp3": by_command(
            mono, 16000, "mp3", *lame, "--tt", "A title", "--add-id3v2", "-b", "24", "IN", "OUT"
        ),
        "ffmpeg.mp3": by_command(
            stereo, 44100, "mp3", "ffmpeg", "-loglevel", "error", "-i", "IN", "-b:a", "64k", "OUT"
        ),
    }


def ogg() -> dict[str, bytes]:
    """One page of sound, several, and other codecs in the same container."""
    mono, stereo = sweep(0.2, 16000, 1), sweep(0.5, 44100, 2)
    return {
        "short.ogg": by_command(mono, 16000, "ogg", "oggenc", "-Q", "-q", "0", "-o", "OUT", "IN"),
        "ffmpeg.ogg": by_command(
            *(stereo, 44100, "ogg", "ffmpeg", "-loglevel", "error", "-i", "IN"),
            *("-c:a", "libvorbis", "-q:a", "0", "-page_duration", "100000", "OUT"),
        ),
        "opus.ogg": by_command(
            mono, 16000, "ogg", "opusenc", "--quiet", "--bitrate", "8", "IN", "OUT"
        ),
        "flac.ogg": by_command(
            mono, 16000, "ogg", "flac", "--totally-silent", "--ogg", "IN", "-o", "OUT"
        ),
    }


def aac() -> dict[str, bytes]:
    """What is not decoded, in both of its containers."""
    mono = sweep(0.1, 16000, 1)
    encode = ("ffmpeg", "-loglevel", "error", "-i", "IN", "-c:a", "aac", "-b:a", "16k", "OUT")
    return {
        "adts.aac": by_command(mono, 16000, "aac", *encode),
        "mp4.m4a": by_command(mono, 16000, "m4a", *encode),
    }


def main() -> None:
    """Write all of them."""
    SEEDS.mkdir(parents=True, exist_ok=True)
    for name, content in {**flac(), **mp3(), **ogg(), **aac()}.items():
        (SEEDS / name).write_bytes(content)


if __name__ == "__main__":
    main()
