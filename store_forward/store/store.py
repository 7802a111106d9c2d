"""The kiosk's store: one encrypted file with everything that must outlive a power cut."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import TracebackType

from store_forward.contract.facts import (
    ClockTrust,
    EntriesLost,
    Entry,
    JournalRebuilt,
    JournalReplaced,
)
from store_forward.store.allotments import Allotments
from store_forward.store.archive.anchors import Checkpoints
from store_forward.store.archive.purging import Purge
from store_forward.store.drafts import remove_drafts
from store_forward.store.driver import Connection
from store_forward.store.errors import DamagedStore, StoreBusy, StoreMissing, StoreReplaced
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.mirror import JournalMirror, Mirror, NoMirror
from store_forward.store.mirror.segment import mirror_of
from store_forward.store.network_status import NetworkStatus
from store_forward.store.opening import SCHEMA_VERSION, open_database
from store_forward.store.recovery.counter import Counter, NoCounter
from store_forward.store.recovery.recover import (
    Recovery,
    is_suspect,
    note_suspicion,
    noting_damage,
)
from store_forward.store.recovery.report import RecoveryReport
from store_forward.store.reference import Reference
from store_forward.store.sending.marks import Step, judge_mark
from store_forward.store.sending.matters import Matters
from store_forward.store.sending.outbox import Outbox
from store_forward.store.sending.resolutions import Resolutions

__all__ = ["SCHEMA_VERSION", "Role", "Store"]


class Role(Enum):
    """What an opened store is for.

    KEEPER: core. It recovers the journal at opening, appends to it and keeps the mirror; one at a
    time. GUEST: sync and tools. It reads, and writes all but the journal. UNMIRRORED: appends
    without recovery and mirror; for measurements and for showing what the mirror is good for.
    """

    KEEPER = "keeper"
    GUEST = "guest"
    UNMIRRORED = "unmirrored"


class Store:
    """One open store file. Core and sync each open their own; never share one between threads.

    ``recovery`` says what the opening had to mend; None where nothing looked.
    """

    def __init__(
        self,
        connection: Connection,
        identity: Identity,
        mirror: JournalMirror | None = None,
        recovery: RecoveryReport | None = None,
    ) -> None:
        self._open_again: Callable[[], Store] | None = None
        self._numbers: Callable[[], dict[str, int]] | None = None
        self._take(connection, identity, mirror, recovery)

    def _take(
        self,
        connection: Connection,
        identity: Identity,
        mirror: JournalMirror | None,
        recovery: RecoveryReport | None,
    ) -> None:
        self._connection = connection
        self._mirror = mirror
        self._data_version: int | None = None
        self._file = _file_id(connection.path)
        self.path = connection.path
        self.identity = identity
        self.recovery = recovery
        self.journal = Journal(connection, mirror)
        self.outbox = Outbox(connection, identity)
        self.matters = Matters(connection, identity)
        self.allotments = Allotments(connection)
        self.reference = Reference(connection)
        self.network_status = NetworkStatus(connection)
        self.checkpoints = Checkpoints(connection, identity)
        self.purge = Purge(connection, identity)
        self.resolutions = Resolutions(connection, identity)

    @classmethod
    def open(
        cls,
        path: Path,
        key: StoreKey,
        *,
        device: str,
        create: bool = False,
        incarnation: str | None = None,
        role: Role = Role.KEEPER,
        counter: Counter | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Store:
        """Open the store of this kiosk and bring its schema up to date.

        ``device`` is the kiosk's id. With ``create``, a missing file is made, under a random
        incarnation unless one is given. A keeper brings database and mirror into order first;
        ``counter`` is the machine's monotonic counter, ``now`` names the files set aside.

        Raises:
            StoreError: one of its kinds; the file is left as it was.
        """
        if role is Role.KEEPER:
            return cls._keep(path, key, device, create, incarnation, counter or NoCounter(), now)
        try:
            with noting_damage(path):
                connection, identity = open_database(path, key, device)
        except StoreMissing:
            if not create:
                raise
            # Costs memory and happens once in a store's life.
            from store_forward.store import migrations

            migrations.create_store(path, key, device, incarnation or uuid.uuid4().hex)
            connection, identity = open_database(path, key, device)
        return cls(connection, identity, NoMirror() if role is Role.UNMIRRORED else None)

    @classmethod
    def _keep(
        cls,
        path: Path,
        key: StoreKey,
        device: str,
        create: bool,
        incarnation: str | None,
        counter: Counter,
        now: Callable[[], datetime],
    ) -> Store:
        directory = mirror_of(path)
        if not create and not directory.exists():
            open_database(path, key, device)[0].close()  # leaves nothing behind where nothing is
        mirror = Mirror(directory, key)
        try:
            mirror.lock()
            remove_drafts(path)
            recovery = Recovery(
                path,
                key,
                mirror,
                device,
                counter=counter,
                now=now,
                entry_of=lambda fact: _entry_of(fact, now()),
            )
            kept = recovery.run(create=create, incarnation=incarnation)
        except BaseException:
            mirror.close()
            raise
        store = cls(kept.connection, kept.identity, mirror, kept.report)
        # Not the counter: it counts starts of the machine's processes, not attempts.
        store._open_again = lambda: cls._keep(path, key, device, False, None, NoCounter(), now)
        return store

    def reopen(self) -> None:
        """For a keeper whose disk has failed: close all files, open them anew, recovery included.

        After a failed fsync the system may show pages that are on no disk, and forget that they
        are not. So database and mirror are compared as at a start, and what the log holds is
        written once more, into the main file, before this returns.

        Raises StoreError: the store is closed until a later call succeeds.
        """
        if self._open_again is None:
            return
        self.close()
        self._mirror, self.journal = None, Journal(self._connection, NoMirror())  # writes nothing
        fresh = self._open_again()
        self._take(fresh._connection, fresh.identity, fresh._mirror, fresh.recovery)
        if self._numbers is not None:
            self.carry_numbers(self._numbers)
        row = self._connection.row("PRAGMA wal_checkpoint(TRUNCATE)")
        if row is None or row[0] != 0:
            raise StoreBusy(self.path, "the log could not be emptied", "It is tried again")

    def carry_numbers(self, numbers: Callable[[], dict[str, int]]) -> None:
        """Keep core's last numbers of slips and patients beside the journal, for the day on which
        the entries that gave them are only at the gateway."""
        self._numbers = numbers
        if isinstance(self._mirror, Mirror):
            self._mirror.carry(numbers)

    def is_contradicted(self) -> bool:
        """Whether the gateway has entries of this journal that are not in it, or other ones: the
        next keeper begins a new journal."""
        mark = self.outbox.gateway_mark()
        if mark is None or mark.incarnation != self.identity.incarnation:
            return False
        step = judge_mark(mark, self.journal.head().seq, self.journal.hash_at)
        return step in (Step.ROLLED_BACK, Step.OTHER_CHAIN)

    def note_damage(self) -> None:
        """The database was found damaged in use: the next keeper reads all of it at its start.

        For whoever finds it. One that recovery has replaced since says nothing of what is there.
        """
        if _file_id(self.path) == self._file:
            note_suspicion(self.path)

    def require_sound(self) -> None:
        """For a keeper at rest. Cheap enough to poll.

        Raises:
            DamagedStore: somebody found the database damaged; this process may not meet the place.
            StoreReplaced: it is not there any more, so nobody else can open it.
        """
        self._require_in_place()
        if is_suspect(self.path):
            raise DamagedStore(
                self.path,
                "the database was found damaged while it was in use",
                "The next start reads all of it and mends it",
            )

    def changed(self) -> bool:
        """Whether another process has written since the last call. True on the first call.

        Cheap enough to poll: reads one number from shared memory.

        Raises:
            StoreReplaced: recovery has put another file in its place.
        """
        self._require_in_place()
        row = self._connection.row("PRAGMA data_version")
        version = int(row[0]) if row else 0
        is_new = version != self._data_version
        self._data_version = version
        return is_new

    def _require_in_place(self) -> None:
        if _file_id(self.path) != self._file:
            raise StoreReplaced(
                self.path,
                "recovery has put another file in the place of the one open here, or it was taken "
                "away",
                "Start this process again",
            )

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._mirror is not None:
            self._mirror.close()
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _file_id(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _entry_of(fact: EntriesLost | JournalRebuilt | JournalReplaced, now: datetime) -> Entry:
    """A fact that nobody but recovery can tell, before there is anybody to say how it is."""
    at = now.astimezone(UTC)
    return Entry(
        id=f"recovery-{uuid.uuid4()}",
        lane="kiosk",
        occurred_at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        clock=ClockTrust.UNSYNCHRONISED,
        boot="recovery",
        business_date=at.date().isoformat(),
        offline=True,
        fact=fact,
    )
