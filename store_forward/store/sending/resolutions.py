"""What people at the HIS decided about this kiosk's entries, as the gateway countersigned it."""

from __future__ import annotations

import msgspec

from store_forward.contract.resolutions import Resolution, Verdict
from store_forward.contract.spans import Range, holds
from store_forward.store.driver import Connection
from store_forward.store.errors import ResolutionRefused
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.sending.coverage import Coverage
from store_forward.store.sending.exceptions import Exceptions

LONGEST_NUMBER = 18
"""Digits of a decision's number."""


class _Id(msgspec.Struct):
    id: str


class Resolutions:
    """The decisions kept in one store file."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity
        self._coverage = Coverage(connection)
        self._exceptions = Exceptions(connection)

    def record(self, resolution: Resolution) -> bool:
        """Store a decision and end the exception it is about; False when it was known.

        The signature has been verified by the caller. A settled or withdrawn entry counts as
        handed over; one to be sent again is no longer parked.

        Raises:
            ResolutionRefused: it is not about an entry of this journal; nothing was changed.
        """
        with self._connection.transaction():
            self.check(resolution)
            known = self._connection.row(
                "SELECT body FROM resolution WHERE number = ?", (resolution.number,)
            )
            if known is not None:
                return self._confirm(resolution)
            self._connection.execute(
                "INSERT INTO resolution (number, seq, verdict, body) VALUES (?, ?, ?, ?)",
                (
                    resolution.number,
                    resolution.seq,
                    resolution.verdict.value,
                    msgspec.json.encode(resolution, order="sorted"),
                ),
            )
            self._apply(resolution)
            return True

    def check(self, resolution: Resolution) -> None:
        """Raises ResolutionRefused where ``record`` would."""
        ours = self._identity
        if (resolution.device, resolution.incarnation) != (ours.device, ours.incarnation):
            raise ResolutionRefused(
                f"it is about {resolution.device} {resolution.incarnation}, "
                f"this is {ours.device} {ours.incarnation}"
            )
        row = self._connection.row("SELECT body FROM event WHERE seq = ?", (resolution.seq,))
        if row is None:
            if self._was_ours(resolution.seq):
                return
            raise ResolutionRefused(f"our journal has no entry {resolution.seq}")
        try:
            entry_id = msgspec.json.decode(row[0], type=_Id).id
        except msgspec.MsgspecError:
            entry_id = None
        if entry_id != resolution.entry_id:
            raise ResolutionRefused(f"entry {resolution.seq} has another id than it names")

    def all(self) -> list[Resolution]:
        """Every decision, in the gateway's order."""
        found = self._connection.rows("SELECT body FROM resolution ORDER BY number")
        return [msgspec.json.decode(body, type=Resolution) for (body,) in found]

    def cursor(self) -> str:
        """Up to where the gateway's decisions have been fetched; empty at first."""
        row = self._connection.row("SELECT body FROM status WHERE name = 'resolutions'")
        return bytes(row[0]).decode() if row else ""

    def decided_to(self) -> int:
        """The cursor as the number of a decision: 0 before the first, and where it is none."""
        cursor = self.cursor()
        is_number = cursor.isascii() and cursor.isdecimal() and len(cursor) <= LONGEST_NUMBER
        return int(cursor) if is_number else 0

    def is_resent_after(self, seq: int, number: int) -> bool:
        """Whether a decision later than this one says that the entry be sent again."""
        row = self._connection.row(
            "SELECT 1 FROM resolution WHERE seq = ? AND verdict = 'resend' AND number > ? LIMIT 1",
            (seq, number),
        )
        return row is not None

    def keep_cursor(self, cursor: str) -> None:
        """Go on from here the next time. Writing the same again costs no disk write."""
        if cursor == self.cursor():
            return
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO status (name, body) VALUES ('resolutions', ?) "
                "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (cursor.encode(),),
            )

    def _confirm(self, resolution: Resolution) -> bool:
        """A decision that is known holds again where it was in doubt whether the gateway has it."""
        is_doubted = self._exceptions.is_doubted(resolution.seq)
        if not is_doubted or resolution.verdict is Verdict.RESEND:
            return False
        self._apply(resolution)
        return True

    def _apply(self, resolution: Resolution) -> None:
        match resolution.verdict:
            case Verdict.RESEND:
                self._exceptions.unpark(resolution.seq)
            case Verdict.SETTLED | Verdict.WITHDRAWN as verdict:
                self._exceptions.end(resolution.seq, verdict, resolution.note)
                self._coverage.add([Range(resolution.seq, resolution.seq)])

    def _was_ours(self, seq: int) -> bool:
        """Whether an entry that the journal does not hold was handed over and purged long ago, or
        is one of those that it has told to be lost."""
        acked = self._coverage.acked_seq()
        head = Journal(self._connection).head().seq
        return seq <= acked or holds(self._coverage.lost(acked, head), seq)
