"""Streams that cannot be written: what is said is lost, and nothing else."""

import io
import os

import pytest

from autrainer.callbacks.progress import Progress
from autrainer.runs.process.streams import lenient
from tests import forked


def full():
    return open("/dev/full", "w", buffering=1)


def without_reader():
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w", buffering=1)


def without_terminal():
    terminal, end = os.openpty()
    os.close(terminal)
    return os.fdopen(end, "w", buffering=1)


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


def never_open():
    return None


UNWRITABLE = [full, without_reader, without_terminal, closed, never_open]


@pytest.fixture(params=UNWRITABLE, ids=lambda make: make.__name__)
def unwritable(request):
    """A stream that takes nothing, and whose buffer gives nothing away at the end."""
    stream = request.param()
    yield stream
    if isinstance(stream, io.TextIOWrapper):
        raw = stream.buffer.raw
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), raw.fileno())
        stream.close()


def test_what_cannot_be_written_is_lost(unwritable):
    stream = lenient(unwritable)
    assert lenient(stream) is stream
    for _ in range(3):
        print("a line", file=stream, flush=True)
    assert stream.write("abc") == 3
    stream.writelines(["a\n", "b\n"])
    assert not stream.isatty()


def test_a_bar_ends_no_run(unwritable, monkeypatch):
    monkeypatch.setattr("sys.stderr", unwritable)
    with Progress("Train", 3, disabled=False) as bar:
        bar._bar.delay = bar._bar.mininterval = 0
        for _ in range(3):
            bar.advance()
            bar._bar.refresh()


def test_a_lenient_stream_is_else_the_stream():
    stream = io.StringIO()
    print("a line", file=lenient(stream))
    assert lenient(stream).getvalue() == "a line\n"


CLOSED = """
import os, sys
from autrainer.runs.process.streams import open_standard_streams

for number, name in enumerate(("stdin", "stdout", "stderr")):
    os.close(number)
    setattr(sys, name, None)
open_standard_streams()
with open("file", "w") as file:
    print("nowhere")
    print("nowhere", file=sys.stderr, flush=True)
    print(file.fileno() > 2, repr(sys.stdin.read()), file=file)
"""


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    forked.run(CLOSED, cwd=tmp_path, check=True)
    assert (tmp_path / "file").read_text() == "True ''\n"
