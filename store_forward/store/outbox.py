"""What the gateway has not acknowledged yet, and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from store_forward.contract.canonical import GENESIS
from store_forward.contract.facts import Redacted
from store_forward.contract.wire import Outcome, Receipt, Result
from store_forward.store.driver import Connection
from store_forward.store.errors import Misfit, ReceiptRefused
from store_forward.store.identity import Identity
from store_forward.store.journal import Row

ITEM_OVERHEAD_BYTES = 128
"""Upper bound of what a batch item adds to its entry: seq, hash in hex, member names."""


class Pending(Redacted, frozen=True):
    """The next entries to send. ``previous_hash`` is the chain hash before the first row."""

    previous_hash: bytes
    rows: tuple[Row, ...]


class Backlog(msgspec.Struct, frozen=True):
    """How much waits for the gateway. ``oldest_at`` is RFC 3339, None when nothing waits."""

    count: int
    oldest_at: str | None


class Standing(StrEnum):
    """Where an entry or an order stands at the HIS, as far as this kiosk knows."""

    UNKNOWN = "unknown"
    RECORDED = "recorded"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    CONFLICT = "conflict"
    REVIEW = "review"
    PARKED = "parked"


class Standout(msgspec.Struct, frozen=True):
    """An entry the HIS did not simply accept, or that could not be delivered (PARKED)."""

    seq: int
    state: Standing
    code: str | None
    his_ref: str | None
    retryable: bool


_SEVERITY = (
    Standing.CONFLICT,
    Standing.REJECTED,
    Standing.REVIEW,
    Standing.PARKED,
    Standing.DEFERRED,
)
"""An order stands where its worst entry stands, in this order."""


class _Id(msgspec.Struct):
    id: str


class _When(msgspec.Struct):
    occurred_at: str


class Outbox:
    """The unacknowledged end of the journal of one store file."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity

    def acked_seq(self) -> int:
        """Every entry up to this one is durably recorded at the gateway."""
        row = self._connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
        return int(row[0]) if row else 0

    def pending(self, max_items: int, max_bytes: int) -> Pending:
        """The next unacknowledged entries, in order, for one batch.

        ``max_bytes`` bounds the items' wire bytes. A single entry larger than that still comes,
        alone: it must not hide.
        """
        acked = self.acked_seq()
        rows: list[Row] = []
        room = max_bytes
        for values in self._connection.rows(
            "SELECT seq, hash, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
            (acked, max_items),
        ):
            row = Row(*values)
            room -= len(row.body) + ITEM_OVERHEAD_BYTES
            if room < 0 and rows:
                break
            rows.append(row)
        return Pending(self._hash_at(acked), tuple(rows))

    def backlog(self) -> Backlog:
        """How many entries wait, and since when the oldest does."""
        acked = self.acked_seq()
        head = self._head_seq()
        oldest = self._connection.row("SELECT body FROM event WHERE seq = ?", (acked + 1,))
        at = msgspec.json.decode(oldest[0], type=_When).occurred_at if oldest else None
        return Backlog(head - acked, at)

    def record_answer(self, receipt: Receipt, results: Sequence[Result]) -> int:
        """Store receipt, acknowledgement and exceptions together; return the acknowledged seq.

        The receipt's signature has been verified by the caller. Our hash at ``last_seq`` proves
        all entries up to it, so nothing beyond ``last_seq`` is acknowledged by this receipt. The
        same answer again, or an older one late, changes nothing.

        Raises:
            ReceiptRefused: the receipt does not fit this journal; nothing was stored.
        """
        with self._connection.transaction():
            self._check(receipt, results)
            self._connection.execute(
                "INSERT INTO receipt (batch_id, last_seq, body) VALUES (?, ?, ?) "
                "ON CONFLICT (batch_id) DO NOTHING",
                (receipt.batch_id, receipt.last_seq, msgspec.json.encode(receipt, order="sorted")),
            )
            for result in results:
                self._keep_result(result)
            self._connection.execute(
                "UPDATE stream SET acked_seq = max(acked_seq, ?) WHERE name = 'gateway'",
                (min(receipt.ack_seq, receipt.last_seq),),
            )
            return self.acked_seq()

    def park(self, seq: int, code: str) -> None:
        """Note that this entry cannot be delivered as it is. It stays in the journal, unsent.

        Raises ValueError when there is no such entry.
        """
        with self._connection.transaction():
            if not 1 <= seq <= self._head_seq():
                raise ValueError(f"cannot park entry {seq}: the journal does not have it")
            self._put(Standout(seq, Standing.PARKED, code, None, True))

    def exceptions(self) -> list[Standout]:
        """Entries for staff to look at, oldest first."""
        found = self._connection.rows(
            "SELECT seq, state, code, his_ref, retryable FROM exception ORDER BY seq"
        )
        return [_standout(values) for values in found]

    def receipts(self) -> list[Receipt]:
        """All receipts, by the last entry they cover."""
        found = self._connection.rows("SELECT body FROM receipt ORDER BY last_seq, batch_id")
        return [msgspec.json.decode(body, type=Receipt) for (body,) in found]

    def outcome_of_entry(self, seq: int) -> Standing:
        """Where the entry with this number stands."""
        return self._worst([seq]) if 1 <= seq <= self._head_seq() else Standing.UNKNOWN

    def outcome_of_order(self, order_id: str) -> Standing:
        """Where an order stands: ACCEPTED only when all its entries so far are."""
        found = self._connection.rows(
            "SELECT seq FROM event WHERE lane = ? "
            "AND seq >= (SELECT seq FROM slot_sale WHERE order_id = ?)",
            (f"order:{order_id}", order_id),
        )
        return self._worst([seq for (seq,) in found]) if found else Standing.UNKNOWN

    def _worst(self, seqs: list[int]) -> Standing:
        numbers = ",".join(str(int(seq)) for seq in seqs)
        found = self._connection.rows(
            f"SELECT state FROM exception WHERE seq IN ({numbers})"  # noqa: S608 – integers
        )
        states = {Standing(state) for (state,) in found}
        for state in _SEVERITY:
            if state in states:
                return state
        return Standing.ACCEPTED if max(seqs) <= self.acked_seq() else Standing.RECORDED

    def _check(self, receipt: Receipt, results: Sequence[Result]) -> None:
        ours = self._identity
        first, last = receipt.first_seq, receipt.last_seq
        head = self._head_seq()
        if receipt.device != ours.device:
            raise ReceiptRefused(
                Misfit.OTHER_DEVICE, f"it names {receipt.device}, this is {ours.device}"
            )
        if receipt.incarnation != ours.incarnation:
            raise ReceiptRefused(
                Misfit.OTHER_INCARNATION,
                f"it names {receipt.incarnation}, this is {ours.incarnation}",
            )
        if not 1 <= first <= last:
            raise ReceiptRefused(Misfit.EMPTY_RANGE, f"it covers {first} to {last}")
        if max(last, receipt.ack_seq) > head:
            raise ReceiptRefused(
                Misfit.BEYOND_HEAD,
                f"it acknowledges {max(last, receipt.ack_seq)}, our journal ends at {head}: "
                "this store may be an older copy",
            )
        if receipt.last_hash != self._hash_at(last).hex():
            raise ReceiptRefused(
                Misfit.OTHER_CHAIN, f"its hash for entry {last} is not the hash in our journal"
            )
        self._check_batch(receipt)
        for result in results:
            self._check_result(result, first, last)

    def _check_batch(self, receipt: Receipt) -> None:
        known = self._connection.row(
            "SELECT body FROM receipt WHERE batch_id = ?", (receipt.batch_id,)
        )
        if known is None:
            return
        before = msgspec.json.decode(known[0], type=Receipt)
        if (before.first_seq, before.last_seq) != (receipt.first_seq, receipt.last_seq):
            raise ReceiptRefused(
                Misfit.BATCH_REUSED,
                f"batch {receipt.batch_id} covered {before.first_seq} to {before.last_seq} before, "
                f"now {receipt.first_seq} to {receipt.last_seq}",
            )

    def _check_result(self, result: Result, first: int, last: int) -> None:
        if not first <= result.seq <= last:
            raise ReceiptRefused(
                Misfit.RESULT_OUTSIDE, f"result for {result.seq} in a batch of {first} to {last}"
            )
        if result.outcome in (Outcome.ACCEPTED, Outcome.DUPLICATE):
            return
        row = self._connection.row("SELECT body FROM event WHERE seq = ?", (result.seq,))
        if row is None or msgspec.json.decode(row[0], type=_Id).id != result.id:
            raise ReceiptRefused(
                Misfit.RESULT_OUTSIDE, f"result for {result.seq} names another entry's id"
            )

    def _keep_result(self, result: Result) -> None:
        match result.outcome:
            case Outcome.ACCEPTED | Outcome.DUPLICATE:
                # A duplicate was accepted before; any other outcome would be told again.
                self._connection.execute("DELETE FROM exception WHERE seq = ?", (result.seq,))
            case Outcome.REJECTED | Outcome.DEFERRED | Outcome.CONFLICT | Outcome.REVIEW as outcome:
                state = Standing(outcome.value)
                self._put(
                    Standout(result.seq, state, result.code, result.his_ref, result.retryable)
                )

    def _put(self, standout: Standout) -> None:
        self._connection.execute(
            "INSERT INTO exception (seq, state, code, his_ref, retryable) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (seq) DO UPDATE SET state = excluded.state, code = excluded.code, "
            "his_ref = excluded.his_ref, retryable = excluded.retryable",
            (
                standout.seq,
                standout.state.value,
                standout.code,
                standout.his_ref,
                int(standout.retryable),
            ),
        )

    def _head_seq(self) -> int:
        row = self._connection.row("SELECT ifnull((SELECT max(seq) FROM event), 0)")
        return int(row[0]) if row else 0

    def _hash_at(self, seq: int) -> bytes:
        row = self._connection.row("SELECT hash FROM event WHERE seq = ?", (seq,))
        return bytes(row[0]) if row else GENESIS


def _standout(values: tuple[int, str, str | None, str | None, int]) -> Standout:
    seq, state, code, his_ref, retryable = values
    return Standout(seq, Standing(state), code, his_ref, bool(retryable))
