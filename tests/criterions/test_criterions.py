from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from autrainer import criterions
from autrainer.criterions.base import Loss
from autrainer.criterions.weights import given_weights
from autrainer.data.targets import (
    LabelEncoder,
    MinMaxScaler,
    MultiLabelEncoder,
    MultiTargetMinMaxScaler,
)
from autrainer.errors import ConfigError, DataError

NAMES = ["a", "b", "c"]


def labels(counts, encoder_labels=None, encoded=True):
    """A classification dataset with so many train samples of each label."""
    rows = [name for name, count in zip(NAMES, counts, strict=True) for _ in range(count)]
    transform = LabelEncoder(encoder_labels or NAMES)
    targets = torch.tensor([transform.encode(row) for row in rows]) if encoded else None
    return SimpleNamespace(
        df_train=pd.DataFrame({"target": rows}),
        target_column="target",
        target_transform=transform,
        train_dataset=SimpleNamespace(targets=targets),
    )


def label_sets(table, encoded=True):
    return SimpleNamespace(
        df_train=pd.DataFrame(table, columns=NAMES),
        target_column=NAMES,
        target_transform=MultiLabelEncoder(0.5, NAMES),
        train_dataset=SimpleNamespace(targets=torch.tensor(table).float() if encoded else None),
    )


@pytest.mark.parametrize("encoded", [True, False])
def test_balanced_weights_make_up_for_frequencies(encoded):
    criterion = criterions.BalancedCrossEntropyLoss(reduction="none")
    criterion.setup(labels([11, 8, 11], encoded=encoded))
    assert criterion.weight.tolist() == pytest.approx([0.8889, 1.2222, 0.8889], abs=1e-4)
    assert criterion.weight.dtype == torch.float32


@given(st.lists(st.integers(1, 50), min_size=3, max_size=3))
def test_balanced_classes_weigh_the_same_in_total_and_weights_sum_to_their_number(counts):
    criterion = criterions.BalancedCrossEntropyLoss()
    criterion.setup(labels(counts))
    totals = criterion.weight * torch.tensor(counts)
    assert torch.allclose(totals, totals[0].expand(3))
    assert criterion.weight.sum().item() == pytest.approx(3)


@pytest.mark.parametrize("encoded", [True, False])
def test_labels_are_balanced_by_their_positives(encoded):
    criterion = criterions.BalancedBCEWithLogitsLoss(reduction="none")
    criterion.setup(label_sets([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0]], encoded=encoded))
    inverse = torch.tensor([1 / 4, 1 / 2, 1 / 1])
    expected = inverse * 3 / inverse.sum()
    assert torch.allclose(criterion.weights_buffer, expected)
    x, y = torch.rand(5, 3), torch.randint(0, 2, (5, 3))
    plain = functional.binary_cross_entropy_with_logits(x, y.float(), reduction="none")
    assert torch.allclose(criterion(x, y), plain * expected)
    assert "weights_buffer" in criterion.state_dict()


def test_given_weights_are_scaled_and_sorted_like_the_classes():
    given = {"c": 3, "a": 1, "b": 2}
    ce = criterions.WeightedCrossEntropyLoss(given, reduction="none")
    ce.setup(labels([1, 1, 1]))
    bce = criterions.WeightedBCEWithLogitsLoss(given)
    bce.setup(label_sets([[1, 1, 1]]))
    mse = criterions.WeightedMSELoss(given, reduction="none")
    mse.setup(SimpleNamespace(target_transform=MultiTargetMinMaxScaler(NAMES, [0] * 3, [1] * 3)))
    for weights in (ce.weight, bce.weights_buffer, mse.weights_buffer):
        assert weights.tolist() == [0.5, 1.0, 1.5]


def test_class_without_samples_is_named():
    with pytest.raises(DataError, match="no balanced weight for 'b'"):
        criterions.BalancedCrossEntropyLoss().setup(labels([1, 0, 2]))
    with pytest.raises(DataError, match="no balanced weight for 'a', 'c'"):
        criterions.BalancedBCEWithLogitsLoss().setup(label_sets([[0, 1, 0]]))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"a": 1, "b": 1}, "class_weights has no weight for 'c'"),
        ({"a": 1, "b": 1, "c": 0}, "gives 'c' the weight 0; use a number above zero"),
    ],
)
def test_weights_that_do_not_match_the_classes_are_refused(weights, message):
    with pytest.raises(ConfigError, match=message):
        criterions.WeightedCrossEntropyLoss(weights).setup(labels([1, 1, 1]))


