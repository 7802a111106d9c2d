"""What every process of ours is started with."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from devices.stand_ins import stand_ins


class CannotStart(Exception):
    """A process cannot start: says which file or address is wrong and what to do."""


def leave_out_tls() -> None:
    """Call first in a process that talks to nobody by TLS: 6 MB less.

    asyncio and hashlib load OpenSSL where they find it; without it hashlib has its own SHA-2. An
    import that is None in ``sys.modules`` counts as not installed.
    """
    for module in ("ssl", "_hashlib"):
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]


def log_to_stderr() -> None:
    """Write structured log lines (JSON) to standard error, where systemd's journal takes them.

    structlog and httpx load rich where they find it, for colours that no log of ours shows: 4 MB
    in each process. An import that is None in ``sys.modules`` counts as not installed.
    """
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def uids_of(*users: str) -> frozenset[int]:
    """Uids of those users that exist: in the image every service has its own, at a desk none."""
    import pwd

    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return frozenset(known[user] for user in users if user in known)


def uuids() -> Iterator[str]:
    """Yield UUIDv7 strings for ever."""
    with stand_ins({"importlib.metadata": {"version": str}}):
        from uuid6 import uuid7

    while True:
        yield str(uuid7())
