"""Every configuration that is shipped: composed, checked, built and put to work."""

import math
from functools import cache
from types import SimpleNamespace

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from autrainer.augmentations import AugmentationManager
from autrainer.config.instantiate import instantiate, instantiate_shorthand
from autrainer.config.schema.run import RunConfig
from autrainer.data.file_handlers import AudioFileHandler
from autrainer.data.items import DataBatch, DataItem
from autrainer.engine.update import Update
from autrainer.models import AbstractModel
from autrainer.models.utils import create_model_inputs
from autrainer.optimizers import build_optimizer
from autrainer.plotting import PlotMetrics
from autrainer.training import ModularTaskTrainer
from autrainer.training.checks.configuration import find_problems
from autrainer.transforms import AbstractTransform, SmartCompose
from autrainer.transforms.manager import TransformManager
from tests.conftest import CONF
from tests.serving.conftest import write_wav

GROUPS = ("dataset", "model", "optimizer", "scheduler", "augmentation", "plotting", "preprocessing")
RUNS = ("config", "digits", "tones")
DESCRIPTORS = {"IS09": 32, "IS10": 76, "IS11": 118, "IS12": 128, "IS13": 130, "IS16": 130}
FEATURES = {
    **{"ToyFFNN": (64,), "SmallCNN": (1, 8, 8), "Seq-FFNN-eGeMAPS": (10, 25)},
    **{"Cnn10": (1, 16, 64), "End2You-emo18": (1, 1500), "End2You-zhao19": (1, 600)},
    **{"MobileNetV3-Small": (3, 64, 64), "SqueezeNet-1.1": (3, 64, 64)},
    **{f"Seq-FFNN-{name}": (10, size) for name, size in DESCRIPTORS.items()},
}
"""Features of small models; all models are built in `tests/models/test_configurations.py`."""


def files(group):
    return sorted((CONF / group).glob("*.yaml"))


def of_group(group):
    return pytest.mark.parametrize("path", files(group), ids=lambda path: path.stem)


@cache
def composed(main="config", *overrides):
    with initialize_config_dir(str(CONF), version_base=None):
        cfg = compose(main, ["seed=1", "batch_size=8", "learning_rate=0.01", *overrides])
    return OmegaConf.to_container(cfg, resolve=True)


def option(group, name, *overrides):
    return composed("config", f"{group}={name}", *overrides)[group]


def test_every_folder_of_the_tree_is_a_group_that_is_tested_here():
    folders = {path.name for path in CONF.iterdir() if path.is_dir()}
    assert folders - {"hydra"} <= set(GROUPS)


def every_option():
    # What these make is named by the folder of the features, or is no part of a run.
    unnamed = ("plotting", "preprocessing")
    return [path for group in GROUPS if group not in unnamed for path in files(group)]


def test_the_id_of_a_configuration_is_the_name_of_its_file():
    # Read as text, "None" and the like stay what they are.
    ids = {
        path: yaml.load(path.read_text(), Loader=yaml.BaseLoader)["id"] for path in every_option()
    }
    others = {path.stem: found for path, found in ids.items() if found != path.stem}
    # The one file of 0.10 whose id has another name.
    assert others == {"AudioSet-wav": "AudioSet"}


def test_a_configuration_is_safe_yaml_that_ends_in_one_line_break():
    texts = {path: path.read_text() for path in sorted(CONF.rglob("*.yaml"))}
    assert len(texts) > 280
    assert [p for p, text in texts.items() if not isinstance(yaml.safe_load(text), dict)] == []
    assert [p for p, text in texts.items() if text != f"{text.rstrip()}\n"] == []
    lines = [(path, line) for path, text in texts.items() for line in text.splitlines()]
    assert [(path, line) for path, line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.name)
def test_a_main_configuration_begins_with_what_it_is_for(path):
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("name", ["config.yaml", "_autrainer_.yaml", "digits.yaml", "tones.yaml"])
def test_every_key_of_a_main_configuration_is_explained_beside_it(name):
    lines = (CONF / name).read_text().split("hydra:\n")[0].splitlines()
    keys = [line for line in lines if ": " in line and not line.startswith((" ", "#"))]
    assert keys
    assert [line for line in keys if " # " not in line] == []


@pytest.mark.parametrize("main", RUNS)
def test_a_main_configuration_has_nothing_wrong(main):
    cfg = composed(main)
    config = RunConfig.read(cfg)
    assert config.training.iterations >= 1
    assert find_problems(config) == []


