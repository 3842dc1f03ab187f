"""What `make demo-audio` promises: from recordings to predictions by four commands."""

import csv

import numpy as np
import pandas as pd
import soundfile

from tests.integration.conftest import runs_of

TONES_HZ = {"tone1": (300, 300), "tone2": (200, 300), "tone3": (200, 150), "tone4": (300, 150)}


def make_tones(folder):
    """Sweeps in place of syllables, in the layout of the data set."""
    (folder / "default").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for split, num in (("train", 12), ("dev", 3), ("test", 3)):
        rows = [(f"{split}{k}{tone}_liu.wav", tone) for tone in TONES_HZ for k in range(num)]
        for name, tone in rows:
            begin, end = TONES_HZ[tone]
            num_samples = rng.integers(4000, 9000)
            phase = 2 * np.pi * np.cumsum(np.linspace(begin, end, num_samples)) / 16000
            noise = 0.01 * rng.standard_normal(num_samples)
            soundfile.write(folder / "default" / name, 0.5 * np.sin(phase) + noise, 16000)
        with open(folder / f"{split}.csv", "w", newline="") as file:
            csv.writer(file).writerows([("filename", "label"), *rows])


def test_recordings_are_fetched_preprocessed_learned_and_predicted(autrainer, project):
    data = project / "data" / "mandarin_tones"
    make_tones(data)
    autrainer("fetch", "-cn", "tones")
    autrainer("preprocess", "-cn", "tones", "-u", "0")
    assert len(list((data / "log_mel_16k").glob("*.npy"))) == 72
    autrainer("train", "-cn", "tones", "iterations=4", "progress_bar=false", "plotting=None")
    (run,) = runs_of(project, "tones").values()
    autrainer("inference", str(run), str(data / "default"), "out", "-l", str(data / "test.csv"))
    table = pd.read_csv(project / "out" / "results.csv")
    truth = pd.read_csv(data / "test.csv")
    assert table["filename"].tolist() == truth["filename"].tolist()
    tested = pd.read_csv(run / "_test" / "test_results.csv")
    assert table["prediction"].tolist() == tested["predictions"].tolist()
    clip = data / "default" / truth["filename"][0]
    shown = autrainer("inference", str(run), str(clip), "one").stdout
    assert shown.startswith(f"{clip.name}: {table['prediction'][0]} (")
