"""Address of run utilities in existing projects; they live in `autrainer.runs`."""

from autrainer.runs.environment import (
    get_hardware_info,
    save_hardware_info,
    save_requirements,
    set_device,
)
from autrainer.runs.folder import Bookkeeping
from autrainer.runs.process.logfile import silence
from autrainer.runs.random.seeding import set_reproducibility, set_seed
from autrainer.runs.timer import Timer
from autrainer.runs.writing.background import Background as ThreadManager

__all__ = [
    "Bookkeeping",
    "ThreadManager",
    "Timer",
    "get_hardware_info",
    "save_hardware_info",
    "save_requirements",
    "set_device",
    "set_reproducibility",
    "set_seed",
    "silence",
]
