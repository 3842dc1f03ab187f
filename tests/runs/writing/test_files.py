"""Files of a run: whole or not at all, and readable by NumPy, pandas and YAML."""

import io
import os
import resource
import stat
import subprocess
import sys
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autrainer.errors import CorruptFileError, DataError, OutputError
from autrainer.runs.writing.files import (
    copy_file,
    make_folder,
    remove_file,
    write_by_name,
    write_bytes,
    write_npy,
    write_text,
)
from autrainer.runs.yaml.reading import read_yaml
from autrainer.runs.yaml.writing import write_yaml

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
# From pandas 3.1 on this is the default, and to ask for it is deprecated.
NEWER = tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1)
EXACT: dict = {} if NEWER else {"float_precision": "round_trip"}
NUMBERS = hnp.scalar_dtypes().filter(lambda dtype: dtype.kind in "biufc")


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_file_appears_with_its_folders_and_nothing_else(tmp_path):
    write_text(tmp_path / "a" / "b" / "c.txt", "grüße\r\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "grüße\r\n".encode()
    assert names(tmp_path / "a" / "b") == ["c.txt"]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, np.frombuffer])
def test_bytes_of_any_kind_can_be_written(tmp_path, kind):
    content = {np.frombuffer: lambda data: memoryview(np.frombuffer(data, np.float64))}
    write_bytes(tmp_path / "x", content.get(kind, kind)(b"abcdefgh"))
    write_bytes(str(tmp_path / "x"), content.get(kind, kind)(b"12345678"))
    assert (tmp_path / "x").read_bytes() == b"12345678"


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path):
    write_text(tmp_path / ("n" * 255), "x")
    with pytest.raises(OutputError, match="n" * 256):
        write_text(tmp_path / ("n" * 256), "x")
    assert names(tmp_path) == ["n" * 255]


def test_permissions_are_kept(tmp_path):
    (tmp_path / "x").write_text("old")
    (tmp_path / "x").chmod(0o640)
    write_text(tmp_path / "x", "new")
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def written_by_name(path, text):
    write_by_name(path, lambda sibling: Path(sibling).write_text(text))


@pytest.mark.parametrize("leads_to", ["real", "nowhere", "/dev/null", "folder"])
@pytest.mark.parametrize("write", [write_text, written_by_name])
def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path, leads_to, write):
    (tmp_path / "real").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(leads_to)
    write(tmp_path / "link", "new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "new"
    assert (tmp_path / "real").read_text() == "precious"
    assert names(tmp_path) == ["folder", "link", "real"]


def test_what_is_no_file_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in ("/dev/null", tmp_path / "pipe", tmp_path):
        with pytest.raises(OutputError) as caught:
            write_text(path, "x")
        assert caught.value.filename == str(path)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert names(tmp_path) == ["pipe"]


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError) as caught:
        write_text(tmp_path / "file" / "below", "x")
    assert caught.value.filename == str(tmp_path / "file" / "below")
    assert caught.value.errno


