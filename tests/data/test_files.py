import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from autrainer.data.files import (
    AudioFileHandler,
    IdentityFileHandler,
    ImageFileHandler,
    NumpyFileHandler,
)
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
    Path("a.wav").write_bytes(b"fLaC" * 9)

    with pytest.raises(MissingExtraError, match=r"AudioFileHandler needs soundfile.*\[audio\]"):
        AudioFileHandler()("a.wav")


def test_audio_is_loaded_by_channels_and_resampled(tmp_path):
    pytest.importorskip("soundfile")
    pytest.importorskip("scipy")
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

    assert text.startswith("$autrainer.data.files.AudioFileHandler")
    assert "target_sample_rate: 16000" in text
    assert object_yaml(NumpyFileHandler()).rstrip().endswith("{}")
