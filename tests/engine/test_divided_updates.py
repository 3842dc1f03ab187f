"""An update of a model that is divided over processes is that of one process, in float64."""

import json

import pytest
import torch

from autrainer.engine.sharding import Sharding
from autrainer.errors import ConfigError
from tests import forked
from tests.conftest import REPOSITORY
from tests.skips import needs_fsdp

pytestmark = needs_fsdp

PROGRAM = """
import json, sys
from tests.engine.divided import furthest
print(json.dumps(furthest(**json.loads(sys.argv[1]))))
"""


@pytest.mark.parametrize("world_size", [2, 3])
def test_the_weights_are_those_of_one_process_whatever_the_batches_and_parts(tmp_path, world_size):
    given = json.dumps({"world_size": world_size, "folder": str(tmp_path)})
    done = forked.run(PROGRAM, given, path=REPOSITORY, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    differences = json.loads(done.stdout.splitlines()[-1])
    assert len(differences) == 6
    assert all(each < 1e-6 for each in differences.values()), differences


class Tied(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(3, 3), torch.nn.Linear(3, 3)
        self.last.weight = self.first.weight


class Scaled(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(3, 3)])
        self.scale = torch.nn.Parameter(torch.ones(()))


@pytest.mark.parametrize(
    ("model", "units", "message"),
    [
        (Tied(), ["first"], "'first.weight' and 'last.weight' of Tied are one weight in two units"),
        (Scaled(), None, "'scale' of Scaled is a single number; give it the shape"),
        (Scaled(), ["block*.*.weight"], "is the name or class of no module of Scaled"),
        (Scaled(), ["blocks"], "'blocks' is a ModuleList, which is never called itself"),
    ],
)
def test_what_cannot_be_divided_is_told(monkeypatch, model, units, message):
    monkeypatch.setattr("autrainer.engine.sharding._mesh", lambda runtime: None)
    with pytest.raises(ConfigError, match=message):
        Sharding(None, units).divide(model)
