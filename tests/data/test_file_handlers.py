import sys
from pathlib import Path

import audobject
import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from autrainer.data.file_handlers import (
    AudioFileHandler,
    IdentityFileHandler,
    ImageFileHandler,
    NumpyFileHandler,
    native_format,
)
from autrainer.data.native.decode import NativeFormat
from autrainer.errors import ConfigError, CorruptFileError, DataError, MissingExtraError
from autrainer.runs.objects import object_yaml

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(
    arrays.arrays(
        st.sampled_from(["<f4", ">f4", "<f8", "<i2", ">i8", "u1", "?"]),
        arrays.array_shapes(min_dims=0, max_dims=3, max_side=4),
    ),
    st.booleans(),
)
def test_any_array_of_numbers_is_loaded_with_its_dtype(tmp_path, array, fortran):
    path = str(tmp_path / "a.npy")
    np.save(path, np.asfortranarray(array) if fortran else array)

    loaded = NumpyFileHandler()(path).numpy()

    assert loaded.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(loaded, array)


def test_a_saved_tensor_is_loaded_unchanged(tmp_path):
    handler, tensor = NumpyFileHandler(), torch.rand(2, 3)

    handler.save(str(tmp_path / "a.npy"), tensor)

    assert torch.equal(handler.load(str(tmp_path / "a.npy")), tensor)


@pytest.fixture
def whole(tmp_path):
    np.save(tmp_path / "whole.npy", np.arange(100, dtype=np.float32))
    return (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("num_bytes", [0, 5, 60, 128, 300, 527])
def test_a_truncated_array_is_named(tmp_path, whole, num_bytes):
    (tmp_path / "cut.npy").write_bytes(whole[:num_bytes])

    with pytest.raises(CorruptFileError, match=rf"cut\.npy: expected .* found {num_bytes} bytes"):
        NumpyFileHandler()(str(tmp_path / "cut.npy"))


@same_folder
@given(st.binary(max_size=200))
def test_random_bytes_never_do_more_than_raise_a_data_error(tmp_path, noise):
    (tmp_path / "noise.npy").write_bytes(noise)

    with pytest.raises(DataError, match=r"noise\.npy"):
        NumpyFileHandler()(str(tmp_path / "noise.npy"))


def test_a_header_that_claims_more_than_memory_is_named(tmp_path, whole):
    (tmp_path / "lie.npy").write_bytes(
        whole.replace(b"(100,), }    ", b"(99999999999999,), }"[:13])
    )
    lie = whole.replace(b"(100,), }             ", b"(99999999999999,), }  ")
    (tmp_path / "lie.npy").write_bytes(lie)

    with pytest.raises(CorruptFileError, match=r"lie\.npy"):
        NumpyFileHandler()(str(tmp_path / "lie.npy"))


def test_archives_and_texts_are_no_arrays(tmp_path):
    np.savez(tmp_path / "archive.npz", a=np.zeros(2))
    np.save(tmp_path / "texts.npy", np.array(["a"]))

    with pytest.raises(CorruptFileError, match="archive"):
        NumpyFileHandler()(str(tmp_path / "archive.npz"))
    with pytest.raises(DataError, match="expected numbers"):
        NumpyFileHandler()(str(tmp_path / "texts.npy"))


@pytest.mark.parametrize("handler", [NumpyFileHandler(), ImageFileHandler()])
def test_a_missing_file_stays_a_missing_file(handler):
    with pytest.raises(FileNotFoundError):
        handler("nowhere.npy")


@pytest.mark.parametrize("num_channels", [1, 3, 4])
def test_an_image_keeps_its_channels_and_pixels(tmp_path, num_channels):
    image = torch.randint(0, 256, (num_channels, 5, 7), dtype=torch.uint8)
    path = str(tmp_path / "image.png")

    ImageFileHandler().save(path, image)

    assert torch.equal(ImageFileHandler()(path), image)


def test_floats_are_saved_as_8_bit(tmp_path):
    ImageFileHandler().save(str(tmp_path / "a.png"), torch.tensor([[[0.0, 1.0, 2.0]]]))

    assert ImageFileHandler()(str(tmp_path / "a.png")).tolist() == [[[0, 255, 255]]]


def test_palettes_become_colours_and_deep_pixels_are_refused(tmp_path):
    Image.new("P", (2, 2)).save(tmp_path / "palette.png")
    Image.fromarray(np.full((2, 2), 1000, dtype=np.uint16)).save(tmp_path / "deep.png")

    assert ImageFileHandler()(str(tmp_path / "palette.png")).shape == (3, 2, 2)
    with pytest.raises(DataError, match="8 bit"):
        ImageFileHandler()(str(tmp_path / "deep.png"))


def test_an_image_beyond_the_limit_of_pillow_is_told_with_it(tmp_path, monkeypatch):
    Image.new("L", (40, 30)).save(tmp_path / "large.bmp")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)

    with pytest.raises(
        DataError, match=r"large\.bmp: .*1200 pixels.* 1000 pixels.*MAX_IMAGE_PIXELS"
    ):
        ImageFileHandler()(str(tmp_path / "large.bmp"))


