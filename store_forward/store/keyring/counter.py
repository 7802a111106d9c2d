"""The TPM's counter: a number that only grows, whatever becomes of the disk.

A TPM starts a counter that is defined anew above the highest one it ever had (TPM 2.0 Library,
part 1, 37.2.4): removing it does not turn it back.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.tpm_tools import TpmRefused, TpmTools

INDEX = "0x1804F50"
"""In the owner's range of NV indices (TCG registry of reserved TPM 2.0 handles, 2.2.2)."""

_ATTRIBUTES = "nt=counter|ownerread|ownerwrite|no_da"
_BYTES = 8
_NO_SUCH_INDEX, _NEVER_ADVANCED = "0x18B", "0x14A"
"""TPM_RC_HANDLE of handle 1 and TPM_RC_NV_UNINITIALIZED (TPM 2.0 Library, part 2, 6.6.3)."""


class TpmCounter:
    """A counter of the machine, advanced once in each run of it.

    ``boot`` is the id of this run; ``noted`` a file that a restart of the machine takes away, or
    that names another run: each advance wears the TPM a little, and a service may be started again
    a thousand times.
    """

    def __init__(self, tools: TpmTools, boot: str, noted: Path) -> None:
        self._tools = tools
        self._boot = boot
        self._noted = noted

    def read(self) -> int | None:
        """What it stood at when this run of the machine began; None where it cannot be read.

        Where there is none yet it is made: its first number need not be 1.
        """
        if not self._tools.is_there:
            return None
        with _folder() as name:
            folder = Path(name)
            try:
                value = self._read(folder)
                if value is None:
                    self._increment(folder)
                    value = self._read(folder)
            except (KeyUnusable, TpmRefused):
                return None
        if value is not None and self._was_noted():
            return value - 1
        return value

    def advance(self) -> int:
        """Add one, unless this run of the machine has; returns what it stands at now.

        Raises:
            KeyUnusable: there is no TPM, or it refuses.
        """
        with _folder() as name:
            folder = Path(name)
            try:
                if not self._was_noted():
                    self._increment(folder)
                    self._note()
                value = self._read(folder)
            except TpmRefused as refused:
                raise KeyUnusable(
                    self._tools.device,
                    f"the TPM's counter cannot be used ({refused.said.splitlines()[-1]})",
                    "Look whether its owner password is set; this kiosk needs it empty",
                ) from refused
        return value or 0

    def _read(self, folder: Path) -> int | None:
        """None while it is not defined or was never advanced. Raises KeyUnusable, TpmRefused."""
        arguments = (INDEX, "-C", "o", "-s", str(_BYTES))
        try:
            data = self._tools.run(folder, "tpm2_nvread", *arguments)
        except TpmRefused as refused:
            if _is_missing(refused) or _NEVER_ADVANCED in refused.said:
                return None
            raise
        return int.from_bytes(data, "big")

    def _increment(self, folder: Path) -> None:
        increment = ("tpm2_nvincrement", INDEX, "-C", "o")
        try:
            self._tools.run(folder, *increment)
        except TpmRefused as refused:
            if not _is_missing(refused):
                raise
            defined = (INDEX, "-C", "o", "-s", str(_BYTES), "-a", _ATTRIBUTES)
            self._tools.run(folder, "tpm2_nvdefine", *defined)
            self._tools.run(folder, *increment)

    def _was_noted(self) -> bool:
        try:
            return bool(self._boot) and self._noted.read_text() == self._boot
        except (OSError, UnicodeDecodeError):
            return False

    def _note(self) -> None:
        with suppress(OSError):  # else it is advanced once more at the service's next start
            self._noted.write_text(self._boot)


def _is_missing(refused: TpmRefused) -> bool:
    return _NO_SUCH_INDEX in refused.said


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="outpost-tpm-")
