"""The table of metrics and `metrics.csv`."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autrainer.errors import CorruptFileError
from autrainer.training.recording.history import History

ROWS = st.dictionaries(
    st.integers(min_value=1, max_value=10**6),
    st.tuples(st.floats(width=64), st.floats(width=64)),
    min_size=1,
    max_size=20,
)


def filled(rows):
    history = History(["accuracy", "dev_loss"])
    for iteration, (accuracy, loss) in rows.items():
        history.record(iteration, {"accuracy": accuracy})
        history.record(iteration, {"dev_loss": loss})
    return history


@given(rows=ROWS)
def test_what_is_written_reads_back_bit_for_bit(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("history") / "metrics.csv"
    history = filled(rows)
    path.write_text(history.to_csv())
    again = History(history.columns)
    again.load_csv(path)
    assert again.to_csv() == history.to_csv()
    assert again.iterations == history.iterations


def test_pandas_reads_the_file_as_the_frame():
    history = filled({1: (0.1, 2.5), 2: (0.2, math.nan)})
    import io

    read = pd.read_csv(io.StringIO(history.to_csv()))
    expected = history.frame(with_iteration=True).reset_index(drop=True)
    pd.testing.assert_frame_equal(read, expected)


def test_the_index_of_the_frame_is_the_iteration():
    frame = filled({3: (0.1, 2.5), 6: (0.2, 1.0)}).frame()
    assert list(frame.index) == [3, 6]
    assert list(frame.columns) == ["accuracy", "dev_loss"]


def test_a_damaged_table_is_refused_with_file_and_line(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text("accuracy,dev_loss,iteration\n0.1,oops,1\n")
    with pytest.raises(CorruptFileError, match=r"metrics\.csv, line 2"):
        History(["accuracy", "dev_loss"]).load_csv(path)
