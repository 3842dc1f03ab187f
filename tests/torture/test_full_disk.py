"""A disk that really fills: a small one in memory, seen by the tested commands alone."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import yaml

from autrainer.runs.state.torch_files import read_state
from tests.conftest import AUTRAINER
from tests.torture.damage import contents

SIZE_KB = 600
"""Less than the run takes, more than its first iteration does."""

OPTIONS = (
    *("dataset.size=2000", "device=cpu", "seed=1", "batch_size=64", "learning_rate=0.001"),
    *("iterations=4", "progress_bar=false", "plotting=None"),
)
TRAIN = f"'{AUTRAINER}' train {' '.join(OPTIONS)}"

FILL = f"""
mount -t tmpfs -o size={SIZE_KB}k none results || exit 77
{TRAIN} > full.txt 2>&1; echo $? > full.code
df --output=avail results | tail -1 > full.free
cp -r results full
mount -o remount,size=100m results
{TRAIN} > again.txt 2>&1; echo $? > again.code
cp -r results again
"""
PRIVILEGES = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))
READERS = {
    ".pt": read_state,
    ".npy": np.load,
    ".csv": pd.read_csv,
    ".yaml": lambda path: yaml.safe_load(path.read_bytes()),
}


@pytest.fixture
def project(tmp_path):
    no_plots = tmp_path / "conf" / "plotting" / "None.yaml"
    no_plots.parent.mkdir(parents=True)
    no_plots.touch()
    (tmp_path / "results").mkdir()
    return tmp_path


def filled(project):
    """Run the commands on a small disk, with whatever it takes to mount one."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    for privileges in PRIVILEGES:
        command = [*privileges, "sh", "-c", FILL]
        done = subprocess.run(command, cwd=project, capture_output=True, check=False)
        if done.returncode == 0:
            return
    pytest.skip(f"a disk cannot be mounted here: {done.stderr.decode()}")


def test_a_run_whose_disk_fills_says_so_keeps_what_it_has_and_goes_on(autrainer, project, tmp_path):
    filled(project)
    said = (project / "full.txt").read_text()
    assert (project / "full.code").read_text().strip() == "1", said
    assert "No space left on device; nothing was written: free some space: '" in said
    assert str(project / "results") in said
    assert "Traceback" not in said
    files = [path for path in (project / "full").rglob("*") if path.suffix in READERS]
    assert any(path.name == "model.pt" for path in files)
    for path in files:
        READERS[path.suffix](path)
    assert not list((project / "full").rglob("*.tmp"))
    assert (project / "again.code").read_text().strip() == "0", (project / "again.txt").read_text()
    whole = tmp_path / "whole"
    shutil.copytree(project / "conf", whole / "conf")
    autrainer("train", *OPTIONS, cwd=whole)
    shutil.rmtree(project / "results")
    (project / "again").rename(project / "results")
    assert contents(project) == contents(whole)
