"""Torch's shared libraries, loaded by a thread before Python asks for them.

Loading and relocating them is a quarter of `import torch`, and needs nothing of Python: meanwhile
this process reads and composes configurations, and imports what torch imports of others. `import
torch` then finds all of that loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
import threading
from pathlib import Path
from types import TracebackType

from autrainer.fast.gate import SWITCH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import FrameType, ModuleType
    from typing import Any

LIBRARIES = (("libtorch_global_deps.so", "RTLD_GLOBAL"), ("libtorch_python.so", "RTLD_LOCAL"))
"""As `import torch` loads them, in this order and with these flags."""

EXTENSIONS = (
    *("zlib", "_bz2", "_lzma", "_typing", "_opcode", "math", "_datetime", "_csv", "_hashlib"),
    *("_blake2", "_json", "_socket", "select", "array", "_uuid", "fcntl", "_ctypes", "_struct"),
    *("_contextvars", "_pickle", "_posixsubprocess", "_heapq", "_queue", "binascii"),
    *("unicodedata", "_decimal", "_bisect", "_random", "_sha512", "yaml._yaml", "autrainer._core"),
    *("_ssl", "_asyncio", "_multiprocessing", "_posixshmem", "mmap", "grp"),
)
"""What composing a configuration and the modules of `MEANWHILE` import. The system loads one
library at a time, so they would wait for those of torch."""

MEANWHILE = (
    *("torchgen.model", "unittest.mock", "urllib.request", "importlib.metadata", "tqdm"),
    *("typing_extensions", "multiprocessing.connection", "concurrent.futures.thread", "tarfile"),
    # It asks the linker, and so waits for the thread; nothing is left to do by then.
    *("pickletools", "difflib", "graphlib", "cuda.pathfinder"),
)
"""Modules that `import torch` imports too, and that need neither it nor NumPy nor a library."""

WAITING = ("numpy", "torch")
"""Packages whose import waits for the thread. They change environment variables, which no thread
may read meanwhile, and initialisers of libraries do."""


_thread: threading.Thread | None = None


def preload_torch() -> None:
    """Begin to load the libraries of torch; `import torch` waits until that is done.

    For a process that is about to import torch and changes no environment variable before. Nothing
    happens outside of Linux, where torch is not installed or has been imported, or where its
    private parts are to be left alone (`AUTRAINER_PRIVATE_TORCH=0`).
    """
    if sys.platform != "linux" or os.environ.get(SWITCH) == "0" or "torch" in sys.modules:
        return
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return
    for name in EXTENSIONS:
        _import_if_there(name)
    folder = Path(found.origin).parent / "lib"
    global _thread
    thread = threading.Thread(target=_load, args=(folder,), name="autrainer-torch", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        # The system gives no more threads.
        return
    _thread = thread
    sys.meta_path.insert(0, _Waiting(thread))
    # A child that is forked while a library is being loaded could never load one.
    os.register_at_fork(before=thread.join)


def import_meanwhile() -> None:
    """Import what torch imports of others for as long as its libraries are not there yet.

    For a process that would wait for them otherwise.
    """
    for name in MEANWHILE:
        if _thread is None or not _thread.is_alive():
            return
        _import_if_there(name)


def _import_if_there(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError:
        # Built without it: whoever needs it says so.
        return


def _load(folder: Path) -> None:
    """Load libraries without the GIL; the import of torch tells what is wrong with one."""
    import ctypes

    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype = ctypes.c_void_p
    for name, flag in LIBRARIES:
        path = folder / name
        if not path.is_file() or not dlopen(os.fsencode(path), os.RTLD_NOW | getattr(os, flag)):
            return


class _Waiting:
    """Lets the first import of some packages wait for a thread; that of torch is lightened too."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = thread

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Wait if it is one of the packages; None for all but torch."""
        if name not in WAITING:
            return None
        self._thread.join()
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        found = importlib.util.find_spec(name)
        if found is not None and found.loader is not None:
            _lighten(found.loader)
        return found


def _lighten(loader: Any) -> None:
    """Let torch note where its operators are defined without reading the source of each.

    It asks `inspect.getframeinfo` for file and line a hundred times, and gets the text too, which
    nobody looks at: a twentieth of its import.
    """
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module
        before, inspect.getframeinfo = inspect.getframeinfo, _place_of
        try:
            execute(module)
        finally:
            inspect.getframeinfo = before

    loader.exec_module = exec_module


def _place_of(frame: FrameType | TracebackType, context: int = 1) -> inspect.Traceback:
    """What `inspect.getframeinfo` tells of a frame, without lines of its source."""
    if isinstance(frame, TracebackType):
        code, line = frame.tb_frame.f_code, frame.tb_lineno
    else:
        code, line = frame.f_code, frame.f_lineno
    return inspect.Traceback(code.co_filename, line, code.co_name, None, None)
