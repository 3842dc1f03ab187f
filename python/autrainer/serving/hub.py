"""Models of a hub that speaks the interface of the Hugging Face Hub.

A branch is resolved to the commit that it is at, and files are asked for by that commit: what is
loaded is one state of the repository, and the log says which.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from autrainer.errors import AutrainerError, ConfigError
from autrainer.runs.layout import AVERAGED_STATES, MODEL_FILE
from autrainer.runs.locking.folders import alone_in
from autrainer.runs.web.fetching import check_url, fetch
from autrainer.runs.web.integrity import Expected
from autrainer.runs.writing.files import make_folder, write_text
from autrainer.serving.model_paths import OBJECT_FILES, STATE_FILE, HubReference

log = logging.getLogger(__name__)

ENDPOINT = "https://huggingface.co"
MAIN = "main"
NOTE = ".autrainer-hub.json"
"""Which commit a folder holds, and what its files are: a commit that is there needs no network."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Listing:
    """The files of a repository at a commit.

    Args:
        commit: The commit.
        files: What is known of each file, by its path.
    """

    commit: str
    files: Mapping[str, Expected]

    @classmethod
    def read(cls, content: Any) -> Listing:
        """Read what the hub says of a revision.

        Raises:
            ValueError: if it says something else.
        """
        try:
            commit, siblings = content["sha"], content["siblings"]
            files = {str(entry["rfilename"]): _expected(entry) for entry in siblings}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("the hub sends no list of files") from error
        if not _COMMIT.fullmatch(str(commit)):
            raise ValueError(f"the hub names the commit {commit!r}")
        strange = [name for name in files if not _is_plain(name)]
        if strange:
            raise ValueError(f"the repository has a file called {strange[0]!r}")
        return cls(commit, files)

    def model_folder(self, subdir: str | None) -> PurePosixPath:
        """The folder of the only model.

        Args:
            subdir: Its folder, if it was named.

        Raises:
            ValueError: if there is none, or more than one.
        """
        folders = [PurePosixPath(name).parent for name in self.files if _name(name) == MODEL_FILE]
        if subdir is not None:
            if PurePosixPath(subdir) not in folders:
                raise ValueError(f"there is no {subdir}/{MODEL_FILE}")
            return PurePosixPath(subdir)
        if len(folders) != 1:
            found = ", ".join(sorted(map(str, folders))) or "none"
            raise ValueError(f"expected one {MODEL_FILE}, found {found}; name its folder, :subdir")
        return folders[0]


def download(reference: HubReference, *, trusted: bool, checkpoint: str) -> Path:
    """The local folder of a model; files that are not there as they should be are downloaded.

    Args:
        reference: What the name of the model says.
        trusted: Download Python files of the model too.
        checkpoint: The only checkpoint that is needed.

    Raises:
        ConfigError: if there is no such model, or it comes with code and is not trusted.
        DownloadError: naming a file that did not come as a whole.
        OutputError: if a file could not be written.
    """
    listing = _known_listing(reference) or _listing(reference)
    try:
        folder = listing.model_folder(reference.subdir)
        names = _needed(listing, folder, checkpoint)
    except ValueError as error:
        raise ConfigError(f"{_named(reference)}: {error}") from error
    code = [name for name in names if name.endswith(".py")]
    if code and not trusted:
        raise ConfigError(
            f"{_named(reference)} comes with code, {', '.join(code)}, that would run here; if you "
            "trust whoever made it, use -t/--trust-remote"
        )
    target = make_folder(_target(reference, listing.commit))
    with alone_in(target, "downloads into"):
        for name in names:
            _fetch(reference.repository, listing, name, target / name)
        write_text(target / NOTE, json.dumps(_noted(listing)))
    return target / folder


