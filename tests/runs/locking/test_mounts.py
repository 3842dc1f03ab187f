"""On what a folder lies."""

import subprocess
import sys

import pytest

from autrainer.runs.locking.mounts import OF_ONE_MACHINE, file_system_type, has_locks_of_one_machine


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_the_type_is_that_of_the_system(tmp_path):
    command = ["stat", "--file-system", "--format=%T", tmp_path]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    # `stat` names the three versions of one format together.
    same = {"ext2/ext3": {"ext2", "ext3", "ext4"}, "overlayfs": {"overlay"}}
    name = told.stdout.strip()
    assert file_system_type(tmp_path) in same.get(name, {name})


def test_a_link_to_a_folder_lies_where_the_folder_lies(tmp_path):
    (tmp_path / "proc").symlink_to("/proc")
    assert file_system_type(tmp_path / "proc") in ("proc", None)
    assert not has_locks_of_one_machine(tmp_path / "proc")


def test_what_others_may_have_mounted_too_is_none_of_one_machine():
    shared = {"nfs", "nfs4", "cifs", "smb3", "lustre", "beegfs", "gpfs", "fuse.sshfs", "9p"}
    assert not shared & OF_ONE_MACHINE


def test_a_folder_that_is_not_there_is_not_known(tmp_path):
    assert file_system_type(tmp_path / "missing") is None