def test_a_broken_image_is_named(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save("a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:500])
    (tmp_path / "text.png").write_text("no image")

    for name in ("cut.png", "text.png"):
        with pytest.raises(CorruptFileError, match=name):
            ImageFileHandler()(str(tmp_path / name))


def test_identity_loads_nothing():
    assert IdentityFileHandler()("a/b") == "a/b"


def test_audio_without_soundfile_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    Path("a.wav").write_bytes(b"FORM" * 9)

    expected = r"a\.wav: to read AIFF, AudioFileHandler needs soundfile.*\[audio\]"
    with pytest.raises(MissingExtraError, match=expected):
        AudioFileHandler()("a.wav")


def test_audio_is_loaded_by_channels_and_resampled(tmp_path):
    signal = torch.sin(torch.arange(16000) * 0.05)[None].repeat(2, 1) / 2

    AudioFileHandler(16000).save(str(tmp_path / "a.wav"), signal)

    loaded = AudioFileHandler()(str(tmp_path / "a.wav"))
    assert loaded.shape == (2, 16000)
    assert loaded.dtype == torch.float32
    assert torch.allclose(loaded, signal, atol=1e-4)
    assert AudioFileHandler(8000)(str(tmp_path / "a.wav")).shape == (2, 8000)


@pytest.mark.parametrize("rate", [0, -1, "16000", 1.5, True])
def test_a_sample_rate_is_a_positive_integer(rate):
    with pytest.raises(ConfigError, match="target_sample_rate"):
        AudioFileHandler(rate)


def test_options_of_another_resampler_are_refused():
    with pytest.raises(ConfigError, match="rolloff"):
        AudioFileHandler(16000, rolloff=0.9)


def test_handlers_are_written_with_their_arguments():
    text = object_yaml(AudioFileHandler(16000))

    assert text.startswith("$autrainer.datasets.utils.file_handlers.AudioFileHandler")
    assert "target_sample_rate: 16000" in text
    assert object_yaml(NumpyFileHandler()).rstrip().endswith("{}")


def test_times_are_written_only_where_they_are_given():
    assert "offset" not in object_yaml(AudioFileHandler(16000))
    assert "duration" not in object_yaml(AudioFileHandler(16000, offset=1.0))
    text = object_yaml(AudioFileHandler(16000, offset=1.0, duration=0.5))
    assert "offset: 1.0" in text
    assert "duration: 0.5" in text

    again = audobject.from_yaml_s(text)

    assert (again.offset, again.duration) == (1.0, 0.5)


@pytest.mark.parametrize("name", ["offset", "duration"])
@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", True])
def test_times_are_numbers_of_seconds(name, seconds):
    with pytest.raises(ConfigError, match=name):
        AudioFileHandler(16000, **{name: seconds})


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize(
    ("offset", "duration", "first", "last"),
    [
        (0.0, None, 0, 1000),
        (0.25, None, 250, 1000),
        (0.29, 0.1, 290, 390),
        (0.9, 0.5, 900, 1000),
        (1.0, 0.5, 1000, 1000),
        (0.0, 0.0, 0, 0),
    ],
)
def test_a_part_of_a_sound_is_the_same_by_rust_and_by_soundfile(
    tmp_path, suffix, offset, duration, first, last
):
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, (1000, 2)), 1000)

    found = AudioFileHandler(1000, offset=offset, duration=duration)(path)

    whole = soundfile.read(path, dtype="float32")[0].T
    np.testing.assert_array_equal(found, whole[:, first:last])


