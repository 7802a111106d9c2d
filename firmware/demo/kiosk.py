"""The whole kiosk on one machine: brings every process up in order, and down again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from firmware.demo.lab_client import LabClient
from firmware.demo.processes import Processes
from firmware.demo.screen import TouchScreen
from firmware.demo.workspace import Workspace, trust_gateway

CLINIC = Path(__file__).with_name("clinic.toml")
"""Reference data of the made-up clinic."""


class DeskKiosk:
    """Gateway, lab and the kiosk's own processes, as real processes with real sockets.

    With ``is_virtual`` nobody sees the display, so the lab's panel shows the window.
    """

    def __init__(
        self,
        space: Workspace,
        display: str,
        say: Callable[[str], None],
        *,
        is_virtual: bool = True,
    ) -> None:
        self.space = space
        self._is_virtual = is_virtual
        self.display = display
        self._say = say
        self.processes = Processes(space.logs, self._restarted)
        self.lab = LabClient(space.lab_port)
        self.screen = TouchScreen(display, space.probe)

    @property
    def gateway_port(self) -> int:
        """The gateway's own port, which the lab's network proxy leads to."""
        return int((self.space.gateway / "port").read_text())

    def start(self) -> None:
        """Start everything and wait until the screen draws.

        Raises:
            ProcessFailed: names the process that did not come up and quotes its log.
        """
        self._start_his_side()
        self._start_lab()
        for name in ("devices", "core"):
            self._start_kiosk_process(name)
        self._wait("core", "the patient session", (self.space.run / "core.sock").exists)
        self._start_kiosk_process("sync")
        self.start_screen()
        self._wait("ui", "the patient screen", lambda: self.screen.look() is not None, 40)

    def start_screen(self) -> None:
        """Start the patient screen and do not wait for it."""
        self._start_kiosk_process(
            "ui", "--probe", str(self.space.probe), environment=self._screen_environment()
        )

    def stop(self) -> None:
        """Stop everything, the screen first."""
        self.processes.stop_all()

    def _start_his_side(self) -> None:
        space = self.space
        port_file = space.gateway / "port"
        self.processes.start(
            "gateway",
            outpost_command(
                *("gateway", "--dir", str(space.gateway), "--reference", str(CLINIC)),
                *("--listen", "127.0.0.1:0", "--port-file", str(port_file)),
            ),
        )
        self._wait("gateway", "the HIS gateway", port_file.exists, 40)
        trust_gateway(
            space, space.gateway / "gateway-ca.pem", space.gateway / "gateway-receipt.pem"
        )

    def _start_lab(self) -> None:
        space, port = self.space, self.gateway_port
        self.processes.start(
            "lab",
            outpost_command(
                *("lab", "--run-dir", str(space.lab), "--http", f"127.0.0.1:{space.lab_port}"),
                *("--device", "id1=id_reader/samv", "--device", "cash1=cash_acceptor/ccnet"),
                *("--device", "printer1=receipt_printer/escpos"),
                *("--proxy", f"{space.proxy_port}:{port}"),
                *("--gateway-url", f"https://127.0.0.1:{port}"),
                *("--gateway-ca", str(space.gateway / "gateway-ca.pem")),
                *("--operator-token-file", str(space.gateway / "operator-token")),
                *(("--display", self.display) if self._is_virtual else ()),
            ),
        )
        self._wait("lab", "the hardware lab", self.lab.is_up, 30)

    def _start_kiosk_process(
        self, name: str, *words: str, environment: dict[str, str] | None = None
    ) -> None:
        command = outpost_command(name, "--deployment", str(self.space.deployment), *words)
        self.processes.start(name, command, environment)
        self._say(f"started {name}")

    def _screen_environment(self) -> dict[str, str]:
        # Kivy's files go with the demo, even of a screen process that was killed.
        return {"DISPLAY": self.display, "KIVY_HOME": str(self.space.root / "kivy")}

    def _wait(self, name: str, what: str, ready: Callable[[], bool], seconds: float = 20) -> None:
        self.processes.wait_until(what, name, ready, seconds)

    def _restarted(self, name: str, code: int) -> None:
        self._say(f"{name} ended with {code} and was started again")


def outpost_command(*words: str) -> list[str]:
    """Return the command line of an ``outpost`` subcommand."""
    return [sys.executable, "-P", "-m", "firmware.cli", *words]
