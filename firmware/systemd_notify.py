"""Tells systemd how this process is (sd_notify protocol); does nothing without systemd.

The protocol is one datagram on the Unix socket named by ``NOTIFY_SOCKET``: see sd_notify(3). Call
it from the loop that does the process's work, so that a stuck loop is a missing watchdog message.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
ALIVE = "WATCHDOG=1"


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send ``state`` (for example ``READY`` or ``ALIVE``) to systemd.

    A supervisor that is not listening must never stop a kiosk, so a failed send is dropped: systemd
    notices the missing message by itself.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]  # abstract socket, see unix(7)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.setblocking(False)
        try:
            channel.connect(address)
            channel.send(state.encode())
        except OSError:
            return


def watchdog_interval_seconds(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often to send ``ALIVE``: half of systemd's limit, as sd_watchdog_enabled(3) advises.

    None when no watchdog is set for this process.
    """
    for_process = environment.get("WATCHDOG_PID", "")
    if for_process and for_process != str(os.getpid()):
        return None
    limit = environment.get("WATCHDOG_USEC", "")
    if not limit.isdigit() or int(limit) == 0:
        return None
    return int(limit) / 1_000_000 / 2