# Published ones are put to work in tests/datasets/corpora/test_configs.py.
OF_MEMORY = [path for path in files("dataset") if path.stem.startswith(("Toy", "Digits"))]


@of_group("dataset")
def test_a_run_on_a_dataset_has_nothing_wrong(path):
    cfg = composed("config", f"dataset={path.stem}")
    config = RunConfig.read(cfg)
    assert config.training.batch_size == 8
    assert find_problems(config) == []


@pytest.mark.parametrize("path", OF_MEMORY, ids=lambda path: path.stem)
def test_a_dataset_gives_transformed_batches_that_its_criterion_and_metrics_take(path):
    config = dict(option("dataset", path.stem))
    size = {"size": 60} if "size" in config else {}
    transform, criterion = config.pop("transform"), config.pop("criterion")
    train, dev, test = TransformManager({"type": transform["type"]}, transform).get_transforms()
    transforms = {"train_transform": train, "dev_transform": dev, "test_transform": test}
    data = instantiate(
        {**config, **size, "num_targets": 3} if size else config, seed=1, **transforms
    )
    loss = instantiate({"_target_": criterion, "reduction": "none"})
    getattr(loss, "setup", lambda data: None)(data)
    batch = next(iter(data.create_dev_loader(8)))
    encode = data.target_transform
    outputs = torch.rand(8, data.output_dim)
    losses = loss(encode.probabilities_training(outputs), batch.target)
    assert losses.shape == batch.target.shape
    guesses = encode.predict_array(encode.probabilities_inference(outputs))
    scores = [metric(batch.target.numpy(), guesses) for metric in data.metrics]
    assert all(math.isfinite(score) for score in scores)
    assert data.tracking_metric.name in {metric.name for metric in data.metrics}


@pytest.mark.parametrize("name", FEATURES)
def test_a_model_makes_outputs_and_embeddings_and_trains(name):
    config = {key: v for key, v in option("model", name).items() if key != "transform"}
    model = instantiate(config, instance_of=AbstractModel, output_dim=3)
    features = torch.rand(4, *FEATURES[name])
    outputs = model(features)
    assert outputs.shape == (4, 3)
    assert len(model.embeddings(features)) == 4
    outputs.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


class Sparse(AbstractModel):
    """An embedding with sparse gradients."""

    def __init__(self, output_dim):
        super().__init__(output_dim)
        self.rows = torch.nn.Embedding(5, output_dim, sparse=True)

    def forward(self, features):
        return self.rows(features)

    embeddings = forward


class Dense(AbstractModel):
    """One layer."""

    def __init__(self, output_dim):
        super().__init__(output_dim)
        self.layer = torch.nn.Linear(5, output_dim)

    def forward(self, features):
        return self.layer(torch.nn.functional.one_hot(features, 5).float())

    embeddings = forward


class Batch:
    features = torch.tensor([0, 1, 2, 3, 4, 0])
    target = torch.tensor([0, 1, 2, 0, 1, 0])


@of_group("optimizer")
def test_an_optimizer_takes_a_step_that_lowers_the_loss(path):
    torch.manual_seed(0)
    kind = {"SparseAdam": Sparse}.get(path.stem, Dense)
    model = kind(3)
    optimizer = build_optimizer(option("optimizer", path.stem), model, 0.01)
    criterion = torch.nn.CrossEntropyLoss(reduction="none")

    def loss():
        return criterion(model(**create_model_inputs(model, Batch)), Batch.target).mean().item()

    before = loss()
    for _ in range(3):
        Update(optimizer).step(model, Batch, criterion, lambda output: output)
    assert loss() < before
    assert {group["lr"] for group in optimizer.param_groups} == {0.01}


@of_group("scheduler")
def test_a_scheduler_takes_steps_in_a_run(path, tmp_path):
    names = ["device=cpu", "dataset.size=60", "iterations=2"]
    cfg = OmegaConf.create(composed("config", f"scheduler={path.stem}", *names))
    cfg.merge_with({"progress_bar": False, "continue_training": False})
    cfg.plotting = {}
    trainer = ModularTaskTrainer(cfg, tmp_path / "run")
    trainer.train()
    taken = getattr(trainer.scheduler, "last_epoch", 0)
    assert taken == (0 if path.stem == "None" else 2)