@pytest.mark.parametrize("suffix", ["mp3", "ogg"])
def test_a_part_of_a_compressed_sound_is_resampled(tmp_path, suffix):
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (16000, 2)), 16000)

    whole, part = AudioFileHandler()(path), AudioFileHandler(8000, offset=0.25, duration=0.5)(path)

    assert whole.shape == (2, 16000)
    assert part.shape == (2, 4000)


def test_a_codec_that_nobody_reads_is_named():
    path = Path(__file__).parents[2] / "fuzz" / "seeds" / "audio" / "mp4.m4a"

    message = r"mp4\.m4a: AAC .* is read neither by autrainer nor by soundfile .* convert it"
    with pytest.raises(DataError, match=message):
        AudioFileHandler()(str(path))


def test_a_codec_that_only_soundfile_reads_is_read_by_it(monkeypatch):
    path = str(Path(__file__).parents[2] / "fuzz" / "seeds" / "audio" / "opus.ogg")
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].T

    np.testing.assert_array_equal(AudioFileHandler()(path), expected)
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(
        MissingExtraError, match=r"opus\.ogg: to read Opus in Ogg, .*autrainer\[audio"
    ):
        AudioFileHandler()(path)


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_sound_that_ends_before_the_offset_is_named(tmp_path, suffix):
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, np.zeros(1000), 1000)

    with pytest.raises(CorruptFileError, match=rf"a\.{suffix}: .*after 2.* found 1000 samples"):
        AudioFileHandler(offset=2)(path)


@pytest.mark.parametrize("encoding", ["PCM_16", "ULAW"])
@pytest.mark.parametrize(("rate", "factor"), [(1, None), (249, None), (250, 64)])
def test_no_rate_that_a_sound_claims_makes_it_grow_without_bounds(tmp_path, encoding, rate, factor):
    """The core reads the one encoding, and soundfile the other."""
    path = str(tmp_path / "a.wav")
    soundfile.write(path, np.zeros(1000), rate, subtype=encoding)

    if factor:
        assert AudioFileHandler(16000)(path).shape == (1, 1000 * factor)
        return
    message = rf"a\.wav: expected audio of at least 250 Hz.* 16000 Hz, found {rate} Hz"
    with pytest.raises(CorruptFileError, match=message):
        AudioFileHandler(16000)(path)
    assert AudioFileHandler()(path).shape == (1, 1000)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg"])
def test_common_formats_need_no_soundfile(tmp_path, monkeypatch, suffix):
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, np.zeros(10), 8000)
    monkeypatch.setitem(sys.modules, "soundfile", None)

    assert AudioFileHandler(8000)(path).shape == (1, 10)
    assert AudioFileHandler(16000)(path).shape == (1, 20)


@pytest.fixture
def wav(tmp_path):
    soundfile.write(tmp_path / "whole.wav", np.linspace(-1, 1, 100), 8000)
    return (tmp_path / "whole.wav").read_bytes()


@pytest.mark.parametrize("num_bytes", [0, 3, 11, 20, 40, 44, 45, 243])
def test_a_truncated_sound_is_named(wav, num_bytes):
    Path("cut.wav").write_bytes(wav[:num_bytes])

    with pytest.raises(CorruptFileError, match=rf"cut\.wav: expected .*found {num_bytes} byte"):
        AudioFileHandler()("cut.wav")


