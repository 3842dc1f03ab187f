"""Single spoken Mandarin syllables and their tones: a small set of real recordings."""

from __future__ import annotations

import csv
import io
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autrainer.data.file_handlers import AudioFileHandler
from autrainer.datasets.families import BaseClassificationDataset
from autrainer.errors import DataError, DownloadError
from autrainer.runs.process.bars import new_bar
from autrainer.runs.writing.files import make_folder, rename, write_text
from autrainer.runs.writing.folders import remove_folder

PACKAGE = "gcin-voice"
INSTALLED = Path("/usr/share/gcin-voice/ogg")
"""Where the Debian package puts its recordings: one folder for each syllable and tone."""

SAMPLE_RATE_HZ = 16000
VOICE = "3.ogg"
"""The voice that was recorded naturally; the pitch of the other one was made by software."""

SILENCE_PEAK = 0.05
"""Quieter recordings of the package are blank."""

SPLITS = {"train": 0.7, "dev": 0.85, "test": 1.0}
"""Up to which share of the shuffled syllables each split goes."""

_INITIALS = {
    **{"ㄅ": "b", "ㄆ": "p", "ㄇ": "m", "ㄈ": "f", "ㄉ": "d", "ㄊ": "t", "ㄋ": "n", "ㄌ": "l"},
    **{"ㄍ": "g", "ㄎ": "k", "ㄏ": "h", "ㄐ": "j", "ㄑ": "q", "ㄒ": "x", "ㄓ": "zh", "ㄔ": "ch"},
    **{"ㄕ": "sh", "ㄖ": "r", "ㄗ": "z", "ㄘ": "c", "ㄙ": "s"},
}
_FINALS = {
    **{"ㄧ": "i", "ㄨ": "u", "ㄩ": "v", "ㄚ": "a", "ㄛ": "o", "ㄜ": "e", "ㄝ": "eh", "ㄞ": "ai"},
    **{"ㄟ": "ei", "ㄠ": "ao", "ㄡ": "ou", "ㄢ": "an", "ㄣ": "en", "ㄤ": "ang", "ㄥ": "eng"},
    "ㄦ": "er",
}
_TONES = {"": 1, "1": 0, "2": 2, "3": 3, "4": 4}
"""How the package marks tones: the first by nothing, and the neutral one, 0 here, by 1."""


class MandarinTones(BaseClassificationDataset):
    """1,187 recorded Mandarin syllables of one speaker (0.17 to 0.63 s each) in four tones.

    The recordings are those of the Debian package `gcin-voice`, resampled to 16 kHz, mono, 16 bit.
    All tones of a syllable are in one split: the syllables of dev and test are never heard in
    training. `metadata.csv` has initial, final, voice and duration of each, for other tasks.

    Args are those of `BaseClassificationDataset`; the index column is `filename`, the target column
    `label` (`tone1` high, `tone2` rising, `tone3` dipping, `tone4` falling).

    Recordings: Edward Der-Hua Liu, GPL-3 or LGPL-3.
    """

    @staticmethod
    def download(path: str) -> None:
        """Make the data set from the Debian package, which is fetched where it is not installed.

        Raises:
            DownloadError: if the package is not installed and cannot be fetched.
        """
        folder = Path(path)
        # Written last: where it is, everything is there.
        if (folder / "test.csv").is_file():
            return
        make_folder(folder)
        with tempfile.TemporaryDirectory(prefix="autrainer-gcin-voice-") as unpacked:
            build(INSTALLED if INSTALLED.is_dir() else _fetch_package(Path(unpacked)), folder)


@dataclass(frozen=True)
class Clip:
    """One recording of the package.

    Args:
        file: Where it lies.
        initial: Consonant that the syllable begins with, in Latin letters; empty for none.
        final: What follows it.
        tone: 1 to 4.
    """

    file: Path
    initial: str
    final: str
    tone: int

    @property
    def syllable(self) -> str:
        """Name of the syllable without its tone."""
        return "-".join(part for part in (self.initial, self.final) if part)

    @property
    def name(self) -> str:
        """Name of the clip's file in the data set."""
        return f"{self.syllable}{self.tone}_liu.wav"


