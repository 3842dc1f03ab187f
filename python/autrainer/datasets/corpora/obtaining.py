"""A published data set in a folder: fetched, unpacked and arranged, whole or not at all.

Archives come into `.download` of the folder, and stay there until the data set is complete, so
that an interrupted call goes on where it was. What is made of them is made in `.making`, and the
audio is put in its place last, by renaming: where `default` is, everything is there.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from autrainer.datasets.fetching.downloads import DOWNLOADS, ZipDownloadManager
from autrainer.datasets.fetching.tar_archives import unpack_tar
from autrainer.datasets.fetching.unpacking import unpack
from autrainer.errors import CorruptFileError, DataError
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.web.fetching import PAUSE_S, UNKNOWN
from autrainer.runs.web.integrity import Expected
from autrainer.runs.writing.files import copy_file, make_folder, rename, write_text
from autrainer.runs.writing.folders import remove_folder

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

AUDIO = "default"
RECORD = "downloads.json"
"""What was downloaded: address, size, checksum of each file; later downloads have to equal it."""

_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass(frozen=True)
class Source:
    """Where a file comes from.

    Args:
        url: Its address.
        expected: What is known of it.
    """

    url: str
    expected: Expected = field(default=UNKNOWN)


Tables = Mapping[str, "pd.DataFrame"]
"""CSV files by name."""

Build = Callable[[Path, Path], Tables]
"""Makes a data set: is given the folder of what was unpacked, which has one for each archive, and
the folder of the audio, which it fills; returns the CSV files."""


def obtain(
    path: str | os.PathLike[str],
    sources: Mapping[str, Source],
    build: Build,
    *,
    mirror: str | None = None,
    pause_s: float = PAUSE_S,
) -> None:
    """Fetch a data set into a folder, unless it is there.

    One process at a time works on a folder; another one waits, and finds what is there.

    Args:
        path: The folder; it is created.
        sources: Files to download, by name; archives (zip, tar) are unpacked.
        build: Makes tables and audio of them.
        mirror: Address of a folder of the web that holds the same files; None for where they are
            published.
        pause_s: Seconds before a server is asked again.

    Raises:
        DownloadError: naming every file that did not come.
        CorruptFileError: if an archive is damaged, or lacks what a data set is made of.
        OutputError: if a file could not be written.
    """
    root = make_folder(Path(path))
    with alone_in(root, DOWNLOADS):
        if (root / AUDIO).exists():
            log.info("There already: %s", root / AUDIO)
            return
        downloads, making = root / ".download", root / ".making"
        known = {**_recorded(root / RECORD, sources), **_published(sources)}
        _download(downloads, sources, known, mirror, pause_s)
        remove_folder(making)
        unpacked, audio = make_folder(making / "unpacked"), make_folder(making / AUDIO)
        for name in sources:
            _unpack(downloads / name, make_folder(unpacked / name))
        tables = build(unpacked, audio)
        _record(root / RECORD, downloads, sources, known)
        for name, table in tables.items():
            write_text(root / name, table.to_csv(index=False))
        rename(audio, root / AUDIO)
        remove_folder(making)
        remove_folder(downloads)


def find_file(folder: Path, pattern: str) -> Path:
    """The one file of a folder, at whatever depth, that a pattern fits.

    Raises:
        CorruptFileError: if there is none, or more than one.
    """
    found = [path for path in sorted(folder.rglob(pattern)) if path.is_file()]
    if len(found) != 1:
        raise CorruptFileError(
            f"expected one file {pattern} in what was downloaded, found {len(found)}; has the "
            "data set been published anew?"
        )
    return found[0]


def move_audio(source: Path, target: Path, names: Mapping[str, str] | None = None) -> None:
    """Move all WAV files of a folder, at whatever depth, side by side into another one.

    Args:
        source: Where they are.
        target: Where they go.
        names: Other names for some of them.

    Raises:
        CorruptFileError: if two files have one name.
    """
    for path in list(_audio_of(source)):
        place = target / (names or {}).get(path.name, path.name)
        if place.exists():
            raise CorruptFileError(f"two files of what was downloaded are called {place.name}")
        rename(path, place)


def check_audio(tables: Tables, column: str, audio: Path) -> Tables:
    """The tables, if every file that they name is there.

    Raises:
        CorruptFileError: naming the first ones that are not.
    """
    names = [str(name) for table in tables.values() for name in table[column]]
    missing = [name for name in names if not (audio / name).is_file()]
    if missing:
        raise CorruptFileError(
            f"{len(missing)} of {len(names)} files that the tables name are not in what was "
            f"downloaded, such as {', '.join(missing[:3])}"
        )
    return tables


def _audio_of(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix.lower() == ".wav")


def _download(
    folder: Path,
    sources: Mapping[str, Source],
    known: Mapping[str, Expected],
    mirror: str | None,
    pause_s: float,
) -> None:
    base = None if mirror is None else mirror.rstrip("/")
    urls = {
        name: source.url if base is None else f"{base}/{name}" for name, source in sources.items()
    }
    ZipDownloadManager(urls, folder, expected=known, pause_s=pause_s).download()


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix.lower() == ".zip":
        unpack(archive, folder)
    elif archive.name.lower().endswith(_TARS):
        unpack_tar(archive, folder)
    else:
        copy_file(archive, folder / archive.name)


def _published(sources: Mapping[str, Source]) -> dict[str, Expected]:
    return {name: source.expected for name, source in sources.items() if source.expected.checksum}


def _recorded(record: Path, sources: Mapping[str, Source]) -> dict[str, Expected]:
    """What an earlier download has shown of the files.

    Raises:
        DataError: if the record is none.
    """
    if not record.is_file():
        return {}
    try:
        entries = json.loads(record.read_text(encoding="utf-8"))
        found = {
            name: Expected(entry["size"], entry["checksum"]) for name, entry in entries.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{record} is no record of downloads ({error}); remove it") from error
    return {name: found[name] for name in sources if name in found}


def _record(
    record: Path, folder: Path, sources: Mapping[str, Source], known: Mapping[str, Expected]
) -> None:
    entries = {}
    for name, source in sources.items():
        checksum = known.get(name, UNKNOWN).checksum
        found = Expected.of(folder / PurePath(name))
        entry = {"url": source.url, "size": found.size, "checksum": checksum or found.checksum}
        entries[name] = entry
    write_text(record, json.dumps(entries, indent=2) + "\n")
