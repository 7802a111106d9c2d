"""Reads the mirror, newest segment first, only as far as it matters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from store_forward.store.errors import DamagedStore
from store_forward.store.head import Head
from store_forward.store.identity import Identity
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.bad_end import BadEnd
from store_forward.store.mirror.format import Header, Outline
from store_forward.store.mirror.reader import BadRange, Segment, read_segment
from store_forward.store.mirror.segment import list_numbers, segment_name
from store_forward.store.recovery.findings import MirrorFinding, Run, Stretch, holes


@dataclass(slots=True)
class _Scan:
    """What was read so far. ``head`` is the database's, None where it has none to compare."""

    head: Head | None
    identity: Identity | None = None
    runs: list[Run] = field(default_factory=list)
    aborted: set[tuple[int, int]] = field(default_factory=set)
    bases: list[Head] = field(default_factory=list)
    newest: Header | None = None
    first_kept: int = 0
    acked_seq: int = 0
    counter: int | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    known_hash: bytes | None = None
    known_seq: int = 0
    newest_after: int = 0
    bad_end: BadEnd | None = None
    is_headless: bool = False
    foreign: list[int] = field(default_factory=list)
    damaged: list[BadRange] = field(default_factory=list)
    spoilt: list[int] = field(default_factory=list)
    ends: list[tuple[int, int]] = field(default_factory=list)

    def take(self, segment: Segment, *, is_newest: bool) -> None:
        """Add a segment; newer ones were added before, so their aborts are known."""
        self.damaged += segment.bad
        header = segment.header
        end = segment.bad_end
        if header is None or (end is not None and not end.may_be_torn) or _has_hole(segment):
            self.spoilt.append(segment.number)
        else:
            self.ends.append((segment.number, segment.end))
        if header is not None:
            identity = Identity(header.device, header.incarnation)
            if self.identity is None:
                self.identity, self.newest = identity, header
            if identity != self.identity:
                self.foreign.append(segment.number)
                return
            self._take_header(header)
        self.is_headless |= self.newest is None  # none newer than this one could be read
        if is_newest and (header is None or header.last_seq is None):
            self.bad_end = end  # one that was filled says itself up to where
        self.aborted.update(segment.aborted)
        self._take_groups(segment)

    def _take_header(self, header: Header) -> None:
        self.first_kept = max(self.first_kept, header.first_kept)
        self.bases.append(Head(header.base_seq, header.base_hash))
        self.acked_seq = max(self.acked_seq, header.acked_seq)
        self.known_seq = max(self.known_seq, header.last_seq or header.base_seq)
        self.numbers = self.numbers or header.numbers  # those of the newest that has any
        if header.counter is not None:
            self.counter = max(self.counter or 0, header.counter)
        if self.head is not None and header.base_seq == self.head.seq:
            self.known_hash = header.base_hash

    def _take_groups(self, segment: Segment) -> None:
        """Join its groups to runs, and look up what they say of the database's head."""
        head = self.head.seq if self.head is not None else -1
        first = last = 0
        previous = hash_ = b""
        for record, group in segment.outlines:
            if self.aborted and (segment.number, record) in self.aborted:
                continue
            if group.first_seq != last + 1 or group.previous_hash != hash_:
                if last:
                    self.runs.append(Run(segment.number, first, last, previous, hash_))
                first, previous = group.first_seq, group.previous_hash
            last, hash_ = group.last_seq, group.head_hash
            if group.first_seq <= head <= last:
                self.known_hash = _hash_at(group, head)
            self.newest_after = max(self.newest_after, group.first_seq - 1)
        if last:
            self.runs.append(Run(segment.number, first, last, previous, hash_))

    def base(self) -> Head:
        """What the oldest entry continues, of those that were read."""
        starts = [Head(run.first_seq - 1, run.previous_hash) for run in self.runs]
        return min([*starts, *self.bases], key=lambda one: one.seq)


