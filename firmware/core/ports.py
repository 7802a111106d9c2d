"""What the runner needs from outside, by role."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from devices.messages import Command
from firmware.core.slips import Slip
from store_forward.contract.facts import Entry


class JournalRefused(Exception):
    """Facts could not be made durable; the message says why and what staff should do.

    It is not always known whether they survive a restart, so the journal is read again before
    anything goes on.
    """


class SlotAlreadySold(Exception):
    """The journal refused a confirmation because its slot is sold; nothing was written."""


class Journal(Protocol):
    """Where facts become durable."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Make the entries durable, all or none, before returning.

        Raises:
            SlotAlreadySold, JournalRefused: see there.
        """
        ...

    def recent(self) -> Iterable[Entry]:
        """Return the newest entries, oldest first: enough to hold every open order.

        Raises:
            JournalRefused: the journal cannot be read.
        """
        ...


class Peripherals(Protocol):
    """Where commands go."""

    def tell(self, command: Command) -> None:
        """Hand a command over. One that cannot be delivered is dropped: its end is asked for
        or given up by the state, never assumed."""
        ...


class SlipEncoder(Protocol):
    """Turns a slip into the printer's bytes."""

    def __call__(self, slip: Slip) -> bytes: ...
