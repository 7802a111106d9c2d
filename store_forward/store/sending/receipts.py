"""The gateway's countersigned receipts, kept for as long as the store lives."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from store_forward.contract.wire import Outcome, Receipt, Result, Span
from store_forward.store.driver import Connection
from store_forward.store.errors import Misfit, ReceiptRefused
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.sending.marks import spans_fit


class _Id(msgspec.Struct):
    id: str = ""


class _FirstReceipt(msgspec.Struct):
    """A receipt as stores of schema 1 hold them: one range."""

    first_seq: int
    last_seq: int
    last_hash: str


class Receipts:
    """The receipts of one store file. Changes are part of the caller's transaction."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity
        self._journal = Journal(connection)

    def keep(self, receipt: Receipt) -> None:
        """Store a receipt that fits; the same again changes nothing."""
        self._connection.execute(
            "INSERT INTO receipt (batch_id, last_seq, body) VALUES (?, ?, ?) "
            "ON CONFLICT (batch_id) DO NOTHING",
            (
                receipt.batch_id,
                receipt.spans[-1].last_seq,
                msgspec.json.encode(receipt, order="sorted"),
            ),
        )

    def all(self) -> list[Receipt]:
        """All receipts, by the last entry they cover."""
        found = self._connection.rows("SELECT body FROM receipt ORDER BY last_seq, batch_id")
        return [_read_receipt(body) for (body,) in found]

    def prove(self, seq: int) -> bool:
        """Whether a receipt says that this entry was recorded, whatever became of it since."""
        found = self._connection.rows("SELECT body FROM receipt WHERE last_seq >= ?", (seq,))
        spans = (span for (body,) in found for span in _read_receipt(body).spans)
        return any(span.first_seq <= seq <= span.last_seq for span in spans)

    def check_journal(self, device: str, incarnation: str) -> None:
        """Raises ReceiptRefused when this names another journal than ours."""
        ours = self._identity
        if device != ours.device:
            raise ReceiptRefused(Misfit.OTHER_DEVICE, f"it names {device}, this is {ours.device}")
        if incarnation != ours.incarnation:
            raise ReceiptRefused(
                Misfit.OTHER_INCARNATION, f"it names {incarnation}, this is {ours.incarnation}"
            )

    def check(self, receipt: Receipt, results: Sequence[Result], head_seq: int) -> None:
        """Raises ReceiptRefused when the answer contradicts our journal."""
        self.check_journal(receipt.device, receipt.incarnation)
        if not spans_fit(receipt.spans):
            raise ReceiptRefused(Misfit.EMPTY_RANGE, "its spans are empty or out of order")
        furthest = max(receipt.spans[-1].last_seq, receipt.ack_seq)
        if furthest > head_seq:
            raise ReceiptRefused(
                Misfit.BEYOND_HEAD,
                f"it acknowledges {furthest}, our journal ends at {head_seq}: "
                "this store may be an older copy",
            )
        for span in receipt.spans:
            self._check_span(span, receipt.ack_seq)
        self._check_batch(receipt)
        for result in results:
            self._check_result(result, receipt.spans)

    def _check_span(self, span: Span, ack_seq: int) -> None:
        if span.first_seq <= ack_seq + 1 and span.last_seq > ack_seq:
            raise ReceiptRefused(
                Misfit.ACK_SHORT,
                f"it holds entries to {span.last_seq} and acknowledges only {ack_seq}",
            )
        ours = self._journal.hash_at(span.last_seq)
        if ours is None or ours.hex() != span.last_hash:
            raise ReceiptRefused(
                Misfit.OTHER_CHAIN,
                f"its hash for entry {span.last_seq} is not the hash in our journal",
            )

    def _check_batch(self, receipt: Receipt) -> None:
        """A receipt may be signed anew for the same batch, never for other entries."""
        known = self._connection.row(
            "SELECT body FROM receipt WHERE batch_id = ?", (receipt.batch_id,)
        )
        if known is not None and _read_receipt(known[0]).spans != receipt.spans:
            raise ReceiptRefused(
                Misfit.BATCH_REUSED, f"batch {receipt.batch_id} covered other entries before"
            )

    def _check_result(self, result: Result, spans: Sequence[Span]) -> None:
        if not any(span.first_seq <= result.seq <= span.last_seq for span in spans):
            raise ReceiptRefused(
                Misfit.RESULT_OUTSIDE, f"result for {result.seq}, which is not in the batch"
            )
        if result.outcome in (Outcome.ACCEPTED, Outcome.DUPLICATE):
            return
        row = self._connection.row("SELECT body FROM event WHERE seq = ?", (result.seq,))
        if row is None or msgspec.json.decode(row[0], type=_Id).id != result.id:
            raise ReceiptRefused(
                Misfit.RESULT_OUTSIDE, f"result for {result.seq} names another entry's id"
            )


def _read_receipt(body: bytes) -> Receipt:
    try:
        return msgspec.json.decode(body, type=Receipt)
    except msgspec.ValidationError:
        first = msgspec.json.decode(body, type=_FirstReceipt)
        span = {
            "first_seq": first.first_seq,
            "last_seq": first.last_seq,
            "last_hash": first.last_hash,
        }
        return msgspec.convert({**msgspec.json.decode(body), "spans": [span]}, Receipt)
