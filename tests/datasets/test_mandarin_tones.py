"""Recordings of a Debian package as a data set with splits that share no syllable."""

import csv
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from autrainer.datasets.mandarin_tones import (
    PACKAGE,
    SAMPLE_RATE_HZ,
    MandarinTones,
    assign_splits,
    build,
    find_clips,
)
from autrainer.errors import DataError, DownloadError

FOLDERS = {"ㄅㄚ": "b-a1", "ㄅㄚ2": "b-a2", "ㄓㄨㄥ3": "zh-u_eng3", "ㄧ4": "i4", "ㄈㄢ": "f-an1"}
"""Folders as the package names them, and the clips they become."""


def record(folder, name="3.ogg", peak=0.5):
    folder.mkdir(parents=True, exist_ok=True)
    seconds = np.arange(22050) / 44100
    soundfile.write(folder / name, peak * np.sin(2 * np.pi * 220 * seconds), 44100)


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "ogg"
    for name in FOLDERS:
        record(folder / name)
    return folder


def test_folders_of_the_package_become_clips_named_by_sound_and_tone(source):
    assert {f"{clip.syllable}{clip.tone}" for clip in find_clips(source)} == set(FOLDERS.values())


def test_the_neutral_tone_and_the_other_voice_are_left_out(source):
    record(source / "ㄇㄚ1")
    record(source / "ㄇㄚ2", name="5.ogg")
    assert len(list(find_clips(source))) == len(FOLDERS)


def test_clips_are_mono_16_bit_at_16_khz_and_listed_once(source, tmp_path):
    build(source, tmp_path / "data")
    rows = read(tmp_path / "data" / "metadata.csv")
    listed = [row for split in ("train", "dev", "test") for row in read_split(tmp_path, split)]
    assert sorted(row["filename"] for row in rows) == sorted(row["filename"] for row in listed)
    for row in rows:
        info = soundfile.info(tmp_path / "data" / "default" / row["filename"])
        assert (info.samplerate, info.channels, info.subtype) == (SAMPLE_RATE_HZ, 1, "PCM_16")
        assert info.frames == SAMPLE_RATE_HZ // 2
        assert float(row["seconds"]) == 0.5


def read_split(tmp_path, split):
    return read(tmp_path / "data" / f"{split}.csv")


def test_blank_recordings_are_left_out(source, tmp_path):
    record(source / "ㄇㄚ", peak=0.01)
    build(source, tmp_path / "data")
    assert len(read(tmp_path / "data" / "metadata.csv")) == len(FOLDERS)


def test_the_same_recordings_give_the_same_bytes(source, tmp_path):
    for name in ("one", "two"):
        build(source, tmp_path / name)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in files_in(tmp_path / name)}
        for name in ("one", "two")
    )
    assert one == two


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_all_tones_of_a_syllable_are_in_one_split():
    splits = assign_splits([f"s{number}" for number in range(100)] * 4)
    counts = [list(splits.values()).count(split) for split in ("train", "dev", "test")]
    assert counts == [70, 15, 15]


def test_a_folder_without_recordings_is_named(tmp_path):
    with pytest.raises(DataError, match="has no recordings"):
        build(tmp_path, tmp_path / "data")


def test_what_is_there_is_not_made_again(tmp_path, monkeypatch):
    (tmp_path / "test.csv").write_text("filename,label\n")
    monkeypatch.setenv("PATH", "")
    MandarinTones.download(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["test.csv"]


@pytest.fixture
def not_installed(tmp_path, monkeypatch):
    missing = tmp_path / "usr/share/gcin-voice/ogg"
    monkeypatch.setattr("autrainer.datasets.mandarin_tones.INSTALLED", missing)


@pytest.mark.usefixtures("not_installed")
def test_without_debians_tools_the_message_names_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DownloadError, match=f"{PACKAGE}, and apt-get and dpkg-deb cannot be found"):
        MandarinTones.download(str(tmp_path / "data"))


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there are no tools of Debian")
@pytest.mark.usefixtures("not_installed")
def test_the_package_is_fetched_and_unpacked_without_being_installed(source, tmp_path, monkeypatch):
    tree = tmp_path / "tree"
    # The package has its recordings below the folder that they are installed to.
    shutil.copytree(source, tree / str(tmp_path).lstrip("/") / "usr/share/gcin-voice/ogg")
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text(
        f"Package: {PACKAGE}\nVersion: 1\nArchitecture: all\nMaintainer: a\nDescription: b\n"
    )
    archive = tmp_path / f"{PACKAGE}_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, archive], check=True, capture_output=True)
    # Stands in for the network: what `apt-get download` does is to put the archive here.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "apt-get").write_text(f"#!/bin/sh\nexec cp {archive} .\n")
    (tools / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    MandarinTones.download(str(tmp_path / "data"))
    assert len(read(tmp_path / "data" / "metadata.csv")) == len(FOLDERS)
