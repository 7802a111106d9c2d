"""What a worker process writes on its standard output: one JSON object a line."""

from __future__ import annotations

import msgspec

from devices.messages import Event

MAX_WORKER_LINE_BYTES = 65_536
"""Longest line a worker may write. The longest real one is a card's fields, under 2 kB."""

MAX_COMMAND_LINE_BYTES = 1_048_576
"""Longest command line a worker reads; a slip with pictures is well below."""

HEARTBEAT_SECONDS = 0.5
"""A worker says at most this often that its loop turns."""

EXIT_LINK_LOST = 69
"""Exit code of a worker whose port is gone (EX_UNAVAILABLE of sysexits.h)."""


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat"):
    """The loop that does the work has just gone round."""


class LinkLostReport(msgspec.Struct, frozen=True, tag="link_lost"):
    """The port is gone; the worker ends with ``EXIT_LINK_LOST`` after this line."""

    reason: str


WorkerLine = Event | Heartbeat | LinkLostReport