@pytest.mark.parametrize(
    "write",
    [
        "write_bytes(path, b'x' * 100_000)",
        "write_npy(path, np.zeros(100_000))",
        "copy_file(np.__file__, path)",
        "write_results(path, np.arange(400_000), Values(np.ones(400_000)), ['p'],"
        " np.ones((400_000, 1)))",
    ],
)
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, write):
    path = tmp_path / "x"
    path.write_text("old")
    code = (
        "import signal, sys, numpy as np, resource\n"
        "from autrainer.runs.writing.files import *\nfrom autrainer.runs.writing.columns import *\n"
        "from autrainer.runs.writing.results_csv import *\n"
        "from autrainer.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"path = {str(path)!r}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"try:\n    {write}\nexcept OutputError as error:\n"
        "    print(error.errno, error.filename)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["27", str(path)]
    assert path.read_text() == "old"
    assert names(tmp_path) == ["x"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


def test_copies_equal_their_source(tmp_path):
    (tmp_path / "a").write_bytes(os.urandom(300_000))
    copy_file(tmp_path / "a", tmp_path / "new" / "b")
    copy_file(tmp_path / "a", tmp_path / "a")
    assert (tmp_path / "new" / "b").read_bytes() == (tmp_path / "a").read_bytes()
    with pytest.raises(FileNotFoundError, match="missing"):
        copy_file(tmp_path / "missing", tmp_path / "c")
    with pytest.raises(IsADirectoryError):
        copy_file(tmp_path, tmp_path / "c")
    assert names(tmp_path) == ["a", "new"]


def numpy_bytes(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@in_a_folder
@given(hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)))
def test_arrays_are_written_as_numpy_writes_them(tmp_path, array):
    views = [array, array.T, np.asfortranarray(array), array[..., ::-1] if array.ndim else array]
    for view in views:
        write_npy(tmp_path / "x.npy", view)
        assert (tmp_path / "x.npy").read_bytes() == numpy_bytes(view)


@pytest.mark.parametrize(
    "array",
    [
        np.array(["ab", "ü"]),
        np.array([b"ab"]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
        np.zeros((0, 3)),
        np.arange(2_000_000).reshape(1000, -1)[:, ::2],
    ],
)
def test_other_arrays_are_written_as_numpy_writes_them(tmp_path, array):
    write_npy(tmp_path / "x.npy", array)
    assert (tmp_path / "x.npy").read_bytes() == numpy_bytes(array)


def test_arrays_of_objects_are_refused(tmp_path):
    for array in (np.array([None]), np.zeros(1, dtype=[("a", "O")])):
        with pytest.raises(DataError):
            write_npy(tmp_path / "x.npy", array)
    assert names(tmp_path) == []


class Colour(Enum):
    RED = "red"


def test_yaml_holds_plain_values_in_their_order(tmp_path):
    shared = [1, 2]
    content = {
        "z": torch.tensor(1.5),
        3: np.float32(0.5),
        np.int64(7): np.str_("text"),
        "a": {"list": (np.bool_(True), None, torch.ones(2)), "path": Path("x/y")},
        "colour": Colour.RED,
        "shared": [shared, shared],
        "small": 1e-05,
        "umlaut": "ü: 'x'",
    }
    write_yaml(tmp_path / "x.yaml", content)
    assert read_yaml(tmp_path / "x.yaml") == {
        "z": 1.5,
        3: 0.5,
        7: "text",
        "a": {"list": [True, None, [1.0, 1.0]], "path": "x/y"},
        "colour": "red",
        "shared": [[1, 2], [1, 2]],
        "small": 1e-05,
        "umlaut": "ü: 'x'",
    }
    text = (tmp_path / "x.yaml").read_text(encoding="utf-8")
    assert "!!" not in text
    assert "&id" not in text
    assert text.index("z:") < text.index("a:")


def test_what_yaml_cannot_hold_is_named(tmp_path):
    with pytest.raises(DataError, match=r"a\.b\[1\] is of type object"):
        write_yaml(tmp_path / "x.yaml", {"a": {"b": [1, object()]}})


def test_objects_that_earlier_versions_wrote_are_read_as_numbers(tmp_path):
    content = {
        np.int64(3): {"all": np.float32(1.5)},
        np.int64(-4): np.float64(0.1),
        "text": np.str_("hä"),
        "flag": np.bool_(True),
        "half": np.float16(2),
        "byte": np.uint8(255),
        "pair": (1, 2),
    }
    (tmp_path / "x.yaml").write_text(yaml.dump(content))
    older = yaml.dump(content).replace("numpy._core", "numpy.core")
    (tmp_path / "y.yaml").write_text(older)
    expected = {
        3: {"all": 1.5},
        -4: 0.1,
        "text": "hä",
        "flag": True,
        "half": 2.0,
        "byte": 255,
        "pair": (1, 2),
    }
    for name in ("x.yaml", "y.yaml"):
        read = read_yaml(tmp_path / name)
        assert read == expected
        assert {type(key) for key in read} == {int, str}


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [echo]",
        "!!python/object/new:os.system [echo]",
        "!!python/name:os.system",
        "!!python/object/apply:numpy._core.multiarray.scalar [1, 2]",
        "!!python/object/apply:numpy._core.multiarray.scalar [1]",
        "!!python/object/apply:numpy.dtype {args: [O8]}",
        "!!python/object/apply:numpy.dtype {args: [f8, false, true], state: 3}",
        "!!python/object/apply:numpy.dtype {}",
        "!!python/object/apply:numpy.dtype 3",
        "!!python/object/apply:numpy._core.multiarray.scalar\n"
        "- !!python/object/apply:numpy.dtype {args: [f8, false, true]}\n- !!binary AAAA\n",
        "a: [1",
        "\x00",
        "a: !!timestamp 99",
    ],
)
def test_files_that_are_no_plain_yaml_are_named_and_never_executed(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    try:
        value = read_yaml(tmp_path / "x.yaml")
    except CorruptFileError as error:
        assert str(tmp_path / "x.yaml") in str(error)  # noqa: PT017
    else:
        assert type(value).__name__ == "Dtype"


@in_a_folder
@given(st.binary(max_size=60))
def test_random_bytes_never_crash_the_reader(tmp_path, data):
    (tmp_path / "x.yaml").write_bytes(b"a: !!python/tuple\n- " + data)
    try:
        read_yaml(tmp_path / "x.yaml")
    except CorruptFileError as error:
        assert "x.yaml" in str(error)  # noqa: PT017


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "x.yaml")


def test_writing_needs_neither_numpy_nor_yaml_nor_pandas(tmp_path):
    code = (
        "import sys; from autrainer.runs.writing.files import write_text; write_text('x', 'y');"
        "print([m for m in ('numpy', 'yaml', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("change", [make_folder, remove_file])
def test_what_cannot_be_made_or_removed_is_named(change):
    # Nobody, not even root, changes anything there.
    path = Path("/proc/self/status")
    path = path / "x" if change is make_folder else path
    with pytest.raises(OutputError) as caught:
        change(path)
    assert caught.value.filename.startswith("/proc/self")


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_is_no_file_is_read_by_nobody_and_not_waited_for(tmp_path, kind):
    path = tmp_path / "x.yaml"
    {"pipe": os.mkfifo, "folder": os.mkdir}[kind](path)
    with pytest.raises(CorruptFileError, match=rf"x\.yaml: expected a file, found a {kind}"):
        read_yaml(path)
    with pytest.raises((CorruptFileError, IsADirectoryError)):
        copy_file(path, tmp_path / "y")
    assert names(tmp_path) == ["x.yaml"]


def test_a_link_is_not_copied_and_a_copy_shows_nobody_more_than_its_source(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "link").symlink_to("secret")
    with pytest.raises(CorruptFileError, match="link: expected a file, found a link"):
        copy_file(tmp_path / "link", tmp_path / "copy")
    copy_file(tmp_path / "secret", tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
