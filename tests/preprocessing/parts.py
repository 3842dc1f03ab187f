"""A dataset that does not list its recordings in three CSV files, file handlers, a model."""

from typing import ClassVar

import pandas as pd

from autrainer.data import AudioFileHandler, NumpyFileHandler
from autrainer.datasets import BaseClassificationDataset
from tests.serving.parts import Energy


class Listed(BaseClassificationDataset):
    """Two recordings for training, the same for everything else."""

    @property
    def audio_subdir(self):
        return "recordings"

    @property
    def df_train(self):
        return pd.DataFrame({"filename": ["a.wav", "c.x.wav"], "label": ["a", "b"]})

    df_dev = df_test = df_train


class Reads(AudioFileHandler):
    """Reads in its own way."""

    def load(self, file):
        return super().load(file)


class Saves(NumpyFileHandler):
    """Writes in its own way."""

    def save(self, file, data):
        super().save(file, data)


class Keeps(Energy):
    """Keeps what it is given."""

    seen: ClassVar[list] = []

    def embeddings(self, features):
        Keeps.seen.append(features)
        return super().embeddings(features.flatten(2))
