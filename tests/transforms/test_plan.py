import pickle
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import autrainer.augmentations
import autrainer.transforms
from autrainer.augmentations import (
    AbstractAugmentation,
    AugmentationWrapper,
    Choice,
    FrequencyMask,
    GaussianNoise,
    Sequential,
    TimeMask,
    TimeShift,
)
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.items import DataItem
from autrainer.runs.random.keys import keyed, keyed_batch
from autrainer.transforms import (
    AbstractTransform,
    Expand,
    GrayscaleToRGB,
    ImageToFloat,
    Normalize,
    RandomCrop,
    ScaleRange,
    SmartCompose,
    SquarePadCrop,
)
from autrainer.transforms.base import FeaturesTransform
from autrainer.transforms.plan import plan

NOISE = "autrainer.augmentations.GaussianNoise"
SHIFT = {"autrainer.augmentations.TimeShift": {"axis": 0, "time_steps": 4}}

STEPS = [
    lambda order: ImageToFloat(order=order),
    lambda order: Expand(9, axis=-2, order=order),
    lambda order: Expand(8, "replicate", axis=-1, order=order),
    lambda order: GrayscaleToRGB(order=order),
    lambda order: Normalize([0.2], [0.7], order=order),
    lambda order: ScaleRange(order=order),
    lambda order: RandomCrop(5, axis=-2, order=order),
    lambda order: RandomCrop(4, axis=-1, fix_randomization=True, order=order),
    lambda order: GaussianNoise(p=0.5, order=order, generator_seed=3),
    lambda order: GaussianNoise(order=order),
    lambda order: TimeShift(0, 5, p=0.7, order=order),
    lambda order: TimeMask(4, 0, replace_with_zero=False, p=0.7, order=order),
    lambda order: FrequencyMask(4, 1, order=order, generator_seed=3),
    lambda order: Sequential([NOISE, SHIFT], p=0.8, order=order),
    lambda order: Choice([SHIFT, NOISE, NOISE], order=order),
    lambda order: SmartCompose([Expand(9, axis=-2), GaussianNoise()], order=order),
]


def items(compose, features, seed, epoch, indices):
    """What the transforms make of one item after the other."""
    for sample, index in zip(features, indices, strict=True):
        with keyed(seed, epoch, index):
            yield compose(DataItem(sample, 0, index)).features


def finished(transform, features, seed, epoch, indices):
    steps = plan(transform)
    with keyed_batch(seed, epoch, 0):
        for finish in (steps.fixed, steps.varying):
            features = features if finish is None else finish(features, np.array(indices))
    return features


