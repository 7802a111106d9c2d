"""From findings to a plan. Pure.

What is trusted, in this order: the gateway's word and the machine's counter, which this disk cannot
turn back; then the newest end that either copy holds in one chain. A copy that holds less is filled
from the other; what neither holds is named to the sequence number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from store_forward.store.head import Head
from store_forward.store.mirror.bad_end import BadEnd
from store_forward.store.recovery.findings import (
    Absent,
    Findings,
    Gap,
    MirrorFinding,
    Opened,
    Stretch,
    Unusable,
    path_through,
)
from store_forward.store.sending.marks import Step


class Reason(StrEnum):
    """Why a journal was replaced. A machine word for the gateway, too."""

    OLDER_THAN_COUNTER = "older_than_counter"
    OLDER_THAN_GATEWAY = "older_than_gateway"
    OTHER_HISTORY = "other_history"


@dataclass(frozen=True, slots=True)
class GoOn:
    """The database is right as it is."""


@dataclass(frozen=True, slots=True)
class Create:
    """This kiosk has no journal yet."""


@dataclass(frozen=True, slots=True)
class AppendTail:
    """The database lost its end: append it from the mirror, and leave out what follows."""

    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...] = ()
    left_out: Gap | None = None


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Make a new database of the same incarnation from the mirror; set the old file aside.

    Entries up to ``base`` are not in it; ``left_out`` is what follows its last one. All that are
    in it wait for the gateway, also those that it had acknowledged: the receipts are gone with the
    old file, and without them nothing could ever be purged. It answers them as duplicates.
    """

    base: Head
    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...]
    why: str
    left_out: Gap | None = None


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Entries behind the newest one were lost in both copies, and nobody can count them any more.

    Their numbers may be at the gateway or on a slip, so none of ``gap``, which has room for more
    than can have been lost, is given again.
    """

    gap: Gap


@dataclass(frozen=True, slots=True)
class Replace:
    """This is an older copy of a journal that went on elsewhere: set it aside, begin a new one.

    Entries from ``first_lost`` to ``last_lost`` exist nowhere on this kiosk; ``last_lost`` 0 where
    it is not known how many there are. Those from ``first_unsent`` on lie in the files that are set
    aside and were not acknowledged.
    """

    reason: Reason
    first_lost: int
    last_lost: int
    first_unsent: int
    last_unsent: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing here can take the place of the damaged file: staff restore it from a backup."""

    why: str


Plan = GoOn | Create | AppendTail | Rebuild | LeaveOut | Replace | Refuse


def decide(findings: Findings) -> Plan:
    """Say what is to be done before the journal is used."""
    match findings.database:
        case Absent() if findings.unreadable:
            # There was a journal: to begin another one would hide that its entries are gone.
            why = "the database is gone, and nothing of its mirror can be read"
            return _without_database(findings, why, Refuse(why))
        case Absent():
            return _without_database(findings, "the database is gone", Create())
        case Unusable(why=why):
            return _without_database(findings, why, Refuse(why))
        case Opened() as database:
            return _with_database(findings, database)
        case _:
            assert_never(findings.database)


def _with_database(findings: Findings, database: Opened) -> Plan:
    mirror = findings.mirror
    if mirror is not None and mirror.identity != database.identity:
        if database.previous != mirror.identity.incarnation:
            # A mirror is never newer than its database but where the database was exchanged.
            return _rebuilt(mirror, "the database is of another journal")
        mirror = None
    if mirror is not None and mirror.base.seq > database.head.seq:
        return _rebuilt(mirror, f"the database is an older copy that ends at {database.head.seq}")
    if mirror is not None and mirror.known_hash not in (None, database.head.hash):
        return _rebuilt(mirror, f"the database tells another story at entry {database.head.seq}")
    stretches = tuple(path_through(mirror.runs, database.head)) if mirror is not None else ()
    last_seq = stretches[-1].last.seq if stretches else database.head.seq
    left_out = _lost_end(mirror, last_seq, database) if mirror is not None else None
    if stretches:
        return AppendTail(stretches, _gaps(database.head, stretches), left_out)
    # Only now, with all that this disk holds put together, it is compared with the world outside.
    replaced = _replaced(findings, database)
    gap = database.left_out or left_out
    if replaced is not None:
        return _with_lost_end(replaced, gap)
    return LeaveOut(gap) if gap is not None else GoOn()