def test_weight_of_an_unknown_class_is_pointed_at(caplog):
    given = {"a": 1, "b": 1, "c": 1, "d": 2}
    criterion = criterions.WeightedCrossEntropyLoss(given)
    criterion.setup(labels([1, 1, 1]))
    assert "no train sample is 'd'" in caplog.text
    assert criterion.weight.tolist() == [1, 1, 1]


def test_weighted_targets_need_several_targets():
    data = SimpleNamespace(target_transform=MinMaxScaler("t", 0, 1), target_column="t")
    with pytest.raises(ConfigError, match="'t'; use MSELoss"):
        criterions.WeightedMSELoss({"t": 1}).setup(data)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64, torch.float32])
def test_codes_may_have_any_dtype(dtype):
    x, y = torch.rand(4, 3), torch.tensor([0, 1, 2, 1])
    loss = criterions.CrossEntropyLoss(reduction="none")
    assert torch.equal(loss(x, y.to(dtype)), functional.cross_entropy(x, y, reduction="none"))


def test_two_axes_are_class_probabilities():
    x, y = torch.rand(4, 3), torch.softmax(torch.rand(4, 3), 1)
    loss = criterions.CrossEntropyLoss(reduction="none")
    assert torch.allclose(loss(x, y.double()), functional.cross_entropy(x, y, reduction="none"))


@pytest.mark.parametrize(
    ("x", "y"), [((4, 1), (4,)), ((4, 1), (4, 1)), ((4,), (4,)), ((4, 3), (4, 3))]
)
def test_squared_errors_are_per_value(x, y):
    x, y = torch.rand(x), torch.rand(y)
    loss = criterions.MSELoss(reduction="none")(x, y.double())
    assert loss.shape == y.shape
    assert torch.allclose(loss, (x.view(y.shape) - y) ** 2)


def test_squared_errors_are_never_broadcast():
    with pytest.raises(DataError, match=r"shape \(4, 2\) and targets have \(4,\)"):
        criterions.MSELoss()(torch.rand(4, 2), torch.rand(4))


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_weighted_losses_are_reduced_as_asked(reduction):
    criterion = criterions.WeightedBCEWithLogitsLoss({"a": 1, "b": 2, "c": 3}, reduction=reduction)
    criterion.setup(label_sets([[1, 1, 1]]))
    x, y = torch.rand(5, 3), torch.randint(0, 2, (5, 3)).float()
    weighted = functional.binary_cross_entropy_with_logits(x, y, reduction="none") * torch.tensor(
        [0.5, 1.0, 1.5]
    )
    expected = {"none": weighted, "mean": weighted.mean(), "sum": weighted.sum()}[reduction]
    assert torch.allclose(criterion(x, y), expected)


def test_weights_are_needed_before_the_first_loss():
    with pytest.raises(ConfigError, match="setup"):
        criterions.BalancedBCEWithLogitsLoss()(torch.rand(2, 3), torch.rand(2, 3))


@pytest.mark.parametrize("name", criterions.__all__)
def test_every_criterion_is_a_loss_of_torch(name):
    assert issubclass(getattr(criterions, name), Loss)


def test_weights_of_labels_that_look_like_numbers_need_no_quotes():
    weights = given_weights("class_weights", {1: 1, "x": 3, "01": 2}, ["01", "1", "x"])
    assert weights.tolist() == pytest.approx([1.0, 0.5, 1.5])


@pytest.mark.parametrize("targets", [torch.rand(4), torch.ones(4, 3, dtype=torch.int64)])
def test_balancing_classes_of_what_has_none_is_told_with_the_way_out(targets):
    data = labels([2, 1, 1])
    data.train_dataset.targets = targets
    with pytest.raises(ConfigError, match="weights classes, and target_column 'target' has numb"):
        criterions.BalancedCrossEntropyLoss().setup(data)
