"""The journal: every fact once, in order, hash chained, durable when ``append`` returns.

The journal is the outbox: nothing is copied to be sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from store_forward.contract.canonical import GENESIS, chain_hash, decode_entry, encode_entry
from store_forward.contract.facts import (
    Entry,
    Redacted,
    RegistrationCancelled,
    RegistrationConfirmed,
)
from store_forward.store import driver
from store_forward.store.driver import Connection, Execute
from store_forward.store.errors import NotTheKeeper, OrderRepeated, SlotTaken, StoreError
from store_forward.store.head import START, Head
from store_forward.store.mirror.mirror import JournalMirror

_OF_SLOTS = (RegistrationConfirmed, RegistrationCancelled)
"""Facts that change the table of sold slots with the journal."""

_INSERT = "INSERT INTO event (seq, kind, lane, body, hash) VALUES (?, ?, ?, ?, ?)"


class Appended(msgspec.Struct, frozen=True):
    """Where the appended entries stand. ``head_hash`` is the chain hash of ``last_seq``."""

    first_seq: int
    last_seq: int
    head_hash: bytes


class Row(Redacted, frozen=True):
    """One stored entry. ``body`` holds its canonical bytes, verbatim."""

    seq: int
    hash: bytes
    body: bytes

    def entry(self) -> Entry:
        """The entry these bytes mean."""
        return decode_entry(self.body)


class Broken(msgspec.Struct, frozen=True):
    """The first place where the chain does not hold."""

    seq: int
    reason: str


class _NotNewest(Exception):
    """Another process has appended since we last did."""


class Journal:
    """Appends and reads entries of one store file. Without a ``mirror`` it only reads."""

    def __init__(self, connection: Connection, mirror: JournalMirror | None = None) -> None:
        self._connection = connection
        self._mirror = mirror
        self._newest: Head | None = None

    def append(self, entries: Sequence[Entry]) -> Appended:
        """Record the entries, all or none; database and mirror have them when this returns.

        One transaction, one fsync, and one of the mirror at the same time. A confirmed
        registration sells its slot, a cancelled one frees it, in the same transaction.

        Raises:
            SlotTaken: the slot of a confirmed registration is sold already; nothing was written.
            OrderRepeated: the order was confirmed before; nothing was written.
            StoreFull, StoreBusy: nothing was written.
            StoreUnavailable: see there.
            NotTheKeeper: this store was opened as a guest's.
            ValueError: no entries.
        """
        if not entries:
            raise ValueError("append needs at least one entry")
        if self._mirror is None:
            raise NotTheKeeper(
                self._connection.path,
                "opened to read and to acknowledge, not to append",
                "Open it as the keeper of the journal",
            )
        bodies = [encode_entry(entry) for entry in entries]
        try:
            head = self._append(entries, bodies, self._mirror)
        except _NotNewest:
            head = self._append(entries, bodies, self._mirror)
        self._newest = head
        return Appended(head.seq - len(entries) + 1, head.seq, head.hash)

    def _append(
        self, entries: Sequence[Entry], bodies: Sequence[bytes], mirror: JournalMirror
    ) -> Head:
        """Append behind the newest entry we know of, which is almost always the newest.

        Asking for it in each transaction costs a tenth of an append. Another process that
        appended meanwhile has taken the number: raises _NotNewest, nothing written.
        """
        newest, self._newest = self._newest, None  # known again only after the commit
        before = newest or self.head()
        heads = _chained(before, bodies)
        after = heads[-1]
        # Room is made before anything is written: a full disk is noticed in time.
        mirror.make_room(before, bodies)
        # The mirror works while the rows go in, but where one of them may well be refused.
        is_early = not any(type(entry.fact) is RegistrationConfirmed for entry in entries)
        connection = self._connection
        try:
            if is_early:
                mirror.start(before, after, bodies)
            if len(entries) == 1 and not isinstance(entries[0].fact, _OF_SLOTS):
                self._insert(connection.execute_alone, entries[0], bodies[0], after)
            else:
                connection.begin()
                self._insert_all(entries, bodies, heads)
                if not is_early:
                    mirror.start(before, after, bodies)
                connection.commit()
        except BaseException:
            connection.roll_back()
            if not self._has(after):
                mirror.withdraw()
                raise
        mirror.confirm()
        return after

    def _has(self, entry: Head) -> bool:
        """Whether the database took this entry, as far as it can say."""
        try:
            return self.hash_at(entry.seq) == entry.hash
        except StoreError:
            return False

    def _insert_all(
        self, entries: Sequence[Entry], bodies: Sequence[bytes], heads: Sequence[Head]
    ) -> None:
        for entry, body, head in zip(entries, bodies, heads, strict=True):
            self._insert(self._connection.execute, entry, body, head)
            self._keep_slots(head.seq, entry)

    def _insert(self, execute: Execute, entry: Entry, body: bytes, head: Head) -> None:
        try:
            execute(_INSERT, (head.seq, kind_of(entry), entry.lane, body, head.hash))
        except driver.IntegrityError as error:
            raise _NotNewest from error

    def head(self) -> Head:
        """The newest entry; the base while there is none behind it."""
        row = self._connection.row("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
        return Head(*row) if row else self.base()

    def base(self) -> Head:
        """What the first kept entry continues; ``START`` while none was ever dropped."""
        row = self._connection.row(
            "SELECT seq, hash FROM anchor WHERE seq < "
            "ifnull((SELECT min(seq) FROM event), 9223372036854775807) ORDER BY seq DESC LIMIT 1"
        )
        return Head(*row) if row else START

    def hash_at(self, seq: int) -> bytes | None:
        """The chain hash of an entry, of the base, or of 0; None where it is not known here."""
        row = self._connection.row(
            "SELECT hash FROM event WHERE seq = ?1 UNION ALL "
            "SELECT hash FROM anchor WHERE seq = ?1 LIMIT 1",
            (seq,),
        )
        if row is not None:
            return bytes(row[0])
        return GENESIS if seq == 0 else None

    def read(self, after_seq: int = 0, limit: int = 1000) -> list[Row]:
        """Entries after ``after_seq``, oldest first, at most ``limit``."""
        found = self._connection.rows(
            "SELECT seq, hash, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
            (after_seq, limit),
        )
        return [Row(*row) for row in found]

    def entries_of_lane(self, lane: str) -> list[Row]:
        """All entries of a lane, oldest first.

        For the lane of an order this starts at its confirmation, so it is quick for recent ones.
        """
        first = self._connection.row(
            "SELECT seq FROM slot_sale WHERE order_id = ?", (lane.removeprefix("order:"),)
        )
        found = self._connection.rows(
            "SELECT seq, hash, body FROM event WHERE seq >= ? AND lane = ? ORDER BY seq",
            (first[0] if first else 1, lane),
        )
        return [Row(*row) for row in found]

    def verify(self) -> Broken | None:
        """Check the whole chain; return the first break, or None when it holds.

        Behind entries that are lost and known to be, the chain goes on from their anchor.
        """
        base = self.base()
        expected, previous = base.seq + 1, base.hash
        for row in self._stream():
            if row.seq > expected and (bridge := self.hash_at(row.seq - 1)) is not None:
                expected, previous = row.seq, bridge
            if row.seq != expected:
                return Broken(expected, f"entries {expected} to {row.seq - 1} are missing")
            if row.hash != chain_hash(previous, row.seq, row.body):
                return Broken(row.seq, "the entry does not match its hash")
            expected, previous = row.seq + 1, row.hash
        return None

    def _stream(self) -> Iterator[Row]:
        for row in self._connection.stream("SELECT seq, hash, body FROM event ORDER BY seq"):
            yield Row(*row)

    def _keep_slots(self, seq: int, entry: Entry) -> None:
        match entry.fact:
            case RegistrationConfirmed(order_id=order_id, slot_id=slot_id):
                self._sell(seq, slot_id, order_id)
            case RegistrationCancelled(order_id=order_id):
                self._connection.execute(
                    "UPDATE slot_sale SET freed_by = ? WHERE order_id = ? AND freed_by IS NULL",
                    (seq, order_id),
                )
            case _:
                pass  # the other facts do not touch slots

    def _sell(self, seq: int, slot_id: str, order_id: str) -> None:
        try:
            self._connection.execute(
                "INSERT INTO slot_sale (seq, slot_id, order_id) VALUES (?, ?, ?)",
                (seq, slot_id, order_id),
            )
        except driver.IntegrityError as error:
            repeated = self._connection.row(
                "SELECT 1 FROM slot_sale WHERE order_id = ?", (order_id,)
            )
            raise (OrderRepeated(order_id) if repeated else SlotTaken(slot_id)) from error


def _chained(head: Head, bodies: Sequence[bytes]) -> list[Head]:
    """The head after each of these bodies."""
    heads = []
    for body in bodies:
        head = Head(head.seq + 1, chain_hash(head.hash, head.seq + 1, body))
        heads.append(head)
    return heads


def kind_of(entry: Entry) -> str:
    """The machine word of an entry's fact, as it stands in ``fact.type``."""
    return str(type(entry.fact).__struct_config__.tag)
