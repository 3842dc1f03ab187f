"""The wheel, installed into an empty environment away from the checkout."""

import importlib.metadata
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from tests.conftest import REPOSITORY

# Building it compiles the extension anew, for all of Linux.
pytestmark = [pytest.mark.timeout(900), pytest.mark.long]

BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def wheel(made_once):
    def build(folder):
        subprocess.run(["make", "wheel", f"DIST={folder}"], cwd=REPOSITORY, check=True)

    (built,) = made_once("wheel", build).glob("*.whl")
    return built


def test_one_wheel_serves_every_python_from_3_10_on(wheel):
    assert re.search(r"-cp310-abi3-", wheel.name)


@pytest.mark.skipif(sys.platform != "linux", reason="manylinux tags are for Linux")
def test_the_wheel_runs_on_every_linux_that_torch_runs_on(wheel):
    assert "manylinux_2_17" in wheel.name


def test_the_wheel_carries_the_default_configurations_and_the_types(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    expected = {
        *("autrainer/conf/config.yaml", "autrainer/conf/_autrainer_.yaml"),
        *("autrainer/conf/dataset/ToyTabular-C.yaml", "autrainer/conf/model/ToyFFNN.yaml"),
        *("autrainer/py.typed", "autrainer/_core.pyi", "hydra_plugins/autrainer_sweeper.py"),
        *(f"autrainer/postprocessing/report/page.{suffix}" for suffix in ("css", "js")),
    }
    assert expected <= set(names)
    ours = {
        f"autrainer/conf/{path.relative_to(REPOSITORY / 'conf')}"
        for path in (REPOSITORY / "conf").rglob("*.yaml")
    }
    assert {name for name in names if name.startswith("autrainer/conf/")} == ours


def test_the_wheel_says_whose_code_it_carries(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/THIRD_PARTY.md")]
        text = archive.read(name).decode()
    assert "Symphonia" in text
    assert "https://mozilla.org/MPL/2.0/" in text


def files_of_torch():
    """What the folder of packages has of torch and of what it asks for besides other packages."""
    installed = {each.metadata["Name"] for each in importlib.metadata.distributions()}
    found, wanted = set(), ["torch"]
    while wanted:
        name = wanted.pop()
        distribution = importlib.metadata.distribution(name)
        found |= {file.parts[0] for file in distribution.files if file.parts[0] != ".."}
        needed = {re.match(r"[\w.-]+", text)[0] for text in distribution.requires or []}
        wanted += [n for n in needed & installed if n.startswith(("nvidia", "cuda", "triton"))]
    return sorted(found - {"__pycache__"})


def test_the_default_experiment_trains_from_the_installed_wheel(wheel, tmp_path):
    environment = tmp_path / "env"
    uv = str(BIN / "uv")
    subprocess.run(
        [uv, "venv", "--quiet", "--python", sys.executable, str(environment)], check=True
    )
    # Several gigabytes, and half a minute to compile: linked, and all the rest is installed.
    packages = Path(torch.__file__).parents[1]
    (there,) = environment.glob("lib/python*/site-packages")
    for name in files_of_torch():
        (there / name).symlink_to(packages / name)
    python = environment / "bin" / "python"
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(python), str(wheel)], check=True
    )
    assert (there / "torch").is_symlink()
    process = subprocess.run(
        [str(environment / "bin" / "autrainer"), "train", "device=cpu"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    (metrics,) = tmp_path.glob("results/default/training/*/metrics.csv")
    assert len(metrics.read_text().splitlines()) == 6
