"""Every configuration of a published data set makes batches of a small folder of its layout."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from autrainer.config.instantiate import instantiate
from autrainer.transforms.manager import TransformManager
from tests.conftest import CONF
from tests.datasets.corpora.layouts import LAYOUTS, as_features

SHAPES = {
    "AIBO-wav": (1, 80),
    "AIBO-wav-pad": (1, 48000),
    "AIBO-mel-16k": (1, 301, 64),
    "AIBO-mel-32k": (1, 301, 64),
    "AIBO-eGeMAPS-llds": (200, 25),
    "AIBO-IS16-llds": (200, 65),
    "AudioSet-wav": (1, 80),
    "DCASE2016Task1-16k": (1, 50, 64),
    "DCASE2016Task1-32k": (1, 50, 64),
    "DCASE2016Task1-wav": (1, 80),
    "DCASE2016Task1-wav-stm": (1, 80),
    "DCASE2018Task3-wav": (1, 80),
    "DCASE2018Task3-wav-16k": (1, 80),
    "DCASE2020Task1A-16k": (1, 50, 64),
    "DCASE2020Task1A-32k": (1, 50, 64),
    "DCASE2020Task1A-wav": (1, 80),
    "DCASE2020Task1A-wav-16k": (1, 80),
    "EDANSA2019-wav": (1, 80),
    "EmoDB-32k": (1, 901, 64),
    "EmoDB-wav": (1, 144000),
    "MSPPodcast-EmoAct-wav": (1, 48000),
    "MSPPodcast-EmoDom-wav": (1, 48000),
    "MSPPodcast-EmoVal-wav": (1, 48000),
    "MSPPodcast-EmoClass-all-wav": (1, 48000),
    "MSPPodcast-EmoClass-big4-wav": (1, 48000),
    "SpeechCommands-16k": (1, 101, 64),
    "SpeechCommands-32k": (1, 101, 64),
    "SpeechCommands-wav": (1, 16000),
}
"""Shape of a train sample; clips of the folders have 80 samples at 16 kHz, or 50 frames."""

FEATURES = {"eGeMAPSv02-llds": (50, 25), "ComParE_2016-llds": (50, 65)}


def composed(name):
    with initialize_config_dir(str(CONF / "dataset"), version_base=None):
        return OmegaConf.to_container(compose(name), resolve=True)


def test_every_configuration_of_a_published_data_set_is_built_here():
    of_others = ("Toy", "Digits", "Mandarin")
    names = {path.stem for path in (CONF / "dataset").glob("*.yaml")}
    assert {name for name in names if not name.startswith(of_others)} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_configuration_makes_batches(tmp_path, name):
    config = composed(name)
    make, audio = LAYOUTS[config["_target_"].rpartition(".")[2]]
    make(tmp_path)
    subdir = config.get("features_subdir") or audio
    if config["file_type"] == "npy":
        as_features(tmp_path, audio, subdir, FEATURES.get(subdir, (1, 50, 64)))
    elif subdir != audio:
        (tmp_path / audio).rename(tmp_path / subdir)
    transform, criterion = config.pop("transform"), config.pop("criterion")
    train, dev, test = TransformManager({"type": transform["type"]}, transform).get_transforms()
    transforms = {"train_transform": train, "dev_transform": dev, "test_transform": test}
    data = instantiate({**config, "path": str(tmp_path)}, seed=1, **transforms)
    loss = instantiate({"_target_": criterion, "reduction": "none"})
    getattr(loss, "setup", lambda data: None)(data)
    batch = next(iter(data.create_train_loader(3)))
    assert tuple(batch.features.shape[1:]) == SHAPES[name]
    outputs = data.target_transform.probabilities_training(
        torch.rand(len(batch.index), data.output_dim)
    )
    assert loss(outputs, batch.target).shape == batch.target.shape
    for loader in (data.create_dev_loader(1), data.create_test_loader(1)):
        assert len(next(iter(loader)).features) == 1
