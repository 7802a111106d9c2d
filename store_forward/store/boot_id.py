"""Which run of the machine this is: what was compared with a clock holds until the next one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "OUTPOST_BOOT"
"""Set from systemd's ``%b`` where the sandbox hides the kernel's file (``ProcSubset=pid``)."""

KERNELS_FILE = Path("/proc/sys/kernel/random/boot_id")


def boot_id(environment: Mapping[str, str] | None = None, kernels_file: Path = KERNELS_FILE) -> str:
    """Return the id of this boot, the same in all processes; empty where it cannot be known.

    The kernel writes it with hyphens and systemd without; here it has none.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not text:
        try:
            text = kernels_file.read_text()
        except OSError:
            return ""
    return text.strip().replace("-", "")
