"""Every command as a whole process: its help, and a call on small data.

Beside the time, `extra_info` of `--benchmark-json` has the least time of the processor, which other
work on the machine changes less.
"""

import itertools
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autrainer.cli.parser import get_parser, subparsers
from tests.conftest import REPOSITORY
from tests.documentation.blocks import blocks_of

AUTRAINER = str(Path(sys.executable).with_name("autrainer"))
AUDIO = REPOSITORY / "docs" / "tutorials" / "audio.md"
COMMANDS = sorted(subparsers(get_parser()))
FEATURES = "data/pitch/log_mel_16k"
GROUPING = """\
defaults:
  - _hydra_disable_logging_
  - _self_
  - plotting: None
results_dir: grouped
max_runs: null
groupings:
  - experiment_id: compared
    create_summary: true
    dir: results
    id: pitch
    states: false
    runs:
      - run_name: both
        combine: [{}, {}]
"""
CALLS = {
    "check": [],
    "completion": ["bash"],
    "create": ["--empty", "--force"],
    "diff": ["{first}", "{second}"],
    "export": ["{first}", "--force"],
    "fetch": [],
    "find-batch-size": ["--from", "8", "--to", "16", "--steps", "2", "device=cpu"],
    "find-learning-rate": ["device=cpu"],
    "group": ["-cn", "grouping"],
    "inference": ["{first}", "data/pitch/default", "{new}"],
    "list": ["model"],
    "postprocess": ["results", "pitch", "-a", "seed"],
    "postprocess --plots": ["results", "pitch", "-a", "seed", "--plots"],
    "preprocess": [],
    "report": ["pitch"],
    "rm-failed": ["results", "pitch", "--force"],
    "rm-states": ["copied", "pitch", "--force"],
    "runs": ["pitch"],
    "show": ["model", "SmallCNN"],
    "train": ["device=cpu", "results_dir={new}"],
    "train, finished before": ["device=cpu"],
    "verify": ["pitch"],
}
"""Arguments by command; a name may say more than the command."""
IN_EMPTY_FOLDER = ("create", "train", "train, finished before")


def run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def processor_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(benchmark, prepare, rounds):
    """Time a process that `prepare` tells anew for every round: its command and its folder."""
    taken = []

    def timed(*command, cwd):
        before = processor_s()
        run(*command, cwd=cwd)
        taken.append(processor_s() - before)

    benchmark.pedantic(timed, setup=prepare, rounds=rounds, warmup_rounds=1)
    benchmark.extra_info["processor_s"] = min(taken)


def runs_of(folder):
    return sorted((folder / "results/pitch/training").glob("Pitch_*"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The 64 recordings of half a second of the tutorial, and two runs on them."""
    folder = tmp_path_factory.mktemp("commands")
    for block in blocks_of(AUDIO.read_text()):
        if block.title and block.title != "output":
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
    run(sys.executable, "make_sounds.py", cwd=folder)
    run(AUTRAINER, "preprocess", cwd=folder)
    run(AUTRAINER, "train", "seed=1,2", "plotting=None", "device=cpu", cwd=folder)
    names = [path.name for path in runs_of(folder)]
    (folder / "conf/grouping.yaml").write_text(GROUPING.format(*names))
    return folder


@pytest.mark.benchmark(group="command: what the others are compared with")
@pytest.mark.parametrize("program", ["pass", "import torch"])
def test_bare_interpreter(benchmark, tmp_path, program):
    measure(benchmark, lambda: ((sys.executable, "-c", program), {"cwd": tmp_path}), rounds=7)


@pytest.mark.benchmark(group="command: --help")
@pytest.mark.parametrize("command", COMMANDS)
def test_help(benchmark, tmp_path, command):
    measure(benchmark, lambda: ((AUTRAINER, command, "--help"), {"cwd": tmp_path}), rounds=5)


@pytest.mark.benchmark(group="command: a call on small data")
@pytest.mark.parametrize("name", CALLS)
def test_call(benchmark, project, tmp_path, name):
    command = name.split(" ")[0].rstrip(",")
    folder = tmp_path if name in IN_EMPTY_FOLDER else project
    first, second = runs_of(project)
    numbers = itertools.count()

    def prepare():
        places = {"first": first, "second": second, "new": tmp_path / f"new{next(numbers)}"}
        if name == "preprocess":
            shutil.rmtree(project / FEATURES)
        if name == "rm-states":
            shutil.copytree(project / "results", project / "copied", dirs_exist_ok=True)
        arguments = [argument.format(**places) for argument in CALLS[name]]
        return (AUTRAINER, command, *arguments), {"cwd": folder}

    if name == "train, finished before":
        run(AUTRAINER, "train", "device=cpu", cwd=folder)
    measure(benchmark, prepare, rounds=3)


def test_every_command_is_called():
    assert {name.split(" ")[0].rstrip(",") for name in CALLS} == set(COMMANDS)
