"""What the decoders of the extension make of files, against NumPy, soundfile and Pillow."""

import os
import socket

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from autrainer.data.native.decode import NativeFormat, decode_file, first_nonfinite
from autrainer.errors import CorruptFileError, DataError

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
DTYPES = [
    *("?", "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">u4", "<i4", ">i4", "<u8", ">u8"),
    *("<i8", ">i8", "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8", "<c16", ">c16"),
]
ENCODINGS = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


@same_folder
@given(
    arrays.arrays(
        st.sampled_from(DTYPES), arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)
    ),
    st.booleans(),
    st.sampled_from([(1, 0), (2, 0), (3, 0)]),
)
def test_an_array_is_read_as_numpy_reads_it(tmp_path, array, fortran, version):
    path = str(tmp_path / "a.npy")
    with open(path, "wb") as file:
        array = np.asfortranarray(array) if fortran else array
        np.lib.format.write_array(file, array, version=version)

    found = decode_file(path, NativeFormat("npy"))

    native = array.dtype.newbyteorder("=")
    assert (found.shape, found.dtype) == (array.shape, native)
    assert found.tobytes() == array.astype(native).tobytes()
    assert NativeFormat("npy").can_decode(path)


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("num_channels", [1, 2, 5])
@pytest.mark.parametrize("num_samples", [0, 1000, 60_000])
def test_audio_is_read_bit_for_bit_as_soundfile_reads_it(
    tmp_path, container, encoding, num_channels, num_samples
):
    path = str(tmp_path / "a.wav")
    signal = np.random.default_rng(0).standard_normal((num_samples, num_channels)) * 0.4
    soundfile.write(path, signal, 16000, subtype=encoding, format=container)

    found = decode_file(path, NativeFormat("audio"))

    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    assert (found.shape, found.dtype) == (expected.shape, np.float32)
    assert found.tobytes() == expected.tobytes()
    assert NativeFormat("audio").can_decode(path)


@pytest.mark.parametrize(
    ("encoding", "dtype", "bits"), [("FLOAT", "f4", "u4"), ("DOUBLE", "f8", "u8")]
)
def test_any_bits_of_a_float_in_audio_are_read_as_soundfile_reads_them(
    tmp_path, encoding, dtype, bits
):
    path = str(tmp_path / "a.wav")
    numbers = np.random.default_rng(0).integers(0, 2**63, 3000, np.uint64)
    signal = (numbers | np.uint64(0x7FF0_0000_7F80_0000) * (np.arange(3000) % 3 == 0)).astype(bits)
    soundfile.write(path, np.zeros(3000), 8000, subtype=encoding)
    with open(path, "r+b") as file:
        file.seek(-signal.nbytes, 2)
        file.write(signal.tobytes())

    found = decode_file(path, NativeFormat("audio"))

    assert np.isnan(signal.view(dtype)).any()
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "P with RGBA"])
def test_the_pixels_of_a_png_are_those_of_pillow(tmp_path, mode):
    path = str(tmp_path / "a.png")
    pixels = np.random.default_rng(0).integers(0, 256, (31, 17, 4), np.uint8)
    image = Image.fromarray(pixels)
    image = image.convert("P") if "with" in mode else image.convert("RGB").convert(mode)
    image.save(path)

    found = decode_file(path, NativeFormat("image"))

    colours = Image.open(path).convert({"1": "L", "P": "RGB"}.get(mode, mode[-4:]))
    np.testing.assert_array_equal(found, np.atleast_3d(np.array(colours)).transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["npy", "audio", "image"])
def test_what_is_no_file_is_named(tmp_path, kind):
    (tmp_path / "empty").touch()

    with pytest.raises(FileNotFoundError) as caught:
        decode_file("missing", NativeFormat(kind))
    assert caught.value.filename == "missing"
    with pytest.raises(CorruptFileError, match=r"empty: expected .*found 0 bytes"):
        decode_file("empty", NativeFormat(kind))
    with pytest.raises(CorruptFileError, match="expected a file, found a directory"):
        decode_file(str(tmp_path), NativeFormat(kind))


@pytest.mark.parametrize("kind", ["npy", "audio", "image"])
def test_what_cannot_be_read_as_a_file_is_named_at_once(kind):
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as own:
        own.bind("socket")

    for path in ("pipe", "socket", "/dev/null", "/dev/zero"):
        # Nobody ever writes to the pipe: who waited for it would wait for ever.
        with pytest.raises(CorruptFileError, match=f"^{path}: expected a file, found a pipe"):
            decode_file(path, NativeFormat(kind))
        with pytest.raises(CorruptFileError, match=f"^{path}: expected a file, found a pipe"):
            NativeFormat(kind).can_decode(path)


def test_kinds_and_times_that_there_are_not_are_refused():
    with pytest.raises(DataError, match="kind is 'mp3'"):
        decode_file("a", NativeFormat("mp3"))
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(DataError, match="offset_s"):
            decode_file("a", NativeFormat("audio", offset_s=seconds))
        with pytest.raises(DataError, match="duration_s"):
            NativeFormat("audio", duration_s=seconds).can_decode("a")


@given(
    arrays.arrays(
        st.sampled_from(["f2", "f4", "f8", "c8", "c16"]), arrays.array_shapes(max_side=20)
    )
)
def test_the_first_element_that_is_not_finite_is_found(array):
    wrong = np.flatnonzero(~np.isfinite(array))

    assert first_nonfinite(array) == (wrong[0] if wrong.size else None)
    assert first_nonfinite(array[..., ::-1][..., ::-1]) == (wrong[0] if wrong.size else None)


@pytest.mark.parametrize("dtype", ["?", "u1", "i8"])
def test_integers_are_finite(dtype):
    assert first_nonfinite(np.ones(9, dtype)) is None


@pytest.mark.parametrize("array", [np.array(["a"]), np.zeros(2, ">f4"), np.zeros(2, "M8[s]")])
def test_what_the_extension_cannot_judge_is_refused(array):
    with pytest.raises(DataError, match="numbers"):
        first_nonfinite(array)
