"""AudioSet: sounds of videos, labelled with what is heard."""

from __future__ import annotations

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autrainer.config.shorthand import Shorthand
from autrainer.data.file_names import with_suffix
from autrainer.datasets.checking.damage import CHECK_FILES
from autrainer.datasets.corpora.ontology import Ontology
from autrainer.datasets.families import THRESHOLD, BaseMLClassificationDataset
from autrainer.errors import ConfigError, CorruptFileError
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

SEGMENTS = ("balanced_train", "unbalanced_train", "eval")
_COLUMNS = ["ytid", "start", "end", "ids"]


class AudioSet(BaseMLClassificationDataset):
    """AudioSet: 10 s of videos with any of 632 categories of an ontology.

    The folder holds `ontology.json`, `balanced_train_segments.csv`,
    `unbalanced_train_segments.csv`, `eval_segments.csv` and the audio in folders of the same names,
    with or without `_segments`, as `<YTID>.wav`. It cannot be downloaded here: the videos belong to
    others. Clips whose file is not there are left out, with a warning. A clip has the categories it
    is labelled with and all those above them. Dev and test are both the eval segments.
    Reference: Gemmeke et al., "Audio Set: An Ontology and Human-Labeled Dataset for Audio Events",
    ICASSP 2017.

    Args are those of `BaseMLClassificationDataset`, and these:

    Args:
        target_column: Categories that are targets; None for all that occur both in train and in
            dev, in the order of the ontology.
        use_unbalanced: Train on the unbalanced segments too.
        include: Only clips of these categories and of those below them; None for all.
        exclude: No clips of these categories, nor of those below them.

    Raises:
        ConfigError: for a category that the ontology does not have.
    """

    def __init__(
        self,
        path: str,
        features_subdir: str | None,
        seed: int,
        metrics: list[Shorthand],
        tracking_metric: Shorthand,
        index_column: str,
        file_type: str | None,
        file_handler: Shorthand,
        features_path: str | None = None,
        train_transform: SmartCompose | None = None,
        dev_transform: SmartCompose | None = None,
        test_transform: SmartCompose | None = None,
        stratify: list[str] | None = None,
        target_column: list[str] | None = None,
        threshold: float = THRESHOLD,
        use_unbalanced: bool = False,
        include: list[str] | None = None,
        exclude: list[str] | None = None,
        check_files: int = CHECK_FILES,
    ) -> None:
        self.use_unbalanced = use_unbalanced
        self.include = list(include or [])
        self.exclude = list(exclude or [])
        # The categories that are targets may be those that the clips have.
        self.path = path
        self.file_type = file_type
        self.features_path = path if features_path is None else features_path
        self.features_subdir = self.audio_subdir if features_subdir is None else features_subdir
        self._check_folders()
        super().__init__(
            path=path,
            features_subdir=features_subdir,
            seed=seed,
            metrics=metrics,
            tracking_metric=tracking_metric,
            index_column=index_column,
            target_column=self._occurring() if target_column is None else target_column,
            file_type=file_type,
            file_handler=file_handler,
            features_path=features_path,
            train_transform=train_transform,
            dev_transform=dev_transform,
            test_transform=test_transform,
            stratify=stratify,
            threshold=threshold,
            check_files=check_files,
        )
        log.warning("AudioSet: dev and test are the same clips, those of eval_segments.csv")

    @property
    def audio_subdir(self) -> str:
        """The folder itself: its segments have folders of their own."""
        return ""

    @cached_property
    def df_train(self) -> pd.DataFrame:
        """Clips: `filename`, `ids`, `categories`, and a column of 0 and 1 for each category."""
        return self._frame(SEGMENTS[:2] if self.use_unbalanced else SEGMENTS[:1])

    @cached_property
    def df_dev(self) -> pd.DataFrame:
        """The clips of eval_segments.csv, with the same columns."""
        return self._frame(SEGMENTS[2:])

    @cached_property
    def df_test(self) -> pd.DataFrame:
        """The same as `df_dev`."""
        return self.df_dev

    @cached_property
    def ontology(self) -> Ontology:
        """The categories."""
        return Ontology.read(Path(self.path) / "ontology.json")

    def _occurring(self) -> list[str]:
        """Categories that train and dev have."""
        names = self.ontology.names
        train, dev = (frame[names].any() for frame in (self.df_train, self.df_dev))
        found = [name for name in names if train[name] and dev[name]]
        if not found:
            raise ConfigError(f"{self.path}: train and dev have no category in common")
        return found

    def _frame(self, segments: tuple[str, ...]) -> pd.DataFrame:
        import pandas as pd

        frame = pd.concat([self._clips(name) for name in segments], ignore_index=True)
        ontology = self.ontology
        included, excluded = ontology.below(self.include), ontology.below(self.exclude)
        known = [[node for node in ids if node in ontology] for ids in frame["ids"]]
        wanted = [not self.include or bool(included.intersection(ids)) for ids in known]
        extended = [ontology.with_ancestors(ids) for ids in known]
        keep = [
            is_wanted and not excluded.intersection(ids)
            for is_wanted, ids in zip(wanted, extended, strict=True)
        ]
        rows = [ids for ids, is_kept in zip(extended, keep, strict=True) if is_kept]
        frame = frame[keep].reset_index(drop=True)
        frame["ids"] = [sorted(ids) for ids in rows]
        categories = [ontology.sorted_names(ids) for ids in rows]
        frame["categories"] = categories
        hot = pd.DataFrame(ontology.multi_hot(categories), columns=ontology.names)
        whole: pd.DataFrame = pd.concat([frame, hot], axis=1)
        return whole

    def _clips(self, segments: str) -> pd.DataFrame:
        """File and ids of each clip whose file is there."""
        import pandas as pd

        path = Path(self.path) / f"{segments}_segments.csv"
        try:
            frame = pd.read_csv(
                path, skiprows=3, header=None, names=_COLUMNS, skipinitialspace=True, dtype=str
            )
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise CorruptFileError(f"{path}: expected the segments of AudioSet: {error}") from error
        root = Path(self.features_path) / self.features_subdir
        folder = next(
            (name for name in (segments, f"{segments}_segments") if (root / name).is_dir()),
            f"{segments}_segments",
        )
        there = {entry.name for entry in (root / folder).glob("*")}
        names = [self._file_name(f"{ytid}.wav") in there for ytid in frame["ytid"]]
        if not all(names):
            log.warning(
                "%s: %d of %d clips have no file in %s and are left out",
                path,
                names.count(False),
                len(names),
                root / folder,
            )
        frame = frame[names]
        files = [f"{folder}/{ytid}.wav" for ytid in frame["ytid"]]
        ids = [str(cell).split(",") for cell in frame["ids"]]
        clips: pd.DataFrame = pd.DataFrame({"filename": files, "ids": ids})
        return clips

    def _file_name(self, name: str) -> str:
        return name if self.file_type is None else with_suffix(name, self.file_type)
