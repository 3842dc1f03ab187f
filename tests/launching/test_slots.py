"""Which slots there are for runs: by cores, by GPUs, and by what the environment leaves of them."""

import pytest

from autrainer.errors import ConfigError
from autrainer.launching import gpus
from autrainer.launching.cores import available_cores
from autrainer.launching.slots import slot_table

TWO = ("GPU-a", "GPU-b")
LISTED = """\
GPU 0: NVIDIA H100 (UUID: GPU-a1)
  MIG 1g.10gb     Device  0: (UUID: MIG-1)
  MIG 1g.10gb     Device  1: (UUID: MIG-2)
GPU 1: NVIDIA H100 (UUID: GPU-b2)
"""


def table(jobs, devices=("cpu",), *, per_gpu=1, found=TWO, cores=8):
    return slot_table(jobs, per_gpu, devices, gpus=lambda: found, cores=lambda: cores)


def test_cores_are_shared_between_the_slots():
    assert [(len(each.slots), each.threads) for each in (table(2), table(3), table(16))] == [
        (2, 4),
        (3, 2),
        (16, 1),
    ]


def test_on_the_cpu_there_are_as_many_slots_as_cores():
    found = table("auto", ["cuda:0"], found=())
    assert (len(found.slots), found.threads, found.has_gpus) == (8, 1, False)


def test_gpus_are_given_out_in_turn_before_two_runs_share_one():
    found = table(3, ["cuda:0", "cuda"], per_gpu=2)
    assert [slot.gpu for slot in found.slots] == ["GPU-a", "GPU-b", "GPU-a"]
    assert found.slots[1].environment == {"CUDA_VISIBLE_DEVICES": "GPU-b"}
    assert len(table("auto", ["cuda"], per_gpu=3).slots) == 6


def test_more_runs_than_gpus_take_are_refused():
    with pytest.raises(ConfigError, match="jobs_per_gpu=3"):
        table(5, ["cuda"])


def test_a_gpu_of_a_certain_number_is_refused():
    with pytest.raises(ConfigError, match="device=cuda"):
        table(2, ["cuda:1"])


def test_parts_of_a_gpu_stand_for_it():
    assert gpus.parse(LISTED) == [["MIG-1", "MIG-2"], ["GPU-b2"]]
    assert gpus.parse("No devices were found\n") == []


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        ("1,0", ["GPU-b2", "MIG-1", "MIG-2"]),
        ("GPU-b", ["GPU-b2"]),
        ("MIG-2,1", ["MIG-2", "GPU-b2"]),
        ("0,7,1", ["MIG-1", "MIG-2"]),
        ("", []),
        ("-1", []),
    ],
)
def test_what_the_environment_leaves_out_is_not_given_out(visible, found, tmp_path, monkeypatch):
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert gpus.visible_gpus({"CUDA_VISIBLE_DEVICES": visible}) == found
    assert gpus.visible_gpus({}) == ["MIG-1", "MIG-2", "GPU-b2"]


def test_without_the_tool_of_the_driver_there_are_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus.visible_gpus({}) == []


@pytest.mark.parametrize(("text", "most"), [("100000 100000\n", 1), ("50000 100000\n", 1)])
def test_a_container_that_is_granted_less_has_less(text, most, tmp_path):
    (tmp_path / "cpu.max").write_text(text)
    assert available_cores(tmp_path / "cpu.max") == most
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert available_cores(tmp_path / "cpu.max") == available_cores(tmp_path / "none")
