"""On what kind of file system a folder lies, as far as this machine tells."""

from __future__ import annotations

import os
from pathlib import Path

OF_ONE_MACHINE = frozenset(
    {
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "jfs", "nilfs2"),
        *("reiserfs", "tmpfs", "ramfs", "overlay", "vfat", "exfat", "ntfs3", "fuseblk", "ubifs"),
    }
)
"""File systems whose locks are kept by the one kernel that has them mounted."""

_PROC = Path("/proc/self")


def has_locks_of_one_machine(folder: Path) -> bool:
    """Whether a lock of the system on a file of this folder is enough to decide who holds it.

    It does on a file system that one machine has for itself. One that others may have mounted too
    (NFS, CIFS, Lustre, BeeGFS, GPFS, FUSE, 9p, virtiofs) may grant the same lock on each of them:
    whether it does is an option of the mount, which need not be the same everywhere. A file system
    that this machine says nothing about, as on macOS and Windows, counts as one of these.
    """
    return file_system_type(folder) in OF_ONE_MACHINE


def file_system_type(folder: Path) -> str | None:
    """Type of the file system of a folder as Linux names it, such as `ext4`; None if not known."""
    try:
        mount = _mount_id(folder)
        lines = (_PROC / "mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError, AttributeError):
        # AttributeError: systems other than Linux have no O_PATH.
        return None
    # "24 27 0:6 / /dev rw,relatime shared:1 - devtmpfs devtmpfs rw": the type follows the dash.
    of_mount = (line for line in lines if line.split(" ", 1)[0] == mount)
    _, _, rest = next(of_mount, "").partition(" - ")
    return rest.split(" ", 1)[0] or None


def _mount_id(folder: Path) -> str:
    """Number of the mount that a folder lies on: no name of a mount point has to be compared."""
    opened = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        lines = (_PROC / "fdinfo" / str(opened)).read_text(encoding="ascii").splitlines()
    finally:
        os.close(opened)
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return fields.get("mnt_id", "").strip()
