"""Bars where nobody watches, on a terminal, and in a notebook."""

import os
import sys

import nbclient
import nbformat
import pytest

from autrainer.runs.process import bars

CELLS = (
    """
from ipywidgets.widgets import widget
from autrainer.callbacks.progress import Progress
from autrainer.runs.process.bars import new_bar
with Progress("Train", 3, disabled=False) as bar:
    for _ in range(3):
        bar.advance()
assert not widget._instances
new_bar(total=2, desc="if watched", disable=None).close()
""",
    """
import sys
sys.modules["ipywidgets"] = None
from autrainer.runs.process import bars
bars._bar_class.cache_clear()
bars.new_bar(total=2, desc="as text").close()
""",
)


@pytest.mark.slow
def test_a_notebook_shows_bars_of_its_own_or_text_where_it_has_no_widgets(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=None, resources=resources).execute()
    widgets, text = (cell.outputs for cell in notebook.cells)
    shown = [
        output.data["text/plain"] for output in widgets if output.output_type == "display_data"
    ]
    assert "if watched" in [line.partition(":")[0] for line in shown]
    written = "".join(output.text for output in text if output.output_type == "stream")
    assert "as text:   0%" in written
    assert "Traceback" not in written


def test_a_file_gets_no_bar_that_is_for_those_who_watch(capsys):
    bars.new_bar(total=2, disable=None).close()
    assert capsys.readouterr().err == ""
    assert not bars.is_watched()


def test_a_terminal_does(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert bars.is_watched()
    bars.new_bar(total=2, desc="Train", disable=None).close()
    assert "Train:   0%" in capsys.readouterr().err


def test_a_terminal_without_a_size_shows_more_than_empty_lines(monkeypatch):
    master, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        bars.counting_bar("Inference", 2, "file").close()
        written = os.read(master, 65536)
    os.close(master)
    assert b"Inference:   0%" in written


def test_a_log_gets_a_line_at_the_beginning_one_a_minute_and_one_at_the_end(monkeypatch, capsys):
    now = iter([0.0, 30.0, 61.0, 61.0, 90.0, 100.0])
    monkeypatch.setattr(bars, "monotonic", lambda: next(now))
    bar = bars.counting_bar("Pitch", 9, "file", done=2)
    for _ in range(3):
        bar.update(2)
    bar.close()
    assert capsys.readouterr().err.splitlines() == [
        "Pitch: 9 files, 2 done before",
        "Pitch: 6 of 9",
        "Pitch: 8 of 9 done in 100.0 s",
    ]
