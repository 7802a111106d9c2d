"""Recognising a file that systemd handed over as a credential (systemd.exec(5), CREDENTIALS)."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def is_credential(path: Path, status: os.stat_result) -> bool:
    """Whether the file is root's, not writable, and readable by one user through an ACL.

    With an ACL the group bits of the mode show its mask, not what the group may do (acl(5)).
    """
    is_closed = status.st_uid == 0 and stat.S_IMODE(status.st_mode) & ~0o440 == 0
    return is_closed and "system.posix_acl_access" in os.listxattr(path)
