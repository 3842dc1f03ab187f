"""Small folders laid out as published data sets are."""

import io
import tarfile
import zipfile

import numpy as np
import torch

from autrainer.data.file_handlers import AudioFileHandler

RATE = 8000
COMMON = {
    "seed": 1,
    "file_type": "wav",
    "file_handler": "autrainer.datasets.utils.AudioFileHandler",
}
CLASSES = {
    "metrics": ["autrainer.metrics.Accuracy"],
    "tracking_metric": "autrainer.metrics.Accuracy",
}
LABELS = {
    "metrics": ["autrainer.metrics.MLF1Macro"],
    "tracking_metric": "autrainer.metrics.MLF1Macro",
}
NUMBERS = {"metrics": ["autrainer.metrics.CCC"], "tracking_metric": "autrainer.metrics.CCC"}


def wav(number=0, num_samples=80):
    """A sound as bytes of a WAV file; the number tells it from others."""
    import soundfile

    sound = io.BytesIO()
    signal = np.full(num_samples, (number + 1) / 100, dtype=np.float32)
    soundfile.write(sound, signal, RATE, subtype="FLOAT", format="WAV")
    return sound.getvalue()


def write(folder, files):
    """Write files by their paths in a folder: texts, bytes, or None for a sound."""
    for number, (name, content) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = wav(number) if content is None else content
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def zipped(files):
    """A zip archive of files as bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for number, (name, content) in enumerate(files.items()):
            made.writestr(name, wav(number) if content is None else content)
    return archive.getvalue()


def tarred(files, compression="gz"):
    """A tar archive of files as bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=f"w:{compression}") as made:
        for number, (name, content) in enumerate(files.items()):
            content = wav(number) if content is None else content
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return archive.getvalue()


def first_features(dataset):
    """Features of the first sample of each split; all of them load."""
    splits = (dataset.train_dataset, dataset.dev_dataset, dataset.test_dataset)
    return [split[0].features for split in splits]


def is_sound(features):
    return isinstance(features, torch.Tensor) and features.shape == (1, 80)


__all__ = ["CLASSES", "COMMON", "LABELS", "NUMBERS", "RATE", "AudioFileHandler"]
