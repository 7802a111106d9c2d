"""What the gateway has not acknowledged yet, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from store_forward.contract.canonical import GENESIS
from store_forward.contract.facts import ClockTrust, Redacted
from store_forward.contract.marks import StreamMark
from store_forward.contract.spans import Range, common, gaps, merged
from store_forward.contract.wire import Receipt, Result
from store_forward.store.driver import Connection
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal, Row
from store_forward.store.sending.coverage import Coverage
from store_forward.store.sending.exceptions import Exceptions, Standout
from store_forward.store.sending.exceptions import Standing as Standing
from store_forward.store.sending.marks import Step, judge_mark
from store_forward.store.sending.receipts import Receipts

ITEM_OVERHEAD_BYTES = 208
"""Upper bound of what a batch item adds to its entry: seq, two hashes in hex, member names."""


class Pending(Redacted, frozen=True):
    """The next entries to send. ``previous_hash`` is the chain hash before the first row."""

    previous_hash: bytes
    rows: tuple[Row, ...]


class Waiting(msgspec.Struct, frozen=True):
    """What decides when a waiting entry goes out. ``size`` is its bytes on the wire.

    ``parents`` are ids of entries that must be at the gateway before it, or come with it.
    """

    seq: int
    id: str
    lane: str
    kind: str
    size: int
    parents: tuple[str, ...] = ()


class Backlog(msgspec.Struct, frozen=True):
    """How much waits for the gateway.

    ``oldest_at`` (RFC 3339) is since when the first entry waits that was recorded by a clock in
    step with the gateway's and that no decision of a person is waited for; None when there is
    no such entry.
    """

    count: int
    oldest_at: str | None


class _Id(msgspec.Struct):
    id: str = ""
    depends_on: tuple[str, ...] = ()


class _When(msgspec.Struct):
    occurred_at: str = ""
    clock: str = ""


LOOKED_AT = 1000
"""Waiting entries among which the first is looked for whose age says something."""


class Outbox:
    """The unacknowledged end of the journal of one store file."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity
        self._coverage = Coverage(connection)
        self._exceptions = Exceptions(connection)
        self._receipts = Receipts(connection, identity)
        self._journal = Journal(connection)

    def acked_seq(self) -> int:
        """Every entry up to this one is durably recorded at the gateway, or settled there."""
        return self._coverage.acked_seq()

    def ahead(self) -> tuple[Range, ...]:
        """What is recorded there beyond ``acked_seq``, ascending, with gaps between."""
        return self._coverage.ahead()

    def covers(self, seq: int) -> bool:
        """Whether this entry is recorded at the gateway, or settled there."""
        return self._coverage.covers(seq)

    def lost(self, after: int, until: int) -> tuple[Range, ...]:
        """What this journal has lost for good: ranges that end beyond ``after``, to ``until``."""
        return self._coverage.lost(after, until)

    def waiting(self, after_seq: int, limit: int) -> list[Waiting]:
        """Waiting entries after ``after_seq``, oldest first, at most ``limit``."""
        return [_described(*row) for row in self._open_rows(after_seq, limit, _DESCRIPTION)]

    def descriptions(self, seqs: Sequence[int]) -> list[Waiting]:
        """These entries as ``waiting`` tells them, whether they wait or not; ascending."""
        numbers = ",".join("?" * len(seqs))
        query = f"SELECT {_DESCRIPTION} FROM event WHERE seq IN ({numbers}) ORDER BY seq"  # noqa: S608
        return [_described(*row) for row in self._connection.rows(query, tuple(seqs))]

    def pending(self, max_items: int, max_bytes: int) -> Pending:
        """The oldest waiting entries, in the order of the journal, whatever their lanes.

        ``max_bytes`` bounds the items' wire bytes. A single entry larger than that still comes,
        alone: it must not hide.
        """
        rows: list[Row] = []
        room = max_bytes
        for values in self._open_rows(self.acked_seq(), max_items, "seq, hash, body"):
            row = Row(*values)
            room -= len(row.body) + ITEM_OVERHEAD_BYTES
            if room < 0 and rows:
                break
            rows.append(row)
        first = rows[0].seq if rows else self.acked_seq() + 1
        return Pending(self.hash_at(first - 1) or GENESIS, tuple(rows))

    def rows(self, seqs: Sequence[int]) -> list[Row]:
        """These entries, ascending; those that the journal does not hold are left out."""
        if not seqs:
            return []
        query = "SELECT seq, hash, body FROM event WHERE seq BETWEEN ? AND ? ORDER BY seq"
        values: tuple[int, ...] = (min(seqs), max(seqs))
        if values[1] - values[0] + 1 != len(seqs):
            numbers = ",".join("?" * len(seqs))
            query = f"SELECT seq, hash, body FROM event WHERE seq IN ({numbers}) ORDER BY seq"  # noqa: S608
            values = tuple(seqs)
        return [Row(*row) for row in self._connection.rows(query, values)]

    def hash_at(self, seq: int) -> bytes | None:
        """Our chain hash at this entry; None when the journal does not hold it (any more)."""
        return self._journal.hash_at(seq)

    def backlog(self) -> Backlog:
        """How many entries wait, and since when the oldest does. What is lost does not wait."""
        head = self._journal.head().seq
        there = merged([*self.ahead(), *self._lost_to(head)])
        waiting = gaps(there, self.acked_seq(), head)
        count = sum(each.last - each.first + 1 for each in waiting)
        return Backlog(count, self._oldest_at() if count else None)

    def _oldest_at(self) -> str | None:
        reported = [each.seq for each in self.parked() if each.reported]
        held = {each.lane for each in self.descriptions(reported)} if reported else set()
        after, left = self.acked_seq(), LOOKED_AT
        while left > 0:
            # Almost always the first is the one.
            rows = self._open_rows(after, 1 if left == LOOKED_AT else left, "seq, lane, body")
            if not rows:
                return None
            for seq, lane, body in rows:
                after, left = seq, left - 1
                recorded = _decoded_when(body)
                if lane not in held and recorded.clock == ClockTrust.SYNCHRONISED:
                    return recorded.occurred_at
        return None

    def record_answer(
        self, receipt: Receipt, results: Sequence[Result], *, is_late: bool = False
    ) -> int:
        """Store receipt, acknowledgements and exceptions together; return ``acked_seq``.

        The receipt's signature has been verified by the caller. Our hash at the end of each span
        proves its entries. Where its ``ack_seq`` lies beyond entries that this journal has lost,
        the gateway goes on behind them, and so do we. A receipt that acknowledges less than we hold
        acknowledged comes from a gateway that lost data (restored from a backup): then only what
        this receipt says is believed, and the rest waits again. One that was long on its way
        (``is_late``) says nothing of that kind.

        Raises:
            ReceiptRefused: the receipt does not fit this journal; nothing was stored.
        """
        with self._connection.transaction():
            self._receipts.check(receipt, results, self._journal.head().seq)
            self._receipts.keep(receipt)
            self._exceptions.keep_results(results)
            spans = [Range(span.first_seq, span.last_seq) for span in receipt.spans]
            acked = self._coverage.add([*spans, *self._lost_to(receipt.ack_seq)])
            if not is_late and self._journal.base().seq <= receipt.ack_seq < acked:
                acked = self._fall_back(receipt.ack_seq, spans)
            return acked

    def check_answer(self, receipt: Receipt, results: Sequence[Result]) -> None:
        """Raises ReceiptRefused where ``record_answer`` would."""
        self._receipts.check(receipt, results, self._journal.head().seq)

    def take_mark(self, mark: StreamMark) -> Step:
        """Keep the gateway's mark for core and believe no more than it says.

        The signature has been verified by the caller. Receipts alone make entries acknowledged;
        a mark can only take that back, when the gateway lost data. What this journal has lost is
        waited for no longer where the mark lies beyond it.

        Raises:
            ReceiptRefused: the mark is of another journal; nothing was changed.
        """
        self._receipts.check_journal(mark.device, mark.incarnation)
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO status (name, body) VALUES ('gateway_mark', ?) "
                "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (msgspec.json.encode(mark, order="sorted"),),
            )
            step = judge_mark(mark, self._journal.head().seq, self.hash_at)
            if step in (Step.IN_STEP, Step.FENCED):
                self._believe_no_more_than(mark)
                self._coverage.add(self._lost_to(mark.high_water))
                # A gateway restored from a backup can have the entries and not the reports.
                self._exceptions.report_again()
            return step

    def gateway_mark(self) -> StreamMark | None:
        """The newest mark of the gateway; None before the first."""
        row = self._connection.row("SELECT body FROM status WHERE name = 'gateway_mark'")
        return msgspec.json.decode(row[0], type=StreamMark) if row else None

    def park(self, seq: int, code: str) -> bool:
        """Note that the gateway refuses this entry by itself. It stays in the journal, unsent.

        False when it has been handed over meanwhile, by another way: a late refusal, parked, would
        stand out for ever, since nobody offers again what has arrived.

        Raises ValueError when there is no such entry.
        """
        with self._connection.transaction():
            if not 1 <= seq <= self._journal.head().seq:
                raise ValueError(f"cannot park entry {seq}: the journal does not have it")
            if self._coverage.covers(seq):
                return False
            self._exceptions.park(seq, code)
            return True

    def offer_again(self, seqs: Sequence[int]) -> None:
        """These entries are no longer parked; those that are not, stay as they are."""
        with self._connection.transaction():
            for seq in seqs:
                self._exceptions.unpark(seq)

    def note_reported(self, seqs: Sequence[int], recorded: Sequence[int] = ()) -> None:
        """The gateway has been told of these parked entries; it has those ``recorded`` already.

        One of them that is held back only because somebody had decided about it goes again.
        """
        with self._connection.transaction():
            for seq in seqs:
                self._exceptions.note_reported(seq)
            for seq in filter(self._exceptions.is_doubted, recorded):
                self._exceptions.unpark(seq)

    def exceptions(self) -> list[Standout]:
        """Entries for staff to look at, oldest first."""
        return self._exceptions.open()

    def parked(self) -> list[Standout]:
        """Entries that the gateway refused by themselves, oldest first."""
        return self._exceptions.parked()

    def receipts(self) -> list[Receipt]:
        """All receipts, by the last entry they cover."""
        return self._receipts.all()

    def outcome_of_entry(self, seq: int) -> Standing:
        """Where the entry with this number stands."""
        return self._worst([seq]) if 1 <= seq <= self._journal.head().seq else Standing.UNKNOWN

    def outcome_of_order(self, order_id: str) -> Standing:
        """Where an order stands: ACCEPTED only when all its entries so far are."""
        found = self._connection.rows(
            "SELECT seq FROM event WHERE lane = ? "
            "AND seq >= (SELECT seq FROM slot_sale WHERE order_id = ?)",
            (f"order:{order_id}", order_id),
        )
        return self._worst([seq for (seq,) in found]) if found else Standing.UNKNOWN

    def _worst(self, seqs: list[int]) -> Standing:
        standing = self._exceptions.worst(seqs)
        if standing is not None:
            return standing
        is_there = all(self._coverage.covers(seq) for seq in seqs)
        return Standing.ACCEPTED if is_there else Standing.RECORDED

    def _open_rows(self, after_seq: int, limit: int, columns: str) -> list[tuple[Any, ...]]:
        """Rows of waiting entries after ``after_seq``: what lies between the covered ranges."""
        found: list[tuple[Any, ...]] = []
        after = max(after_seq, self.acked_seq())
        for each in gaps(self.ahead(), after, self._journal.head().seq):
            if len(found) >= limit:
                break
            found += self._connection.rows(
                f"SELECT {columns} FROM event WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",  # noqa: S608
                (*each, limit - len(found)),
            )
        return found

    def _lost_to(self, until: int) -> tuple[Range, ...]:
        return self.lost(self.acked_seq(), until)

    def _believe_no_more_than(self, mark: StreamMark) -> None:
        ours, theirs = self.acked_seq(), mark.high_water
        held = self.ahead()
        there = [Range(1, theirs)] if theirs else []
        there += [Range(span.first_seq, span.last_seq) for span in mark.ahead]
        kept = common(held, there)
        if theirs < ours:
            self._fall_back(theirs, common([Range(1, ours), *held], there))
        elif kept != held:
            self._fall_back(ours, kept)

    def _fall_back(self, acked_seq: int, ahead: Sequence[Range]) -> int:
        """Wait again with everything but this. What was purged here cannot wait again."""
        self._exceptions.report_again()
        beyond = [each for each in ahead if each.last > acked_seq]
        acked = self._coverage.fall_back(max(acked_seq, self._journal.base().seq), beyond)
        ended = [each.seq for each in self._exceptions.ended()]
        waiting = [seq for seq in ended if not self._coverage.covers(seq)]
        # What had been recorded there before it was decided about is to be recorded once more.
        self._exceptions.doubt([seq for seq in waiting if not self._receipts.prove(seq)])
        # Those that the gateway still knows are fetched again.
        self._connection.execute("DELETE FROM status WHERE name = 'resolutions'")
        return acked


_DESCRIPTION = "seq, kind, lane, body"


def _described(seq: int, kind: str, lane: str, body: bytes) -> Waiting:
    known = _look_into(body)
    return Waiting(seq, known.id, lane, kind, len(body) + ITEM_OVERHEAD_BYTES, known.depends_on)


def _decoded_when(body: bytes) -> _When:
    try:
        return msgspec.json.decode(body, type=_When)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _When()


def _look_into(body: bytes) -> _Id:
    try:
        return msgspec.json.decode(body, type=_Id)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Id()
