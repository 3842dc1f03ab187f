import audobject
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.augmentations import SpecAugment, TimeWarp
from autrainer.augmentations import spectrogram_augmentations as former
from autrainer.augmentations.spec_augment import resampled, sources
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, DataError
from autrainer.runs.random.keys import keyed

seeds = st.integers(0, 2**31)
W = 5


def changed(augmentation, features):
    return augmentation(DataItem(features, 0, 0)).features


def ramp(frames, bins=3, channels=2):
    """Every value is the number of its frame."""
    return torch.arange(frames, dtype=torch.float64).view(1, -1, 1).expand(channels, frames, bins)


@given(st.integers(3, 80), st.integers(1, 40), seeds)
def test_both_ends_stay_and_time_never_runs_backwards(frames, furthest, seed):
    times = changed(TimeWarp(0, furthest, generator_seed=seed), ramp(frames))[0, :, 0]
    assert (times[0], times[-1]) == (0, frames - 1)
    assert bool((times.diff() >= 0).all())


@given(st.integers(12, 80), seeds)
def test_no_frame_moves_further_than_asked(frames, seed):
    times = changed(TimeWarp(0, W, generator_seed=seed), ramp(frames))[0, :, 0]
    moved = (times - torch.arange(frames)).abs()
    assert float(moved.max()) <= W


@given(seeds)
def test_all_channels_and_frequencies_are_warped_alike(seed):
    warped = changed(TimeWarp(0, W, generator_seed=seed), ramp(40))
    assert torch.equal(warped, warped[:1, :, :1].expand_as(warped))


def test_nearly_every_draw_moves_something():
    shifts = [
        (changed(TimeWarp(0, 10, generator_seed=seed), ramp(100)) - ramp(100)).abs().max()
        for seed in range(100)
    ]
    assert sum(shift > 0.5 for shift in shifts) > 90
    assert max(shifts) > 9


@given(st.floats(0, 20), st.integers(1, 19))
def test_the_moved_point_comes_from_where_it_was(position, target):
    assert float(sources(20, position, target)[target]) == pytest.approx(position)


def test_the_width_is_warped_like_the_height():
    features = torch.rand(2, 30, 30)
    rows = changed(TimeWarp(0, W, generator_seed=1), features)
    columns = changed(TimeWarp(1, W, generator_seed=1), features.transpose(1, 2))
    assert torch.equal(rows, columns.transpose(1, 2))


@pytest.mark.parametrize(("frames", "furthest"), [(1, 5), (2, 5), (9, 0)])
def test_nothing_is_warped_where_there_is_no_room(frames, furthest):
    features = torch.rand(1, frames, 4)
    assert torch.equal(changed(TimeWarp(0, furthest, generator_seed=0), features), features)


def test_values_between_frames_are_interpolated():
    between = resampled(torch.tensor([[0.0, 10.0, 20.0]]), 1, torch.tensor([0.0, 0.5, 1.75, 2.0]))
    assert between.tolist() == [[0.0, 5.0, 17.5, 20.0]]


@given(seeds)
def test_spec_augment_blanks_a_band_of_each_axis(seed):
    features = torch.rand(1, 60, 20) + 1
    augmented = changed(SpecAugment(12, 6, W=W, generator_seed=seed), features)
    blank = augmented[0] == 0
    frames, bins = blank.all(dim=1), blank.all(dim=0)
    assert int(frames.sum()) < 12
    assert int(bins.sum()) < 6
    assert torch.equal(blank, frames[:, None] | bins[None])
    assert float(augmented.max()) <= float(features.max())


def test_spec_augment_happens_as_a_whole_or_not_at_all():
    features = torch.rand(1, 60, 20) + 1
    augmentation = SpecAugment(12, 6, W=W, p=0.5, generator_seed=1)
    same = [torch.equal(changed(augmentation, features), features) for _ in range(100)]
    assert 30 < sum(same) < 70


@pytest.mark.parametrize("make", [lambda: TimeWarp(0, W), lambda: SpecAugment(12, 6, W)])
def test_what_is_drawn_belongs_to_the_sample(make):
    def drawn(index):
        with keyed(1, 2, index):
            return changed(make(), torch.ones(1, 60, 20).cumsum(1))

    assert torch.equal(drawn(3), drawn(3))
    assert not torch.equal(drawn(3), drawn(4))


@pytest.mark.parametrize(
    "augmentation", [TimeWarp(1, W, p=0.5, generator_seed=3), SpecAugment(1, 2, 3, order=4)]
)
def test_augmentation_survives_yaml_under_both_addresses(augmentation):
    again = audobject.from_dict(augmentation.to_dict(include_version=False))
    assert repr(again) == repr(augmentation)
    assert getattr(former, type(again).__name__) is type(again)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TimeWarp(2), "axis is 2"),
        (lambda: TimeWarp(0, -1), "W is -1"),
        (lambda: SpecAugment(time_mask=-1), "time_mask is -1"),
        (lambda: SpecAugment(freq_mask=0.5), "freq_mask is 0.5"),
    ],
)
def test_bad_arguments_fail_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("augmentation", [TimeWarp(0), SpecAugment()])
def test_other_shapes_are_named(augmentation):
    with pytest.raises(DataError, match=r"got \(3, 3\)"):
        changed(augmentation, torch.zeros(3, 3))
