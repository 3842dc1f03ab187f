import csv
import itertools

import numpy as np
import pytest

from tests.run_folders import write_csv, write_run, write_yaml

CLIPS = 60
SPEAKERS = 12
STRATA = ["f"] * 40 + ["m"] * 20


@pytest.fixture
def dataset(tmp_path):
    """A dataset of sound whose test set has speakers, and an audio file for its first sample."""
    folder = tmp_path / "data"
    names = [f"clip {n}.wav" for n in range(CLIPS)]
    rows = [
        {"filename": name, "label": "yes", "speaker": f"s{n % SPEAKERS}", "sex": STRATA[n]}
        for n, name in enumerate(names)
    ]
    write_csv(folder / "test.csv", rows)
    for name in names:
        (folder / name).write_bytes(b"RIFF")
    return folder


@pytest.fixture
def write(tmp_path, dataset):
    """Write a finished run whose outputs, scores and losses fit each other; returns its folder."""

    numbers = itertools.count()

    def write(rate, **changes):
        training = tmp_path / "results" / changes.pop("experiment", "default") / "training"
        about = {"dataset__path": str(dataset), "dataset__stratify": ["sex"]}
        name = f"run{next(numbers)}"
        folder = write_run(training, name, **(about | changes))
        rng = np.random.default_rng(changes.get("seed", 1))
        hits = rng.random(CLIPS) < rate
        outputs = [
            {
                "index": n,
                "predictions": "yes" if hit else "no",
                "target": "yes",
                "probability_yes": 1,
            }
            for n, hit in enumerate(hits)
        ]
        write_csv(folder / "_test" / "test_results.csv", outputs)
        np.save(folder / "_test" / "test_losses.npy", np.where(hits, 0.1, np.arange(CLIPS) + 1.0))
        scores = {"accuracy": {"all": float(hits.mean())}, "loss": {"all": 1.0}}
        write_yaml(folder / "_test" / "test_holistic.yaml", scores)
        shares = {"data": 0.25, "transfer": 0.05, "forward_and_backward": 0.5, "evaluation": 0.1}
        write_yaml(folder / "stages.yaml", {"shares": shares | {"other": 0.1}})
        return folder

    return write


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
