import numpy as np
import pytest
import torch

from autrainer.errors import ConfigError, DataError
from autrainer.transforms import SpectToImage


def test_a_spectrogram_becomes_a_picture_with_width_before_height():
    spectrogram = torch.rand(1, 20, 30)
    kept = spectrogram.clone()
    picture = SpectToImage(height=16, width=24).change(spectrogram)
    assert picture.shape == (3, 24, 16)
    assert picture.dtype == torch.uint8
    assert torch.equal(spectrogram, kept)


def test_colours_are_those_of_the_map_from_the_lowest_to_the_highest_value():
    from matplotlib import colormaps

    # As large as the picture, so nothing is resized.
    spectrogram = torch.arange(6.0).view(1, 2, 3) - 7
    picture = SpectToImage(height=2, width=3, cmap="viridis").change(spectrogram)
    colours = (colormaps["viridis"](np.linspace(0, 1, 6))[:, :3] * 255).astype(np.uint8)
    # Flipped from top to bottom, then axes swapped.
    expected = colours.reshape(2, 3, 3)[::-1].transpose(2, 1, 0)
    assert np.abs(picture.numpy().astype(int) - expected).max() <= 1


def test_bytes_and_floats_give_the_same_picture():
    bytes_ = torch.randint(0, 256, (1, 9, 9), dtype=torch.uint8)
    transform = SpectToImage(9, 9)
    difference = transform.change(bytes_).int() - transform.change(bytes_.float()).int()
    assert difference.abs().max() <= 1


def test_a_constant_spectrogram_has_the_lowest_colour():
    picture = SpectToImage(4, 4).change(torch.full((1, 5, 5), -100.0))
    assert picture.unique(dim=1).shape[1] == 1
    assert torch.equal(picture[:, 0, 0], SpectToImage(4, 4).change(torch.zeros(5, 5))[:, 0, 0])


def test_what_makes_no_sense_is_named():
    with pytest.raises(ConfigError, match=r"no colour map 'magna'.*'magma'"):
        SpectToImage(4, 4, "magna")
    with pytest.raises(ConfigError, match="height is 0"):
        SpectToImage(0, 4)
    with pytest.raises(DataError, match=r"\(1, frames, features\)"):
        SpectToImage(4, 4).change(torch.zeros(2, 5, 5))