def bits(features):
    return [(sample.shape, sample.dtype, sample.numpy().tobytes()) for sample in features]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(STEPS), max_size=5),
    st.lists(st.integers(0, 1000), min_size=1, max_size=6),
    st.sampled_from([torch.float32, torch.uint8]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_batches_come_out_with_the_bits_of_items(steps, indices, dtype, is_ragged, seed):
    compose = SmartCompose([step(order) for order, step in enumerate(steps)])
    rng = torch.Generator().manual_seed(seed)
    lengths = [5 + is_ragged * at % 3 for at in range(len(indices))]
    rows = [(torch.rand(1, length, 7, generator=rng) * 200).to(dtype) for length in lengths]
    features = rows if len(set(lengths)) > 1 else torch.stack(rows)
    kept = bits(rows)
    together = finished(compose, features, seed, 2, indices)
    assert bits(together) == bits(items(compose, rows, seed, 2, indices))
    assert bits(rows) == kept


def test_order_batches_and_threads_change_nothing():
    compose = SmartCompose([Expand(9, axis=-2, order=-99), RandomCrop(4, axis=-2), GaussianNoise()])
    features = torch.rand(12, 1, 7, 5)
    whole = finished(compose, features, 1, 3, range(12))
    steps, made = plan(compose), {}

    def make(row):
        with keyed(1, 3, -1):
            fixed = steps.fixed(features[[row]], np.array([row]))
            made[row] = steps.varying(fixed, np.array([row]))[0]

    threads = [threading.Thread(target=make, args=(row,)) for row in reversed(range(12))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bits(made[row] for row in range(12)) == bits(whole)
    assert bits(finished(compose, features, 1, 4, range(12))) != bits(whole)


def test_samples_of_different_shapes_become_one_tensor_where_shapes_agree():
    rows = [torch.rand(1, length, 2) for length in (3, 9, 5)]
    longer = finished(SmartCompose([Expand(9, axis=-2)]), rows, 0, 0, [0, 1, 2])
    assert longer.shape == (3, 1, 9, 2)
    assert isinstance(finished(SmartCompose([ScaleRange()]), rows, 0, 0, [0, 1, 2]), list)


def test_results_are_contiguous_even_if_they_are_cut_out():
    features = torch.rand(4, 1, 8, 5)
    cut = finished(SmartCompose([SquarePadCrop("crop")]), features, 0, 0, range(4))
    assert cut.shape == (4, 1, 5, 5)
    assert cut.is_contiguous()


def test_what_comes_before_the_first_draw_is_fixed():
    compose = SmartCompose(
        [Expand(9, order=0), GaussianNoise(order=1), Normalize([0.0], [1.0], order=2)]
    )
    assert plan(compose).fixed is not None
    assert plan(compose).varying is not None
    assert plan(SmartCompose([Expand(9)])).varying is None
    assert plan(GaussianNoise()).fixed is None


@pytest.mark.parametrize("transform", [None, SmartCompose([])])
def test_no_transform_is_nothing_to_do(transform):
    steps = plan(transform)
    assert (steps.fixed, steps.varying, steps.reason) == (None, None, None)


def test_one_transform_without_a_compose_stands_at_no_place():
    noise, features = GaussianNoise(), torch.zeros(3, 4)
    alone = list(items(noise, features, 1, 2, [7, 8, 9]))
    assert bits(finished(noise, features, 1, 2, [7, 8, 9])) == bits(alone)


def test_without_a_key_numbers_come_one_after_the_other():
    features = torch.zeros(3, 4)
    together = plan(GaussianNoise(generator_seed=1)).varying(features, np.arange(3))
    noise = GaussianNoise(generator_seed=1)
    alone = [noise(DataItem(sample, 0, 0)).features for sample in features]
    assert bits(together) == bits(alone)


def test_plans_can_be_sent_to_another_process():
    compose = SmartCompose([Normalize([0.1], [2.0]), GaussianNoise(generator_seed=1)])
    features = torch.rand(3, 2)
    copy = pickle.loads(pickle.dumps(compose))
    sent = pickle.loads(pickle.dumps(plan(compose)))
    assert sent.reason is None
    assert bits(finished(copy, features, 1, 1, range(3))) == bits(
        finished(compose, features, 1, 1, range(3))
    )


class Own(FeaturesTransform):
    def change(self, features):
        return features + 1


class OwnBatches(Own):
    def change_batch(self, features):
        return features + 1


class OwnEffect(AbstractAugmentation):
    def apply(self, item):
        return item


@pytest.mark.parametrize(
    "transform",
    [
        SmartCompose([Expand(2), Own(0)]),
        SmartCompose([SmartCompose([Own(0)])]),
        SmartCompose([OwnEffect()]),
        Sequential([f"{__name__}.OwnEffect"]),
        np.sqrt,
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_code_of_others_takes_whole_items(transform):
    steps = plan(transform)
    assert steps.fixed is None
    assert steps.varying is None
    assert "autrainer's own" in steps.reason


def test_the_reason_names_the_class():
    assert plan(SmartCompose([Expand(2), Own(0)])).reason.startswith("Own ")


def test_code_of_others_with_a_batch_form_is_planned():
    features = torch.zeros(2, 3)
    steps = plan(SmartCompose([OwnBatches(0), Normalize([0.0], [0.5])]))
    assert steps.reason is None
    assert torch.equal(steps.fixed(features, np.arange(2)), torch.full((2, 3), 2.0))


PANN_MEL = {
    **{"window_size": 64, "hop_size": 16, "sample_rate": 16000, "fmin": 50, "fmax": 8000},
    **{"mel_bins": 8, "ref": 1.0, "amin": 1e-10, "top_db": None},
}
OURS = {
    "AnyToTensor": {},
    "NumpyToTensor": {},
    "Expand": {"size": 9},
    "RandomCrop": {"size": 4},
    "SquarePadCrop": {},
    "Resize": {"height": 3, "width": 3},
    "StereoToMono": {},
    "Resample": {"current_sr": 3, "target_sr": 2},
    "PannMel": PANN_MEL,
    "MelSpectrogram": {"sample_rate": 16000},
    "MFCC": {"sample_rate": 16000},
    "Deltas": {},
    "FeatureExtractor": {"fe_type": "W2V2"},
    "OpenSMILE": {"feature_set": "eGeMAPSv02", "sample_rate": 16000, "functionals": True},
    "SpectToImage": {"height": 5, "width": 4},
    "RGBAToRGB": {},
    "RGBToGrayscale": {},
    "GrayscaleToRGB": {},
    "ScaleRange": {},
    "ImageToFloat": {},
    "Normalize": {"mean": [0.0], "std": [2.0]},
    "Standardizer": {"mean": [0.0], "std": [2.0]},
    "GaussianNoise": {},
    "TimeShift": {"axis": 0, "time_steps": 3},
    "TimeMask": {"axis": 0, "time_mask": 3},
    "FrequencyMask": {"axis": 1, "freq_mask": 3},
    "Sequential": {"sequence": [NOISE, SHIFT]},
    "Choice": {"choices": [NOISE, SHIFT]},
    "TimeWarp": {"axis": 0, "W": 2},
    "SpecAugment": {"time_mask": 3, "freq_mask": 3, "W": 2},
    "MixUp": {},
    "CutMix": {},
    "SampleGaussianWhiteNoise": {"snr_df": "snr.csv", "snr_col": "snr"},
    "BackgroundNoise": {"path": ".", "sample_rate": 8000},
    "RoomImpulseResponse": {"path": ".", "sample_rate": 8000},
    "Gain": {},
    "Speed": {},
    "PitchShift": {"n_fft": 64},
    "BandLimit": {"sample_rate": 8000, "high_hz": 1000},
    "BitDepth": {},
    "MuLaw": {},
    "Telephone": {"sample_rate": 8000},
}


WAVEFORMS = [
    *("StereoToMono", "Resample", "PannMel", "MelSpectrogram", "MFCC", "BackgroundNoise", "Gain"),
    *("RoomImpulseResponse", "Speed", "PitchShift", "BandLimit", "BitDepth", "MuLaw", "Telephone"),
]
SHAPES = dict.fromkeys(WAVEFORMS, (2, 400))
SHAPES.update({"FeatureExtractor": (2, 400), "OpenSMILE": (1, 1600), "SpectToImage": (1, 6, 6)})
"""Shapes of what is no image."""


def classes_of_ours():
    for package in (autrainer.transforms, autrainer.augmentations):
        for name in package.__all__:
            kind = getattr(package, name)
            is_abstract = bool(getattr(kind, "__abstractmethods__", ()))
            is_kind = isinstance(kind, type) and issubclass(kind, AbstractTransform)
            # What is wrapped is code of others; see tests/augmentations/test_wrappers.py.
            if is_kind and not is_abstract and not issubclass(kind, AugmentationWrapper):
                # Its library takes seconds to import.
                marks = pytest.mark.slow if name in ("FeatureExtractor", "OpenSMILE") else ()
                yield pytest.param(kind, marks=marks)


@pytest.fixture
def _files(tmp_path):
    """What some transforms read when they are made."""
    AudioFileHandler(8000).save(str(tmp_path / "noise.wav"), torch.rand(1, 500))
    (tmp_path / "snr.csv").write_text("snr\n" + "10\n" * 6)


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("kind", [*classes_of_ours()])
def test_every_transform_of_ours_reads_and_writes_the_features_alone(kind):
    transform = kind(**OURS[kind.__name__])
    shape = SHAPES.get(kind.__name__, (3, 6, 6))
    item = DataItem(torch.rand(shape), "target", 5)
    assert transform(item) is item
    assert (item.target, item.index) == ("target", 5)
    assert plan(SmartCompose([transform])).reason is None
    assert finished(transform, torch.rand(2, *shape), 0, 0, [0, 1]).shape[0] == 2
