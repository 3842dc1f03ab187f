"""The table of results reads back the same from every format."""

import resource
import signal
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autrainer.errors import DataError, MissingExtraError, OutputError
from autrainer.runs.writing import tables
from autrainer.runs.writing.columns import (
    Labels,
    LabelSets,
    Picked,
    Texts,
    TextTable,
    ValueLists,
    Values,
)
from autrainer.runs.writing.tables import require_library, write_table

BINARY = ("parquet", "arrow")
NAMES = ["probability_a", "probability_b"]
INDICES = np.array([4, 0, 2])
CELLS = np.array([[0.1, np.nan], [1e-30, 2.5], [np.inf, -0.0]], np.float32)
COLUMNS = {
    "labels": (Labels(np.array([1, 0, 1]), ["a", 'it\'s, "b"']), ['it\'s, "b"', "a", 'it\'s, "b"']),
    "label_sets": (
        LabelSets(np.array([[1, 0], [1, 1], [0, 0]]), ["a", "b"]),
        [["a"], ["a", "b"], []],
    ),
    "values": (Values(np.array([0.5, -1.25, 3.0], np.float32)), [0.5, -1.25, 3.0]),
    "integers": (Values(np.array([7, -1, 0])), [7, -1, 0]),
    "value_lists": (
        ValueLists(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])),
        [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
    ),
    "texts": (Texts(["x", "", "ü\n"]), ["x", "", "ü\n"]),
}


TEXTS = TextTable.of(["b,b", "", "ü\n", "never"])
BESIDE = [
    ("file", Picked(np.array([2, 0, 2]), TEXTS)),
    ("target", Values(np.array([0.5, np.nan, -1.0]))),
]


def read(path):
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.ipc.open_file(path) as file:
        return file.read_all()


def written(
    folder, table_format, predictions, cells=CELLS, indices=INDICES, names=NAMES, beside=()
):
    path = folder / f"results.{table_format}"
    write_table(path, table_format, indices, predictions, names, cells, beside)
    return path


@pytest.mark.parametrize("table_format", BINARY)
@pytest.mark.parametrize("kind", COLUMNS)
def test_every_kind_of_prediction_reads_back(tmp_path, table_format, kind):
    predictions, expected = COLUMNS[kind]
    table = read(written(tmp_path, table_format, predictions))
    assert table.column_names == ["index", "predictions", *NAMES]
    assert table["index"].to_pylist() == INDICES.tolist()
    assert table["index"].type == pa.int64()
    assert table["predictions"].to_pylist() == expected
    for position, name in enumerate(NAMES):
        values = table[name].to_numpy()
        assert values.dtype == np.float32
        assert values.tobytes() == CELLS[:, position].tobytes()


@pytest.mark.parametrize("table_format", BINARY)
def test_columns_beside_the_predictions_read_back(tmp_path, table_format):
    table = read(written(tmp_path, table_format, COLUMNS["integers"][0], beside=BESIDE))
    assert table.column_names == ["index", "predictions", "file", "target", *NAMES]
    assert table["file"].to_pylist() == ["ü\n", "b,b", "ü\n"]
    assert table["file"].type == pa.string()
    assert table["target"].to_numpy().tobytes() == BESIDE[1][1].values.tobytes()


def test_columns_beside_the_predictions_stand_in_csv(tmp_path):
    path = written(tmp_path, "csv", COLUMNS["integers"][0], beside=BESIDE)
    assert path.read_text().splitlines()[:2] == [
        "index,predictions,file,target,probability_a,probability_b",
        '4,7,"ü',
    ]
    table = pd.read_csv(path, dtype={"file": str})
    assert table["file"].tolist() == ["ü\n", "b,b", "ü\n"]
    assert np.array_equal(table["target"], BESIDE[1][1].values, equal_nan=True)


@given(texts=st.lists(st.text(max_size=5), max_size=8))
def test_a_table_of_texts_gives_each_back(texts):
    table = TextTable.of(texts)
    assert [table[position] for position in range(len(table))] == [
        text.encode("utf-8", "backslashreplace").decode() for text in texts
    ]


