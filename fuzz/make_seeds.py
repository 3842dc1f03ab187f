"""Write the small files from which fuzzing begins: python fuzz/make_seeds.py."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

SEEDS = Path(__file__).parent / "seeds"


def arrays() -> dict[str, bytes]:
    """Arrays of each version, order and some dtypes."""
    files = {}
    for name, array, version in [
        ("f4_c.npy", np.arange(6, dtype="<f4").reshape(2, 3), (1, 0)),
        ("f4_fortran.npy", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)), (1, 0)),
        ("i2_big.npy", np.arange(5, dtype=">i2"), (2, 0)),
        ("c16_scalar.npy", np.array(1 + 2j), (3, 0)),
        ("bool_empty.npy", np.zeros((0, 3), bool), (1, 0)),
        ("text.npy", np.array(["a", "b"]), (1, 0)),
        ("records.npy", np.zeros(2, [("a", "<f4"), ("b", "u1")]), (1, 0)),
    ]:
        file = io.BytesIO()
        np.lib.format.write_array(file, array, version=version)
        files[name] = file.getvalue()
    files["python2.npy"] = (
        b"\x93NUMPY\x01\x00\x46\x00"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 1L), }".ljust(69)
        + b"\n\x07\x08"
    )
    files["archive.npz"] = b"PK\x03\x04" + bytes(60)
    return files


def sounds() -> dict[str, bytes]:
    """A few samples in every encoding, and with chunks around them."""
    signal = np.linspace(-1, 1, 48).reshape(24, 2)
    files = {}
    for container in ("WAV", "WAVEX", "RF64"):
        for encoding in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"):
            file = io.BytesIO()
            soundfile.write(file, signal, 8000, subtype=encoding, format=container)
            files[f"{container}_{encoding}.wav".lower()] = file.getvalue()
    slow = bytearray(files["wav_pcm_u8.wav"])
    slow[24:32] = struct.pack("<II", 1, 2)
    files["one_hertz.wav"] = bytes(slow)
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    data = b"data" + struct.pack("<I", 20) + bytes(range(20))
    chunks = odd + fmt + odd + data + odd
    files["odd_chunks.wav"] = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    return files


def flac_headers() -> dict[str, bytes]:
    """Headers of frames without frames, any of which might be the last one or the next one."""
    # 1920 samples in a frame, 16 kHz, one channel, 16 bit, a length that is not known.
    about = struct.pack(">HH", 1920, 1920) + bytes(6) + (16000 << 44 | 15 << 36).to_bytes(8, "big")
    stream = b"fLaC\x80\0\0\x22" + about.ljust(34, b"\0")
    false = header(0x15, 1)
    # Samples as they are, in the first frame, and one that all are, in the last one of 192.
    first = header(0x75, 0, struct.pack(">H", 1920 - 1)) + b"\x02" + false * 640
    last = false + bytes(3)
    whole = [frame + checksum(frame, 0x8005, 16) for frame in (first, last)]
    return {
        "false_frames.flac": stream + header(0x15, 0) + (false + header(0x15, 2)) * 330,
        "false_ends.flac": stream + b"".join(whole),
    }


def header(sizes: int, number: int, size: bytes = b"") -> bytes:
    """The header of a frame with a number; codes of its size and rate."""
    start = bytes([0xFF, 0xF8, sizes, 0x08, number]) + size
    return start + checksum(start, 0x07, 8)


def checksum(content: bytes, polynomial: int, num_bits: int) -> bytes:
    """Most significant bit first, as FLAC has them."""
    value = 0
    for byte in content:
        value ^= byte << num_bits - 8
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> num_bits - 1 else 0)
            value &= (1 << num_bits) - 1
    return value.to_bytes(num_bits // 8, "big")


def images() -> dict[str, bytes]:
    """A few pixels in every mode."""
    rng = np.random.default_rng(0)
    pixels = Image.fromarray(rng.integers(0, 256, (9, 17, 3), np.uint8))
    files = {}
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        files[f"{mode.replace(';', '_')}.png".lower()] = encoded(pixels.convert(mode), "PNG")
    palette = Image.fromarray(rng.integers(0, 256, (5, 6, 4), np.uint8)).convert("P")
    files["p_transparent.png"] = encoded(palette, "PNG")
    for name, options in {
        "420": {"subsampling": "4:2:0"},
        "422": {"subsampling": "4:2:2"},
        "444": {"subsampling": "4:4:4"},
        "progressive": {"progressive": True},
        "restarts": {"restart_marker_blocks": 1},
    }.items():
        files[f"rgb_{name}.jpg"] = encoded(pixels, "JPEG", **options)
    for mode in ("L", "CMYK"):
        files[f"{mode.lower()}.jpg"] = encoded(pixels.convert(mode), "JPEG")
    return files


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    """An image as the bytes of a file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


SOUNDS = {**sounds(), **flac_headers()}
for folder, files in {"npy": arrays(), "audio": SOUNDS, "image": images()}.items():
    (SEEDS / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (SEEDS / folder / name).write_bytes(content)
