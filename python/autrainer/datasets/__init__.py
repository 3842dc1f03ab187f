"""Datasets: what a run learns from."""

from autrainer.datasets.base import AbstractDataset
from autrainer.datasets.corpora.aibo import AIBO
from autrainer.datasets.corpora.audio_set import AudioSet
from autrainer.datasets.corpora.dcase2016 import DCASE2016Task1
from autrainer.datasets.corpora.dcase2018 import DCASE2018Task3
from autrainer.datasets.corpora.dcase2020 import DCASE2020Task1A
from autrainer.datasets.corpora.edansa import EDANSA2019
from autrainer.datasets.corpora.emo_db import EmoDB
from autrainer.datasets.corpora.msp_podcast import MSPPodcast
from autrainer.datasets.corpora.speech_commands import SpeechCommands
from autrainer.datasets.digits import Digits
from autrainer.datasets.families import (
    BaseClassificationDataset,
    BaseMLClassificationDataset,
    BaseMTRegressionDataset,
    BaseRegressionDataset,
)
from autrainer.datasets.mandarin_tones import MandarinTones
from autrainer.datasets.tables.features import TableDataset
from autrainer.datasets.toy import ToyDataset
from autrainer.datasets.wrapper import DatasetWrapper

__all__ = [
    "AIBO",
    "EDANSA2019",
    "AbstractDataset",
    "AudioSet",
    "BaseClassificationDataset",
    "BaseMLClassificationDataset",
    "BaseMTRegressionDataset",
    "BaseRegressionDataset",
    "DCASE2016Task1",
    "DCASE2018Task3",
    "DCASE2020Task1A",
    "DatasetWrapper",
    "Digits",
    "EmoDB",
    "MSPPodcast",
    "MandarinTones",
    "SpeechCommands",
    "TableDataset",
    "ToyDataset",
]
