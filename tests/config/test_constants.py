"""Constants: what they are, and what they refuse to become."""

import pytest

from autrainer.core.constants import ExportConstants, NamingConstants, TrainingConstants


def test_each_class_has_one_instance():
    for kind in (ExportConstants, NamingConstants, TrainingConstants):
        assert kind() is kind()
    assert ExportConstants() is not NamingConstants()


def test_what_can_be_aggregated_follows_from_the_naming_convention(monkeypatch):
    names = NamingConstants()
    assert "training_type" not in names.VALID_AGGREGATIONS
    assert len(names.VALID_AGGREGATIONS) == 9
    monkeypatch.setattr(names, "INVALID_AGGREGATIONS", ["seed"])
    assert "seed" not in names.VALID_AGGREGATIONS


def test_what_is_set_holds_for_all(monkeypatch):
    monkeypatch.setattr(ExportConstants(), "LOGGING_DEPTH", 5)
    assert ExportConstants().LOGGING_DEPTH == 5
    monkeypatch.setattr(ExportConstants(), "ARTIFACTS", ["a", {"b": "c"}])
    monkeypatch.setattr(ExportConstants(), "IGNORE_PARAMS", [])
    monkeypatch.setattr(TrainingConstants(), "TASKS", ["mine"])
    monkeypatch.setattr(NamingConstants(), "CONFIG_DIRS", ["model"])


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (NamingConstants, "NAMING_CONVENTION", "seed"),
        (NamingConstants, "NAMING_CONVENTION", [1]),
        (NamingConstants, "INVALID_AGGREGATIONS", None),
        (NamingConstants, "CONFIG_DIRS", {"a"}),
        (TrainingConstants, "TASKS", [None]),
        (ExportConstants, "LOGGING_DEPTH", -1),
        (ExportConstants, "LOGGING_DEPTH", True),
        (ExportConstants, "LOGGING_DEPTH", "2"),
        (ExportConstants, "IGNORE_PARAMS", "seed"),
        (ExportConstants, "ARTIFACTS", [{"a": 1}]),
        (ExportConstants, "ARTIFACTS", "metrics.csv"),
    ],
)
def test_wrong_types_are_refused(kind, name, value):
    with pytest.raises(ValueError, match=f"{name} is"):
        setattr(kind(), name, value)
