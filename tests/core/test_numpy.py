"""The extension looks for NumPy once, while a module of ours is imported and before any thread."""

import subprocess
import sys

import pytest

INTERRUPTED = """
import numpy as np

class Interrupted:
    def __init__(self, version):
        raise KeyboardInterrupt

# What is asked for NumPy's version; a signal handler can raise there.
found, np.lib.NumpyVersion = np.lib.NumpyVersion, Interrupted
try:
    import autrainer.data.native.collate
except KeyboardInterrupt:
    print("interrupted", flush=True)
np.lib.NumpyVersion = found
from autrainer.data.native.decode import first_nonfinite
np.lib.NumpyVersion = Interrupted
print(first_nonfinite(np.array([0.0, np.nan])))
"""

FORKED = """
import os, signal, threading, time
import numpy as np
from autrainer.data.native.decode import first_nonfinite
from autrainer.runs.writing.files import write_npy

class Slow(np.lib.NumpyVersion):
    def __init__(self, version):
        asked.set()
        time.sleep(0.5)
        super().__init__(version)

asked, np.lib.NumpyVersion = threading.Event(), Slow
thread = threading.Thread(target=lambda: (write_npy("a.npy", np.zeros(3)), asked.set()))
thread.start()
asked.wait()
child = os.fork()
if child == 0:
    signal.alarm(10)
    os._exit(first_nonfinite(np.array([0.0, np.nan])))
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def output_of(program, folder):
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, cwd=folder, text=True, timeout=60)


@pytest.mark.slow
def test_an_interrupt_while_numpy_is_looked_for_is_an_interrupt_and_no_panic(tmp_path):
    assert output_of(INTERRUPTED, tmp_path) == "interrupted\n1\n"


@pytest.mark.slow
def test_a_process_that_is_forked_beside_a_thread_that_writes_can_use_arrays_too(tmp_path):
    assert output_of(FORKED, tmp_path) == "1\n"
