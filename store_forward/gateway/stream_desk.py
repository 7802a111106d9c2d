"""Tells kiosks how far their journals are recorded, and ends a journal for good."""

from __future__ import annotations

from itertools import islice

from sqlalchemy import Connection, select, update

from store_forward.contract.canonical import GENESIS
from store_forward.contract.marks import MAX_SPANS_AHEAD, FenceRequest, StreamMark
from store_forward.contract.spans import spans_of
from store_forward.gateway.desk import Desk
from store_forward.gateway.journals import (
    JournalId,
    lock_journal,
    read_beyond,
    read_links,
)
from store_forward.gateway.problems import Refused
from store_forward.gateway.streams import Mark
from store_forward.gateway.tables import stream
from store_forward.gateway.times import to_text

MOST_AHEAD = 20_000
"""Entries ahead looked at for one mark. What is left out is sent again and found to be there."""


class StreamDesk(Desk):
    """Answers about journals, countersigned."""

    def mark(self, journal: JournalId) -> StreamMark:
        """Return how far a journal is recorded here; one that is not known stands at 0."""
        with self._database.read() as connection:
            return self._mark(connection, journal)

    def fence(self, journal: JournalId, request: FenceRequest) -> StreamMark:
        """End a journal at an entry; the first fence counts, and the same again changes nothing.

        Raises Refused (409) when the journal known here is another one.
        """
        return self._transact_for(
            journal.device, lambda connection: self._fence(connection, journal, request)
        )

    def _fence(
        self, connection: Connection, journal: JournalId, request: FenceRequest
    ) -> StreamMark:
        state = lock_journal(connection, journal)
        _check_end(connection, journal, request)
        if state.fenced_at is not None and state.fenced_seq != request.head_seq:
            detail = f"this journal was ended at seq {state.fenced_seq}, not at {request.head_seq}"
            raise Refused(409, "fenced", detail, alarm=True)
        if state.fenced_at is None:
            connection.execute(
                update(stream)
                .where(
                    stream.c.device == journal.device,
                    stream.c.incarnation == journal.incarnation,
                )
                .values(fenced_at=to_text(self._now()), fenced_seq=request.head_seq)
            )
        return self._mark(connection, journal)

    def _mark(self, connection: Connection, journal: JournalId) -> StreamMark:
        row = connection.execute(
            select(stream).where(
                stream.c.device == journal.device, stream.c.incarnation == journal.incarnation
            )
        ).one_or_none()
        start = Mark()
        high_water = row.high_water if row is not None else start.high_water
        ahead = spans_of(islice(read_beyond(connection, journal, high_water), MOST_AHEAD))
        return self._signatory.sign(
            StreamMark(
                device=journal.device,
                incarnation=journal.incarnation,
                high_water=high_water,
                head_hash=row.head_hash if row is not None else start.head_hash,
                ahead=ahead[:MAX_SPANS_AHEAD],
                fenced_at=row.fenced_at if row is not None else None,
                fenced_seq=row.fenced_seq if row is not None else None,
                at=to_text(self._now()),
                key_id="",
                signature="",
            )
        )


def _check_end(connection: Connection, journal: JournalId, request: FenceRequest) -> None:
    known = read_links(connection, journal, [request.head_seq]).known
    here = known.get(request.head_seq)
    expected = here.hash if here is not None else request.head_hash
    if request.head_seq == 0:
        expected = GENESIS.hex()
    after = known.get(request.head_seq + 1)
    if request.head_hash != expected or (after and after.previous != request.head_hash):
        detail = f"seq {request.head_seq} is known here with another content"
        raise Refused(409, "history_differs", detail, alarm=True)
