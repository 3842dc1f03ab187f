"""What stands in for private parts of Hydra does what they do."""

import copy
import pickle
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core import utils
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import OmegaConf, ReadonlyConfigError, open_dict
from omegaconf.errors import InterpolationKeyError

from autrainer.config.hydra.internals import Callbacks, copied, run_composed_job, run_job
from tests.conftest import CONF

OVERRIDES = ["+seed=1", "dataset=ToyTabular-C", "+nested={a: '${seed}', b: [1, '${nested.a}']}"]


SET_CONFIG = HydraConfig.set_config


@pytest.fixture(scope="module")
def composed():
    """A configuration with its `hydra` node, as a pickle."""
    with initialize_config_dir(str(CONF), version_base=None):
        config = compose("config", OVERRIDES, return_hydra_config=True)
    with open_dict(config):
        config.hydra.job.id, config.hydra.job.num = "3", 3
        config.hydra.sweep.dir, config.hydra.sweep.subdir = "runs", "${seed}-${hydra.job.num}"
        config.hydra.output_subdir = ".hydra"
    return pickle.dumps(config)


def everything(node):
    """What can be seen of a configuration: content, flags and types of all nodes, and parents."""
    content = node.__dict__["_content"] if OmegaConf.is_config(node) else node._value()
    if not OmegaConf.is_config(node) or not isinstance(content, dict | list):
        return type(node), content, vars(node._metadata)
    items = content.items() if isinstance(content, dict) else enumerate(content)
    assert all(child.__dict__["_parent"] is node for _, child in items)
    items = content.items() if isinstance(content, dict) else enumerate(content)
    return type(node), {key: everything(child) for key, child in items}, vars(node._metadata)


def test_a_copy_is_a_deep_copy(composed):
    config = pickle.loads(composed)
    for node in (config, config.hydra, config.nested):
        one, other = copied(node), copy.deepcopy(node)
        assert everything(one) == everything(other) == everything(node)
        assert one.__dict__["_parent"] is other.__dict__["_parent"] is node.__dict__["_parent"]
        assert one is not node
    copied(config).nested.a = 5
    assert config.nested.b == [1, 1]


def seen_by(run, config):
    """What a task sees of its configuration, and what comes of the job."""
    found = {}

    def task(given):
        hydra = HydraConfig.get()
        assert HydraConfig.set_config is SET_CONFIG
        found["given"], found["hydra"] = everything(given), everything(hydra)
        found["parent"] = hydra.__dict__["_parent"] is config
        found["folders"] = (hydra.runtime.output_dir, hydra.sweep.subdir)
        with pytest.raises(ReadonlyConfigError):
            hydra.job.name = "x"
        given.nested.a = 7
        return given.nested.b[1]

    loader = None
    job = run(
        task_function=task,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
        hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks(config)),
        configure_logging=False,
    )
    files = {path.name: path.read_text() for path in Path("runs/1-3/.hydra").iterdir()}
    told = (job.return_value, job.status, list(job.overrides), job.working_dir, job.task_name)
    return found | {
        "told": told,
        "files": files,
        "config": everything(config),
        "cfg": everything(job.cfg),
        "hydra_cfg": everything(job.hydra_cfg),
    }


def test_a_job_is_run_as_hydra_runs_it(composed):
    before = HydraConfig.instance().cfg
    seen = [seen_by(run, pickle.loads(composed)) for run in (run_job, run_composed_job)]
    assert seen[0] == seen[1]
    assert seen[0]["told"][0] == 7
    assert seen[0]["folders"] == (str(Path("runs/1-3").absolute()), "1-3")
    assert HydraConfig.instance().cfg is before


def test_after_a_job_that_cannot_begin_hydra_copies_as_before(composed, monkeypatch):
    config = pickle.loads(composed)
    # Hydra itself does not take it back then.
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    config.hydra.sweep.subdir = "${missing}"
    with pytest.raises(InterpolationKeyError):
        seen_by(run_composed_job, config)
    assert HydraConfig.set_config is SET_CONFIG
    assert utils.copy is copy
