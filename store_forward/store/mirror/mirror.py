"""The mirror as the journal uses it: each append's entries a second time, durable beside it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from store_forward.store.errors import StoreBusy, StoreError, StoreUnavailable
from store_forward.store.head import Head
from store_forward.store.identity import Identity
from store_forward.store.keys import StoreKey, sync_directory
from store_forward.store.mirror.format import (
    Abort,
    Damaged,
    Header,
    encode_content,
    encode_group,
    group_bytes,
)
from store_forward.store.mirror.hand import SecondHand
from store_forward.store.mirror.reader import read_header
from store_forward.store.mirror.retention import count_droppable
from store_forward.store.mirror.segment import (
    SEGMENT_BYTES,
    SMALL_SEGMENT_BYTES,
    SegmentFile,
    drop_segment,
    list_numbers,
    next_number,
    remove_drafts,
    room_for,
    segment_name,
)
from store_forward.store.refusals import refused_by_system

DIRECTORY_MODE = 0o700
ABORT_ROOM = 64
"""Bytes kept free in a segment for the abort of its last group."""

LOOKED_AT_PER_ROLL = 16
"""Oldest segments looked at when a new one is begun: more than are begun, so the rest follows."""

ENTRIES_KEPT = 200
"""Newest entries whose segments stay though they are settled. A patient's order may be open among
them, with money in it: a database that is built anew must know it from its first entry on."""

_DISK = "Check the disk; the kiosk goes on by itself once it can write there"


MakeSegment = Callable[[Path, StoreKey, Header, int], SegmentFile]
"""Makes a segment with this header and so many bytes in a directory."""


class JournalMirror(Protocol):
    """What the journal needs from its second copy."""

    def make_room(self, head: Head, bodies: Sequence[bytes]) -> None:
        """Make sure that a group of these entries behind ``head`` can be taken.

        Raises:
            StoreFull, StoreUnavailable: nothing was written.
        """

    def start(self, head: Head, after: Head, bodies: Sequence[bytes]) -> None:
        """Begin to write the group that leads from ``head`` to ``after``."""

    def confirm(self) -> None:
        """The database has the group: wait until the mirror has it too.

        Raises StoreUnavailable: it has not, and no further group is taken before it has.
        """

    def withdraw(self) -> None:
        """The database refused the group: make durable that it does not count.

        Raises StoreUnavailable: it may come back at the next start.
        """

    def close(self) -> None:
        """End. Safe to call twice."""


class NoMirror:
    """A journal in one copy: what the log of the database loses is lost."""

    def make_room(self, head: Head, bodies: Sequence[bytes]) -> None:
        pass

    def start(self, head: Head, after: Head, bodies: Sequence[bytes]) -> None:
        pass

    def confirm(self) -> None:
        pass

    def withdraw(self) -> None:
        pass

    def close(self) -> None:
        pass


class Mirror:
    """The sealed segments of one journal in ``directory``, kept by one process at a time.

    ``make_segment`` is there for tests of disks that fail.
    """

    def __init__(
        self,
        directory: Path,
        key: StoreKey,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        make_segment: MakeSegment = SegmentFile.create,
    ) -> None:
        self.directory = directory
        self._key = key
        self._segment_bytes = segment_bytes
        self._make_segment = make_segment
        self._identity: Identity | None = None
        self._settled: Callable[[], int] = lambda: 0
        self._counter: int | None = None
        self._numbers: Callable[[], dict[str, int]] = dict
        self._hand = SecondHand()
        self._segment: SegmentFile | None = None
        self._headers: dict[int, Header | None] = {}
        self._group: tuple[Head, bytes, int, int] | None = None
        self._owed: tuple[Head, bytes] | None = None
        self._lock: int | None = None

    def lock(self) -> None:
        """Take the directory for this process, made if it is missing, until ``close``.

        Raises:
            StoreBusy: another one has it.
            StoreUnavailable, StoreFull: it cannot be made.
        """
        try:
            if not self.directory.is_dir():
                self.directory.mkdir(DIRECTORY_MODE, exist_ok=True)
                sync_directory(self.directory.parent)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            descriptor = os.open(self.directory, flags)
        except OSError as error:
            raise refused_by_system(self.directory, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StoreBusy(
                self.directory,
                "another one keeps this journal",
                "End it first; who only reads or acknowledges opens the store as a guest",
            ) from error
        self._lock = descriptor
        remove_drafts(self.directory)

    def attach(
        self, identity: Identity, settled: Callable[[], int], counter: int | None = None
    ) -> None:
        """Say whose journal it is from now on. Comes after recovery and before the first group.

        ``settled`` returns up to where entries are acknowledged by the gateway and in the main
        file of the database; ``counter`` is what the machine's monotonic counter stands at.
        """
        self._identity = identity
        self._settled = settled
        self._counter = counter

    def carry(self, numbers: Callable[[], dict[str, int]]) -> None:
        """Write these into the header of each new segment; ``numbers`` returns them as of now."""
        self._numbers = numbers

    # --- what the journal asks for ---------------------------------------------------------------

    def make_room(self, head: Head, bodies: Sequence[bytes]) -> None:
        """See ``JournalMirror``."""
        if self._owed is not None:
            self._pay()
        size = group_bytes(bodies)
        if self._segment is None or not self._segment.has_room(size + ABORT_ROOM):
            self._begin_segment(head, size)

    def start(self, head: Head, after: Head, bodies: Sequence[bytes]) -> None:
        """See ``JournalMirror``."""
        segment = self._segment
        if segment is None:
            raise ValueError("make_room comes first")
        content = encode_group(head.seq + 1, head.hash, after.hash, bodies)
        self._group = (head, content, segment.number, segment.next_record)
        self._hand.start(segment, *segment.place(content))

    def confirm(self) -> None:
        """See ``JournalMirror``."""
        failure = self._hand.wait()
        group, self._group = self._group, None
        if failure is not None and group is not None:
            head, content, _, _ = group
            self._owe(head, content, failure)

    def withdraw(self) -> None:
        """See ``JournalMirror``."""
        failure = self._hand.wait()
        group, self._group = self._group, None
        if group is None:
            return
        head, _, number, record = group
        content = encode_content(Abort(number, record))
        if failure is None and self._segment is not None:
            try:
                self._segment.write(*self._segment.place(content))
            except OSError as error:
                failure = error
            else:
                return
        self._owe(head, content, failure)

    def close(self) -> None:
        """See ``JournalMirror``."""
        self._hand.close()
        if self._segment is not None:
            self._segment.end()
            self._segment = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def fill(
        self, head: Head, groups: Sequence[tuple[Head, Sequence[bytes]]], newest_seq: int
    ) -> None:
        """Write groups of the database behind ``head`` into a segment of their own.

        For what the mirror ought to hold and does not. Each group is its new head and its bodies.
        ``newest_seq`` is the journal's newest entry, which older segments may hold: should they
        be lost, this one tells that it was there.

        Raises StoreFull, StoreUnavailable.
        """
        size = sum(group_bytes(bodies) for _, bodies in groups)
        self._leave_segment()
        segment = self._create(head, size, last_seq=newest_seq)
        try:
            for after, bodies in groups:
                content = encode_group(head.seq + 1, head.hash, after.hash, bodies)
                segment.write(*segment.place(content))
                head = after
            segment.end()
        except OSError as error:
            raise refused_by_system(segment.path, error) from error
        finally:
            segment.close()

    # --- trouble ---------------------------------------------------------------------------------

    def _owe(self, head: Head, content: bytes, failure: BaseException | None) -> None:
        """Write once more, into a new segment: the file of before is not to be trusted."""
        self._give_up_segment()
        self._owed = (head, content)
        try:
            self._pay()
        except StoreError as error:
            raise self._behind(error) from failure

    def _pay(self) -> None:
        """Write what the mirror lacks. Raises StoreFull, StoreUnavailable: it still lacks it."""
        if self._owed is None:
            return
        head, content = self._owed
        self._begin_segment(head, len(content))
        segment = self._segment
        try:
            if segment is not None:
                segment.write(*segment.place(content))
        except OSError as error:
            self._give_up_segment()
            raise self._behind(error) from error
        self._owed = None

    def _behind(self, cause: Exception) -> StoreUnavailable:
        return StoreUnavailable(
            self.directory,
            f"the second copy of the journal could not be written ({cause})",
            _DISK,
        )

    # --- segments --------------------------------------------------------------------------------

    def _begin_segment(self, head: Head, content_bytes: int) -> None:
        old = self._segment
        self._segment = self._create(head, content_bytes + ABORT_ROOM)
        if old is not None:
            old.close()

    def _leave_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _give_up_segment(self) -> None:
        if self._segment is not None:
            self._segment.give_up()
            self._segment = None

    def _create(self, head: Head, content_bytes: int, last_seq: int | None = None) -> SegmentFile:
        if self._identity is None:
            raise ValueError("attach comes first")
        number = next_number(self.directory)
        settled = self._settled()
        header = Header(
            number=number,
            device=self._identity.device,
            incarnation=self._identity.incarnation,
            base_seq=head.seq,
            base_hash=head.hash,
            acked_seq=settled,
            first_kept=number,
            last_seq=last_seq,
            counter=self._counter,
            numbers=self._numbers(),
        )
        numbers = self._droppable(header, min(settled, head.seq - ENTRIES_KEPT))
        kept = [one for one in list_numbers(self.directory) if one not in numbers]
        header = header.kept_from(min(kept, default=number))
        segment = self._create_file(header, room_for(content_bytes))
        self._headers[number] = header
        for one in numbers:
            drop_segment(self.directory, one)
            self._headers.pop(one, None)
        return segment

    def _create_file(self, header: Header, least: int) -> SegmentFile:
        size = max(self._segment_bytes, least)
        try:
            return self._make_segment(self.directory, self._key, header, size)
        except StoreError:
            if size <= max(SMALL_SEGMENT_BYTES, least):
                raise
        # The last room of a disk is still room for a patient who has paid already.
        size = max(SMALL_SEGMENT_BYTES, least)
        return self._make_segment(self.directory, self._key, header, size)

    def _droppable(self, newest: Header, settled: int) -> set[int]:
        if newest.last_seq is not None:
            return set()
        found = list_numbers(self.directory)[:LOOKED_AT_PER_ROLL]
        headers = [self._header(number) for number in found]
        count = count_droppable([*headers, newest], settled)
        return set(found[:count])

    def _header(self, number: int) -> Header | None:
        if number not in self._headers:
            path = self.directory / segment_name(number)
            self._headers[number] = None
            # One old segment that cannot be read stays; the journal does not wait for it.
            with suppress(Damaged, StoreUnavailable):
                self._headers[number] = read_header(number, path, self._key)
        return self._headers[number]
