import logging

import pytest
import torch
from omegaconf import OmegaConf

from autrainer.data.items import DataItem
from autrainer.errors import ConfigError
from autrainer.transforms import (
    Expand,
    GrayscaleToRGB,
    Normalize,
    RGBToGrayscale,
    SmartCompose,
    StereoToMono,
    TransformManager,
)

T = "autrainer.transforms."


def normalize(mean, tag=""):
    return {f"{T}Normalize{tag}": {"mean": mean, "std": 1.0}}


def expand(size):
    return {f"{T}Expand": {"size": size}}


def told(compose):
    """What a pipeline consists of: class names with the argument that tells them apart."""
    return [
        (type(t).__name__, getattr(t, "size", getattr(t, "mean", None))) for t in compose.transforms
    ]


def pipelines(model, dataset, **augmentations):
    manager = TransformManager(
        {"type": "tabular", **model}, {"type": "tabular", **dataset}, **augmentations
    )
    return dict(zip(("train", "dev", "test"), manager.get_transforms(), strict=True))


REMOVED, REMOVED_A = {f"{T}Normalize": None}, {f"{T}Normalize@a": None}


@pytest.mark.parametrize(
    ("model", "dataset", "expected"),
    [
        ([REMOVED], [normalize(1), expand(9)], [("Expand", 9)]),
        ([REMOVED], [normalize(1, "@a"), expand(9)], [("Expand", 9), ("Normalize", 1)]),
        ([REMOVED_A], [normalize(1, "@a"), normalize(2, "@b")], [("Normalize", 2)]),
        ([expand(3), expand(4)], [expand(9)], [("Expand", 3), ("Expand", 4)]),
        ([], [normalize(1), normalize(2)], [("Normalize", 1), ("Normalize", 2)]),
        ([normalize(5)], [normalize(1)], [("Normalize", 5)]),
        ([normalize(5, "@x")], [normalize(1)], [("Normalize", 5), ("Normalize", 1)]),
    ],
)
def test_model_entries_come_first_and_override_or_remove_by_key(model, dataset, expected):
    train = pipelines({"base": model}, {"base": dataset})["train"]
    assert told(train) == expected


def test_subsets_do_not_touch_each_other():
    built = pipelines({"train": [REMOVED]}, {"base": [normalize(1)], "train": [expand(2)]})
    assert told(built["train"]) == [("Expand", 2), ("Normalize", 1)]
    assert told(built["dev"]) == told(built["test"]) == [("Normalize", 1)]


def test_no_arguments_may_be_written_as_text_null_or_an_empty_mapping():
    name = f"{T}StereoToMono"
    for entry in (name, {name: {}}, {name: None}, f"{name}@tag"):
        built = pipelines({}, {"base": [entry]})
        assert [type(t) for t in built["dev"].transforms] == [StereoToMono]
    built = pipelines({"base": [{name: {}}]}, {})
    assert [type(t) for t in built["dev"].transforms] == [StereoToMono]


def test_base_objects_are_shared_and_others_are_not():
    built = pipelines({}, {"base": [expand(2)], "dev": [normalize(1)], "test": [normalize(1)]})
    assert built["train"].transforms[0] is built["dev"].transforms[0]
    assert built["dev"].transforms[1] is not built["test"].transforms[1]


def test_augmentations_are_added_where_they_belong():
    extra = SmartCompose([Expand(7)])
    built = pipelines({}, {"base": [normalize(1)]}, train_augmentation=extra)
    assert told(built["train"]) == [("Expand", 7), ("Normalize", 1)]
    assert told(built["dev"]) == [("Normalize", 1)]


@pytest.mark.parametrize(
    ("model", "dataset", "kind"),
    [("image", "grayscale", GrayscaleToRGB), ("grayscale", "image", RGBToGrayscale)],
)
def test_images_and_spectrograms_are_converted_last(model, dataset, kind):
    dataset = {"type": dataset, "base": [normalize(0.5)]}
    for compose in TransformManager({"type": model}, dataset).get_transforms():
        assert [type(t) for t in compose.transforms] == [Normalize, kind]


def test_unknown_types_pass_if_they_are_equal():
    train, _, _ = TransformManager({"type": "graph"}, {"type": "graph"}).get_transforms()
    item = DataItem(torch.ones(1), 0, 0)
    assert train(item) is item


@pytest.mark.parametrize(
    ("model", "dataset", "message"),
    [
        ({"type": "raw"}, {"type": "tabular"}, "'raw' and dataset.transform.type is 'tabular'"),
        ({}, {"type": "raw"}, "model.transform.type is missing"),
        ({"type": "raw"}, None, "dataset.transform is None"),
        (
            {"type": "raw", "trian": []},
            {"type": "raw"},
            "trian is an unknown key; did you mean 'train'",
        ),
        ({"type": "raw", "base": {"a": 1}}, {"type": "raw"}, "model.transform.base is"),
        (
            {"type": "raw", "base": [None]},
            {"type": "raw"},
            r"base\[0\] is None; use an import path",
        ),
        ({"type": "raw", "base": [{}]}, {"type": "raw"}, r"base\[0\] is \{\}; use an import path"),
        ({"type": "raw", "base": [f"{T}Expend"]}, {"type": "raw"}, "did you mean 'Expand'"),
        (
            {"type": "raw", "base": ["torch.nn.ReLU"]},
            {"type": "raw"},
            "AbstractTransform is needed",
        ),
    ],
)
def test_what_does_not_make_sense_is_an_error(model, dataset, message):
    with pytest.raises(ConfigError, match=message):
        TransformManager(model, dataset).get_transforms()


def test_removal_next_to_its_like_is_pointed_at(caplog):
    with caplog.at_level(logging.WARNING):
        pipelines({"base": [REMOVED]}, {"base": [normalize(1, "@a")]})
    assert "did you mean 'Normalize@a'" in caplog.text


def test_removal_of_what_is_nowhere_is_silent(caplog):
    with caplog.at_level(logging.WARNING):
        pipelines({"base": [REMOVED]}, {"base": [expand(2)]})
    assert caplog.text == ""


def test_entry_that_lost_its_indentation_keeps_its_arguments(caplog):
    with caplog.at_level(logging.WARNING):
        built = pipelines({"base": [{f"{T}Expand@tag": None, "size": 3}]}, {})
    assert told(built["train"]) == [("Expand", 3)]


def test_configurations_may_come_from_omegaconf_and_stay_as_they_are():
    config = OmegaConf.create(
        {"size": 4, "transform": {"type": "tabular", "base": [{f"{T}Expand": {"size": "${size}"}}]}}
    )
    before = OmegaConf.to_yaml(config)
    train, _, _ = TransformManager(config.transform, config.transform).get_transforms()
    assert told(train) == [("Expand", 4)]
    assert OmegaConf.to_yaml(config) == before