def _with_lost_end(replaced: Replace, gap: Gap | None) -> Replace:
    """Both copies may have lost more than the world outside knows of."""
    if gap is None or replaced.last_lost == 0:
        return replaced
    return replace(replaced, last_lost=max(replaced.last_lost, gap.last_seq))


def _replaced(findings: Findings, database: Opened) -> Replace | None:
    head, acked = database.head, database.acked_seq
    unsent = (acked + 1, head.seq) if head.seq > acked else (0, 0)
    mark = findings.mark
    if mark is not None and mark.incarnation == database.identity.incarnation:
        match mark.step:
            case Step.ROLLED_BACK:
                reason = Reason.OLDER_THAN_GATEWAY
                return Replace(reason, head.seq + 1, mark.last_seq, *unsent)
            case Step.OTHER_CHAIN:
                return Replace(Reason.OTHER_HISTORY, acked + 1, mark.last_seq, *unsent)
            case Step.FENCED | Step.IN_STEP:
                pass  # where another machine took over, this one does not begin anew by itself
            case _:
                assert_never(mark.step)
    known = [database.counter, findings.mirror.counter if findings.mirror is not None else None]
    written = max((one for one in known if one is not None), default=None)
    if findings.counter is not None and written is not None and findings.counter > written:
        return Replace(Reason.OLDER_THAN_COUNTER, head.seq + 1, 0, *unsent)
    return None


def _without_database(findings: Findings, why: str, otherwise: Plan) -> Plan:
    return otherwise if findings.mirror is None else _rebuilt(findings.mirror, why)


def _rebuilt(mirror: MirrorFinding, why: str) -> Rebuild:
    stretches = tuple(path_through(mirror.runs, mirror.base))
    gaps = _gaps(mirror.base, stretches)
    acked = mirror.acked_seq
    # A segment is dropped when all in it is acknowledged, and the next header says so. Where a
    # header cannot be read it may be that one: the gateway knows better than we what it has.
    if mirror.base.seq > acked and not mirror.is_headless:
        gaps = (Gap(acked + 1, mirror.base.seq), *gaps)
    left_out = _lost_end(mirror, stretches[-1].last.seq if stretches else mirror.base.seq, None)
    return Rebuild(mirror.base, stretches, gaps, why, left_out)


def _lost_end(mirror: MirrorFinding, last_seq: int, database: Opened | None) -> Gap | None:
    """The numbers behind ``last_seq`` that entries in no copy may have had.

    With a ``database`` that can be believed, what the mirror ends in is judged kindly: it is there,
    or what a power cut leaves of an append that was not acknowledged. Without one a torn record and
    zeros over a good one look alike.
    """
    held = mirror.held_seq
    if mirror.bad_end is not None and not _is_explained(mirror, mirror.bad_end, database):
        held += mirror.bad_end.most_entries
    return Gap(last_seq + 1, held) if held > last_seq else None


def _is_explained(mirror: MirrorFinding, end: BadEnd, database: Opened | None) -> bool:
    if database is None:
        return False
    if database.head.seq > mirror.held_seq:
        # What comes behind the mirror's last good record is in the database. It is all of that,
        # where the mirror has no more bad bytes: else the log lost its end, too. The bytes of a
        # segment's own header are not known.
        return mirror.is_headless or end.may_be_just(database.beyond_mirror)
    # The database lacks no more than the append during which power went.
    return end.may_be_torn and database.head.seq >= mirror.newest_after


def _gaps(after: Head, stretches: tuple[Stretch, ...]) -> tuple[Gap, ...]:
    found = []
    for stretch in stretches:
        if stretch.is_gap:
            found.append(Gap(after.seq + 1, stretch.after.seq))
        after = stretch.last
    return tuple(found)
