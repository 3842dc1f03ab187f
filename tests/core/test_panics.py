"""Where memory is short or NumPy is missing, functions of the extension raise errors, no panics."""

import subprocess
import sys

import pytest

from autrainer import _core


def test_an_order_that_no_memory_can_hold_is_a_memory_error():
    with pytest.raises(MemoryError):
        _core.permutation(2**45, 0, 0)


def test_a_numpy_that_cannot_be_imported_is_an_import_error(tmp_path):
    code = (
        "import sys\n"
        "from autrainer import _core\n"
        "sys.modules['numpy'] = None\n"
        "try:\n"
        "    _core.permutation(10, 0, 0)\n"
        "except ImportError as error:\n"
        "    print('ImportError')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("ImportError\n", "")
