"""Where kiosks tell what they cannot hand over, and people decide what becomes of it."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from store_forward.contract.resolutions import (
    MAX_REPORTED,
    OPEN,
    RECORDED,
    CaseVerdict,
    ExceptionAnswer,
    ExceptionReport,
    KnownCase,
    ParkedEntry,
    Resolution,
    ResolutionPage,
    Verdict,
)
from store_forward.gateway.cases import Place, close_case, open_case_of_parked, parked_case_id
from store_forward.gateway.counters import take_next_from
from store_forward.gateway.desk import Desk
from store_forward.gateway.journals import (
    ENDED,
    HELD,
    JournalId,
    Links,
    advance,
    lock_journal,
    read_links,
)
from store_forward.gateway.problems import Refused
from store_forward.gateway.reading import is_storable
from store_forward.gateway.statements import add_if_absent
from store_forward.gateway.streams import ChainLink, check_links
from store_forward.gateway.tables import inbox, open_case, resolution, withheld
from store_forward.gateway.times import to_text

PAGE = 500
"""Decisions in one answer."""

_ADD_WITHHELD = add_if_absent(withheld)


class CaseDesk(Desk):
    """Takes reports of parked entries in and gives people's decisions out."""

    def report(self, report: ExceptionReport) -> ExceptionAnswer:
        """Open a case for each parked entry; the same report again changes nothing.

        Raises Refused when an entry does not fit the journal known here; then nothing was
        changed.
        """
        if len(report.parked) > MAX_REPORTED:
            raise Refused(413, "too_many_items", f"$.parked has more than {MAX_REPORTED}")
        return self._transact_for(report.device, lambda connection: self._take(connection, report))

    def resolve(self, case_id: str, told: CaseVerdict) -> Resolution:
        """Decide about the entry of a case; the same decision again returns what was decided.

        Raises Refused: 404 unknown case, 409 decided otherwise or nothing to decide.
        """
        return self._database.transact(lambda connection: self._resolve(connection, case_id, told))

    def decisions(self, journal: JournalId, since: str) -> ResolutionPage:
        """Return what was decided about a journal's entries since a cursor. Raises Refused."""
        if since and not (since.isascii() and since.isdecimal() and len(since) <= 18):
            raise Refused(422, "invalid", "since is no cursor of this gateway")
        with self._database.read() as connection:
            rows = connection.execute(
                select(resolution.c.number, resolution.c.body)
                .where(
                    resolution.c.device == journal.device,
                    resolution.c.incarnation == journal.incarnation,
                    resolution.c.number > int(since or 0),
                )
                .order_by(resolution.c.number)
                .limit(PAGE)
            ).all()
        found = tuple(msgspec.json.decode(row.body, type=Resolution) for row in rows)
        cursor = str(rows[-1].number) if rows else since
        return ResolutionPage(cursor, found, complete=len(rows) < PAGE)

    def _take(self, connection: Connection, report: ExceptionReport) -> ExceptionAnswer:
        journal = JournalId(report.device, report.incarnation)
        lock_journal(connection, journal)
        links = {each.seq: ChainLink(each.hash, each.previous) for each in report.parked}
        here = read_links(connection, journal, links.keys())
        check_links(links, here.known)
        now = self._now()
        return ExceptionAnswer(
            tuple(
                self._know(
                    connection,
                    Place(journal.device, journal.incarnation, each.seq, now),
                    each,
                    here,
                )
                for each in report.parked
            )
        )

    def _know(
        self, connection: Connection, place: Place, parked: ParkedEntry, here: Links
    ) -> KnownCase:
        case_id = parked_case_id(place)
        if parked.seq in here.recorded:
            return KnownCase(parked.seq, case_id, RECORDED)
        if here.withheld.get(parked.seq) in ENDED:
            return KnownCase(parked.seq, case_id, "closed")
        values = {
            "code": parked.code,
            "attempts": parked.attempts,
            "state": "parked",
            "reported_at": to_text(place.now),
        }
        key = {"device": place.device, "incarnation": place.incarnation, "seq": place.seq}
        if parked.seq in here.withheld:
            _change_withheld(connection, place, values)
        else:
            connection.execute(
                _ADD_WITHHELD,
                {
                    **key,
                    **values,
                    "hash": parked.hash,
                    "previous_hash": parked.previous,
                    "entry_id": parked.entry_id,
                    "lane": parked.lane,
                    "kind": parked.kind,
                },
            )
        open_case_of_parked(connection, place, parked.lane, parked.code)
        return KnownCase(parked.seq, case_id, OPEN)

    def _resolve(self, connection: Connection, case_id: str, told: CaseVerdict) -> Resolution:
        case = _find_case(connection, told.device, case_id)
        journal = JournalId(told.device, case.incarnation)
        state = lock_journal(connection, journal)
        # Read again: until the lock was ours, somebody else may have decided.
        case = _find_case(connection, told.device, case_id)
        if case.closed_at is not None:
            return _decided_before(connection, case, told.verdict)
        now = self._now()
        place = Place(told.device, case.incarnation, case.seq, now)
        parked = _find_parked(connection, place)
        if parked is None and told.verdict is Verdict.RESEND:
            raise Refused(409, "nothing_to_resend", "the entry is recorded here")
        decided = self._decide(connection, place, case, parked, told)
        if parked is not None:
            _change_withheld(connection, place, {"state": told.verdict.value})
            advance(connection, journal, state.mark)
        close_case(connection, told.device, case_id, now)
        return decided

    def _decide(
        self,
        connection: Connection,
        place: Place,
        case: Row[Any],
        parked: Row[Any] | None,
        told: CaseVerdict,
    ) -> Resolution:
        entry_id = parked.entry_id if parked is not None else _entry_id(connection, place)
        # Kiosks know decisions by their number. A gateway restored from a backup must not give one
        # of another decision again: it would be taken for the one that is known.
        milliseconds = int(place.now.timestamp() * 1000)
        decided = self._signatory.sign(
            Resolution(
                number=take_next_from(connection, "resolution", milliseconds),
                device=place.device,
                incarnation=place.incarnation,
                seq=place.seq,
                entry_id=entry_id,
                verdict=told.verdict,
                note=told.note,
                by=told.by,
                at=to_text(place.now),
                key_id="",
                signature="",
            )
        )
        connection.execute(
            insert(resolution).values(
                device=place.device,
                number=decided.number,
                incarnation=place.incarnation,
                seq=place.seq,
                case_id=case.case_id,
                verdict=told.verdict.value,
                body=msgspec.json.encode(decided),
            )
        )
        return decided


