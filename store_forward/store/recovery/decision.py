"""From findings to a plan. Pure.

What is trusted, in this order: the gateway's word and the machine's counter, which this disk cannot
turn back; then the newest end that either copy holds in one chain. A copy that holds less is filled
from the other; what neither holds is named to the sequence number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from store_forward.store.head import Head
from store_forward.store.recovery.findings import (
    Absent,
    Findings,
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
class Gap:
    """Entries that neither copy holds."""

    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """The database is right as it is."""


@dataclass(frozen=True, slots=True)
class Create:
    """This kiosk has no journal yet."""


@dataclass(frozen=True, slots=True)
class AppendTail:
    """The database lost its end: append it from the mirror."""

    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Make a new database of the same incarnation from the mirror; set the old file aside.

    Entries up to ``base`` are not in it.
    """

    base: Head
    acked_seq: int
    stretches: tuple[Stretch, ...]
    gaps: tuple[Gap, ...]
    why: str


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


Plan = GoOn | Create | AppendTail | Rebuild | Replace | Refuse


def decide(findings: Findings) -> Plan:
    """Say what is to be done before the journal is used."""
    match findings.database:
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
    if stretches:
        return AppendTail(stretches, _gaps(database.head, stretches))
    # Only now, with all that this disk holds put together, it is compared with the world outside.
    return _replaced(findings, database) or GoOn()


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
    if mirror.base.seq > acked:
        gaps = (Gap(acked + 1, mirror.base.seq), *gaps)
    return Rebuild(mirror.base, max(acked, mirror.base.seq), stretches, gaps, why)


def _gaps(after: Head, stretches: tuple[Stretch, ...]) -> tuple[Gap, ...]:
    found = []
    for stretch in stretches:
        if stretch.is_gap:
            found.append(Gap(after.seq + 1, stretch.after.seq))
        after = stretch.last
    return tuple(found)
