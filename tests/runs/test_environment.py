import importlib.metadata
import logging
import os
import platform

import pytest
import torch

from autrainer.runs.environment import (
    get_hardware_info,
    installed_packages,
    save_hardware_info,
    save_requirements,
    set_device,
)
from autrainer.runs.yaml.reading import read_yaml


def test_the_cpu_is_taken_without_a_word(caplog):
    assert set_device("cpu") == torch.device("cpu")
    assert caplog.records == []


@pytest.mark.parametrize("device", ["cuda:99", "cuda:x", "typo", "xpu:7"])
def test_a_device_that_cannot_be_used_gives_way_to_the_cpu_with_one_warning(device, caplog):
    assert set_device(device) == torch.device("cpu")
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.WARNING
    (message,) = caplog.messages
    assert message.startswith(f"device is {device!r}, which cannot be used (")
    assert message.endswith("); using 'cpu'")
    assert "\n" not in message
    assert ". " not in message


def test_packages_are_those_of_this_interpreter_in_order():
    packages = installed_packages()
    assert f"torch=={importlib.metadata.version('torch')}" in packages
    assert packages == sorted(
        packages, key=lambda line: line.partition("==")[0].lower().replace("_", "-")
    )
    assert len({line.lower() for line in packages}) == len(packages)


def test_requirements_hold_a_package_per_line(tmp_path):
    save_requirements(tmp_path)
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert lines == installed_packages()


def test_a_package_that_is_installed_meanwhile_is_found(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    before = installed_packages()
    (tmp_path / "mine-1.dist-info").mkdir()
    (tmp_path / "mine-1.dist-info" / "METADATA").write_text("Name: mine\nVersion: 1.5\n")
    os.utime(tmp_path, ns=(1, 1))
    assert set(installed_packages()) - set(before) == {"mine==1.5"}


def test_hardware_is_written_down(tmp_path):
    save_hardware_info(tmp_path)
    info = read_yaml(tmp_path / "hardware.yaml")
    assert info == get_hardware_info()
    assert info["system"]["os"] == platform.system()
    assert list(info["system"]) == ["os", "platform", "memory_gb", "cpu_count"]


def test_within_slurm_the_job_is_what_counts():
    job = {"JOB_ID": "1", "MEM_PER_NODE": "4096", "CPUS_PER_TASK": "3"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in job.items():
            patch.setenv(f"SLURM_{name}", value)
        patch.setenv("SLURMD_NODENAME", "node7")
        system = get_hardware_info()["system"]
    assert (system["node"], system["memory_gb"], system["cpu_count"]) == ("node7", 4.0, 3)
