"""A project folder, and sweeps with a task that notes what it gets."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from autrainer.config.hydra.compose import HOOKS, SweepHooks, launch

DATASET = """\
id: {id}
_target_: my_project.MyDataset
metrics: [autrainer.metrics.Accuracy]
tracking_metric: autrainer.metrics.Accuracy
"""
MODEL = "id: {id}\n_target_: my_project.MyModel\nhidden_size: 8\n"
NONE = "id: None\n_target_: autrainer.augmentations.AugmentationPipeline\npipeline: []\n"


@pytest.fixture
def project(tmp_path):
    """Write files of a project; it begins with small groups and no main configuration."""

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    for name in ("ToyTabular-C", "Other-C"):
        write(f"conf/dataset/{name}.yaml", DATASET.format(id=name))
    for name in ("ToyFFNN", "Big_Net"):
        write(f"conf/model/{name}.yaml", MODEL.format(id=name))
    write("conf/augmentation/None.yaml", NONE)
    return write


@dataclass
class Recorded:
    """What a sweep did."""

    configs: list = field(default_factory=list)
    directories: list = field(default_factory=list)
    outcomes: list = field(default_factory=list)
    output: str = ""
    errors: str = ""
    code: int = 0

    def values(self, key):
        return [config[key] for config in self.configs]


@pytest.fixture
def sweep(project, capfd):
    """Run a sweep in this process with a task that notes its configurations.

    `before` is called with the configuration in every job, and may raise; `finish` makes every
    job leave a finished run folder.
    """

    def run(*arguments, before=None, finish=False, hooks=None, config_name="config", value=0.5):
        recorded = Recorded()

        def task(config):
            from hydra.core.hydra_config import HydraConfig
            from omegaconf import OmegaConf

            plain = OmegaConf.to_container(config, resolve=True)
            directory = Path(HydraConfig.get().runtime.output_dir)
            recorded.configs.append(plain)
            recorded.directories.append(directory)
            if before is not None:
                before(plain)
            if finish:
                finished_run(directory, plain)
            return value

        setattr(task, HOOKS, hooks or SweepHooks(report=recorded.outcomes.extend))
        task.__module__ = "autrainer.cli.commands.task"
        try:
            launch(task, list(arguments), config_name)
        except SystemExit as error:
            recorded.code = error.code
        recorded.output, recorded.errors = capfd.readouterr()
        return recorded

    return run


def finished_run(directory, config):
    """Make a folder look like that of a finished run of this configuration."""
    (directory / ".hydra").mkdir(parents=True, exist_ok=True)
    (directory / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config))
    (directory / "metrics.csv").write_text("accuracy,iteration\n0.5,1\n")
