"""Files of a dataset from the web, several at a time, unpacked where they are archives."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

from autrainer.datasets.fetching.unpacking import unpack
from autrainer.errors import ConfigError, DownloadError
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.web.fetching import PAUSE_S, TIMEOUT_S, UNKNOWN, check_url, fetch
from autrainer.runs.web.integrity import Expected
from autrainer.runs.writing.files import make_folder, remove_file

log = logging.getLogger(__name__)

DOWNLOADS = "downloads into"
"""What another process does in the folder, for the log."""


class ZipDownloadManager:
    """Downloads files into a folder, and unpacks those that are zip archives there.

    A file that is there is whole: it is written beside its place and put there once all of it has
    come. One process at a time works on a folder; another one waits, and finds what is there.

    Args:
        files: Address (http or https) of each file, by its name in the folder.
        path: The folder; it is created.
        max_threads: How many files are downloaded at a time.
        timeout_s: How many seconds a server may say nothing.
        expected: Size and checksum of files, by name, where they are known.
        pause_s: Seconds before a server is asked again.

    Raises:
        ConfigError: if a name leads out of the folder, an address is none of the web, or there are
            no threads.
        OutputError: if the folder could not be made.
    """

    def __init__(
        self,
        files: Mapping[str, str],
        path: str | os.PathLike[str],
        max_threads: int = 4,
        *,
        timeout_s: float = TIMEOUT_S,
        expected: Mapping[str, Expected] | None = None,
        pause_s: float = PAUSE_S,
    ) -> None:
        for name, url in files.items():
            _check_name(name)
            check_url(url)
        if max_threads < 1:
            raise ConfigError(f"max_threads is {max_threads!r}; use an integer of at least 1")
        self.files = dict(files)
        self.path = make_folder(Path(path))
        self.max_threads = max_threads
        self.timeout_s = timeout_s
        self.expected = dict(expected or {})
        self.pause_s = pause_s

    def download(self, check_exist: Sequence[str] | None = None) -> None:
        """Download every file that is not there.

        Args:
            check_exist: Names in the folder; if all of them are there, nothing is downloaded.

        Raises:
            DownloadError: naming every file that did not come, once all others have.
            OutputError: if a file could not be written.
        """
        if self._exist(check_exist):
            return
        with alone_in(self.path, DOWNLOADS) as is_alone:
            if is_alone:
                self._remove_leftovers()
            failures = self._fetch_all()
        if failures:
            advice = "files that have come are kept; the same call asks for the others again"
            raise DownloadError("\n".join([*failures, advice]))

    def extract(self, check_exist: Sequence[str] | None = None) -> None:
        """Unpack every zip archive into the folder, one after the other; they stay there.

        Args:
            check_exist: Names in the folder; if all of them are there, nothing is unpacked.

        Raises:
            FileNotFoundError: if an archive has not been downloaded.
            CorruptFileError: naming the archive, if it is damaged or has members that would be
                written elsewhere; nothing of it is unpacked then.
            OutputError: if a file could not be written.
        """
        if self._exist(check_exist):
            return
        with alone_in(self.path, DOWNLOADS):
            for name in self.files:
                if PurePath(name).suffix.lower() == ".zip":
                    unpack(self.path / name, self.path)

    def _exist(self, names: Sequence[str] | None) -> bool:
        if not names or not all((self.path / name).exists() for name in names):
            return False
        log.info("There already in %s: %s", self.path, ", ".join(names))
        return True

    def _remove_leftovers(self) -> None:
        """Remove what was being downloaded when its process was killed."""
        for folder in {(self.path / name).parent for name in self.files}:
            for leftover in folder.glob(".autrainer-*.tmp"):
                remove_file(leftover)

    def _fetch_all(self) -> list[str]:
        """Download what is missing; returns a sentence for each file that did not come."""
        missing = {name: url for name, url in self.files.items() if not (self.path / name).exists()}
        stop, failures = threading.Event(), list[str]()
        with ThreadPoolExecutor(self.max_threads, thread_name_prefix="download") as threads:
            jobs = [
                threads.submit(
                    fetch,
                    url,
                    self.path / name,
                    timeout_s=self.timeout_s,
                    stop=stop,
                    expected=self.expected.get(name, UNKNOWN),
                    pause_s=self.pause_s,
                )
                for name, url in missing.items()
            ]
            try:
                for job in jobs:
                    if isinstance(error := job.exception(), DownloadError):
                        failures.append(str(error))
                    else:
                        job.result()
            except BaseException:
                # A full disk, or Ctrl-C: the others are given up too.
                stop.set()
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return failures


def _check_name(name: str) -> None:
    path = PurePath(name)
    if not path.name or path.is_absolute() or ".." in path.parts:
        raise ConfigError(f"{name!r} is no name of a file in a folder; use one without '..'")
