"""Tar archives are unpacked into their folder and nowhere else, as a whole or not at all."""

import io
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autrainer.datasets.fetching.tar_archives import unpack_tar
from autrainer.errors import CorruptFileError


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


def member(name, content=b"", kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, len(content), link
    return info, io.BytesIO(content)


def archive(folder, *members, compression="gz", name="a.tar.gz"):
    path = folder / name
    with tarfile.open(path, f"w:{compression}") as made:
        for info, content in members:
            made.addfile(info, content)
    return path


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".tar" not in path.name
    }


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_members_come_out_as_they_went_in(folder, compression):
    members = [member("a.txt", b"a"), member("wav", kind=tarfile.DIRTYPE), member("./wav/b", b"b")]
    unpack_tar(archive(folder, *members, compression=compression), folder)
    assert content(folder) == {"a.txt": "a", "wav/b": "b"}
    assert sorted(path.name for path in folder.iterdir()) == ["a.tar.gz", "a.txt", "wav"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (member("../a", b"a"), "outside of the folder"),
        (member("/etc/a", b"a"), "outside of the folder"),
        (member("C:\\a", b"a"), "outside of the folder"),
        (member("..\\a", b"a"), "outside of the folder"),
        (member("a", kind=tarfile.SYMTYPE, link="/etc/passwd"), "is a link"),
        (member("a", kind=tarfile.LNKTYPE, link="good"), "is a link"),
        (member("a", kind=tarfile.FIFOTYPE), "is no file"),
        (member("a", kind=tarfile.CHRTYPE), "is no file"),
        (member("good", b"again"), "is in it twice"),
    ],
)
def test_a_bad_member_leaves_the_folder_as_it_was(folder, bad, reason):
    path = archive(folder, member("good", b"good"), bad)
    with pytest.raises(CorruptFileError, match=rf"a\.tar\.gz: its member .* {reason}"):
        unpack_tar(path, folder)
    assert content(folder.parent) == {}


def test_no_member_is_written_through_a_link_that_leads_out(folder, tmp_path):
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(CorruptFileError, match="through a link"):
        unpack_tar(archive(folder, member("link/a", b"a")), folder)


def test_a_member_larger_than_the_disk_is_refused_before_it_is_written(folder):
    info, _ = member("huge")
    info.size = 2**60
    path = folder / "a.tar"
    path.write_bytes(info.tobuf() + b"\0" * 1024)
    with pytest.raises(CorruptFileError, match=r"'huge' would take 1152921504606846976 bytes"):
        unpack_tar(path, folder)
    assert content(folder) == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 400))
def test_a_truncated_archive_is_an_error_that_names_it(folder, cut):
    path = archive(folder, member("a", bytes(range(256)) * 40))
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(CorruptFileError, match=r"a\.tar\.gz"):
        unpack_tar(path, folder)
    assert content(folder) == {}


def test_what_is_no_archive_is_named(folder):
    path = folder / "a.tar.gz"
    path.write_text("no archive at all")
    with pytest.raises(CorruptFileError, match=r"a\.tar\.gz is no tar archive"):
        unpack_tar(path, folder)
    with pytest.raises(FileNotFoundError):
        unpack_tar(folder / "none.tar", folder)
