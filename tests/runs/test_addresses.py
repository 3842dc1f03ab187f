"""The address under which every class is written, and every address that is read."""

import importlib
import inspect
import pkgutil

import audobject
import pytest
import yaml

import autrainer
from autrainer.augmentations import Choice, GaussianNoise
from autrainer.data.samplers.base import PassSampler
from autrainer.errors import CorruptFileError
from autrainer.runs.addressed import AddressedObject
from autrainer.runs.addresses import WRITTEN, current_address, public_address
from autrainer.runs.objects import load_object, object_yaml, save_object
from autrainer.transforms import Expand, SmartCompose

TARGETS = "autrainer.datasets.utils.target_transforms"
HANDLERS = "autrainer.datasets.utils.file_handlers"
TRANSFORMS = "autrainer.transforms.specific_transforms"
SPECTROGRAMS = "autrainer.augmentations.spectrogram_augmentations"

WRAPPERS = "autrainer.augmentations.augmentation_wrappers"

ADDRESSES = {
    "autrainer.augmentations.BackgroundNoise",
    "autrainer.augmentations.BandLimit",
    "autrainer.augmentations.BitDepth",
    "autrainer.augmentations.Gain",
    "autrainer.augmentations.MuLaw",
    "autrainer.augmentations.PitchShift",
    "autrainer.augmentations.RoomImpulseResponse",
    "autrainer.augmentations.SampleGaussianWhiteNoise",
    "autrainer.augmentations.Speed",
    "autrainer.augmentations.Telephone",
    f"{WRAPPERS}.AlbumentationsAugmentation",
    f"{WRAPPERS}.AudiomentationsAugmentation",
    f"{WRAPPERS}.AugmentationWrapper",
    f"{WRAPPERS}.TorchAudiomentationsAugmentation",
    f"{WRAPPERS}.TorchaudioAugmentation",
    f"{WRAPPERS}.TorchvisionAugmentation",
    "autrainer.augmentations.image_augmentations.CutMix",
    "autrainer.augmentations.image_augmentations.MixUp",
    f"{SPECTROGRAMS}.SpecAugment",
    f"{SPECTROGRAMS}.TimeWarp",
    "autrainer.augmentations.choice_augmentation.Choice",
    "autrainer.augmentations.sequential_augmentation.Sequential",
    f"{SPECTROGRAMS}.FrequencyMask",
    f"{SPECTROGRAMS}.GaussianNoise",
    f"{SPECTROGRAMS}.TimeMask",
    f"{SPECTROGRAMS}.TimeShift",
    "autrainer.data.sampler.BalancedSampler",
    "autrainer.data.sampler.BlockSampler",
    "autrainer.data.sampler.EpochSampler",
    "autrainer.data.sampler.WeightedSampler",
    f"{HANDLERS}.AudioFileHandler",
    f"{HANDLERS}.IdentityFileHandler",
    f"{HANDLERS}.ImageFileHandler",
    f"{HANDLERS}.NumpyFileHandler",
    f"{TARGETS}.label_encoder.LabelEncoder",
    f"{TARGETS}.min_max_scaler.MinMaxScaler",
    f"{TARGETS}.multi_label_encoder.MultiLabelEncoder",
    f"{TARGETS}.multi_target_min_max_scaler.MultiTargetMinMaxScaler",
    f"{TARGETS}.multi_target_standard_scaler.MultiTargetStandardScaler",
    f"{TARGETS}.standard_scaler.StandardScaler",
    "autrainer.models.HFAudioModel",
    "autrainer.models.SmallCNN",
    "autrainer.models.ast_model.ASTModel",
    "autrainer.models.cnn_10.Cnn10",
    "autrainer.models.cnn_14.Cnn14",
    "autrainer.models.end2you.AudioRNNModel",
    "autrainer.models.leaf.LEAFNet",
    "autrainer.models.tdnn.TDNNFFNN",
    "autrainer.models.timm_wrapper.TimmModel",
    "autrainer.models.torchvision_wrapper.TorchvisionModel",
    "autrainer.models.w2v2.W2V2FFNN",
    "autrainer.models.whisper.WhisperFFNN",
    "autrainer.models.ffnn.FFNN",
    "autrainer.models.sequential.SeqFFNN",
    "autrainer.transforms.smart_compose.SmartCompose",
    f"{TRANSFORMS}.AnyToTensor",
    f"{TRANSFORMS}.Deltas",
    f"{TRANSFORMS}.Expand",
    f"{TRANSFORMS}.FeatureExtractor",
    f"{TRANSFORMS}.GrayscaleToRGB",
    f"{TRANSFORMS}.ImageToFloat",
    f"{TRANSFORMS}.MFCC",
    f"{TRANSFORMS}.MelSpectrogram",
    f"{TRANSFORMS}.Normalize",
    f"{TRANSFORMS}.NumpyToTensor",
    f"{TRANSFORMS}.OpenSMILE",
    f"{TRANSFORMS}.PannMel",
    f"{TRANSFORMS}.RGBAToRGB",
    f"{TRANSFORMS}.RGBToGrayscale",
    f"{TRANSFORMS}.RandomCrop",
    f"{TRANSFORMS}.Resample",
    f"{TRANSFORMS}.Resize",
    f"{TRANSFORMS}.ScaleRange",
    f"{TRANSFORMS}.SpectToImage",
    f"{TRANSFORMS}.SquarePadCrop",
    f"{TRANSFORMS}.Standardizer",
    f"{TRANSFORMS}.StereoToMono",
}
"""Every class that is written to a run folder. What stands here once stays."""

