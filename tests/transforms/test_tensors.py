import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from autrainer.data.items import DataItem
from autrainer.transforms import AnyToTensor, NumpyToTensor

DTYPES = st.sampled_from(["u1", "i2", ">i4", "i8", "f4", ">f8", "?"])


@given(hnp.arrays(DTYPES, hnp.array_shapes(max_dims=3)), st.booleans(), st.booleans())
def test_arrays_become_tensors_whatever_their_memory_looks_like(array, reverse, freeze):
    array = array[::-1] if reverse else array
    array.flags.writeable = not freeze
    for transform in (AnyToTensor(), NumpyToTensor()):
        np.testing.assert_array_equal(transform.change(array).numpy(), array)


def test_tensors_are_passed_on():
    tensor = torch.zeros(2)
    assert AnyToTensor().change(tensor) is NumpyToTensor().change(tensor) is tensor


def test_images_become_channels_of_bytes():
    image = Image.new("RGB", (5, 3), (10, 20, 30))
    tensor = AnyToTensor().change(image)
    assert tensor.shape == (3, 3, 5)
    assert tensor.dtype == torch.uint8
    assert tensor[:, 0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [("L", 7, [7]), ("1", 1, [255]), ("P", 3, None), ("RGBA", (1, 2, 3, 4), [1, 2, 3, 4])],
)
def test_images_of_other_modes_become_bytes_too(mode, colour, expected):
    tensor = AnyToTensor().change(Image.new(mode, (2, 2), colour))
    assert tensor.dtype == torch.uint8
    assert tensor.shape[1:] == (2, 2)
    assert expected is None or tensor[:, 0, 0].tolist() == expected


def test_sixteen_bit_images_keep_their_high_byte():
    image = Image.fromarray(np.array([[0, 256, 65535]], dtype=np.uint16))
    assert AnyToTensor().change(image).tolist() == [[[0, 1, 255]]]


def test_images_without_a_range_and_other_things_are_refused():
    with pytest.raises(TypeError, match="mode 'F'"):
        AnyToTensor().change(Image.new("F", (2, 2)))
    with pytest.raises(TypeError, match="got list"):
        AnyToTensor().change([1, 2])


def test_an_item_keeps_its_target_and_index():
    item = AnyToTensor()(DataItem(np.ones(2), "dog", 3))
    assert (item.target, item.index) == ("dog", 3)
    assert isinstance(item.features, torch.Tensor)
