from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_chariots.op_store.filesystems import is_shared

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local ext4 rw 0 0
//nas/share /mnt/my\\040share cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("/srv/a.db", False),
        ("/home/ann/a.db", True),
        ("/home/local/a.db", False),
        ("/homeless/a.db", False),
        ("/mnt/my share/a.db", True),
    ],
)
def test_which_file_systems_several_hosts_share(path: str, shared: bool) -> None:
    assert is_shared(Path(path), MOUNTS) is shared


def test_without_a_mount_table_none_is_known_to_be() -> None:
    assert not is_shared(Path("/a/b.db"), "")
