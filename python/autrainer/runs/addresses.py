"""Under which import paths the classes of this package are written, and were written before.

The files of a run name the classes of its objects. They are read for years, by other versions and
by autrainer 0.10, so a class is written under a public address that stays, whatever module it is
defined in. Classes of users are written under their own.
"""

from __future__ import annotations

from collections.abc import Iterator

_TARGETS = "autrainer.datasets.utils.target_transforms"
_FILE_HANDLERS = "AudioFileHandler IdentityFileHandler ImageFileHandler NumpyFileHandler"

# Public module -> every module whose name was ever written, or would be, for these classes. A class
# that moves gets an entry of its new module beside those that are here; no entry ever goes.
WRITTEN: dict[str, dict[str, str]] = {
    "autrainer.augmentations": {
        "autrainer.augmentations.codecs": "BandLimit BitDepth MuLaw Telephone",
        "autrainer.augmentations.recordings": "BackgroundNoise RoomImpulseResponse",
        "autrainer.augmentations.speed": "PitchShift Speed",
        "autrainer.augmentations.waveforms": "Gain",
        "autrainer.augmentations.white_noise": "SampleGaussianWhiteNoise",
    },
    "autrainer.augmentations.augmentation_wrappers": {
        "autrainer.augmentations.wrappers": (
            "AlbumentationsAugmentation AudiomentationsAugmentation AugmentationWrapper "
            "TorchAudiomentationsAugmentation TorchaudioAugmentation TorchvisionAugmentation"
        ),
    },
    "autrainer.augmentations.choice_augmentation": {
        "autrainer.augmentations.containers": "Choice",
    },
    "autrainer.augmentations.image_augmentations": {
        "autrainer.augmentations.mixing": "CutMix MixUp",
    },
    "autrainer.augmentations.sequential_augmentation": {
        "autrainer.augmentations.containers": "Sequential",
    },
    "autrainer.augmentations.spectrogram_augmentations": {
        "autrainer.augmentations.spec_augment": "SpecAugment TimeWarp",
        "autrainer.augmentations.spectrograms": "FrequencyMask GaussianNoise TimeMask TimeShift",
    },
    "autrainer.data.sampler": {
        "autrainer.data.sampler": "BalancedSampler BlockSampler EpochSampler WeightedSampler",
        "autrainer.data.samplers.block": "BlockSampler",
        "autrainer.data.samplers.epoch": "EpochSampler",
        "autrainer.data.samplers.weighted": "BalancedSampler WeightedSampler",
    },
    "autrainer.datasets.utils.file_handlers": {
        "autrainer.data.files": _FILE_HANDLERS,
        "autrainer.data.file_handlers": _FILE_HANDLERS,
    },
    f"{_TARGETS}.label_encoder": {
        "autrainer.data.labels": "LabelEncoder",
        "autrainer.data.targets.labels": "LabelEncoder",
    },
    f"{_TARGETS}.min_max_scaler": {
        "autrainer.data.scalers": "MinMaxScaler",
        "autrainer.data.targets.scalers": "MinMaxScaler",
    },
    f"{_TARGETS}.multi_label_encoder": {
        "autrainer.data.labels": "MultiLabelEncoder",
        "autrainer.data.targets.labels": "MultiLabelEncoder",
    },
    f"{_TARGETS}.multi_target_min_max_scaler": {
        "autrainer.data.scalers": "MultiTargetMinMaxScaler",
        "autrainer.data.targets.scalers": "MultiTargetMinMaxScaler",
    },
    f"{_TARGETS}.multi_target_standard_scaler": {
        "autrainer.data.standard": "MultiTargetStandardScaler",
        "autrainer.data.targets.standard_scalers": "MultiTargetStandardScaler",
    },
    f"{_TARGETS}.standard_scaler": {
        "autrainer.data.standard": "StandardScaler",
        "autrainer.data.targets.standard_scalers": "StandardScaler",
    },
    "autrainer.models": {
        "autrainer.models.hf_audio": "HFAudioModel",
        "autrainer.models.small_cnn": "SmallCNN",
    },
    "autrainer.models.ast_model": {"autrainer.models.ast_model": "ASTModel"},
    "autrainer.models.cnn_10": {"autrainer.models.cnn_10": "Cnn10"},
    "autrainer.models.cnn_14": {"autrainer.models.cnn_14": "Cnn14"},
    "autrainer.models.end2you": {"autrainer.models.end2you": "AudioRNNModel"},
    "autrainer.models.ffnn": {"autrainer.models.ffnn": "FFNN"},
    "autrainer.models.leaf": {"autrainer.models.leaf": "LEAFNet"},
    "autrainer.models.sequential": {"autrainer.models.sequential": "SeqFFNN"},
    "autrainer.models.tdnn": {"autrainer.models.tdnn": "TDNNFFNN"},
    "autrainer.models.timm_wrapper": {"autrainer.models.timm_wrapper": "TimmModel"},
    "autrainer.models.torchvision_wrapper": {
        "autrainer.models.torchvision_wrapper": "TorchvisionModel",
    },
    "autrainer.models.w2v2": {"autrainer.models.w2v2": "W2V2FFNN"},
    "autrainer.models.whisper": {"autrainer.models.whisper": "WhisperFFNN"},
    "autrainer.transforms.smart_compose": {"autrainer.transforms.compose": "SmartCompose"},
    "autrainer.transforms.specific_transforms": {
        "autrainer.transforms.colour": "GrayscaleToRGB RGBAToRGB RGBToGrayscale StereoToMono",
        "autrainer.transforms.extractors": "FeatureExtractor OpenSMILE",
        "autrainer.transforms.pictures": "SpectToImage",
        "autrainer.transforms.scaling": "ImageToFloat Normalize ScaleRange Standardizer",
        "autrainer.transforms.shapes": "Expand RandomCrop Resize SquarePadCrop",
        "autrainer.transforms.sound": "Deltas MFCC MelSpectrogram PannMel Resample",
        "autrainer.transforms.tensors": "AnyToTensor NumpyToTensor",
    },
}


def _pairs() -> Iterator[tuple[str, str]]:
    for public, rooms in WRITTEN.items():
        for room, names in rooms.items():
            for name in names.split():
                yield f"{room}.{name}", f"{public}.{name}"


_PUBLIC = dict(_pairs())


def public_address(cls: type) -> str:
    """The import path under which a class is written.

    >>> from autrainer.errors import ConfigError
    >>> public_address(ConfigError)
    'autrainer.errors.ConfigError'
    """
    return current_address(f"{cls.__module__}.{cls.__name__}")


def current_address(address: str) -> str:
    """The public import path of what was once written under another one; others stay.

    >>> current_address("autrainer.data.labels.LabelEncoder")
    'autrainer.datasets.utils.target_transforms.label_encoder.LabelEncoder'
    """
    return _PUBLIC.get(address, address)