def scan(
    directory: Path, key: StoreKey, head: Head | None, after_seq: int = 0
) -> tuple[MirrorFinding | None, tuple[BadRange, ...]]:
    """Read the segments; with a database's ``head`` only those beyond it, if they are in order.

    ``after_seq``: what the mirror need not have. Returns what they hold, None where none can be
    read with this key, and every bad place.

    Raises StoreUnavailable.
    """
    found = list_numbers(directory)
    state = _Scan(head)
    left = list(found)
    while left:
        is_newest = len(left) == len(found)
        number = left.pop()
        path = directory / segment_name(number)
        segment = read_segment(number, path, key, head.seq if head is not None else 0)
        state.take(segment, is_newest=is_newest)
        # What had been dropped may be back: of several names that were removed at once, a power cut
        # may keep an older one and take a newer.
        left = [one for one in left if one >= state.first_kept]
        header = segment.header
        if (
            head is not None
            and header is not None
            and segment.number not in state.foreign
            and header.last_seq is None
            and header.base_seq <= head.seq
            and not holes(state.runs, max(header.base_seq, after_seq), head.seq)
            and not _missing(found, state)
        ):
            break
    if state.identity is None or state.newest is None:
        return None, tuple(state.damaged) or _empty(directory, found)
    bad_end = state.bad_end
    if bad_end is not None and state.is_headless:
        bad_end = bad_end.after(found[-1] - state.newest.number - 1)
    finding = MirrorFinding(
        identity=state.identity,
        base=state.base(),
        acked_seq=state.acked_seq,
        runs=tuple(state.runs),
        counter=state.counter,
        numbers=state.numbers,
        known_hash=state.known_hash,
        foreign=tuple(state.foreign),
        damaged=tuple(str(bad) for bad in state.damaged),
        missing=_missing(found, state),
        spoilt=tuple(state.spoilt),
        ends=tuple(state.ends),
        is_whole=not left,
        known_seq=state.known_seq,
        newest_after=max(state.newest_after, state.base().seq),
        bad_end=bad_end,
        is_headless=state.is_headless,
    )
    return finding, tuple(state.damaged)


def _empty(directory: Path, found: Sequence[int]) -> tuple[BadRange, ...]:
    """Segments in which nothing is bad and nothing is there, not even a header."""
    return tuple(
        BadRange(directory / segment_name(number), 0, 0, "it holds nothing") for number in found
    )


def _missing(found: Sequence[int], state: _Scan) -> tuple[int, ...]:
    """Numbers of segments that ought to be there."""
    if state.newest is None:
        return ()
    first, last = state.first_kept, state.newest.number
    there = found[bisect_left(found, first) : bisect_left(found, last)]
    if len(there) == last - first:
        return ()
    return tuple(sorted(set(range(first, last)).difference(there)))


def _has_hole(segment: Segment) -> bool:
    """Whether bytes before its end are bad."""
    return any(bad.offset < segment.end for bad in segment.bad)


def _hash_at(group: Outline, seq: int) -> bytes:
    if seq == group.last_seq:
        return group.head_hash
    return group.read().hashes()[seq - group.first_seq]


@dataclass(frozen=True, slots=True)
class Recovered:
    """Entries of one append that are to be put back: all behind ``after``."""

    after: Head
    bodies: tuple[bytes, ...]


def read_stretches(
    directory: Path, key: StoreKey, stretches: Sequence[Stretch]
) -> Iterator[Recovered]:
    """The groups along the way, hashes checked against the chain; one segment held at a time.

    Raises:
        DamagedStore: a segment does not hold what it held a moment ago.
        StoreUnavailable: it cannot be read.
    """
    aborts = _all_aborts(directory, key, {stretch.segment for stretch in stretches})
    for stretch in stretches:
        path = directory / segment_name(stretch.segment)
        segment = read_segment(stretch.segment, path, key)
        after = stretch.after
        for record, outline in segment.outlines:
            if (segment.number, record) in aborts or after.seq >= stretch.last.seq:
                continue
            if not outline.first_seq <= after.seq + 1 <= outline.last_seq:
                continue
            group = outline.read()
            skipped = after.seq + 1 - group.first_seq
            before = group.hashes()[skipped - 1] if skipped else group.previous_hash
            if before == after.hash:
                yield Recovered(after, group.bodies[skipped:])
                after = Head(group.last_seq, group.head_hash)
        if after != stretch.last:
            raise DamagedStore(
                path, f"the mirror does not lead to entry {stretch.last.seq}", "Start again"
            )


def _all_aborts(directory: Path, key: StoreKey, of: set[int]) -> set[tuple[int, int]]:
    """Aborts of groups in these segments; they stand in the same segment or the one after it."""
    wanted = {number for one in of for number in (one, one + 1)}
    found: set[tuple[int, int]] = set()
    for number in list_numbers(directory):
        if number in wanted:
            path = directory / segment_name(number)
            found.update(read_segment(number, path, key).aborted)
    return found
