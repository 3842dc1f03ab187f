"""Libraries of torch are loaded by a thread, and `import torch` finds them."""

import os
import subprocess
import sys

import pytest

from autrainer.fast.gate import SWITCH
from autrainer.fast.preloading import EXTENSIONS, LIBRARIES, MEANWHILE

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="loads libraries of Linux")

BEGUN = """
import os, sys, threading
from autrainer.fast.preloading import preload_torch
preload_torch()
threads = [thread for thread in threading.enumerate() if thread.name == "autrainer-torch"]
"""
ADDED = """import torch, inspect, types
print(int(torch.ones(2).sum()), sys.meta_path[0], inspect.getframeinfo.__module__,
      "exec_module" in vars(torch.__loader__), inspect.getsource(torch.is_tensor)[:13])
"""
MAPPED = "print(sum(f'/{name}' in open('/proc/self/maps').read() for name in %r))"
FOUND = """
import os, sys
asked = []
class Seen:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            asked.append(name)
        # The first time it is only looked for.
        if len(asked) == 2:
            files = {n: str(getattr(m, "__file__", "")) for n, m in list(sys.modules.items())}
            found = sorted(name for name, file in files.items() if file.endswith(".so"))
            print(*(name for name in found if not name.startswith("numpy")), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Seen())
sys.argv = ["autrainer", "train", "device=cpu"]
from autrainer.cli.main import main
main()
"""


def printed(program, **environment):
    """What a program prints in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@LINUX
def test_libraries_are_there_before_torch_is_imported_which_works():
    names = [name for name, _ in LIBRARIES]
    lines = printed(f"{BEGUN}for each in threads: each.join()\n{MAPPED % names}\n{ADDED}")
    assert lines[0] == str(len(LIBRARIES))
    assert lines[1].startswith("2 ")
    assert "Waiting" not in lines[1]
    # Nothing of torch or of the standard library is other than it would be.
    assert lines[1].endswith(" inspect False def is_tensor")


@LINUX
def test_a_child_that_is_forked_meanwhile_imports_torch():
    program = f"{BEGUN}child = os.fork()\nif child: os.waitpid(child, 0)\nelse: exec({ADDED!r})"
    assert [line[:2] for line in printed(program)] == ["2 "]


@LINUX
@pytest.mark.parametrize(
    ("program", "environment"),
    [(BEGUN, {SWITCH: "0"}), (f"import torch\n{BEGUN}", {})],
    ids=["private parts are left alone", "torch is imported"],
)
def test_nothing_is_loaded_where_there_is_no_need_or_no_leave(program, environment):
    assert printed(f"{program}print(threads)", **environment) == ["[]"]


@LINUX
def test_no_extension_module_has_to_wait_for_those_of_torch():
    """A module in C that composing imports would wait until all libraries of torch are loaded."""
    (loaded,) = printed(FOUND)
    assert "autrainer._core" in loaded.split()
    assert set(loaded.split()) <= set(EXTENSIONS)


def test_what_is_imported_meanwhile_brings_no_torch_no_numpy_and_no_other_extension():
    """They wait for the libraries of torch; a module that is not installed is left out."""
    program = f"""
import sys
from autrainer.fast.preloading import _import_if_there
names = {MEANWHILE}
for name in names:
    _import_if_there(name)
files = {{n: str(getattr(m, "__file__", "")) for n, m in list(sys.modules.items())}}
print(*(name for name, file in files.items() if file.endswith(".so")))
print("numpy" in sys.modules, "torch" in sys.modules)
"""
    loaded, heavy = printed(program)
    assert heavy == "False False"
    assert set(loaded.split()) - set(EXTENSIONS) == set()
