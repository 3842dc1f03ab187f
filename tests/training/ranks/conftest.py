"""Runs that several processes train, forked from one that has imported everything."""

import json

import pytest
from omegaconf import OmegaConf

from tests import forked
from tests.conftest import REPOSITORY
from tests.training.conftest import configured

PROGRAM = """
import json, sys
from tests.torture.ranks import told
print(json.dumps(told(**json.loads(sys.argv[1]))))
"""


@pytest.fixture
def together(tmp_path):
    """`together(world_size, *overrides, name="run", **changes)`: what comes of training a run."""

    def train(world_size, *overrides, name="run", silence_s=60.0, **changes):
        run = tmp_path / "experiment" / "training" / name
        # Composed once here, and not by each of the processes.
        config = OmegaConf.to_container(configured(*overrides, **changes))
        arguments = {"run": str(run), "world_size": world_size, "config": config}
        given = json.dumps(arguments | {"silence_s": silence_s})
        done = forked.run(PROGRAM, given, path=REPOSITORY, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) | {"run": run, "stderr": done.stderr}

    return train
