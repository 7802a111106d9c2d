"""What is found at a start, as plain facts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from store_forward.store.head import START, Head
from store_forward.store.identity import Identity
from store_forward.store.mirror.bad_end import BadEnd
from store_forward.store.sending.marks import Step


@dataclass(frozen=True, slots=True)
class Gap:
    """Entries that neither copy holds."""

    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The database opens with the key, and its chain holds as far as it was looked at.

    ``previous`` names the incarnation that this one replaced, empty when there was none.
    ``counter`` is the machine's counter as it was written down last. ``left_out`` are numbers that
    an earlier step found not to be given again. ``beyond_mirror`` are the sizes of its entries
    behind the last one that the mirror holds or knows of, where the mirror ends in bad bytes.
    """

    identity: Identity
    base: Head
    head: Head
    acked_seq: int
    previous: str = ""
    counter: int | None = None
    left_out: Gap | None = None
    beyond_mirror: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no database file, nor a log of one."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file is there and cannot be the journal. ``why`` is for staff."""

    why: str


Database = Opened | Absent | Unusable


@dataclass(frozen=True, slots=True)
class Run:
    """Entries of one segment without a gap, each group whole and not aborted."""

    segment: int
    first_seq: int
    last_seq: int
    previous_hash: bytes
    head_hash: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries to take from one segment: those after ``after`` up to ``last``.

    ``is_gap``: before it, entries are missing that nothing here has.
    """

    segment: int
    after: Head
    last: Head
    is_gap: bool = False


@dataclass(frozen=True, slots=True)
class MirrorFinding:
    """What the segments that were read hold, of one incarnation.

    ``base`` is what their first entry continues. ``foreign`` are segments of another incarnation.
    ``damaged`` are the places that cannot be read, ``spoilt`` the segments in which such a place is
    not just the end, ``ends`` where the good bytes of the others end. ``is_whole``: no segment was
    left unread. ``numbers`` are the last that core had given to slips and patients when a segment
    was begun. ``known_hash`` is the chain hash for the database's head, None where it has none.

    ``known_seq``: there were entries up to it when the segments were begun, held here or not.
    ``bad_end`` is what the newest segment ends in where that is not its last record;
    ``newest_after`` the number before the newest group that is held. ``is_headless``: the
    newest segment does not say up to where its elders were not needed any more.
    """

    identity: Identity
    base: Head
    acked_seq: int
    runs: tuple[Run, ...]
    counter: int | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    known_hash: bytes | None = None
    foreign: tuple[int, ...] = ()
    damaged: tuple[str, ...] = ()
    missing: tuple[int, ...] = ()
    spoilt: tuple[int, ...] = ()
    ends: tuple[tuple[int, int], ...] = ()
    is_whole: bool = True
    known_seq: int = 0
    newest_after: int = 0
    bad_end: BadEnd | None = None
    is_headless: bool = False

    @property
    def last_seq(self) -> int:
        """The newest entry any segment holds."""
        return max((run.last_seq for run in self.runs), default=self.base.seq)

    @property
    def held_seq(self) -> int:
        """The newest entry that the mirror holds, or knows there was."""
        return max(self.last_seq, self.known_seq)


@dataclass(frozen=True, slots=True)
class GatewayMark:
    """What the gateway said it has of an incarnation, compared with the database as it is.

    ``last_seq`` is the newest entry it has.
    """

    incarnation: str
    last_seq: int
    step: Step


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that is known at a start.

    ``mirror`` is None where no segment can be read with the key. ``counter`` is what the machine's
    monotonic counter says, None without one.
    """

    database: Database
    mirror: MirrorFinding | None = None
    counter: int | None = None
    mark: GatewayMark | None = None
    unreadable: tuple[str, ...] = field(default=())


def path_through(runs: Sequence[Run], after: Head) -> list[Stretch]:
    """The way through the runs from ``after`` to the newest entry, gaps told.

    Where two hold the same entries, the one that fits the chain and reaches furthest is taken.
    """
    found: list[Stretch] = []
    while True:
        fitting = [run for run in runs if run.first_seq <= after.seq + 1 <= run.last_seq]
        exact = [
            run
            for run in fitting
            if run.first_seq != after.seq + 1 or run.previous_hash == after.hash
        ]
        if exact:
            run = max(exact, key=lambda one: (one.last_seq, one.segment))
            last = Head(run.last_seq, run.head_hash)
            found.append(Stretch(run.segment, after, last))
        else:
            later = [run for run in runs if run.first_seq > after.seq + 1]
            if not later:
                return found
            run = min(later, key=lambda one: (one.first_seq, -one.segment))
            start = Head(run.first_seq - 1, run.previous_hash)
            last = Head(run.last_seq, run.head_hash)
            found.append(Stretch(run.segment, start, last, is_gap=True))
        after = last


def holes(runs: Sequence[Run], after_seq: int, last_seq: int) -> list[tuple[int, int]]:
    """First and last number of each range between ``after_seq`` and ``last_seq`` in no run."""
    found: list[tuple[int, int]] = []
    covered = after_seq
    for run in sorted(runs, key=lambda one: one.first_seq):
        if run.first_seq > covered + 1 and covered < last_seq:
            found.append((covered + 1, min(run.first_seq - 1, last_seq)))
        covered = max(covered, run.last_seq)
    if covered < last_seq:
        found.append((covered + 1, last_seq))
    return found


__all__ = [
    "START",
    "Absent",
    "Database",
    "Findings",
    "Gap",
    "GatewayMark",
    "MirrorFinding",
    "Opened",
    "Run",
    "Stretch",
    "Unusable",
    "holes",
    "path_through",
]
