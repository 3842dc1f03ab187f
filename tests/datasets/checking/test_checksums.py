"""Whether the samples of a dataset are those of an earlier attempt."""

import numpy as np
import pytest
import torch

from autrainer.datasets.checking.checksums import _digest, checksums_of, differences
from autrainer.datasets.toy import ToyDataset

PLAIN = ["a", 1, 1.5, True, None]


def test_toy_data_have_no_names_and_depend_on_their_seed(toy):
    one, other = checksums_of(toy(1)), checksums_of(toy(2))
    assert one == checksums_of(toy(1))
    assert one["train"]["names"] is None
    assert list(differences(one, other)) != []


@pytest.fixture
def toy():
    def build(seed):
        return ToyDataset(
            size=60,
            num_targets=3,
            feature_shape=4,
            dev_split=0.2,
            test_split=0.2,
            seed=seed,
            task="classification",
            metrics=["autrainer.metrics.Accuracy"],
            tracking_metric="autrainer.metrics.Accuracy",
        )

    return build


def test_names_and_targets_count_and_folders_do_not(build, folder):
    before = checksums_of(build())
    moved = folder.rename(folder.with_name("moved"))
    assert checksums_of(build(path=str(moved))) == before
    lines = (moved / "train.csv").read_text().splitlines(keepends=True)
    (moved / "train.csv").write_text("".join([lines[0], *lines[:0:-1]]))
    ((subset, told),) = differences(before, checksums_of(build(path=str(moved))))
    assert subset == "train"
    assert told == "it has other names and targets, or the same in another order"


@pytest.mark.parametrize(
    "targets",
    [PLAIN, [["a", "b"], ["c"]], np.arange(6.0).reshape(2, 3), torch.arange(4)],
    ids=["cells", "lists", "array", "tensor"],
)
def test_targets_in_another_order_have_another_digest(targets):
    assert _digest(targets) == _digest(targets)
    backwards = targets[::-1] if not isinstance(targets, torch.Tensor) else targets.flip(0)
    assert _digest(targets) != _digest(backwards)


def test_what_cannot_be_compared_is_the_same():
    assert _digest([object()]) is None
    assert _digest([[object()]]) is None
    kept = {"train": {"rows": 3, "targets": None}}
    now = {"train": {"rows": 3, "names": "x", "targets": "y"}, "dev": {"rows": 1}}
    assert list(differences(kept, now)) == []
    assert list(differences({}, now)) == []
    assert list(differences({"train": 5, "dev": {"rows": [1]}}, now)) == []