@pytest.mark.parametrize(
    ("start", "stop", "wrong", "match"),
    [
        (40, 44, (201).to_bytes(4, "little"), "201 bytes"),
        (40, 44, (10**9).to_bytes(4, "little"), "found 244 bytes"),
        (16, 20, (14).to_bytes(4, "little"), "fmt chunk of at least 16"),
        (16, 20, (10**6).to_bytes(4, "little"), "chunk 'fmt ' claims 1000000"),
        (22, 24, (0).to_bytes(2, "little"), "0 channels"),
        (24, 28, (0).to_bytes(4, "little"), "0 Hz"),
        (32, 34, (3).to_bytes(2, "little"), "in 3 bytes"),
        (36, 40, b"LIST", "without a data chunk"),
        (12, 16, b"junk", "fmt chunk before the samples"),
    ],
)
def test_a_sound_that_contradicts_itself_is_named(wav, start, stop, wrong, match):
    Path("lie.wav").write_bytes(wav[:start] + wrong + wav[stop:])

    with pytest.raises(CorruptFileError, match=rf"lie\.wav: expected .*{match}"):
        AudioFileHandler()("lie.wav")


def test_chunks_around_the_samples_are_passed_over(wav):
    odd = b"LIST" + (3).to_bytes(4, "little") + b"abc\0"
    Path("plain.wav").write_bytes(wav)
    Path("chunks.wav").write_bytes(wav[:12] + odd + wav[12:36] + odd + wav[36:] + odd)

    plain, chunks = AudioFileHandler()("plain.wav"), AudioFileHandler()("chunks.wav")

    assert torch.equal(plain, chunks)


@same_folder
@given(st.binary(max_size=200), st.sampled_from(["", "RIFF", "RF64"]))
def test_random_bytes_are_no_sound(tmp_path, noise, start):
    (tmp_path / "noise.wav").write_bytes(start.encode() + noise[:4] + b"WAVE" + noise[4:])

    with pytest.raises(DataError, match=r"noise\.wav"):
        AudioFileHandler()(str(tmp_path / "noise.wav"))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:4:4"}])
def test_the_pixels_of_a_jpeg_are_close_to_those_of_pillow(tmp_path, mode, options):
    x, y = np.meshgrid(np.arange(70), np.arange(50))
    pixels = np.stack([3 * x, 5 * y, x + y], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.jpg", quality=90, **options)

    found = ImageFileHandler()(str(tmp_path / "a.jpg")).numpy()

    expected = np.atleast_3d(np.array(Image.open(tmp_path / "a.jpg"))).transpose(2, 0, 1)
    difference = np.abs(found.astype(int) - expected)
    assert found.shape == expected.shape
    assert difference.max() <= 4
    assert difference.mean() < 0.5


@pytest.mark.parametrize(
    ("mode", "name", "num_channels"),
    [("LA", "a.png", 2), ("CMYK", "a.jpg", 3), ("RGB", "a.bmp", 3), ("P", "a.gif", 3)],
)
def test_other_images_are_left_to_pillow(tmp_path, mode, name, num_channels):
    Image.new(mode, (4, 3)).save(tmp_path / name)

    assert native_format(ImageFileHandler()).decode(str(tmp_path / name)) is None
    assert ImageFileHandler()(str(tmp_path / name)).shape == (num_channels, 3, 4)


def test_a_cut_jpeg_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:1000])

    with pytest.raises(CorruptFileError, match=r"cut\.jpg"):
        ImageFileHandler()(str(tmp_path / "cut.jpg"))


def test_the_extension_reads_what_our_handlers_load():
    assert native_format(NumpyFileHandler()) == NativeFormat("npy")
    assert native_format(ImageFileHandler()) == NativeFormat("image")
    assert native_format(AudioFileHandler()) == NativeFormat("audio")
    assert native_format(AudioFileHandler(8000, 1.0, 2.0)) == NativeFormat("audio", 8000, 1.0, 2.0)
    assert native_format(IdentityFileHandler()) is None


def test_the_extension_reads_nothing_that_a_handler_loads_in_its_own_way():
    class Louder(NumpyFileHandler):
        def load(self, file):
            return super().load(file) * 2

    class Called(AudioFileHandler):
        def __call__(self, file):
            return self.load(file)

    class Saves(NumpyFileHandler):
        def save(self, file, data):
            raise NotImplementedError

    patched = NumpyFileHandler()
    patched.load = str

    assert native_format(Louder()) is None
    assert native_format(Called(8000)) is None
    assert native_format(patched) is None
    assert native_format(Saves()) == NativeFormat("npy")
