"""Tables of results as CSV: every cell reads back."""

import ast
import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autrainer.errors import DataError
from autrainer.runs.writing.columns import Labels, LabelSets, Texts, ValueLists, Values
from autrainer.runs.writing.results_csv import write_results

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
# From pandas 3.1 on this is the default, and to ask for it is deprecated.
NEWER = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
EXACT: dict = {} if NEWER else {"float_precision": "round_trip"}


def cells(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@in_a_folder
@given(st.sampled_from([np.float32, np.float64]), st.data())
def test_every_float_reads_back(tmp_path, dtype, data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 4)))
    values = data.draw(hnp.arrays(dtype, shape))
    columns = [f"p{i}" for i in range(shape[1])]
    path = tmp_path / "r.csv"
    write_results(path, np.arange(shape[0]), Values(values[:, 0]), columns, values)
    frame = pd.read_csv(path, **EXACT)
    read = frame[columns].to_numpy(np.float64).astype(dtype)
    np.testing.assert_array_equal(read, values)
    np.testing.assert_array_equal(np.signbit(read[read == 0]), np.signbit(values[values == 0]))
    assert frame["index"].tolist() == list(range(shape[0]))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@in_a_folder
@given(st.lists(TEXT, min_size=1, max_size=5), st.data())
def test_any_label_reads_back(tmp_path, labels, data):
    codes = np.array(data.draw(st.lists(st.integers(0, len(labels) - 1), min_size=1)))
    mask = data.draw(hnp.arrays(np.bool_, (len(codes), len(labels))))
    empty = np.empty((len(codes), 0), np.float32)
    path = tmp_path / "r.csv"
    expected = [labels[code] for code in codes]
    for column in (Labels(codes, labels), Texts(expected)):
        write_results(path, np.arange(len(codes)), column, [], empty)
        assert [row[1] for row in cells(path)[1:]] == expected
    write_results(path, np.arange(len(codes)), LabelSets(mask, labels), [], empty)
    lists = [[labels[i] for i in np.flatnonzero(row)] for row in mask]
    assert [row[1] for row in cells(path)[1:]] == [repr(entry) for entry in lists]
    assert [ast.literal_eval(row[1]) for row in cells(path)[1:]] == lists


def test_the_table_looks_as_pandas_writes_it(tmp_path):
    path = tmp_path / "r.csv"
    probabilities = np.array([[0.25, np.nan], [np.inf, -1.0], [1e-7, 3e20]])
    column = Labels(np.array([1, 0, 2]), ["a,b", 'c"d', "e\nf"])
    write_results(path, np.array([2, 0, -1]), column, ["x", "y,z"], probabilities)
    frame = pd.DataFrame(probabilities, columns=["x", "y,z"])
    frame.insert(0, "index", [2, 0, -1])
    frame.insert(1, "predictions", ['c"d', "a,b", "e\nf"])
    written, expected = cells(path), list(csv.reader(io.StringIO(frame.to_csv(index=False))))
    assert written[:3] == expected[:3]
    assert path.read_bytes().startswith(b'index,predictions,x,"y,z"\n2,"c""d",0.25,\n0,"a,b",inf,')
    pd.testing.assert_frame_equal(pd.read_csv(path, **EXACT), frame)


def test_lists_of_values_read_as_python_prints_them(tmp_path):
    values = np.array([[0.1, np.nan], [np.inf, -2.0]], np.float32)
    path = tmp_path / "r.csv"
    write_results(path, np.arange(2), ValueLists(values), [], np.empty((2, 0)))
    assert [row[1] for row in cells(path)[1:]] == ["[0.1, nan]", "[inf, -2.0]"]
    write_results(path, np.arange(2), Values(np.array([3, -4])), [], np.empty((2, 0)))
    assert [row[1] for row in cells(path)[1:]] == ["3", "-4"]


def test_large_tables_are_complete_and_in_order(tmp_path):
    rows = 100_000
    probabilities = np.random.default_rng(0).random((rows, 3), dtype=np.float32)
    path = tmp_path / "r.csv"
    codes = np.arange(rows) % 7
    labels = [f"label {i}" for i in range(7)]
    write_results(path, np.arange(rows), Labels(codes, labels), list("abc"), probabilities)
    frame = pd.read_csv(path, **EXACT)
    assert np.array_equal(frame["index"], np.arange(rows))
    assert np.array_equal(frame[list("abc")].to_numpy(np.float32), probabilities)
    assert frame["predictions"].tolist() == [labels[code] for code in codes]


@pytest.mark.parametrize(
    ("column", "names", "words"),
    [
        (Labels(np.array([0, 2]), ["a", "b"]), ["p"], "code 2 in row 1"),
        (Labels(np.array([0, -1]), ["a", "b"]), ["p"], "code -1 in row 1"),
        (Labels(np.array([0]), ["a"]), ["p"], "codes has 1 elements"),
        (Texts(["a"]), ["p"], "texts has 1 elements"),
        (LabelSets(np.ones((2, 3)), ["a", "b"]), ["p"], "mask has 6 elements"),
        (ValueLists(np.ones((3, 2))), ["p"], "values has 6 elements"),
        (Texts(["a", "b"]), ["p", "q"], r"\(2, 1\)"),
        (Values(np.array(["a", "b"])), ["p"], "dtype <U1"),
        (["a", "b"], ["p"], "list"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, column, names, words):
    with pytest.raises(DataError, match=words):
        write_results(tmp_path / "r.csv", np.arange(2), column, names, np.ones((2, 1)))
    assert not (tmp_path / "r.csv").exists()
