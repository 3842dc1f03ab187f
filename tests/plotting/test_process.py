import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from PIL import Image

from autrainer.errors import OutputError
from autrainer.plotting.process import PlotProcess, RunPlots, shared_renderer

pytestmark = pytest.mark.slow

SETTINGS = {
    "figsize": [4, 2],
    "latex": False,
    "filetypes": ["png"],
    "pickle": False,
    "context": "notebook",
    "palette": "colorblind",
    "replace_none": False,
    "add_titles": False,
    "add_xlabels": True,
    "add_ylabels": True,
    "rcParams": {},
}
CURVES = {"uar": [0.1, float("nan")], "train_loss": [2.0, 1.0], "dev_loss": [2.0, 1.5]}


def make_plots(folder):
    return RunPlots(str(folder), "epoch", SETTINGS, [("uar", "max")], [1, 2], CURVES)


@pytest.fixture
def process():
    process = PlotProcess()
    yield process
    process.close()


def test_plots_of_the_process_are_those_drawn_here(process, tmp_path):
    process.start()
    process.submit(make_plots(tmp_path / "there"))
    process.join()
    make_plots(tmp_path / "here").draw()
    for name in ("loss.png", "uar.png"):
        there, here = (tmp_path / place / "_plots" / name for place in ("there", "here"))
        assert there.read_bytes() == here.read_bytes()


def test_what_the_trainer_has_warned_of_is_not_repeated_there(
    process, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("PATH", str(tmp_path))
    process.start()
    process.submit(replace(make_plots(tmp_path), settings=SETTINGS | {"latex": True}))
    process.join()
    assert (tmp_path / "_plots" / "uar.png").is_file()
    assert capfd.readouterr().err == ""


def test_what_goes_wrong_there_is_raised_here(process, tmp_path):
    process.start()
    process.submit(replace(make_plots(tmp_path), settings=SETTINGS | {"palette": "colourblind"}))
    with pytest.raises(OutputError, match="palette is 'colourblind'; did you mean 'colorblind'"):
        process.join()


def test_without_a_process_plots_are_drawn_here(process, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    process.start()
    process.submit(make_plots(tmp_path))
    process.join()
    with Image.open(tmp_path / "_plots" / "loss.png") as image:
        assert image.size == (1200, 600)


def test_a_process_that_died_is_replaced_by_this_one(process, tmp_path):
    process.start()
    process.submit(make_plots(tmp_path / "first"))
    process.join()
    process._renderer._process.kill()
    process.submit(make_plots(tmp_path / "second"))
    process.join()
    assert (tmp_path / "second" / "_plots" / "loss.png").is_file()


def test_closing_ends_the_process_and_may_be_repeated(process):
    process.start()
    process.join()
    child = process._renderer._process
    process.close()
    process.close()
    assert child.returncode is not None
    assert all("background" not in thread.name for thread in threading.enumerate())


def test_runs_that_share_a_process_do_not_share_errors(tmp_path):
    with shared_renderer() as renderer:
        first, second = PlotProcess(), PlotProcess()
        first.start()
        second.start()
        settings = SETTINGS | {"palette": "colourblind"}
        first.submit(replace(make_plots(tmp_path / "first"), settings=settings))
        second.submit(make_plots(tmp_path / "second"))
        second.join()
        with pytest.raises(OutputError):
            first.join()
        first.close()
        second.close()
        child = renderer._process
        assert child.poll() is None
    assert child.returncode is not None
    assert (tmp_path / "second" / "_plots" / "loss.png").is_file()


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc")
def test_the_process_ends_when_its_parent_is_killed():
    program = (
        "import os\n"
        "from autrainer.plotting.process import PlotProcess\n"
        "process = PlotProcess()\n"
        "process.start()\n"
        "process.join()\n"
        "print(process._renderer._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    # The child holds the pipe of this command's output for as long as it lives.
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as parent:
        output, _ = parent.communicate(timeout=60)
    assert int(output) > 0
    assert parent.returncode == -9


def test_the_process_imports_neither_torch_nor_pandas():
    program = (
        "import sys\n"
        "from autrainer.plotting import process\n"
        "process._prepare()\n"
        "sys.exit(bool({'torch', 'pandas', 'seaborn', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
