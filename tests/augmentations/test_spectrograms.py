import audobject
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autrainer.augmentations import FrequencyMask, GaussianNoise, TimeMask, TimeShift
from autrainer.augmentations import spectrogram_augmentations as former
from autrainer.data.items import DataItem
from autrainer.errors import ConfigError, DataError

seeds = st.integers(0, 2**31)


def changed(augmentation, features):
    return augmentation(DataItem(features, 0, 0)).features


@given(st.integers(1, 30), st.integers(1, 20), st.integers(0, 40), st.integers(0, 1), seeds)
def test_one_band_below_the_width_is_blank_and_the_rest_as_it_was(t, f, widest, axis, seed):
    features = torch.rand(2, t, f) + 1
    before = features.clone()
    masked = changed(TimeMask(widest, axis, generator_seed=seed), features)
    assert torch.equal(features, before)
    blank = masked == 0
    assert torch.equal(masked[~blank], features[~blank])
    lines = blank.transpose(1, 1 + axis).all(dim=2).all(dim=0)
    assert int(blank.sum()) == int(lines.sum()) * blank.numel() // features.shape[1 + axis]
    positions = lines.nonzero().flatten().tolist()
    assert len(positions) < max(widest, 1)
    assert positions == list(range(positions[0], positions[-1] + 1)) if positions else True


@given(seeds)
def test_band_is_filled_with_the_mean_if_asked(seed):
    features = torch.rand(1, 10, 10) + 1
    mask = FrequencyMask(9, 1, replace_with_zero=False, generator_seed=seed)
    masked = changed(mask, features)
    touched = masked != features
    assert torch.allclose(masked[touched], features.mean())


def test_masks_reach_every_line():
    mask = TimeMask(4, 0, generator_seed=0)
    blank = sum((changed(mask, torch.ones(1, 8, 2)) == 0)[0, :, 0].int() for _ in range(500))
    assert bool((blank > 0).all())


@given(st.integers(0, 12), st.integers(0, 1), seeds)
def test_shift_is_a_roll_within_its_bounds(steps, axis, seed):
    features = torch.arange(2 * 30 * 30).view(2, 30, 30)
    shifted = changed(TimeShift(axis, steps, generator_seed=seed), features)
    rolls = range(-steps, max(steps, 1))
    assert any(torch.equal(shifted, features.roll(roll, axis + 1)) for roll in rolls)


def test_noise_has_the_mean_and_spread_it_should_and_a_seed():
    features = torch.full((100, 200), 3, dtype=torch.int64)
    noisy = changed(GaussianNoise(mean=2.0, std=0.5, generator_seed=1), features)
    assert noisy.dtype == torch.float32
    assert noisy.mean() == pytest.approx(5, abs=0.02)
    assert noisy.std() == pytest.approx(0.5, abs=0.02)
    again = changed(GaussianNoise(mean=2.0, std=0.5, generator_seed=1), features)
    assert torch.equal(noisy, again)


EVERY = [
    GaussianNoise(0.1, 0.2, order=1, p=0.5, generator_seed=3),
    TimeShift(1, 4, generator_seed=3),
    TimeMask(4, 0, replace_with_zero=False),
    FrequencyMask(4, 1, p=0.1),
]


@pytest.mark.parametrize("augmentation", EVERY, ids=lambda a: type(a).__name__)
def test_augmentation_survives_yaml_under_both_addresses(augmentation):
    again = audobject.from_dict(augmentation.to_dict(include_version=False))
    assert repr(again) == repr(augmentation)
    assert getattr(former, type(again).__name__) is type(again)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TimeMask(-1, 0), "time_mask is -1; use an integer of 0 or more"),
        (lambda: FrequencyMask(1, 2), "axis is 2; use 0 for height"),
        (lambda: TimeShift(0, 1.5), "time_steps is 1.5"),
        (lambda: GaussianNoise(std=-1), "std is -1"),
    ],
)
def test_bad_arguments_fail_at_construction(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("augmentation", [TimeShift(0, 2), TimeMask(2, 0)])
def test_other_shapes_are_named(augmentation):
    with pytest.raises(DataError, match=r"got \(3,\)"):
        changed(augmentation, torch.zeros(3))
