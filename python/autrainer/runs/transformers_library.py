"""The library transformers, which a torchaudio that cannot be imported would take along."""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from autrainer.runs.extras import imported
from autrainer.runs.web.refusal import are_refused

log = logging.getLogger(__name__)

EXTRA = "transformers"
_TORCHAUDIO = "torchaudio"


def import_transformers(needed_by: str) -> ModuleType:
    """Import transformers.

    It imports torchaudio where that is installed, and fails with it where that was built for
    another torch. Nothing of ours needs torchaudio: transformers is told then that there is none.

    Args:
        needed_by: Class that needs the library, for the message.

    Raises:
        MissingExtraError: if it is not installed, or a part of it is missing.
    """
    transformers = imported("transformers", needed_by, "transformers", EXTRA)
    reason = _broken_torchaudio()
    if reason is not None:
        _hide_torchaudio(transformers)
        log.info("torchaudio cannot be imported (%s); %s does without it", reason, needed_by)
    return transformers


def repository_of(name: str) -> tuple[str, dict[str, Any]]:
    """A place and a revision, as `from_pretrained` takes them; no download where none is allowed.

    Args:
        name: A folder, or the name of a repository of the hub: `name` or `name@revision`.
    """
    if Path(name).is_dir():
        return name, {}
    place, _, revision = name.partition("@")
    options: dict[str, Any] = {"revision": revision} if revision else {}
    return place, {**options, "local_files_only": True} if are_refused() else options


def _broken_torchaudio() -> str | None:
    """Why torchaudio cannot be imported although it is there; None if nothing is wrong."""
    if _TORCHAUDIO in sys.modules or importlib.util.find_spec(_TORCHAUDIO) is None:
        return None
    try:
        importlib.import_module(_TORCHAUDIO)
    # Whatever its libraries end in.
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _hide_torchaudio(transformers: ModuleType) -> None:
    """Let transformers look for torchaudio, and remember that there is none."""
    is_available = transformers.utils.is_torchaudio_available
    getattr(is_available, "cache_clear", lambda: None)()
    sys.modules[_TORCHAUDIO] = None  # type: ignore[assignment]
    try:
        is_available()
    finally:
        del sys.modules[_TORCHAUDIO]
