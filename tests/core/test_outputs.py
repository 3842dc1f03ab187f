"""The functions of the extension that write files, where their doors do not already guard them."""

import numpy as np
import pytest

from autrainer import _core
from autrainer.errors import AutrainerError, DataError, OutputError


def test_an_error_is_of_both_families_and_names_the_file(tmp_path):
    path = str(tmp_path / "missing" / "x")
    with pytest.raises(OutputError, match="nothing was written") as caught:
        _core.write_bytes(path, b"")
    assert isinstance(caught.value, AutrainerError)
    assert isinstance(caught.value, OSError)
    assert (caught.value.errno, caught.value.filename) == (2, path)


@pytest.mark.parametrize("kind", ["label", "", "valuelists"])
def test_an_unknown_kind_of_column_is_refused(tmp_path, kind):
    empty = np.empty((0, 0), np.float32)
    with pytest.raises(DataError, match="columns"):
        _core.write_results(
            str(tmp_path / "x"), np.empty(0, np.int64), [("p", (kind, np.empty(0)))], [], empty
        )


@pytest.mark.parametrize(
    "probabilities",
    [np.ones((1, 2), np.int64), np.ones((1, 2), np.float16)],
)
def test_numbers_of_another_kind_are_refused(tmp_path, probabilities):
    with pytest.raises(DataError, match="probabilities"):
        _core.write_results(
            str(tmp_path / "x"), np.arange(1), [("a", ("texts", ["a"]))], ["p", "q"], probabilities
        )


@pytest.mark.parametrize("column", [(), ("labels", np.arange(1)), ("coded_texts", np.arange(1))])
def test_columns_that_are_incomplete_are_refused(tmp_path, column):
    with pytest.raises(IndexError):
        _core.write_results(
            str(tmp_path / "x"), np.arange(1), [("a", column)], [], np.empty((1, 0))
        )
