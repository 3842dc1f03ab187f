"""The registry of what a run consists of: said once, saved, given back, and checked."""

import pytest
import torch

from autrainer.engine.stateful import StatefulParts, StatefulValue, check_alike


def parts_of(model, best, **more):
    parts = StatefulParts()
    parts.add("states/model.pt", lambda: model, checkpoint="model.pt")
    parts.add("states/scheduler.pt", lambda: None, checkpoint="scheduler.pt")
    parts.add("best", lambda: StatefulValue(lambda: list(best), lambda v: best.__init__(v)))
    for name, part in more.items():
        parts.add(name, lambda part=part: part, is_new=True)
    return parts


def test_a_state_is_a_tree_of_all_parts_and_goes_back_into_them():
    first, second = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    tree = parts_of(first, [3, 0.5]).state_dict()
    assert list(tree) == ["states", "best"]
    assert tree["states"]["scheduler.pt"] is None
    best = [1, 0.0]
    parts_of(second, best).load_state_dict(tree)
    assert best == [3, 0.5]
    assert torch.equal(first.weight, second.weight)


def test_files_for_users_are_those_of_the_parts_that_the_run_has():
    model = torch.nn.Linear(2, 1)
    assert parts_of(model, []).checkpoints() == {"model.pt": model}


def test_a_part_that_a_callback_has_replaced_is_the_one_that_counts():
    holder = [torch.nn.Linear(2, 1)]
    parts = StatefulParts()
    parts.add("model", lambda: holder[0])
    holder[0] = torch.nn.Linear(3, 1)
    assert parts.state_dict()["model"]["weight"].shape == (1, 3)


def test_a_state_from_before_a_part_was_known_still_fits():
    tree = parts_of(torch.nn.Linear(2, 1), [1, 0.0]).state_dict()
    scaler = torch.nn.Linear(1, 1)
    before = scaler.weight.clone()
    parts_of(torch.nn.Linear(2, 1), [], scaler=scaler).load_state_dict(tree)
    assert torch.equal(scaler.weight, before)


def test_a_state_may_lack_what_the_run_has_not_either():
    first, second = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    tree = parts_of(first, []).state_dict()
    del tree["states"]["scheduler.pt"]
    parts_of(second, []).load_state_dict(tree)
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize("name", ["best", "states"])
def test_a_state_that_lacks_a_part_is_refused_by_name(name):
    tree = parts_of(torch.nn.Linear(2, 1), [1, 0.0]).state_dict()
    del tree[name]
    with pytest.raises(KeyError, match=f"lacks '{name}"):
        parts_of(torch.nn.Linear(2, 1), []).load_state_dict(tree)


def test_a_state_of_a_part_that_the_run_has_not_is_refused():
    tree = parts_of(torch.nn.Linear(2, 1), [1, 0.0]).state_dict()
    tree["states"]["scheduler.pt"] = {}
    with pytest.raises(KeyError, match=r"has 'states/scheduler.pt', this run has not"):
        parts_of(torch.nn.Linear(2, 1), []).load_state_dict(tree)


def test_one_name_is_one_part():
    parts = parts_of(torch.nn.Linear(2, 1), [])
    with pytest.raises(ValueError, match="a part 'best' already"):
        parts.add("best", lambda: None)


OWN = {"lr": 0.1, "betas": (0.9, 0.99), "step": torch.tensor(3.0), "fused": None, "name": "a"}


@pytest.mark.parametrize(
    "found",
    [
        OWN,
        {"lr": torch.tensor(0.1), "step": 3, "fused": True, "more": []},
        {"betas": [1, 2, 3], "step": torch.zeros(5)},
    ],
)
def test_values_of_the_same_kinds_are_alike(found):
    check_alike(found, OWN, "here")


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ({"lr": "0.1"}, "here.lr is of type str, expected int or float"),
        ({"lr": torch.zeros(2)}, "here.lr is of type Tensor"),
        ({"betas": (0.9, None)}, r"here.betas\[1\] is of type NoneType"),
        ({"betas": 0.9}, "here.betas is of type float, expected list or tuple"),
        ({"step": [3]}, "here.step is of type list, expected Tensor"),
        ({"name": 5}, "here.name is of type int, expected str"),
        ([], "here is of type list, expected Mapping"),
    ],
)
def test_a_value_of_another_kind_is_named_by_its_place(found, place):
    with pytest.raises(TypeError, match=place):
        check_alike(found, OWN, "here")
