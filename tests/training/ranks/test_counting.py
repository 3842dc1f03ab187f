import pytest
import torch

from autrainer.config.schema.run import RunConfig
from autrainer.errors import ConfigError
from autrainer.runs.process.run_process import RunProcess
from autrainer.training.ranks.counting import (
    device_of,
    num_processes,
    refuse_other_number,
    threads_of_process,
)
from tests.training.conftest import configured


@pytest.fixture
def three_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)


@pytest.mark.parametrize(
    ("device", "devices", "number"),
    [
        ("cpu", 1, 1),
        ("cpu", 5, 5),
        ("cuda:0", "all", 3),
        ("cuda", 2, 2),
        ("cuda:1", "all", 2),
        ("mps", 1, 1),
    ],
)
def test_there_are_as_many_processes_as_devices(three_gpus, device, devices, number):
    assert num_processes(device, devices) == number


@pytest.mark.parametrize(
    ("device", "devices", "message"),
    [
        ("cuda:1", 3, "devices is 3 and device is 'cuda:1', and there are 2 from there on"),
        ("cpu", "all", "several processes train on 'cuda', or, by number, on 'cpu'"),
        ("mps", 2, "several processes train on 'cuda'"),
    ],
)
def test_devices_that_are_not_there_are_refused(three_gpus, device, devices, message):
    with pytest.raises(ConfigError, match=message):
        num_processes(device, devices)


def test_all_gpus_of_a_machine_without_any_are_one_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert num_processes("cuda:0", "all") == 1


def test_a_process_that_sees_one_gpu_takes_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert device_of("cuda:0", RunProcess(3, 4)) == "cuda:0"


def test_each_process_has_a_gpu_of_its_own_and_all_share_the_cpu(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    process = RunProcess(3, 4)
    assert device_of("cuda:0", process) == "cuda:1"
    assert device_of("cuda:2", process) == "cuda:3"
    assert device_of("cpu", process) == "cpu"
    assert device_of("cuda:2", RunProcess()) == "cuda:2"


def test_processes_share_the_cores_unless_the_user_has_chosen():
    assert threads_of_process(16, {"LOCAL_WORLD_SIZE": "3"}) == 5
    assert threads_of_process(2, {"LOCAL_WORLD_SIZE": "3"}) == 1
    assert threads_of_process(16, {"LOCAL_WORLD_SIZE": "3", "OMP_NUM_THREADS": "7"}) is None


def test_a_number_that_contradicts_torchrun_is_refused():
    process = RunProcess(0, 4)
    for devices in (1, 2, "all"):
        refuse_other_number(devices, process, {"LOCAL_WORLD_SIZE": "2"})
    with pytest.raises(ConfigError, match="devices is 4, and 2 processes were started"):
        refuse_other_number(4, process, {"LOCAL_WORLD_SIZE": "2"})


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("devices", 0, "use an integer of at least 1, or all"),
        ("devices", "some", "use an integer of at least 1, or all"),
        ("strategy", "dp", "use 'ddp' or 'fsdp'"),
    ],
)
def test_what_cannot_be_is_told(key, value, allowed):
    _, problems = RunConfig.parse(configured(**{key: value}))
    assert [f"{problem.what}; {problem.fix}" for problem in problems] == [
        f"is {value!r}; {allowed}"
    ]
