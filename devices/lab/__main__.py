"""The emulated hardware lab: kiosk peripherals, a network plug and a panel, all without hardware.

Each --device is played on a pseudo-terminal RUN_DIR/dev/NAME, which the kiosk opens like any
serial port. --proxy puts a line between kiosk and gateway that can be cut. The panel at --http
shows everything and breaks whatever you want; so does its HTTP interface:

  curl http://127.0.0.1:PORT/api/state
  curl -H 'content-type: application/json' -d '{"amount_yuan": 20}' \\
       http://127.0.0.1:PORT/api/devices/cash1/feed
  curl -H 'content-type: application/json' -d '{}' http://127.0.0.1:PORT/api/network/cut
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import structlog
import uvicorn

from devices.lab.bench import Bench, EmulatedDevice
from devices.lab.emulation import EMULATORS, UnknownEmulator, build_emulator
from devices.lab.gateway_rows import GatewayRows
from devices.lab.kiosk_window import KioskWindow
from devices.lab.network import Network
from devices.lab.web import build_app

USAGE = 2
"""Exit code for arguments, addresses and folders that cannot be used (as in argparse)."""

log = structlog.get_logger("devices.lab")


class _Server(uvicorn.Server):
    """Leaves signals to this program, which has more to close than a web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class Address:
    """Host and port."""

    host: str
    port: int


def loopback_address(text: str) -> Address:
    """Read HOST:PORT; the lab can break a kiosk, so it is never open to a network."""
    parts = urlsplit(f"//{text}")
    try:
        is_loopback = ipaddress.ip_address(parts.hostname or "").is_loopback
        port = parts.port
    except ValueError:
        is_loopback, port = False, None
    if not is_loopback or port is None or parts.hostname is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 127.0.0.1:8800 (loopback only)")
    return Address(parts.hostname, port)


def device_option(text: str) -> tuple[str, str]:
    """Read NAME=KIND/DRIVER."""
    name, separator, kind = text.partition("=")
    if not separator or not name.isidentifier() or kind not in EMULATORS:
        known = ", ".join(EMULATORS)
        raise argparse.ArgumentTypeError(f"{text!r} is not like NAME=KIND; kinds: {known}")
    return name, kind


def proxy_option(text: str) -> tuple[int, int]:
    """Read LISTEN_PORT:TARGET_PORT."""
    listen, _, target = text.partition(":")
    if not (listen.isdecimal() and target.isdecimal() and int(target) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 9443:8443")
    return int(listen), int(target)


class _OneLineErrors(argparse.ArgumentParser):
    """Says what is wrong in one line and where to read on."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (see '{self.prog} --help')\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    lines = _OneLineErrors(
        prog="outpost lab",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = lines.add_argument
    add("--run-dir", type=Path, required=True, metavar="DIR", help="ports appear in DIR/dev")
    add(
        "--http",
        type=loopback_address,
        default=Address("127.0.0.1", 0),
        metavar="HOST:PORT",
        help="where the panel is; port 0 takes a free one (default), printed when ready",
    )
    add("--port-file", type=Path, metavar="FILE", help="write the panel's port there when ready")
    add(
        "--device",
        type=device_option,
        action="append",
        default=[],
        metavar="NAME=KIND",
        help=f"a device to play, may be repeated; kinds: {', '.join(EMULATORS)}",
    )
    add(
        "--proxy",
        type=proxy_option,
        metavar="LISTEN:TARGET",
        help="forward loopback port LISTEN to the gateway's port TARGET, until cut",
    )
    add("--gateway-url", metavar="URL", help="show this gateway's rows (not through the proxy)")
    add("--gateway-ca", type=Path, metavar="FILE", help="PEM of the gateway's authority")
    add("--display", metavar=":N", help="show and touch the kiosk's window on this X display")
    add("--operator-token-file", type=Path, metavar="FILE", help="token for the gateway's rows")
    return lines


async def run(options: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = options.run_dir / "dev"
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        [EmulatedDevice(name, kind, build_emulator(kind), folder) for name, kind in options.device]
    )
    network = Network(*options.proxy) if options.proxy else None
    gateway = None
    if options.gateway_url:
        gateway = GatewayRows(options.gateway_url, options.gateway_ca, options.operator_token_file)
    listener = socket.create_server((options.http.host, options.http.port))
    server = _Server(
        uvicorn.Config(
            build_app(
                bench, network, gateway, KioskWindow(options.display) if options.display else None
            ),
            log_level="warning",
            lifespan="off",
            ws="none",
        )
    )
    async with contextlib.AsyncExitStack() as closing:
        bench.plug_all()
        closing.callback(bench.unplug_all)
        if network is not None:
            await network.start()
            closing.push_async_callback(network.close)
        turning = asyncio.create_task(bench.run())
        closing.callback(turning.cancel)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        port = listener.getsockname()[1]
        announce(options, port, network)
        stopping = asyncio.create_task(stop.wait())
        closing.callback(stopping.cancel)
        await asyncio.wait({turning, serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        server.force_exit = True
        await serving
        if turning.done():
            turning.result()  # a bug of an emulator ends the lab visibly


def announce(options: argparse.Namespace, port: int, network: Network | None) -> None:
    """Say that the lab is ready, to people and to scripts."""
    if options.port_file is not None:
        partial = options.port_file.with_suffix(".partial")
        partial.write_text(f"{port}\n", encoding="ascii")
        partial.replace(options.port_file)
    print(f"panel at http://{options.http.host}:{port}/", flush=True)
    log.info(
        "lab ready",
        devices=[name for name, _ in options.device],
        ports=str(options.run_dir / "dev"),
        proxy=network.port if network is not None else None,
    )


def main() -> int:
    """Run the lab from the command line."""
    lines = parser()
    options = lines.parse_args()
    if options.gateway_url and not (options.gateway_ca and options.operator_token_file):
        lines.error("--gateway-url needs --gateway-ca and --operator-token-file")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    try:
        asyncio.run(run(options))
    except (OSError, UnknownEmulator) as error:
        print(f"outpost lab: {error}", file=sys.stderr)
        return USAGE
    return 0


if __name__ == "__main__":
    sys.exit(main())