def _needed(listing: Listing, folder: PurePosixPath, checkpoint: str) -> list[str]:
    state = folder / checkpoint / STATE_FILE
    names = [str(folder / name) for name in OBJECT_FILES]
    missing = [name for name in [*names, str(state)] if name not in listing.files]
    if missing:
        raise ValueError(f"the repository lacks {', '.join(missing)}")
    below = [name for name in listing.files if folder in PurePosixPath(name).parents]
    averaged = [str(state.with_name(name)) for name in AVERAGED_STATES]
    averaged = [name for name in averaged if name in listing.files]
    return [*names, str(state), *averaged, *sorted(name for name in below if name.endswith(".py"))]


def _fetch(repository: str, listing: Listing, name: str, target: Path) -> None:
    expected = listing.files[name]
    if target.is_file() and expected.problem(target) is None and expected.checksum is not None:
        return
    if expected.checksum is None:
        log.warning("%s: the hub names no checksum, so nobody knows whether it is whole", name)
    quoted = urllib.parse.quote(name)
    fetch(
        f"{_endpoint()}/{repository}/resolve/{listing.commit}/{quoted}", target, expected=expected
    )


def _listing(reference: HubReference) -> Listing:
    revision = reference.revision or MAIN
    url = (
        f"{_endpoint()}/api/models/{reference.repository}/revision/"
        f"{urllib.parse.quote(revision, safe='')}?blobs=true"
    )
    try:
        with tempfile.TemporaryDirectory() as folder:
            answer = Path(folder, "answer.json")
            fetch(url, answer)
            listing = Listing.read(json.loads(answer.read_bytes()))
    except (AutrainerError, ValueError) as error:
        raise ConfigError(
            f"{_named(reference)} cannot be found: {error}; a commit that was downloaded before "
            "needs no network: name it behind @"
        ) from error
    if revision != listing.commit:
        log.warning(
            "%s is at commit %s now; hf:%s@%s stays what it is",
            _named(reference),
            listing.commit,
            reference.repository,
            listing.commit,
        )
    return listing


def _known_listing(reference: HubReference) -> Listing | None:
    """What a folder says of the commit that it holds; None if it is not the one that is wanted."""
    revision = reference.revision or MAIN
    if not _COMMIT.fullmatch(revision):
        return None
    try:
        listing = Listing.read(json.loads((_target(reference, revision) / NOTE).read_bytes()))
    except (OSError, ValueError):
        return None
    return listing if listing.commit == revision else None


def _noted(listing: Listing) -> dict[str, Any]:
    files = [
        {"rfilename": name, "size": expected.size, "checksum": expected.checksum}
        for name, expected in listing.files.items()
    ]
    return {"sha": listing.commit, "siblings": files}


def _expected(entry: Mapping[str, Any]) -> Expected:
    """Size and checksum of a file: large ones lie outside of the repository, behind a pointer."""
    if "checksum" in entry:
        return Expected(entry.get("size"), entry["checksum"])
    large = entry.get("lfs")
    if large:
        digest = large.get("sha256") or str(large["oid"]).removeprefix("sha256:")
        return Expected(int(large["size"]), f"sha256:{digest}")
    blob, size = entry.get("blobId"), entry.get("size")
    return Expected(size, f"git:{blob}" if blob else None)


def _target(reference: HubReference, commit: str) -> Path:
    if reference.local_dir is not None:
        return Path(reference.local_dir)
    import torch

    name = f"{reference.repository.replace('/', '--')}--{commit}"
    return Path(torch.hub.get_dir()) / "autrainer" / name


def _endpoint() -> str:
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    check_url(endpoint)
    return endpoint


def _named(reference: HubReference) -> str:
    return f"hf:{reference.repository}@{reference.revision or MAIN}"


def _name(path: str) -> str:
    return PurePosixPath(path).name


def _is_plain(name: str) -> bool:
    """Whether a path stays in the folder that it is put into, on any system."""
    path = PurePosixPath(name)
    return (
        bool(path.name)
        and not path.is_absolute()
        and not {"..", ""} & set(name.split("/"))
        and ("\\" not in name and ":" not in name)
    )
