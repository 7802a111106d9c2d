"""Small file systems that tests fill up, mounted in a namespace of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile

import pytest


def _can_mount() -> bool:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        script = f"mount -t tmpfs -o size=1m x {folder}"
        return (
            subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False).returncode == 0
        )


needs_small_disk = pytest.mark.skipif(
    not _can_mount(), reason="needs the right to mount a small disk"
)
