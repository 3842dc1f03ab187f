"""Every configuration of a model: built without memory for its weights, called, and built again."""

import fnmatch
from functools import cache

import audobject
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf
from torch.overrides import TorchFunctionMode

from autrainer.config.instantiate import instantiate
from autrainer.models import AbstractModel, TorchvisionModel
from autrainer.runs.objects import object_dict
from tests.conftest import CONF

TYPES = ("tabular", "grayscale", "image", "raw")
SHAPES = {
    "Cnn*-online": (1, 101, 64),
    "Cnn*": (1, 101, 64),
    "SmallCNN": (1, 8, 8),
    "ToyFFNN": (64,),
    "Seq-FFNN-eGeMAPS": (10, 25),
    **{f"Seq-FFNN-IS{name}": (10, n) for name, n in {"09": 32, "10": 76, "11": 118}.items()},
    **{f"Seq-FFNN-IS{name}": (10, n) for name, n in {"12": 128, "13": 130, "16": 130}.items()},
    "ASTModel*": (1024, 128),
    "Whisper-*": (80, 3000),
    "End2You-*": (1, 16_000),
    "LEAFNet": (1, 16_000),
    "TDNNFFNN*": (1, 16_000),
    "w2v2-*": (16_000,),
    "hubert-*": (16_000,),
}
"""Features of a sample by patterns of names; images are as large as their configuration resizes."""
NAMES = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
RANDOM = [name for name in NAMES if not name.endswith("-T") or name in ("MaxViT-T", "Swin-T")]
RANDOM += ["Swin-V2-T"]
RANDOM = [name for name in RANDOM if not fnmatch.fnmatchcase(name, "Cnn*-T*")]
ONE_OF_EACH = [
    *("AlexNet", "ConvNeXt-Tiny", "Densenet-121", "EfficientNet-B0", "EfficientNetV2-S"),
    *("GoogLeNet", "InceptionV3", "MaxViT-T", "MnasNet-0.5", "MobileNetV2", "MobileNetV3-Small"),
    *("RegNetX-400MF", "RegNetY-400MF", "ResNeXt-50-32x4d", "ResNet-18", "ShuffleNetV2-0.5x"),
    *("SqueezeNet-1.0", "SqueezeNet-1.1", "Swin-T", "Swin-V2-T", "VGG-11", "VGG-11-BN"),
    *("ViT-B-32", "ViT-H-14", "Wide-ResNet-50-2"),
    *("Cnn10", "Cnn14", "SmallCNN", "ToyFFNN", "Seq-FFNN-IS09", "ASTModel", "End2You-emo18"),
    *("End2You-zhao19", "LEAFNet", "w2v2-b", "w2v2-l-emo", "hubert-b-ls960"),
]
"""Whisper and TDNN compute with values on their way: they are called in tests of their own."""


@cache
def read(name):
    return yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text())


class EmptyOnMeta(TorchFunctionMode):
    """Weights get shapes and no values, while numbers that shapes are computed from stay."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        on_meta = {"device": "meta"} if func is torch.empty else {}
        return func(*args, **{**(kwargs or {}), **on_meta})


def built(config):
    with EmptyOnMeta():
        return instantiate(config, instance_of=AbstractModel, output_dim=3).eval().to("meta")


def arguments_of(name):
    return {key: value for key, value in read(name).items() if key not in ("id", "transform")}


def shape_of(name):
    patterns = [p for p in SHAPES if fnmatch.fnmatchcase(name, p)]
    if patterns:
        return SHAPES[patterns[0]]
    steps = read(name)["transform"].get("base", [{"autrainer.transforms.Resize": {"height": 224}}])
    size = steps[0]["autrainer.transforms.Resize"]["height"]
    return (3, size, size)


def shapes(model):
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def test_every_name_is_a_value_that_the_command_line_takes_as_it_is():
    overrides = OverridesParser.create().parse_overrides([f"model={name}" for name in NAMES])
    assert [override.value() for override in overrides] == NAMES


def test_every_configuration_is_composed_by_its_name(tmp_path):
    # All at once, each in a package of its own: alone they take Hydra twenty seconds.
    choices = [{f"model@models.of_{index}": name} for index, name in enumerate(NAMES)]
    defaults = [{"model": "ToyFFNN"}, *choices, "_self_"]
    (tmp_path / "main.yaml").write_text(yaml.safe_dump({"defaults": defaults}))
    with initialize_config_dir(str(tmp_path), version_base=None):
        cfg = compose("main", [f"hydra.searchpath=[file://{CONF}]"])
    found = OmegaConf.to_container(cfg.models)
    assert list(found.values()) == [read(name) for name in NAMES]
    assert [config["id"] for config in found.values()] == NAMES


@pytest.mark.parametrize("name", RANDOM)
def test_a_configuration_builds_a_model_that_keeps_what_it_was_given(name):
    model = built(arguments_of(name))
    assert sum(parameter.numel() for parameter in model.parameters()) > 1000
    (kept,) = object_dict(model).values()
    given = arguments_of(name)
    del given["_target_"]
    assert {key: kept[key] for key in given} == given


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_a_model_gives_outputs_and_embeddings_and_is_built_again(name):
    model = built(arguments_of(name))
    features = torch.empty(2, *shape_of(name), device="meta")
    assert model(features).shape == (2, 3)
    embeddings = model.embeddings(features)
    assert embeddings.dim() == 2
    assert len(embeddings) == 2


@pytest.mark.parametrize("name", ["GoogLeNet", "ViT-H-14", "LEAFNet", "w2v2-b", "End2You-emo18"])
def test_a_model_is_built_again_from_what_it_keeps(name):
    model = built(arguments_of(name))
    with EmptyOnMeta():
        again = audobject.from_dict(object_dict(model), override_args={"transfer": None})
    assert shapes(again) == shapes(model)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(RANDOM)))
def test_a_pretrained_model_is_another_one_with_its_weights(name):
    config = read(name)
    assert config["transfer"]
    base = fnmatch.filter(RANDOM, name.removesuffix("-T"))
    base = base or [name.partition("-")[0]]
    untrained = {**read(base[0]), "transfer": config["transfer"], "id": name}
    same = name.endswith("-online") or config["transform"] == untrained["transform"]
    assert same
    assert {**config, "transform": 0} == {**untrained, "transform": 0}


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_before_a_model_is_one_of_four_types(name):
    transform = read(name)["transform"]
    assert transform["type"] in TYPES
    for step in transform.get("base", []):
        (path,) = [step] if isinstance(step, str) else step
        assert path.startswith("autrainer.transforms.")


def test_configurations_of_torchvision_stand_for_all_of_its_sizes():
    names = [name for name in RANDOM if read(name)["_target_"].endswith("TorchvisionModel")]
    assert len(names) == 77
    assert len({read(name)["torchvision_name"] for name in names}) == 77
    assert TorchvisionModel(3, "squeezenet1_1").embeddings(torch.rand(1, 3, 64, 64)).shape[1] == 512
