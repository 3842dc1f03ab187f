"""Speech Commands: single words."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from autrainer.datasets.corpora.obtaining import Source, Tables, find_file, obtain
from autrainer.datasets.families import BaseClassificationDataset
from autrainer.errors import CorruptFileError
from autrainer.runs.web.integrity import Expected
from autrainer.runs.writing.files import make_folder, rename

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_RATE_HZ = 16000
_DIVIDER = "_nohash_"
_NO_WORDS = "_background_noise_"


class SpeechCommands(BaseClassificationDataset):
    """Speech Commands 0.02: 105,829 words of 1 s or less, 35 of them, by 2,618 speakers.

    Reference: Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", 2018.

    Args are those of `BaseClassificationDataset`; the index column is `path`, the target column
    `label`.
    """

    @staticmethod
    def download(path: str, mirror: str | None = None) -> None:
        """Fetch the data set, 2.3 GB; see `obtain` for errors.

        Args:
            path: Folder of the data set.
            mirror: Address of a folder that holds the same files.
        """
        obtain(path, SOURCES, build, mirror=mirror)


SOURCES = {
    "speech_commands_v0.02.tar.gz": Source(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        # As torchaudio lists it.
        Expected(
            checksum="sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58"
        ),
    )
}


def build(unpacked: Path, audio: Path) -> Tables:
    """Move the words, and split them as the lists of the archive say."""
    validation = find_file(unpacked, "validation_list.txt")
    root = validation.parent
    dev = set(validation.read_text(encoding="utf-8").split())
    test = set((root / "testing_list.txt").read_text(encoding="utf-8").split())
    names = sorted(path.relative_to(root).as_posix() for path in root.glob("*/*.wav"))
    words = [name for name in names if _DIVIDER in name and not name.startswith(_NO_WORDS)]
    missing = sorted((dev | test).difference(words))
    if missing or not words:
        raise CorruptFileError(
            f"{len(missing)} files of the lists are not in the archive: {', '.join(missing[:3])}"
        )
    for folder in sorted({PurePosixPath(name).parts[0] for name in words}):
        make_folder(audio / folder)
    for name in words:
        rename(root / name, audio / name)
    splits = {"dev.csv": sorted(dev), "test.csv": sorted(test)}
    splits["train.csv"] = [name for name in words if name not in dev and name not in test]
    return {name: _table(members) for name, members in splits.items()}


def _table(names: list[str]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for name in names:
        path = PurePosixPath(name)
        speaker, _, number = path.name.partition(".")[0].partition(_DIVIDER)
        rows.append((name, SAMPLE_RATE_HZ, path.parts[0], speaker, int(number)))
    columns = ["path", "sample_rate", "label", "speaker_id", "utterance_number"]
    table: pd.DataFrame = pd.DataFrame(rows, columns=columns)
    return table
