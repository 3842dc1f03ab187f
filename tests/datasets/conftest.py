"""Small real datasets on disk."""

import numpy as np
import pandas as pd
import pytest

from autrainer.datasets import (
    BaseClassificationDataset,
    BaseMLClassificationDataset,
    BaseMTRegressionDataset,
    BaseRegressionDataset,
)

METRICS = {
    "classification": "autrainer.metrics.Accuracy",
    "ml-classification": "autrainer.metrics.MLF1Macro",
    "regression": "autrainer.metrics.MSE",
    "mt-regression": "autrainer.metrics.MSE",
}
KINDS = {
    "classification": (BaseClassificationDataset, "label"),
    "ml-classification": (BaseMLClassificationDataset, ["wet", "loud"]),
    "regression": (BaseRegressionDataset, "age"),
    "mt-regression": (BaseMTRegressionDataset, ["age", "loud"]),
}


def write_split(folder, subset, rows, first=0):
    """A CSV and its files: `features/<i>.npy` holds i three times."""
    numbers = np.arange(first, first + rows)
    (folder / "features").mkdir(exist_ok=True)
    for number in numbers.tolist():
        np.save(folder / "features" / f"{number}.npy", np.full(3, number, dtype=np.float64))
    frame = pd.DataFrame(
        {
            "file": [f"{number}.wav" for number in numbers],
            "label": np.array(["cat", "ant", "bee"])[numbers % 3],
            "age": numbers * 1.5,
            "wet": numbers % 2,
            "loud": (numbers % 3 == 0).astype(float),
            "city": np.array(["Ulm", "Rom"])[numbers % 2],
        }
    )
    frame.to_csv(folder / f"{subset}.csv", index=False)
    return frame


@pytest.fixture
def folder(tmp_path):
    """Twelve train, six dev and six test samples."""
    path = tmp_path / "data"
    path.mkdir()
    for subset, rows, first in (("train", 12, 0), ("dev", 6, 12), ("test", 6, 18)):
        write_split(path, subset, rows, first)
    return path


@pytest.fixture
def build(folder):
    """Build a dataset over the folder, with changed arguments if given."""

    def built(task="classification", kind=None, **changes):
        default_kind, column = KINDS[task]
        arguments = {
            "path": str(folder),
            "features_subdir": "features",
            "seed": 1,
            "metrics": [METRICS[task]],
            "tracking_metric": METRICS[task],
            "index_column": "file",
            "target_column": column,
            "file_type": "npy",
            "file_handler": "autrainer.datasets.utils.NumpyFileHandler",
        }
        return (kind or default_kind)(**{**arguments, **changes})

    return built
