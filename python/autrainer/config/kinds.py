"""The kinds of classes that a configuration can name.

Commands that list configurations need no more than this, and take no longer than it does.
"""

from __future__ import annotations


class Kind:
    """A kind of classes.

    Args:
        name: What it is called, in the plural.
        package: The package or module that users import the classes from.
        base: Class that they derive from; None for all classes of the package.
        hidden: Classes of this base that no configuration names.
        filled: Arguments that a run fills in.
        more: Where others come from.
    """

    def __init__(
        self,
        name: str,
        package: str,
        base: str | None,
        hidden: tuple[str, ...] = (),
        filled: tuple[str, ...] = (),
        more: str = "",
    ) -> None:
        self.name, self.package, self.base = name, package, base
        self.hidden, self.filled, self.more = hidden, filled, more


_SPLITS = ("train_transform", "dev_transform", "test_transform")
KINDS = (
    Kind("datasets", "autrainer.datasets", "AbstractDataset", filled=("seed", *_SPLITS)),
    Kind("models", "autrainer.models", "AbstractModel", filled=("output_dim",)),
    Kind(
        "criterions",
        "autrainer.criterions",
        None,
        filled=("reduction",),
        more="and the losses of torch.nn, such as torch.nn.L1Loss",
    ),
    Kind(
        "metrics",
        "autrainer.metrics",
        "AbstractMetric",
        hidden=("BaseAscendingMetric", "BaseDescendingMetric"),
    ),
    Kind("transforms", "autrainer.transforms", "AbstractTransform"),
    Kind("augmentations", "autrainer.augmentations", "AbstractAugmentation"),
    Kind(
        "optimizers",
        "autrainer.optimizers",
        None,
        filled=("params", "lr"),
        more="and those of torch.optim: autrainer list optimizer",
    ),
    Kind(
        "samplers",
        "autrainer.data.sampler",
        "PassSampler",
        hidden=("PassSampler",),
        filled=("seed", "num_samples", "targets"),
    ),
    Kind(
        "loggers",
        "autrainer.loggers",
        "AbstractLogger",
        hidden=("FallbackLogger",),
        filled=("exp_name", "run_name", "metrics", "tracking_metric"),
    ),
    Kind("file-handlers", "autrainer.datasets.utils", "AbstractFileHandler"),
    Kind("target-transforms", "autrainer.datasets.utils", "AbstractTargetTransform"),
)
LISTED = (
    "criterions",
    "metrics",
    "transforms",
    "samplers",
    "loggers",
    "file-handlers",
    "target-transforms",
)
"""Kinds that are no group of configurations."""

CALLBACKS = "callbacks"
CLASSES = "classes"
"""All kinds."""

LISTABLE = (*LISTED, CALLBACKS, CLASSES)


def chosen_kind(name: str) -> str | None:
    """The kind that a name in the plural or in the singular means; None if there is none."""
    if name in (CLASSES, "class"):
        return CLASSES
    names = [*(kind.name for kind in KINDS), CALLBACKS]
    return next((known for known in names if name in (known, known.removesuffix("s"))), None)
