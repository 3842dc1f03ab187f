"""Runs of a sweep that train at once: what they leave, and what happens when one of them fails."""

import signal
import time

import pytest

from autrainer.cli import main
from tests.integration.conftest import SMALL, read, runs_of
from tests.launching.forked_workers import command, run

pytestmark = pytest.mark.slow

TRAIN = ("train", *SMALL, "jobs=2")
TIMES = (
    "timer.yaml",
    "stages.yaml",
    "status.yaml",
    "MANIFEST",
    "config.yaml",
    "multirun.yaml",
    "sweep.yaml",
)
"""Files in which clocks, processes and `jobs` itself may show."""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "conf" / "plotting").mkdir(parents=True)
    (tmp_path / "conf" / "plotting" / "None.yaml").touch()
    return tmp_path


def states_of(folder):
    """States of the runs that have begun to train."""
    files = [path / "status.yaml" for path in runs_of(folder).values()]
    return [read(file)["state"] for file in files if file.exists()]


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in TIMES and path.suffix != ".log"
    }


def write_callback(project, text):
    (project / "calling.py").write_text(text)
    return "+callbacks=[calling.Calling]"


def test_runs_trained_at_once_have_the_bytes_of_runs_trained_one_after_the_other(
    project, autrainer
):
    result = run(project, *TRAIN, "seed=1,2,3")
    assert result.returncode == 0, result.stderr
    assert "3 runs, 2 at a time, " in result.stdout
    (project / "results").rename(project / "at_once")
    autrainer("train", *SMALL, "seed=1,2,3")
    at_once, in_turn = (files_of(project / name) for name in ("at_once", "results"))
    assert at_once == in_turn
    again = run(project, *TRAIN, "seed=1,2,3")
    assert again.stdout.count("skipped: finished before") == 3
    assert "at a time" not in again.stdout


def test_a_run_that_fails_leaves_the_others_alone_and_names_the_line_of_the_user(project):
    callback = write_callback(
        project,
        "class Calling:\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        print('seed', trainer.cfg.seed)\n"
        "        if trainer.cfg.seed == 2:\n"
        "            raise ZeroDivisionError('by the test')\n",
    )
    result = run(project, *TRAIN, callback, "seed=1,2,3")
    assert result.returncode == 1
    assert states_of(project) == ["finished", "failed", "finished"]
    assert "#1 failed: ZeroDivisionError: by the test" in result.stdout
    assert "#2: seed 3\n" in result.stdout
    assert "1 of 3 jobs failed:" in result.stderr
    assert "calling.py, line 5" in result.stderr
    assert "The whole traceback is in " in result.stderr


def test_a_worker_that_is_killed_fails_its_run_and_no_other(project):
    callback = write_callback(
        project,
        "import os\n"
        "class Calling:\n"
        "    def cb_on_dev_end(self, trainer, iteration, dev_results):\n"
        "        if trainer.cfg.seed == 1 and not os.path.exists('killed'):\n"
        "            open('killed', 'w').close()\n"
        "            os.kill(os.getpid(), 9)\n",
    )
    result = run(project, *TRAIN, callback, "seed=1,2,3")
    assert result.returncode == 1
    assert states_of(project) == ["failed", "finished", "finished"]
    assert "killed by SIGKILL" in result.stderr
    first = next(iter(runs_of(project).values()))
    assert "killed by SIGKILL" in (first / "error.txt").read_text()
    assert run(project, *TRAIN, callback, "seed=1,2,3").returncode == 0
    assert states_of(project) == ["finished"] * 3


def test_a_signal_stops_all_runs_which_go_on_with_the_same_bytes(project, autrainer):
    number = signal.SIGINT
    callback = write_callback(
        project,
        "import os, time\n"
        "from pathlib import Path\n"
        "class Calling:\n"
        "    def cb_on_dev_end(self, trainer, iteration, dev_results):\n"
        "        if iteration == 2 and not Path('signalled').exists():\n"
        "            Path(f'at_{trainer.cfg.seed}').touch()\n"
        "            while len(list(Path().glob('at_*'))) < 2:\n"
        "                time.sleep(0.01)\n"
        f"            os.kill(os.getppid(), {int(number)})\n"
        "            while not asked():\n"
        "                time.sleep(0.01)\n"
        "            Path('signalled').touch()\n"
        "def asked():\n"
        "    import signal\n"
        f"    return signal.getsignal({int(number)}).__self__.stop is not None\n",
    )
    longer = (*TRAIN, callback, "iterations=4", "seed=1,2,3")
    result = run(project, *longer)
    assert result.returncode == 130, result.stderr
    assert "Traceback" not in result.stderr
    assert f"Stopped by {number.name}; the same command goes on where it was:" in result.stderr
    assert result.stdout.count("  interrupted") == 2
    assert "1 more run has not begun" in result.stdout
    assert states_of(project) == ["interrupted"] * 2
    assert run(project, *longer).returncode == 0
    assert states_of(project) == ["finished"] * 3
    (project / "results").rename(project / "stopped")
    autrainer("train", *SMALL, callback, "iterations=4", "seed=1,2,3")
    assert files_of(project / "stopped") == files_of(project / "results")


