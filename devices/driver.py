"""What every driver is to the worker that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from devices.messages import Command, Event


class LinkLost(Exception):
    """The port is gone: unplugged, closed or never there. Says which port and why."""


class Link(Protocol):
    """A byte pipe to one peripheral."""

    def read(self, wait_seconds: float) -> bytes:
        """Return what has arrived, waiting at most ``wait_seconds``; b"" on silence.

        Raises:
            LinkLost: the port is gone.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises LinkLost when the port is gone."""
        ...

    def close(self) -> None:
        """Give the port back. Safe to call twice."""
        ...


class Driver(Protocol):
    """One peripheral on one link, advanced in bounded slices by its worker process."""

    def execute(self, command: Command) -> Sequence[Event]:
        """Start a command; return what can be said at once. Never blocks."""
        ...

    def run_once(self) -> Sequence[Event]:
        """Do one bounded slice of work (at most 0.3 s): read, advance, write what is due.

        Raises:
            LinkLost: the port is gone; the worker reports it and ends.
        """
        ...

    def close(self) -> None:
        """Leave the peripheral in a safe state (no longer accepting) and close the link."""
        ...
