import copy
import pickle

import audobject
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import ConfigError, DataError
from autrainer.transforms import Expand, RandomCrop, Resize, SquarePadCrop

shapes = st.lists(st.integers(1, 7), min_size=1, max_size=3)
methods = st.sampled_from(["pad", "replicate"])


@given(shapes, st.integers(1, 12), methods, st.data())
def test_expand_reaches_its_size_and_keeps_what_was_there(shape, size, method, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    features = torch.arange(torch.Size(shape).numel()).view(shape) + 1
    longer = Expand(size, method, axis).change(features)
    length = features.shape[axis]
    assert longer.shape[axis] == max(size, length)
    assert torch.equal(longer.narrow(axis, 0, length), features)
    added = longer.narrow(axis, length, longer.shape[axis] - length)
    again = torch.cat([features] * 12, dim=axis).narrow(axis, length, added.shape[axis])
    assert torch.equal(added, again if method == "replicate" else torch.zeros_like(added))


@pytest.mark.parametrize(
    "transform", [Expand(4, axis=-1, value=-80), RandomCrop(4, axis=-1, value=-80)]
)
def test_short_features_are_filled_up_with_a_value(transform):
    assert transform.change(torch.zeros(1, 2)).tolist() == [[0, 0, -80, -80]]
    assert audobject.from_dict(transform.to_dict()).value == -80
    with pytest.raises(DataError, match="uint8 cannot be filled up with -80"):
        transform.change(torch.zeros(1, 2, dtype=torch.uint8))


@pytest.mark.parametrize("transform", [Expand(4), RandomCrop(4)])
def test_a_value_of_zero_is_written_as_ever(transform):
    (arguments,) = transform.to_dict().values()
    assert "value" not in arguments


@given(shapes, st.integers(1, 12), methods, st.booleans(), st.data())
def test_random_crop_is_a_stretch_of_the_features(shape, size, method, fixed, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    features = torch.arange(torch.Size(shape).numel()).view(shape)
    crop = RandomCrop(size, method, axis, fix_randomization=fixed).change(features)
    full = Expand(size, method, axis).change(features)
    assert crop.shape[axis] == size
    assert any(torch.equal(crop, window) for window in _windows(full, axis, size))


def _windows(full, axis, size):
    return (full.narrow(axis, start, size) for start in range(full.shape[axis] - size + 1))


def test_random_crop_comes_to_every_position():
    crop = RandomCrop(3, axis=0)
    starts = {int(crop.change(torch.arange(6))[0]) for _ in range(200)}
    assert starts == {0, 1, 2, 3}


def test_fixed_crop_always_cuts_at_the_same_position():
    crop = RandomCrop(3, axis=0, fix_randomization=True)
    assert len({int(crop.change(torch.arange(50))[0]) for _ in range(20)}) == 1


def test_random_crop_follows_the_seed_of_the_run_and_nothing_else():
    def starts():
        torch.manual_seed(5)
        crop = RandomCrop(1, axis=0)
        return [(torch.rand(1), int(crop.change(torch.arange(1000))))[1] for _ in range(10)]

    assert starts() == starts()


def test_random_crop_goes_on_where_it_was_after_a_copy():
    crop = RandomCrop(1, axis=0)
    crop.change(torch.arange(10))
    copies = [copy.deepcopy(crop), pickle.loads(pickle.dumps(crop)), crop]
    drawn = [[int(one.change(torch.arange(10**6))) for _ in range(5)] for one in copies]
    assert drawn[0] == drawn[1] == drawn[2]


def test_workers_of_a_loader_crop_differently():
    crop = RandomCrop(1, axis=0)
    crop.change(torch.arange(10))
    drawn = []
    for worker in range(2):
        torch.manual_seed(worker)
        forked = copy.deepcopy(crop)
        forked.offset_generator_seed(worker)
        drawn.append([int(forked.change(torch.arange(10**6))) for _ in range(3)])
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(("height", "width"), [(3, 5), (5, 3), (4, 4), (2, 7)])
def test_squares_are_centred(height, width):
    features = torch.ones(2, height, width)
    padded, cropped = SquarePadCrop().change(features), SquarePadCrop("crop").change(features)
    assert padded.shape == (2, max(height, width), max(height, width))
    assert cropped.shape == (2, min(height, width), min(height, width))
    assert padded.sum() == features.sum()
    rows = padded[0].sum(1).nonzero().flatten().tolist()
    before, after = rows[0], padded.shape[1] - 1 - rows[-1]
    assert after - before in (0, 1)


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(["bilinear", "bicubic", "nearest"]))
def test_resized_images_keep_their_dtype_and_range(height, width, interpolation):
    image = torch.randint(0, 256, (3, 9, 6), dtype=torch.uint8)
    resized = Resize(height, width, interpolation).change(image)
    assert resized.shape == (3, height, width)
    assert resized.dtype == torch.uint8
    assert torch.equal(
        Resize(height, width).change(torch.full_like(image, 255)).unique(),
        torch.tensor([255], dtype=torch.uint8),
    )


def test_resize_by_one_side_sizes_the_shorter_edge():
    assert Resize("Any", 6).change(torch.zeros(1, 3, 9)).shape == (1, 6, 18)
    assert Resize(6, "Any").change(torch.zeros(1, 9, 3)).shape == (1, 18, 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Expand(0), "size is 0"),
        (lambda: Expand("9"), "size is '9'"),
        (lambda: Expand(9, "repeat"), "method is 'repeat'; use one of 'pad', 'replicate'"),
        (lambda: RandomCrop(9, "replicat"), "did you mean 'replicate'"),
        (lambda: SquarePadCrop("crops"), "did you mean 'crop'"),
        (lambda: Resize("Any", "Any"), "both 'Any'"),
        (lambda: Resize(3, 4.5), "width is 4.5"),
        (lambda: Resize(interpolation="cubic"), "did you mean 'bicubic'"),
    ],
)
def test_bad_arguments_fail_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_bad_features_are_named_by_their_shape():
    with pytest.raises(DataError, match=r"got \(4, 4\)"):
        Resize(3, 3).change(torch.zeros(4, 4))
    with pytest.raises(DataError, match="nothing to replicate"):
        Expand(3, "replicate", 0).change(torch.zeros(0))