def test_workers_stop_and_keep_their_states_when_the_command_is_killed(project):
    callback = write_callback(
        project,
        "import os, time\n"
        "class Calling:\n"
        "    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):\n"
        "        if iteration == 2 and not os.path.exists('killed'):\n"
        "            print('waits', flush=True)\n"
        "            parent = os.getppid()\n"
        "            while os.getppid() == parent:\n"
        "                time.sleep(0.01)\n"
        "            open('killed', 'w').close()\n",
    )
    with command(project, *TRAIN, callback, "seed=1,2") as process:
        seen = ""
        while seen.count("waits") < 2:
            seen += process.stdout.readline()
        process.kill()
        while "interrupted" not in (ended := states_of(project)) or "running" in ended:
            time.sleep(0.05)
    assert states_of(project) == ["interrupted"] * 2
    result = run(project, *TRAIN, callback, "seed=1,2")
    assert result.returncode == 0
    assert states_of(project) == ["finished"] * 2


PLOTS = """
import os, signal, time
from pathlib import Path
from autrainer.plotting.renderer import Renderer


def draw(renderer, plots):
    # Those of the third run are there at once.
    until = time.monotonic() + 30
    while not plots.output_directory.endswith("_3") and not Path("go").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    if Path("spend").exists() and Path("go").read_text() == str(os.getpid()):
        # This worker trains the third run.
        Path("spend").unlink()
        raise MemoryError
    time.sleep(0.2)
    folder = Path(plots.output_directory, "_plots")
    folder.mkdir(exist_ok=True)
    (folder / "loss.png").write_bytes(b"plot")
    return {"error": None}


Renderer._spawn = lambda self: None
Renderer._ask = draw


class Calling:
    def cb_on_train_begin(self, trainer):
        if trainer.cfg.seed == 3 and not Path("go").exists():
            while len(list(Path().glob("trained_*"))) < 2:
                time.sleep(0.01)
            Path("went").write_text(str(os.getpid()))
            Path("went").rename("go")
            HAPPENS

    def cb_on_test_end(self, trainer, test_results):
        Path(f"trained_{trainer.cfg.seed}").touch()
"""
"""Plots of the first two runs wait until these have trained and the third one trains, and then
something happens."""


@pytest.fixture
def slowly_drawn(project):
    """Writes the callback of runs whose plots wait; gives the arguments."""
    (project / "conf" / "plotting" / "None.yaml").unlink()

    def written(happens):
        callback = write_callback(project, PLOTS.replace("HAPPENS", happens))
        return (*[each for each in TRAIN if each != "plotting=None"], callback, "seed=1,2,3")

    return written


def test_a_worker_begins_the_next_run_before_the_plots_of_a_run_are_there(project, slowly_drawn):
    result = run(project, *slowly_drawn("pass"))
    assert result.returncode == 0, result.stderr
    assert states_of(project) == ["finished"] * 3
    assert result.stdout.count(" trained ") >= 3
    for folder in runs_of(project).values():
        assert (folder / "_plots" / "loss.png").is_file()
        assert not (folder / ".lock").exists()


def test_a_worker_that_is_killed_fails_the_run_that_it_was_ending_too(project, slowly_drawn):
    arguments = slowly_drawn("os.kill(os.getpid(), 9)")
    result = run(project, *arguments)
    assert result.returncode == 1
    assert "2 of 3 jobs failed" in result.stderr
    assert sorted(states_of(project)) == ["failed", "failed", "finished"]
    assert run(project, *arguments).returncode == 0
    assert states_of(project) == ["finished"] * 3


def test_a_run_that_runs_out_of_memory_while_it_ends_is_tried_again_and_costs_no_other(
    project, slowly_drawn
):
    (project / "spend").touch()
    result = run(project, *slowly_drawn("time.sleep(0.5)"))
    assert result.returncode == 0, result.stderr
    assert not (project / "spend").exists()
    assert states_of(project) == ["finished"] * 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_runs_end_that_have_trained(project, slowly_drawn, number):
    arguments = slowly_drawn(f"os.kill(os.getppid(), {int(number)}); time.sleep(0.5)")
    result = run(project, *arguments)
    assert result.returncode == 128 + number
    assert states_of(project) == ["finished", "finished", "interrupted"]
    assert "goes on" in result.stderr
    assert run(project, *arguments).returncode == 0
    assert states_of(project) == ["finished"] * 3


def test_a_run_that_fails_stops_the_others_if_that_is_asked_for(project):
    callback = write_callback(
        project,
        "import os, time\n"
        "class Calling:\n"
        "    def cb_on_step_end(self, trainer, iteration, batch_idx, loss):\n"
        "        while trainer.cfg.seed == 1 and not os.path.exists('begun'):\n"
        "            time.sleep(0.01)\n"
        "        if trainer.cfg.seed == 1:\n"
        "            raise ValueError('first')\n"
        "        open('begun', 'w').close()\n"
        "        while not asked():\n"
        "            time.sleep(0.01)\n"
        "def asked():\n"
        "    import signal\n"
        "    return signal.getsignal(signal.SIGTERM).__self__.stop is not None\n",
    )
    result = run(project, *TRAIN, callback, "fail_fast=true", "seed=1,2,3")
    assert result.returncode == 1, result.stderr
    assert states_of(project) == ["failed", "interrupted"]
    assert "1 more run has not begun" in result.stdout


