"""The loaders of a dataset: one for each split."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, TypedDict

from autrainer.data.loader import Loader
from autrainer.data.paths.workers import WorkerSeeding
from autrainer.data.samplers.batch_order import SampleOrder
from autrainer.runs.process.run_process import ONLY_PROCESS, RunProcess
from autrainer.transforms.compose import SmartCompose

if TYPE_CHECKING:
    from typing_extensions import Unpack


class MoreLoaderOptions(TypedDict, total=False):
    """Options of a loader beside those of a torch `DataLoader`; see `Loader`."""

    resident_mb: int
    nonfinite: str
    pad: dict[str, Any] | None
    features_cache: str | None
    features_cache_mb: int
    bucket: bool | int


class LoadersMixin:
    """Makes loaders of the splits of a dataset.

    Attributes:
        process: Which process of the run the loaders serve; see `Loader`.
    """

    seed: int
    process: RunProcess = ONLY_PROCESS

    @abstractmethod
    def _transform(self, subset: str) -> SmartCompose:
        """Transforms of the items of a split."""

    def create_train_loader(
        self,
        batch_size: int,
        num_workers: int = 0,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        prefetch_factor: int | None = None,
        pin_memory_device: str = "",
        sampler: SampleOrder | None = None,
        **options: Unpack[MoreLoaderOptions],
    ) -> Loader:
        """Batches of the train split, in another order every pass; options as of `Loader`.

        Evaluation sees every sample once, so the loaders of dev and test take no sampler.
        """
        return self._loader("train", locals())

    def create_dev_loader(
        self,
        batch_size: int,
        num_workers: int = 0,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        prefetch_factor: int | None = None,
        pin_memory_device: str = "",
        **options: Unpack[MoreLoaderOptions],
    ) -> Loader:
        """Batches of the dev split, in order; options as of `Loader`."""
        return self._loader("dev", locals())

    def create_test_loader(
        self,
        batch_size: int,
        num_workers: int = 0,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        prefetch_factor: int | None = None,
        pin_memory_device: str = "",
        **options: Unpack[MoreLoaderOptions],
    ) -> Loader:
        """Batches of the test split, in order; options as of `Loader`."""
        return self._loader("test", locals())

    def _loader(self, subset: str, arguments: dict[str, Any]) -> Loader:
        """A loader by all that one of the methods above was called with."""
        given = {name: value for name, value in arguments.items() if name != "self"}
        options = given.pop("options")
        transform = self._transform(subset)
        return Loader(
            getattr(self, f"{subset}_dataset"),
            seed=self.seed,
            shuffle=subset == "train",
            collate_fn=transform.get_collate_fn(self),
            worker_init_fn=WorkerSeeding(self.seed, transform),
            name=subset,
            process=self.process,
            **given,
            **options,
        )
