import pytest
import torch

from autrainer.errors import DataError
from autrainer.transforms import GrayscaleToRGB, RGBAToRGB, RGBToGrayscale, StereoToMono


def test_stereo_becomes_the_mean_of_its_channels():
    assert StereoToMono().change(torch.tensor([[1, 2], [3, 5]])).tolist() == [[2.0, 3.5]]


def test_alpha_is_dropped():
    assert RGBAToRGB().change(torch.zeros(4, 2, 2)).shape == (3, 2, 2)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_luma_weighs_green_most_and_keeps_the_dtype(dtype):
    image = torch.eye(3).view(3, 1, 3).mul(100).to(dtype)
    grey = RGBToGrayscale().change(image)
    assert grey.dtype == dtype
    assert grey.shape == (1, 1, 3)
    assert grey.flatten().tolist() == pytest.approx([29.89, 58.7, 11.4], abs=1)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_all_kinds_become_grayscale(channels):
    image = torch.randint(0, 255, (channels, 4, 5), dtype=torch.uint8)
    grey = RGBToGrayscale().change(image)
    assert grey.shape == (1, 4, 5)
    assert torch.equal(grey, image) == (channels == 1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_missing_channels_are_filled_with_the_mean(dtype, channels):
    image = torch.randint(0, 255, (channels, 2, 3)).to(dtype)
    rgb = GrayscaleToRGB().change(image)
    assert rgb.dtype == dtype
    assert rgb.shape == (max(channels, 3), 2, 3)
    assert torch.equal(rgb[:channels], image)
    mean = image.float().mean(0)
    assert all(torch.allclose(row.float(), mean, atol=0.51) for row in rgb[channels:])


def test_shapes_that_make_no_sense_are_named():
    with pytest.raises(DataError, match=r"\(channels, samples\); got \(5,\)"):
        StereoToMono().change(torch.zeros(5))
    with pytest.raises(DataError, match="needs one channel or three and more"):
        RGBToGrayscale().change(torch.zeros(2, 4, 4))