OF_IMAGES = (
    *("AugMix", "GaussianBlur", "RandGrayscale", "RandRotation"),
    *("RandAugment-light", "RandAugment-medium", "RandAugment-strong"),
)
OF_BATCHES = ("CutMix", "MixUp")
INCOMPLETE = "SampleGaussianWhiteNoise"
OF_SPECTROGRAMS = [
    path.stem
    for path in files("augmentation")
    if path.stem not in (*OF_IMAGES, *OF_BATCHES, INCOMPLETE)
]


def augmented(config, features, num=1):
    """What the augmentation of train makes of some samples with these features."""
    train, dev, test = AugmentationManager(train_augmentation=config).get_augmentations()
    assert [*dev.transforms, *test.transforms] == []
    return [train(DataItem(features.clone(), 0, index)).features for index in range(num)]


@pytest.mark.parametrize("name", OF_SPECTROGRAMS)
def test_an_augmentation_changes_spectrograms_and_keeps_their_shape(name):
    spectrogram = torch.rand(1, 101, 64)
    found = augmented(option("augmentation", name), spectrogram, num=5)
    assert all(features.shape == spectrogram.shape for features in found)
    assert all(torch.equal(features, spectrogram) for features in found) == (name == "None")


@pytest.mark.slow  # imports torchvision
@pytest.mark.parametrize("name", OF_IMAGES)
def test_an_augmentation_changes_images_and_keeps_their_shape_and_dtype(name):
    # Not of all values: some operations stretch what there is.
    image = torch.randint(60, 190, (3, 32, 24), dtype=torch.uint8)
    found = augmented(option("augmentation", name), image, num=10)
    assert all(features.shape == image.shape for features in found)
    assert all(features.dtype == image.dtype for features in found)
    assert not all(torch.equal(features, image) for features in found)


@pytest.mark.parametrize("name", OF_BATCHES)
def test_an_augmentation_mixes_batches(name):
    config = option("augmentation", name)
    train, _, _ = AugmentationManager(train_augmentation=config).get_augmentations()
    data = SimpleNamespace(output_dim=2, default_collate_fn=DataBatch.collate)
    items = [DataItem(torch.full((1, 8, 8), float(index)), index, index) for index in range(2)]
    batch = train.get_collate_fn(data)(items)
    assert batch.features.shape == (2, 1, 8, 8)
    assert batch.target.sum(dim=1).tolist() == pytest.approx([1, 1])


def test_white_noise_wants_a_table_and_says_so_before_a_run():
    config = RunConfig.read(composed("config", f"augmentation={INCOMPLETE}"))
    problems = find_problems(config)
    lines = [problem.line() for problem in problems]
    missing = ("snr_df", "snr_col", "sample_seed")
    assert [
        line for line, name in zip(lines, missing, strict=True) if f".{name} is missing" not in line
    ] == []


MADE = {
    **{"log_mel_8k": (1, 101, 64), "log_mel_16k": (1, 101, 64), "log_mel_32k": (1, 101, 64)},
    **{"eGeMAPSv02": (88,), "eGeMAPSv02-llds": (96, 25)},
    **{"ComParE_2016": (6373,), "ComParE_2016-llds": (96, 65)},
}
"""What a preprocessing makes of one second."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n.startswith("log_mel") else pytest.mark.slow) for n in MADE],
)
def test_a_preprocessing_reads_a_recording_and_makes_features_of_it(name, tmp_path):
    config = composed("config", f"+preprocessing={name}")["preprocessing"]
    handler = instantiate_shorthand(config["file_handler"], instance_of=AudioFileHandler)
    rate = handler.target_sample_rate
    write_wav(tmp_path / "a.wav", rate, rate=rate, channels=2)
    pipeline = [instantiate_shorthand(step, AbstractTransform) for step in config["pipeline"]]
    item = SmartCompose(pipeline)(DataItem(handler.load(str(tmp_path / "a.wav")), 0, 0))
    assert item.features.shape == MADE[name]
    assert item.features.dtype == torch.float32


def test_every_preprocessing_is_put_to_work_here():
    assert {path.stem for path in files("preprocessing")} == set(MADE)


def test_a_plot_is_drawn(tmp_path):
    import pandas as pd

    plots = PlotMetrics(str(tmp_path), "epoch", **option("plotting", "Default"), metric_fns=[])
    table = pd.DataFrame({"train_loss": [1.0, 0.5], "dev_loss": [1.0, 0.7]}, index=[1, 2])
    plots.plot_run(table)
    (tmp_path / "_plots" / "loss.png").stat()
