"""What a workload was promised, written down the moment it was: the judge's measure.

A note is one line in the file ``acks`` of the workload's folder, which lies outside the disk that
loses its power.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from store_forward.contract.canonical import encode_entry
from store_forward.contract.facts import Entry
from store_forward.store import Journal
from store_forward.store.errors import OrderRepeated, SlotTaken, StoreError, StoreUnavailable
from tests.crash.recording import NOTES


class Offered(msgspec.Struct, frozen=True, tag=True):
    """These entries, as one group, are about to be appended."""

    bodies: tuple[bytes, ...]


class Accepted(msgspec.Struct, frozen=True, tag=True):
    """What was offered is durable: append has returned."""


class Refused(msgspec.Struct, frozen=True, tag=True):
    """What was offered is not in the journal: append has said so."""


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """append could not say what became of what was offered."""


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The gateway's receipt up to this entry is stored."""

    acked_seq: int


class Parked(msgspec.Struct, frozen=True, tag=True):
    """This entry is marked for staff."""

    seq: int


class Written(msgspec.Struct, frozen=True, tag=True):
    """This file beside the store is whole; it reaches up to ``last_seq``."""

    name: str
    last_seq: int


class MayGo(msgspec.Struct, frozen=True, tag=True):
    """Entries up to this one are past their term: a purge may drop them from now on."""

    last_seq: int


Note = Offered | Accepted | Refused | Unknown | Answered | Parked | Written | MayGo

_decoder = msgspec.json.Decoder(Note)


class Notebook:
    """Writes notes; each line at once, so that no note can be torn or late."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NOTES
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, note: Note) -> None:
        """Write one note."""
        os.write(self._file, msgspec.json.encode(note) + b"\n")

    def append(self, journal: Journal, entries: Sequence[Entry]) -> None:
        """Append the entries as one group and note what was promised about them."""
        self.note(Offered(tuple(encode_entry(entry) for entry in entries)))
        try:
            journal.append(entries)
        except StoreUnavailable:
            self.note(Unknown())
            raise
        except (StoreError, SlotTaken, OrderRepeated):
            self.note(Refused())
        else:
            self.note(Accepted())

    def read(self) -> list[Note]:
        """All notes so far, of all processes."""
        return read_notes([self._path.read_bytes()])

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def read_notes(lines: Iterable[bytes]) -> list[Note]:
    """The notes in these pieces of the file."""
    return [_decoder.decode(line) for line in b"".join(lines).splitlines()]
