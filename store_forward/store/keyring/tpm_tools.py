"""Runs the programs of tpm2-tools. Secrets go through pipes only, never through arguments or files.

Which TPM they speak to is said by ``TPM2TOOLS_TCTI`` in the environment, or is the kernel's.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from store_forward.store.errors import KeyUnusable

DEVICE = Path("/dev/tpmrm0")
"""The kernel's TPM behind its resource manager, which keeps the users of a TPM apart."""

VARIABLE = "TPM2TOOLS_TCTI"
SECONDS = 30
"""A discrete TPM takes up to some seconds for a key; after this it hangs."""


BUSY_CODES = ("0x902", "0x903", "0x908", "0x922")
"""TPM_RC_OBJECT_MEMORY, _SESSION_MEMORY, _YIELDED, _RETRY: another user has filled it for a moment
(TPM 2.0 Library, Part 2, 6.6.3)."""

TRIES = 20
PAUSE_SECONDS = 0.2
"""Longer together than another one's key takes, shorter than the time a unit has to start."""


class TpmRefused(Exception):
    """The TPM answered with an error. ``codes`` is what the program said, without secrets."""

    def __init__(self, program: str, said: str) -> None:
        super().__init__(f"{program}: {said}")
        self.said = said

    @property
    def is_busy(self) -> bool:
        """Whether it may say yes to the same in a moment."""
        return any(code in self.said for code in BUSY_CODES)


class TpmTools:
    """The TPM of this machine, if there is one."""

    def __init__(self, environment: Mapping[str, str] | None = None, device: Path = DEVICE) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self.device = device

    @property
    def is_there(self) -> bool:
        """Whether this machine has a TPM, as far as one can see without asking it."""
        return bool(self._environment.get(VARIABLE)) or self.device.exists()

    def run(self, folder: Path, program: str, *arguments: str, secret: bytes = b"") -> bytes:
        """Run one program in ``folder``; returns what it printed.

        Raises:
            KeyUnusable: no TPM, no tpm2-tools, or no answer.
            TpmRefused: the TPM said no.
        """
        if not self.is_there:
            raise KeyUnusable(
                self.device,
                "this machine shows no TPM",
                "Switch it on in the firmware's set-up, or open the envelope with the escrow key "
                "(outpost keys recover)",
            )
        environment = self._environment | {
            VARIABLE: self._environment.get(VARIABLE) or f"device:{self.device}",
            "LC_ALL": "C",
        }
        words = (program, *arguments)
        for _ in range(TRIES):
            try:
                return self._once(folder, environment, words, secret)
            except TpmRefused as refused:
                if not refused.is_busy:
                    raise
            time.sleep(PAUSE_SECONDS)
        return self._once(folder, environment, words, secret)

    def _once(
        self, folder: Path, environment: Mapping[str, str], words: Sequence[str], secret: bytes
    ) -> bytes:
        try:
            done = subprocess.run(
                words,
                cwd=folder,
                env=environment,
                input=secret,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except FileNotFoundError:
            raise KeyUnusable(
                self.device, f"{words[0]} is not installed", "Install the package tpm2-tools"
            ) from None
        except subprocess.TimeoutExpired:
            raise KeyUnusable(
                self.device, "the TPM does not answer", "Start the machine again"
            ) from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            if "tcti" in said.lower():
                raise KeyUnusable(
                    self.device,
                    "the TPM cannot be opened",
                    f"Let this user use {self.device} (group tss)",
                )
            raise TpmRefused(words[0], said)
        return done.stdout

    def flush(self, folder: Path) -> None:
        """Free what the last programs left in the TPM: without a resource manager it stays."""
        for what in ("-t", "-l", "-s"):
            self.run(folder, "tpm2_flushcontext", what)