def short_of_memory(project, how):
    """A callback that ends the first try of the run with seed 1, and each with seed 2."""
    return write_callback(
        project,
        "import os\n"
        "from pathlib import Path\n"
        "class Calling:\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        seed = trainer.cfg.seed\n"
        "        tried = len(list(Path().glob(f'try_{seed}_*')))\n"
        "        Path(f'try_{seed}_{tried}').touch()\n"
        "        if seed == 2 or (seed == 1 and tried == 0):\n"
        f"            {how}\n",
    )


def test_a_run_that_runs_out_of_memory_beside_others_is_tried_once_alone(project):
    callback = short_of_memory(project, "raise MemoryError('no room')")
    result = run(project, *TRAIN, callback, "seed=1,2,3")
    assert result.returncode == 1
    assert states_of(project) == ["finished", "failed", "finished"]
    tries = sorted(path.name for path in project.glob("try_*"))
    assert tries == ["try_1_0", "try_1_1", "try_2_0", "try_2_1", "try_3_0"]
    assert result.stdout.count("tried again alone") == 2
    assert "1 of 3 jobs failed:" in result.stderr


SHORT_OF_MEMORY = """
from autrainer.cli.main import main
from autrainer.launching.processes import WorkerProcess
from tests.launching.forked_workers import fork_workers

# As a worker of Ray is, which has been ended because the memory of its node ran out.
WorkerProcess.is_short_of_memory = True
fork_workers()
main()
"""


def test_a_run_whose_worker_was_killed_for_memory_is_tried_once_alone(project):
    callback = short_of_memory(project, "os.kill(os.getpid(), 9)")
    result = run(project, *TRAIN, callback, "seed=1,2,3", program=SHORT_OF_MEMORY)
    assert result.returncode == 1
    assert states_of(project) == ["finished", "failed", "finished"]
    tries = sorted(path.name for path in project.glob("try_*"))
    assert tries == ["try_1_0", "try_1_1", "try_2_0", "try_2_1", "try_3_0"]
    assert result.stdout.count("tried again alone") == 2
    assert "killed by SIGKILL" in result.stderr


SMI = """#!/bin/sh
echo "GPU 0: NVIDIA H100 (UUID: GPU-aaa)"
echo "GPU 1: NVIDIA H100 (UUID: GPU-bbb)"
"""


def test_each_run_on_a_gpu_has_a_process_of_its_own_that_sees_this_gpu_alone(project):
    (project / "bin").mkdir()
    (project / "bin" / "nvidia-smi").write_text(SMI)
    (project / "bin" / "nvidia-smi").chmod(0o755)
    callback = write_callback(
        project,
        "import os\n"
        "class Calling:\n"
        "    def cb_on_train_begin(self, trainer):\n"
        "        print(os.environ['CUDA_VISIBLE_DEVICES'], os.getpid())\n",
    )
    path = f"{project / 'bin'}:/usr/bin:/bin"
    jobs = ("jobs=auto", "jobs_per_gpu=1", "device=cuda")
    result = run(project, *TRAIN[:-1], *jobs, callback, "seed=1,2,3", PATH=path)
    assert result.returncode == 0, result.stderr
    told = [line.split()[1:] for line in result.stdout.splitlines() if ": GPU-" in line]
    assert {gpu for gpu, _ in told} == {"GPU-aaa", "GPU-bbb"}
    assert len({pid for _, pid in told}) == 3
    # Two workers say it, the screen shows it once.
    assert result.stdout.count("cannot be used") == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["jobs=0"], "jobs is 0 (the command line); use a number of runs, or 'auto'"),
        (["jobs=${seed}", "seed=1,2"], "are those of a whole sweep"),
        (["jobs=2", "launcher=basic"], "trains one run at a time"),
        (["jobs=2", "model._target_=__main__.Model"], "__main__.Model is a class of the program"),
    ],
)
def test_what_no_pool_can_train_is_refused_before_anything_is_made(
    project, overrides, message, capsys
):
    assert main.run(["train", *SMALL, *overrides]) == 1
    assert message in capsys.readouterr().err
    assert not (project / "results").exists()


def test_classes_are_checked_before_a_folder_is_made(project):
    result = run(project, *TRAIN, "model._target_=autrainer.models.NoSuchModel", "seed=1,2")
    assert result.returncode == 1
    assert "NoSuchModel" in result.stderr
    assert not (project / "results").exists()


@pytest.mark.long
def test_a_sweep_whose_time_is_up_stops_its_runs_and_begins_no_others(project):
    result = run(project, *TRAIN, "iterations=100000", "max_duration=5s", "seed=1,2,3")
    assert result.returncode == 142, result.stderr
    assert "Stopped by max_duration; the same command goes on" in result.stderr
    # How many have begun by then depends on the machine.
    assert set(states_of(project)) <= {"interrupted"}
