"""A TPM 2.0 in software (swtpm): real commands, real answers, its state in a folder."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

MEASURED = "a1" * 32
"""What a firmware might have measured into a register."""


class SoftwareTpm:
    """One machine's TPM. ``switch_off`` and ``switch_on`` are a power cycle: its keys and counters
    stay, its registers begin at zero."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # A path of a socket is at most 107 bytes long; those of pytest's folders are longer.
        self._place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._socket = Path(f"/proc/{os.getpid()}/fd/{self._place}/tpm")

    @property
    def environment(self) -> dict[str, str]:
        """For processes that are to use this TPM."""
        return dict(os.environ) | {"TPM2TOOLS_TCTI": f"swtpm:path={self._socket}"}

    def switch_on(self, *, measure: bool = True) -> None:
        """Start it; with ``measure`` as firmware does, which fills the registers."""
        self._process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),  # none is left behind by a killed test run
                "swtpm",
                "socket",
                "--tpm2",
                *("--tpmstate", f"dir={self._folder}"),
                *("--server", f"type=unixio,path={self._socket}"),
                *("--ctrl", f"type=unixio,path={self._socket}.ctrl"),
                *("--flags", "not-need-init,startup-clear"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError("swtpm does not start")
            time.sleep(0.01)
        if measure:
            self.measure(0, 2, 4, 7)

    def switch_off(self) -> None:
        """End it. Safe to call twice."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def power_cycle(self, *, measure: bool = True) -> None:
        """Off and on again."""
        self.switch_off()
        self.switch_on(measure=measure)

    def measure(self, *registers: int, digest: str = MEASURED) -> None:
        """Extend registers, as firmware does for what it starts."""
        self.tool("tpm2_pcrextend", *(f"{one}:sha256={digest}" for one in registers))

    def tool(self, *command: str) -> bytes:
        """Run one of the TPM's tools; returns what it printed."""
        done = subprocess.run(command, env=self.environment, capture_output=True, timeout=20)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.decode())
        return done.stdout

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(f"{self._socket}.ctrl")
            return self._socket.exists()
        return False

    def __enter__(self) -> SoftwareTpm:
        self.switch_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.switch_off()
        os.close(self._place)


@contextlib.contextmanager
def software_tpm(folder: Path) -> Iterator[SoftwareTpm]:
    """A TPM that is on; off at the end, whatever happens."""
    with SoftwareTpm(folder) as tpm:
        yield tpm
