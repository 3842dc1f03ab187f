"""What SLURM tells the tasks of a step."""

import pytest

from autrainer.runs.process.run_process import RunProcess, process_of
from autrainer.runs.process.slurm_step import slurm_variables, tasks_of_node

STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_NODEID": "1",
    "SLURM_STEP_NUM_TASKS": "6",
    "SLURM_STEP_NODELIST": "gpu[07-08]",
    "SLURM_STEP_TASKS_PER_NODE": "4,2",
}


def test_a_task_is_a_process_of_a_run():
    variables = slurm_variables(STEP)
    assert process_of(variables) == RunProcess(5, 6)
    assert variables["MASTER_ADDR"] == "gpu07"
    assert (variables["LOCAL_RANK"], variables["LOCAL_WORLD_SIZE"]) == ("1", "2")


def test_all_tasks_of_a_step_meet_at_one_port_and_those_of_another_job_elsewhere():
    ports = {slurm_variables({**STEP, "SLURM_PROCID": str(rank)})["MASTER_PORT"] for rank in (0, 5)}
    [port] = ports
    assert 20_000 <= int(port) < 30_000
    assert slurm_variables({**STEP, "SLURM_JOB_ID": "4712"})["MASTER_PORT"] != port


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**STEP, "SLURM_STEP_NUM_TASKS": "1"},
        # A batch script: the job has many tasks, the script is one process.
        {"SLURM_PROCID": "0", "SLURM_NTASKS": "6", "SLURM_JOB_ID": "4711"},
        {**STEP, "RANK": "0", "WORLD_SIZE": "1"},
    ],
    ids=["no job", "one task", "a batch script", "torchrun in a step"],
)
def test_nothing_else_is_taken_for_a_step(environment):
    assert slurm_variables(environment) == {}


def test_what_the_user_has_set_stays():
    variables = slurm_variables({**STEP, "MASTER_ADDR": "10.0.0.1"})
    assert "MASTER_ADDR" not in variables
    assert variables["WORLD_SIZE"] == "6"


def test_a_count_that_nobody_gives_is_not_made_up():
    assert tasks_of_node("", 0) is None
    assert "LOCAL_WORLD_SIZE" not in slurm_variables({**STEP, "SLURM_STEP_TASKS_PER_NODE": ""})
