"""Tells systemd that the screen's loop turns (sd_notify protocol); does nothing without systemd.

The protocol is one datagram on the Unix socket named by ``NOTIFY_SOCKET``: see sd_notify(3). The
words come from Kivy's loop, which also draws: a screen stuck in the graphics driver falls silent,
and systemd starts another.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

READY = "READY=1"
ALIVE = "WATCHDOG=1"


def notify(state: str, environment: Mapping[str, str] = os.environ) -> None:
    """Send ``state``. What cannot be sent is dropped: systemd misses it by itself."""
    address = environment.get("NOTIFY_SOCKET", "")
    if address[:1] not in {"/", "@"}:
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
    """How often to send ``ALIVE``: a third of systemd's limit, as a long frame may hold one up.

    None when no watchdog is set for this process (sd_watchdog_enabled(3)).
    """
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    limit = environment.get("WATCHDOG_USEC", "")
    if not limit.isdigit() or int(limit) == 0:
        return None
    return int(limit) / 1_000_000 / 3
