"""Where memory is short or NumPy is missing, functions of the extension raise errors, no panics."""

import subprocess
import sys

import pytest

from autrainer import _core
from autrainer.errors import CorruptFileError, DataError, InternalError


def test_an_order_that_no_memory_can_hold_is_a_memory_error():
    with pytest.raises(MemoryError):
        _core.permutation(2**45, 0, 0)


def test_a_numpy_that_is_missing_is_an_import_error_and_a_panic_asks_for_a_report():
    code = (
        "import sys\n"
        "from autrainer import _core\n"
        "sys.modules['numpy'] = None\n"
        "try:\n"
        "    _core.permutation(10, 0, 0)\n"
        "except ImportError as error:\n"
        "    print('ImportError', flush=True)\n"
        "del sys.modules['numpy']\n"
        "import numpy as np\n"
        "core = np._core if hasattr(np, '_core') else np.core\n"
        # The crate for NumPy panics where this is not there.
        "del core.multiarray._ARRAY_API\n"
        "try:\n"
        "    _core.permutation(10, 0, 0)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "ImportError"
    assert second.startswith("InternalError autrainer._core panicked (")
    assert second.endswith("this is a bug of autrainer, please report it")
    # What Rust says of a panic, and nothing of the import error.
    assert done.stderr.count("panicked at") == 1


def test_a_bug_passes_by_whatever_handles_data_and_errors_of_torch():
    handled = (DataError, CorruptFileError, ValueError, RuntimeError, TypeError, OSError)
    assert not issubclass(InternalError, handled)
    assert issubclass(InternalError, Exception)
