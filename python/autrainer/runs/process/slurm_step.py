"""Processes that `srun` has started: what SLURM tells them, in the words of torchrun.

The variables are those of the section OUTPUT ENVIRONMENT VARIABLES of the manual of `srun`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

FIRST_PORT, NUM_PORTS = 20_000, 10_000
"""Ports that are made of the job: above those of services, below those that Linux hands out."""

_HOST = re.compile(r"(?P<prefix>[^,\[]+)(?:\[(?P<first>\d+)[^\]]*\](?P<suffix>[^,\[]*))?")
_TASKS = re.compile(r"(\d+)(?:\(x(\d+)\))?")


def slurm_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by which the tasks of a job step find each other, those that are not set.

    Nothing outside of a step of several tasks: a batch script is one process, whatever the job has.

    >>> slurm_variables({
    ...     "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "1",
    ...     "SLURM_STEP_NODELIST": "gpu[07-08]", "SLURM_NODEID": "1", "SLURM_JOB_ID": "11",
    ...     "SLURM_STEP_ID": "0", "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    ... })["MASTER_ADDR"]
    'gpu07'
    """
    size = environment.get("SLURM_STEP_NUM_TASKS", "1")
    if "SLURM_PROCID" not in environment or int(size) == 1 or "RANK" in environment:
        return {}
    found = {
        "RANK": environment["SLURM_PROCID"],
        "WORLD_SIZE": size,
        "LOCAL_RANK": environment.get("SLURM_LOCALID", environment["SLURM_PROCID"]),
        "MASTER_ADDR": _first_host(environment.get("SLURM_STEP_NODELIST", "localhost")),
        "MASTER_PORT": str(_port(environment)),
    }
    tasks = tasks_of_node(
        environment.get("SLURM_STEP_TASKS_PER_NODE", ""), int(environment.get("SLURM_NODEID", 0))
    )
    if tasks is not None:
        found["LOCAL_WORLD_SIZE"] = str(tasks)
    return {name: value for name, value in found.items() if name not in environment}


def _first_host(nodes: str) -> str:
    """The first host of a list such as `gpu[07-09,12],login1`.

    >>> _first_host("gpu[07-09,12],login1"), _first_host("a1,a2"), _first_host("r[1-2]n5")
    ('gpu07', 'a1', 'r1n5')
    """
    match = _HOST.match(nodes)
    return nodes if match is None else "".join(part or "" for part in match.groups())


def _port(environment: Mapping[str, str]) -> int:
    job, step = environment.get("SLURM_JOB_ID", "0"), environment.get("SLURM_STEP_ID", "0")
    number = int(job) * 31 + (int(step) if step.isdigit() else 0)
    return FIRST_PORT + number % NUM_PORTS


def tasks_of_node(counts: str, node: int) -> int | None:
    """How many tasks a node has by `SLURM_STEP_TASKS_PER_NODE`; None if that does not tell.

    >>> [tasks_of_node("4(x2),3", node) for node in range(4)]
    [4, 4, 3, None]
    """
    for number, times in _TASKS.findall(counts):
        node -= int(times or 1)
        if node < 0:
            return int(number)
    return None
