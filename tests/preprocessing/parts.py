"""A dataset that does not list its recordings in three CSV files, and file handlers of a user."""

import pandas as pd

from autrainer.data import AudioFileHandler, NumpyFileHandler
from autrainer.datasets import BaseClassificationDataset


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