@pytest.mark.parametrize("table_format", BINARY)
def test_pandas_reads_the_numbers_that_it_reads_from_csv(tmp_path, table_format):
    predictions, _ = COLUMNS["labels"]
    cells = np.random.default_rng(0).random((3, 2), np.float32)
    csv = pd.read_csv(written(tmp_path, "csv", predictions, cells))
    path = written(tmp_path, table_format, predictions, cells)
    binary = pd.read_parquet(path) if table_format == "parquet" else pd.read_feather(path)
    assert list(binary) == list(csv)
    assert binary["predictions"].tolist() == csv["predictions"].tolist()
    assert np.array_equal(binary[NAMES].to_numpy(), csv[NAMES].to_numpy(np.float32))


@given(
    cells=st.sampled_from([np.float32, np.float64]).flatmap(
        lambda dtype: arrays(dtype, st.tuples(st.integers(0, 60), st.integers(0, 4)))
    ),
    rows_per_chunk=st.integers(1, 40),
    table_format=st.sampled_from(BINARY),
)
@settings(max_examples=60, deadline=None)
def test_what_is_read_does_not_depend_on_the_pieces(
    tmp_path_factory, cells, rows_per_chunk, table_format
):
    folder = tmp_path_factory.mktemp("table")
    rows, width = cells.shape
    names = [f"probability_{column}" for column in range(width)]
    codes = np.arange(rows) % 3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "CHUNK_BYTES", 0)
        patch.setattr(tables, "LEAST_ROWS", rows_per_chunk)
        path = written(
            folder, table_format, Labels(codes, ["a", "b", "c"]), cells, np.arange(rows), names
        )
    table = read(path)
    assert table["index"].to_pylist() == list(range(rows))
    assert table["predictions"].to_pylist() == ["abc"[code] for code in codes]
    for position, name in enumerate(names):
        assert table[name].to_numpy().tobytes() == cells[:, position].tobytes()


@pytest.mark.parametrize("table_format", BINARY)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"predictions": Labels(np.array([0, 2, 0]), ["a", "b"])},
            "code 2 in row 1 names no label",
        ),
        ({"predictions": Labels(np.array([0, -1, 0]), ["a", "b"])}, "code -1 in row 1"),
        ({"predictions": Texts(["x"])}, "1 predictions for 3 rows"),
        ({"cells": CELLS[:2]}, r"shape \(2, 2\)"),
        ({"beside": [("file", Picked(np.array([0, 4, 0]), TEXTS))]}, "code 4 in row 1"),
        ({"beside": [("file", Picked(np.array([0]), TEXTS))]}, "1 file for 3 rows"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, table_format, change, message):
    given = {"predictions": COLUMNS["texts"][0], **change}
    with pytest.raises(DataError, match=message):
        written(tmp_path, table_format, **given)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("table_format", BINARY)
def test_a_full_disk_leaves_the_old_table_and_no_other_file(tmp_path, table_format):
    rows = 20_000
    path = written(tmp_path, table_format, COLUMNS["texts"][0])
    before = path.read_bytes()
    cells = np.random.default_rng(0).random((rows, 2))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="nothing was written") as raised:
            written(tmp_path, table_format, Values(cells[:, 0]), cells, np.arange(rows))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert raised.value.filename == str(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_format_without_its_library_is_refused_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    require_library("csv")
    with pytest.raises(MissingExtraError, match=r"outputs_format: parquet .*autrainer\[arrow\]"):
        require_library("parquet")


@pytest.mark.parametrize("table_format", BINARY)
def test_memory_does_not_grow_with_the_table(tmp_path, table_format, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK_BYTES", 2**20)

    def peak_bytes(rows):
        cells = np.zeros((rows, 10), np.float32)
        names = [str(column) for column in range(10)]
        predictions, indices = Values(cells[:, 0].copy()), np.arange(rows)
        tracemalloc.start()
        before = pa.total_allocated_bytes()
        written(tmp_path, table_format, predictions, cells, indices, names)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return peak + pa.total_allocated_bytes() - before

    peak_bytes(1_000)
    assert peak_bytes(400_000) < 1.5 * peak_bytes(50_000)
