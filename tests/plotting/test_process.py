import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from PIL import Image

from autrainer.errors import OutputError
from autrainer.plotting.renderer import (
    DESCRIPTOR,
    PlotProcess,
    Renderer,
    Renderers,
    RunPlots,
    inherited_renderer,
    shared_renderer,
)
from tests import forked

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
        "from autrainer.plotting.renderer import PlotProcess\n"
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


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc")
def test_processes_for_others_are_forks_of_one_and_end_with_it(tmp_path):
    renderers = Renderers()
    renderers.start()
    parent = renderers._process.pid
    drawing = [Renderer(renderers.connect(2)) for _ in range(2)]
    for number, renderer in enumerate(drawing):
        renderer.start()
        renderer.draw(make_plots(tmp_path / str(number)))
    make_plots(tmp_path / "here").draw()
    here = (tmp_path / "here" / "_plots" / "uar.png").read_bytes()
    for number in range(2):
        assert (tmp_path / str(number) / "_plots" / "uar.png").read_bytes() == here
    children = forked.children_of(parent)
    assert len(children) == 2
    for renderer in drawing:
        renderer.close()
    renderers.close()
    renderers.close()
    assert not any(os.path.exists(f"/proc/{pid}") for pid in (parent, *children))


@pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux")
def test_a_fork_ends_though_others_hold_its_socket_and_prints_where_it_is_told(tmp_path):
    renderers = Renderers()
    renderers.start()
    read, write = os.pipe()
    connected = renderers.connect(write)
    held = connected.dup()
    renderer = Renderer(connected)
    renderer.draw(make_plots(tmp_path))
    (fork,) = forked.children_of(renderers._process.pid)
    assert os.readlink(f"/proc/{fork}/fd/2") == os.readlink(f"/proc/self/fd/{write}")
    assert os.readlink(f"/proc/{fork}/fd/0") == os.devnull
    process = renderers._process
    renderer.close()
    renderers.close()
    assert process.returncode == 0
    assert not os.path.exists(f"/proc/{fork}")
    held.close()
    os.close(read)
    os.close(write)


@pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux")
def test_a_fork_that_hangs_is_ended_with_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr("autrainer.plotting.renderer.LEAVE_S", 0.2)
    renderers = Renderers()
    renderers.start()
    renderer = Renderer(renderers.connect(2))
    renderer.draw(make_plots(tmp_path))
    (fork,) = forked.children_of(renderers._process.pid)
    os.kill(fork, signal.SIGSTOP)
    renderer.close()
    renderers.close()
    limit = time.monotonic() + 10
    while not forked.has_ended(fork):
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_without_the_one_that_forks_plots_are_drawn_here(tmp_path, monkeypatch):
    renderers = Renderers()
    renderers.start()
    renderer = Renderer(renderers.connect(2))
    renderers._process.kill()
    renderers._process.wait()
    renderer.draw(make_plots(tmp_path))
    renderer.close()
    assert (tmp_path / "_plots" / "loss.png").is_file()
    assert renderers.connect(2) is None
    renderers.close()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    none = Renderers()
    none.start()
    assert none.connect(2) is None
    none.close()


def test_a_process_finds_what_was_meant_for_it(monkeypatch):
    renderers = Renderers()
    renderers.start()
    connected = renderers.connect(2)
    monkeypatch.setenv(DESCRIPTOR, str(connected.detach()))
    renderer = inherited_renderer()
    assert DESCRIPTOR not in os.environ
    assert renderer._answers is not None
    renderer.close()
    renderers.close()
    monkeypatch.setenv(DESCRIPTOR, "1000")
    assert inherited_renderer()._answers is None


def test_the_process_imports_neither_torch_nor_pandas():
    program = (
        "import sys\n"
        "from autrainer.plotting import process\n"
        "process._prepare()\n"
        "sys.exit(bool({'torch', 'pandas', 'seaborn', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
