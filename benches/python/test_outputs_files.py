"""The table of results: ours beside pandas and polars, which start from a frame that is ready."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from autrainer.runs.columns import Labels
from autrainer.runs.files import write_npy, write_results

SHAPES = [(1_000, 10), (100_000, 10), (5_000, 527)]


@pytest.fixture(params=SHAPES, ids=lambda shape: "x".join(map(str, shape)), scope="module")
def table(request):
    rows, classes = request.param
    probabilities = np.random.default_rng(0).dirichlet(np.ones(classes), rows).astype(np.float32)
    names = [f"probability_class_{i}" for i in range(classes)]
    labels = [f"class_{i}" for i in range(classes)]
    return np.arange(rows), probabilities.argmax(1), labels, names, probabilities


@pytest.mark.parametrize("writer", ["ours", "polars", "pandas"])
def test_results_table(benchmark, tmp_path, table, writer):
    indices, codes, labels, names, probabilities = table
    benchmark.group = f"results of {probabilities.shape[0]:,} x {probabilities.shape[1]}"
    path = str(tmp_path / "results.csv")
    columns = {name: probabilities[:, i] for i, name in enumerate(names)}
    texts = [labels[code] for code in codes]
    columns = {"index": indices, "predictions": texts, **columns}
    frame = pd.DataFrame(columns)
    polars = pl.DataFrame(columns)
    run = {
        "ours": lambda: write_results(path, indices, Labels(codes, labels), names, probabilities),
        "polars": lambda: polars.write_csv(path),
        "pandas": lambda: frame.to_csv(path, index=False),
    }
    benchmark.pedantic(run[writer], rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("writer", ["ours", "numpy.save"])
def test_array(benchmark, tmp_path, table, writer):
    probabilities = table[-1]
    benchmark.group = f"array of {probabilities.shape[0]:,} x {probabilities.shape[1]}"
    path = str(tmp_path / "outputs.npy")
    run = {
        "ours": lambda: write_npy(path, probabilities),
        "numpy.save": lambda: np.save(path, probabilities),
    }
    benchmark.pedantic(run[writer], rounds=10, warmup_rounds=1)
