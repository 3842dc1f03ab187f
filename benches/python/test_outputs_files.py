"""The table of results: ours beside pandas and polars, which start from a frame that is ready."""

from itertools import starmap
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from autrainer.data.targets import LabelEncoder
from autrainer.runs.writing.background import Background
from autrainer.runs.writing.columns import Labels, Picked, TextTable
from autrainer.runs.writing.files import write_npy
from autrainer.runs.writing.outputs import OutputsTracker
from autrainer.runs.writing.results_csv import write_results
from autrainer.runs.writing.tables import write_table

SHAPES = [(1_000, 10), (100_000, 10), (1_000_000, 10), (5_000, 527)]

SLOW_ROWS = 1_000_000
"""As many take pandas half a minute."""


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
    if writer == "pandas" and len(indices) >= SLOW_ROWS:
        pytest.skip("pandas takes half a minute for a million rows")
    polars = ready_frame(table)
    frame = pd.DataFrame(polars.to_dict(as_series=False)) if writer == "pandas" else None
    run = {
        "ours": lambda: write_results(path, indices, Labels(codes, labels), names, probabilities),
        "polars": lambda: polars.write_csv(path),
        "pandas": lambda: frame.to_csv(path, index=False),
    }
    benchmark.pedantic(run[writer], rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("table_format", ["csv", "parquet"])
@pytest.mark.parametrize("writer", ["ours", "polars"])
def test_results_with_targets_and_names(benchmark, tmp_path, table, table_format, writer):
    """Texts of all rows: ours picks them by their index, those of polars are ready in its frame."""
    indices, codes, labels, names, probabilities = table
    benchmark.group = f"{table_format} with targets and names of {len(indices):,} x {len(names)}"
    path = str(tmp_path / f"results.{table_format}")
    files = [f"speaker_{row % 97:02}/{row:08}.wav" for row in range(len(indices))]
    target, texts = codes[::-1].copy(), TextTable.of(files)
    frame = ready_frame(table)
    beside = {"target": [labels[code] for code in target], "file": files}
    frame = frame.select("index", "predictions", *starmap(pl.Series, beside.items()), *names)

    def ours():
        columns = [("target", Labels(target, labels)), ("file", Picked(indices, texts))]
        given = (indices, Labels(codes, labels), names, probabilities)
        write_table(path, table_format, *given, columns)

    others = frame.write_csv if table_format == "csv" else frame.write_parquet
    benchmark.pedantic(
        ours if writer == "ours" else lambda: others(path), rounds=5, warmup_rounds=1
    )


def test_names_of_a_split(benchmark, table):
    """What ours pays once a run for the names of a split."""
    files = [f"speaker_{row % 97:02}/{row:08}.wav" for row in range(len(table[0]))]
    benchmark.group = f"names of {len(files):,}"
    benchmark.pedantic(lambda: TextTable.of(files), rounds=5, warmup_rounds=1)


def ready_frame(table):
    indices, codes, labels, names, probabilities = table
    columns = {name: probabilities[:, i] for i, name in enumerate(names)}
    texts = [labels[code] for code in codes]
    return pl.DataFrame({"index": indices, "predictions": texts, **columns})


@pytest.mark.parametrize("writer", ["ours", "polars"])
def test_results_from_model_outputs(benchmark, tmp_path, table, writer):
    """Ours computes probabilities, predictions and their labels first."""
    indices, _, labels, names, probabilities = table
    benchmark.group = f"results of {len(indices):,} x {len(names)}, from model outputs"
    path, frame = str(tmp_path / "results.csv"), ready_frame(table)
    transform, outputs = LabelEncoder(labels), torch.from_numpy(np.log(probabilities + 1e-30))

    def ours():
        computed = transform.probabilities_inference(outputs)
        decoded = transform.decode_array(transform.predict_array(computed))
        write_results(path, indices, decoded, names, transform.probability_columns(computed)[1])

    run = {"ours": ours, "polars": lambda: frame.write_csv(path)}
    benchmark.pedantic(run[writer], rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("writer", ["ours", "polars and numpy"])
def test_all_files_of_a_pass(benchmark, tmp_path, table, writer):
    """Ours computes what is in the table first, and its files are on the disk at the end."""
    indices, codes, labels, _, probabilities = table
    benchmark.group = f"results and four arrays of {len(indices):,} x {len(labels)}"
    outputs = torch.from_numpy(np.log(probabilities + 1e-30))
    run = SimpleNamespace(output_directory=tmp_path, background=Background())
    data = SimpleNamespace(target_transform=LabelEncoder(labels), output_dim=len(labels))
    tracker = OutputsTracker(True, "dev", data, run)
    tracker.update(outputs, torch.from_numpy(codes), outputs[:, 0], torch.from_numpy(indices))
    frame = ready_frame(table)
    arrays = {"outputs": outputs, "targets": codes, "indices": indices, "losses": outputs[:, 0]}

    def ours():
        tracker.save("epoch_1", reset=False)
        run.background.join()

    def others():
        frame.write_csv(tmp_path / "results.csv")
        for name, array in arrays.items():
            np.save(tmp_path / f"{name}.npy", array)

    benchmark.pedantic(ours if writer == "ours" else others, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("table_format", ["parquet", "arrow"])
@pytest.mark.parametrize("writer", ["ours", "polars"])
def test_table_for_programs(benchmark, tmp_path, table, table_format, writer):
    indices, codes, labels, names, probabilities = table
    benchmark.group = f"results as {table_format} of {len(indices):,} x {len(names)}"
    path = str(tmp_path / f"results.{table_format}")
    if writer == "ours":
        columns = (indices, Labels(codes, labels), names, probabilities)
        run = lambda: write_table(path, table_format, *columns)  # noqa: E731
    else:
        frame = ready_frame(table)
        write = frame.write_parquet if table_format == "parquet" else frame.write_ipc
        run = lambda: write(path)  # noqa: E731
    benchmark.pedantic(run, rounds=5, warmup_rounds=1)


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