ROOMS = {
    "autrainer.augmentations.containers": ["Choice", "Sequential"],
    "autrainer.augmentations.spectrograms": [
        *("FrequencyMask", "GaussianNoise", "TimeMask", "TimeShift"),
    ],
    "autrainer.data.files": [
        *("AudioFileHandler", "IdentityFileHandler", "ImageFileHandler", "NumpyFileHandler"),
    ],
    "autrainer.data.labels": ["LabelEncoder", "MultiLabelEncoder"],
    "autrainer.data.scalers": ["MinMaxScaler", "MultiTargetMinMaxScaler"],
    "autrainer.models.small_cnn": ["SmallCNN"],
    "autrainer.transforms.compose": ["SmartCompose"],
    "autrainer.transforms.colour": [
        *("GrayscaleToRGB", "RGBAToRGB", "RGBToGrayscale", "StereoToMono"),
    ],
    "autrainer.transforms.scaling": ["ImageToFloat", "Normalize", "ScaleRange", "Standardizer"],
    "autrainer.transforms.shapes": ["Expand", "RandomCrop", "Resize", "SquarePadCrop"],
    "autrainer.transforms.tensors": ["AnyToTensor", "NumpyToTensor"],
}
"""Modules that version 0.11.0 named in run folders before addresses were public."""
ONCE_WRITTEN = [f"{room}.{name}" for room, names in ROOMS.items() for name in names]


def written_classes():
    """Classes of the package whose objects end up in a run folder."""
    found = set()
    for module in pkgutil.walk_packages(autrainer.__path__, "autrainer."):
        if module.name.endswith("__main__") or ".conf" in module.name:
            continue
        members = vars(importlib.import_module(module.name)).values()
        found |= {
            member
            for member in members
            if isinstance(member, type)
            and issubclass(member, (audobject.Object, PassSampler))
            and member.__module__.startswith("autrainer.")
            and not inspect.isabstract(member)
        }
    return found - {AddressedObject}


def named(address):
    module, _, name = address.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_class_is_written_under_a_listed_address():
    assert {public_address(cls) for cls in written_classes()} == ADDRESSES


@pytest.mark.parametrize("address", sorted(ADDRESSES))
def test_every_public_address_leads_to_its_class(address):
    assert public_address(named(address)) == address


def test_every_address_that_was_ever_written_is_in_the_table():
    once = {
        f"{room}.{name}"
        for rooms in WRITTEN.values()
        for room in rooms
        for name in rooms[room].split()
    }
    assert set(ONCE_WRITTEN) <= once
    assert {current_address(address) for address in once} == ADDRESSES


@pytest.mark.parametrize("address", sorted({*ONCE_WRITTEN, *ADDRESSES}))
def test_what_was_written_under_any_address_leads_to_the_class_of_today(address):
    assert named(current_address(address)).__name__ == address.rpartition(".")[2]


def test_nested_objects_of_former_addresses_are_read_and_written_anew(tmp_path):
    former = {
        "$autrainer.transforms.compose.SmartCompose==0.11.0": {
            "transforms": [
                {"$autrainer.transforms.shapes.Expand==0.11.0": {"size": 3, "axis": -1}},
                {
                    "$autrainer.augmentations.containers.Choice==0.11.0": {
                        "choices": [{"autrainer.augmentations.GaussianNoise": {"std": 0.5}}]
                    }
                },
            ]
        }
    }
    (tmp_path / "inference_transform.yaml").write_text(yaml.safe_dump(former))
    loaded = load_object(tmp_path / "inference_transform.yaml")
    assert [type(transform) for transform in loaded.transforms] == [Expand, Choice]
    assert type(loaded.transforms[1].augmentation_choices[0]) is GaussianNoise
    save_object(loaded, tmp_path / "again.yaml")
    text = (tmp_path / "again.yaml").read_text()
    assert "compose" not in text.replace("smart_compose", "")
    assert "$autrainer.transforms.specific_transforms.Expand" in text
    assert "$autrainer.augmentations.choice_augmentation.Choice" in text


def test_an_address_that_names_the_distribution_is_read_too(tmp_path):
    text = "$autrainer:autrainer.transforms.shapes.Expand==0.10.0:\n  size: 3\n"
    (tmp_path / "object.yaml").write_text(text)
    assert type(load_object(tmp_path / "object.yaml")) is Expand


def test_arguments_can_be_replaced_at_every_depth(tmp_path):
    save_object(SmartCompose([Expand(3)]), tmp_path / "object.yaml")
    loaded = load_object(tmp_path / "object.yaml", override_args={"size": 7})
    assert loaded.transforms[0].size == 7


@pytest.mark.parametrize("text", ["", "[]", "a: 1", "1: {}", "$a.B: {}\n$a.C: {}"])
def test_a_file_that_describes_no_object_is_named(tmp_path, text):
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(CorruptFileError, match=r"model\.yaml: expected an object"):
        load_object(tmp_path / "model.yaml")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    (tmp_path / "model.yaml").write_text("!!python/object/apply:os.system ['true']")
    with pytest.raises(CorruptFileError, match=r"model\.yaml"):
        load_object(tmp_path / "model.yaml")


def test_audobject_itself_writes_public_addresses():
    compose = SmartCompose([Expand(3)])
    assert compose.to_yaml_s() == object_yaml(compose)
    (key,) = compose.to_dict(include_version=False)
    assert key == "$autrainer.transforms.smart_compose.SmartCompose"
    assert compose.to_dict(flatten=True)["transforms.0.size"] == 3


class OfAUser(Expand):
    """A class that is derived from one of ours."""


def test_classes_of_users_keep_their_own_address():
    assert public_address(OfAUser) == f"{__name__}.OfAUser"
    for text in (object_yaml(OfAUser(3)), OfAUser(3).to_yaml_s(include_version=False)):
        assert text.startswith(f"${__name__}.OfAUser")