def build(source: Path, folder: Path) -> None:
    """Write clips and CSV files. The same source gives the same bytes.

    Args:
        source: Folder of the recordings, one folder for each syllable and tone.
        folder: Where `default/*.wav`, `train.csv`, `dev.csv`, `test.csv` and `metadata.csv` go.

    Raises:
        DataError: if there are no recordings.
    """
    clips = list(find_clips(source))
    if not clips:
        raise DataError(f"{source} has no recordings (*/{VOICE}); is it that of {PACKAGE}?")
    staging = folder / ".default.making"
    remove_folder(staging)
    make_folder(staging)
    seconds = _convert(clips, staging)
    remove_folder(folder / "default")
    rename(staging, folder / "default")
    _write_tables([clip for clip in clips if clip.name in seconds], seconds, folder)


def find_clips(source: Path) -> Iterator[Clip]:
    """The recordings of the natural voice, by name; the few of the neutral tone are left out."""
    for place in sorted(source.iterdir(), key=lambda path: path.name):
        body, mark = (place.name[:-1], place.name[-1:])
        if mark not in _TONES:
            body, mark = place.name, ""
        initial = "".join(_INITIALS[sign] for sign in body if sign in _INITIALS)
        final = "_".join(_FINALS[sign] for sign in body if sign in _FINALS)
        if (place / VOICE).is_file() and _TONES[mark] and (initial or final):
            yield Clip(place / VOICE, initial, final, _TONES[mark])


def assign_splits(syllables: Sequence[str], seed: int = 0) -> dict[str, str]:
    """The split of each syllable: 70, 15 and 15 % of them in an order that the seed decides."""
    shuffled = sorted(set(syllables))
    random.Random(seed).shuffle(shuffled)
    splits, start = dict[str, str](), 0
    for split, share in SPLITS.items():
        stop = round(share * len(shuffled))
        splits.update(dict.fromkeys(shuffled[start:stop], split))
        start = stop
    return splits


def _convert(clips: Sequence[Clip], folder: Path) -> dict[str, float]:
    """Write clips as WAV; returns how many seconds each takes, without those that are blank."""
    handler, seconds = AudioFileHandler(target_sample_rate=SAMPLE_RATE_HZ), dict[str, float]()
    with new_bar(total=len(clips), desc="mandarin_tones", unit="clip", disable=None) as bar:
        for clip in clips:
            signal_CN = handler.load(str(clip.file)).mean(dim=0, keepdim=True).clamp(-1, 1)
            if signal_CN.abs().max() >= SILENCE_PEAK:
                handler.save(str(folder / clip.name), signal_CN)
                seconds[clip.name] = round(signal_CN.shape[1] / SAMPLE_RATE_HZ, 3)
            bar.update()
    return seconds


def _write_tables(clips: Sequence[Clip], seconds: dict[str, float], folder: Path) -> None:
    splits = assign_splits([clip.syllable for clip in clips])
    columns = ("filename", "split", "label", "tone", "voice", "syllable", "initial", "final")
    rows = [
        (
            *(clip.name, splits[clip.syllable], f"tone{clip.tone}", clip.tone, "liu"),
            *(clip.syllable, clip.initial or "none", clip.final or "none", seconds[clip.name]),
        )
        for clip in clips
    ]
    write_text(folder / "metadata.csv", _as_csv([(*columns, "seconds"), *rows]))
    for split in SPLITS:
        part = [(name, label) for name, of, label, *_ in rows if of == split]
        write_text(folder / f"{split}.csv", _as_csv([("filename", "label"), *part]))


def _as_csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _fetch_package(folder: Path) -> Path:
    """Fetch and unpack the package, which needs no rights and installs nothing.

    Raises:
        DownloadError: if Debian's tools are not there, or cannot fetch it.
    """
    tools = ("apt-get", "dpkg-deb")
    if missing := [tool for tool in tools if shutil.which(tool) is None]:
        raise DownloadError(
            f"the recordings are those of the Debian package {PACKAGE}, and "
            f"{' and '.join(missing)} cannot be found here; unpack the package "
            f"elsewhere, and copy its folder ogg to {INSTALLED}"
        )
    _run(["apt-get", "--quiet=2", "download", PACKAGE], folder)
    (archive,) = folder.glob(f"{PACKAGE}_*.deb")
    _run(["dpkg-deb", "--extract", archive.name, "."], folder)
    return folder / INSTALLED.relative_to("/")


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DownloadError(
            f"{' '.join(command)} has failed ({done.stderr.strip() or done.returncode}); try "
            f"'apt-get update' and 'apt-get install {PACKAGE}' as root"
        )