def _find_case(connection: Connection, device_id: str, case_id: str) -> Row[Any]:
    wanted = select(open_case).where(
        open_case.c.device == device_id, open_case.c.case_id == case_id
    )
    row = connection.execute(wanted).one_or_none() if is_storable(case_id) else None
    if row is None:
        raise Refused(404, "unknown_case", f"{device_id} has no case of this id")
    if row.seq is None or row.incarnation is None:
        raise Refused(409, "no_entry", "the case was opened before entries were named in cases")
    return row


def _find_parked(connection: Connection, place: Place) -> Row[Any] | None:
    return connection.execute(
        select(withheld).where(
            withheld.c.device == place.device,
            withheld.c.incarnation == place.incarnation,
            withheld.c.seq == place.seq,
            withheld.c.state.in_(HELD),
        )
    ).one_or_none()


def _change_withheld(connection: Connection, place: Place, values: dict[str, Any]) -> None:
    connection.execute(
        update(withheld)
        .where(
            withheld.c.device == place.device,
            withheld.c.incarnation == place.incarnation,
            withheld.c.seq == place.seq,
        )
        .values(**values)
    )


def _decided_before(connection: Connection, case: Row[Any], verdict: Verdict) -> Resolution:
    row = connection.execute(
        select(resolution.c.body, resolution.c.verdict)
        .where(resolution.c.device == case.device, resolution.c.case_id == case.case_id)
        .order_by(resolution.c.number.desc())
        .limit(1)
    ).first()
    if row is None:
        raise Refused(409, "case_closed", "the entry arrived after all; nothing is to be decided")
    if row.verdict != verdict.value:
        raise Refused(409, "decided_otherwise", f"the case was closed as {row.verdict}")
    return msgspec.json.decode(row.body, type=Resolution)


def _entry_id(connection: Connection, place: Place) -> str:
    found = connection.execute(
        select(inbox.c.entry_id).where(
            inbox.c.device == place.device,
            inbox.c.incarnation == place.incarnation,
            inbox.c.seq == place.seq,
        )
    ).scalar()
    return str(found) if found is not None else ""
