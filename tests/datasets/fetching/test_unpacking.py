"""Archives are unpacked into their folder and nowhere else, as a whole or not at all."""

import os
import stat
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autrainer.datasets.fetching.unpacking import unpack
from autrainer.errors import CorruptFileError, OutputError


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


def archive(folder, members, name="a.zip", **options):
    """A zip archive in the folder; members are names or entries, with their contents."""
    path = folder / name
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", **options) as zipped:
        warnings.simplefilter("ignore")  # of names that are there twice
        for member, content in members:
            zipped.writestr(member, content)
    return path


def entry(name, mode):
    """A member that claims to be something else than a file."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (mode | 0o644) << 16
    return info


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".zip"
    }


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_members_come_out_as_they_went_in(folder, method):
    members = [("a.txt", "a"), ("empty/", ""), ("wav/b.txt", "b"), ("wav/deep/c.txt", "c" * 9999)]
    unpack(archive(folder, members, compression=method), folder)
    assert content(folder) == {"a.txt": "a", "wav/b.txt": "b", "wav/deep/c.txt": "c" * 9999}
    assert (folder / "empty").is_dir()
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "a.zip", "empty", "wav"]


def test_what_is_there_is_replaced_and_everything_else_stays(folder):
    unpack(archive(folder, [("wav/a.txt", "old"), ("wav/b.txt", "stays")]), folder)
    unpack(archive(folder, [("wav/a.txt", "new"), ("wav/c.txt", "more")]), folder)
    assert content(folder) == {"wav/a.txt": "new", "wav/b.txt": "stays", "wav/c.txt": "more"}


def test_separators_of_windows_separate(folder):
    unpack(archive(folder, [("wav\\deep\\a.txt", "a"), ("none\\", "")]), folder)
    assert content(folder) == {"wav/deep/a.txt": "a"}


ELSEWHERE = ["../a.txt", "wav/../../a.txt", "/etc/a.txt", "..\\a.txt", "C:\\a.txt", "C:a.txt", ".."]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_no_member_leaves_the_folder(folder, name):
    path = archive(folder, [("good.txt", "good"), (name, "bad")])
    with pytest.raises(CorruptFileError, match=r"a\.zip: its member .* outside of the folder"):
        unpack(path, folder)
    assert content(folder.parent) == {}


@pytest.mark.parametrize(
    ("mode", "what"),
    [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "is no file"), (stat.S_IFCHR, "is no file")],
)
def test_a_member_that_is_no_file_is_refused(folder, mode, what):
    path = archive(folder, [(entry("out", mode), "/etc"), ("out/a.txt", "bad")])
    with pytest.raises(CorruptFileError, match=f"its member 'out' {what}"):
        unpack(path, folder)
    assert content(folder) == {}


def test_no_member_is_written_through_a_link_that_leads_out(folder):
    (folder.parent / "elsewhere").mkdir()
    (folder / "wav").symlink_to("../elsewhere")
    with pytest.raises(CorruptFileError, match="through a link that leads out of the folder"):
        unpack(archive(folder, [("wav/a.txt", "bad")]), folder)
    assert content(folder.parent) == {}


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(folder):
    (folder / "b.txt").write_text("kept")
    (folder / "a.txt").symlink_to("b.txt")
    unpack(archive(folder, [("a.txt", "new")]), folder)
    assert content(folder) == {"a.txt": "new", "b.txt": "kept"}


def test_a_damaged_member_leaves_the_folder_as_it_was(folder):
    path = archive(folder, [("a.txt", "sound"), ("b.txt", "damaged")])
    path.write_bytes(path.read_bytes().replace(b"damaged", b"dAmaged"))
    with pytest.raises(CorruptFileError, match=r"a\.zip: its member 'b\.txt' cannot be unpacked"):
        unpack(path, folder)
    assert [name.name for name in folder.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_file_that_is_no_archive_is_named_with_what_to_do(folder, cut):
    path = archive(folder, [("a.txt", "a")])
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CorruptFileError, match=r"a\.zip is no zip archive .* download it again"):
        unpack(path, folder)


def test_an_archive_that_needs_a_password_is_refused(folder):
    path = archive(folder, [("a.txt", "a")])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(
        CorruptFileError, match=r"its member 'a\.txt' cannot be unpacked: .*encrypt"
    ):
        unpack(path, folder)


def test_an_archive_that_claims_more_than_the_disk_has_is_refused(folder):
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("a.txt", "a")
        zipped.filelist[0].file_size = 2**60
    with pytest.raises(CorruptFileError, match=f"would take {2**60} bytes unpacked, and .* free"):
        unpack(path, folder)


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ([("a.txt", "1"), ("a.txt", "2")], "is in it twice"),
        ([("a", "1"), ("a/b.txt", "2")], "lies below a file"),
        ([("a/", ""), ("a", "1")], "is in it twice"),
    ],
)
def test_an_archive_that_contradicts_itself_is_refused(folder, members, what):
    with pytest.raises(CorruptFileError, match=what):
        unpack(archive(folder, members), folder)


def test_a_folder_in_the_way_is_named(folder):
    (folder / "a.txt").mkdir()
    (folder / "a.txt" / "mine").write_text("kept")
    with pytest.raises(OutputError, match=r"data/a\.txt"):
        unpack(archive(folder, [("a.txt", "a")]), folder)
    assert content(folder) == {"a.txt/mine": "kept"}


def test_what_a_killed_process_left_is_in_nobodys_way(folder):
    path = archive(folder, [("a.txt", "a")])
    left = folder / ".a.zip.unpacking"
    left.mkdir()
    (left / "half.txt").write_text("half")
    unpack(path, folder)
    assert content(folder) == {"a.txt": "a"}


def test_an_archive_that_is_not_there_is_named(folder):
    with pytest.raises(FileNotFoundError, match=r"a\.zip"):
        unpack(folder / "a.zip", folder)


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "a.zip")
    with pytest.raises(CorruptFileError, match="found a pipe"):
        unpack(folder / "a.zip", folder)


NAMES = st.lists(st.from_regex(r"[ab./\\:C][ab./\\:\x00C]{0,7}", fullmatch=True), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=NAMES)
def test_whatever_members_are_called_nothing_is_written_elsewhere(tmp_path_factory, names):
    around = tmp_path_factory.mktemp("around")
    folder = around / "x" / "data"
    folder.mkdir(parents=True)
    path = archive(around, [(name, "content") for name in names])
    try:
        unpack(path, folder)
    except CorruptFileError:
        assert list(folder.iterdir()) == []
    found = {Path(root) / name for root, _, files in os.walk(around) for name in files} - {path}
    assert all(file.is_relative_to(folder) for file in found)
