"""Who is at the other end of a Unix socket, and how long a line may be."""

from __future__ import annotations

import os
import socket
import struct

MAX_LINE_BYTES = 1_048_576
"""Longest line on a socket between two processes of the kiosk."""

MOST_UNSENT_BYTES = 4_194_304
"""A peer that lets so much pile up does not read any more and is let go."""


def peer_uid(connection: socket.socket) -> int:
    """User id of the process at the other end (SO_PEERCRED, unix(7))."""
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _pid, uid, _gid = struct.unpack("3i", credentials)
    return int(uid)


def is_trusted(uid: int, allowed_uids: frozenset[int]) -> bool:
    """Whether a process of this user may talk to this one."""
    return uid == os.geteuid() or uid in allowed_uids
