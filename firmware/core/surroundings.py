"""Keeps the picture of the world: what the store holds, what peripherals said, what time it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from devices.messages import DeviceStatus
from firmware.core.clocks import Clock, judge
from firmware.core.pressure import Load, Strain, reason_of, reserve_bytes, weigh
from firmware.core.world import Catalogue, FindDepartments, Found, FreshIds, Profile, World
from store_forward.contract.facts import ClockTrust
from store_forward.contract.wire import SlotLease
from store_forward.store.errors import DamagedStore, StoreError
from store_forward.store.network_status import SyncStatus
from store_forward.store.room import Ballast, room_beside
from store_forward.store.search import DepartmentIndex
from store_forward.store.sending.outbox import Backlog
from store_forward.store.store import Store

log = structlog.get_logger(__name__)

SETS = ("departments", "doctors", "schedules")

UNKNOWN_BOOT = "unknown"

HOLD_AGAIN_SECONDS = 30.0
"""Between two attempts to hold the ballast where there was no room for it."""

LOOK_BACK = 100
"""Entries among which the newest of a trusted clock is looked for at a start."""


class StoreSurroundings:
    """Reads the store when something in it changed; otherwise only adds time and ids."""

    def __init__(
        self,
        store: Store,
        profile: Profile,
        clock: Clock,
        ids: Iterator[str],
        ballast: Ballast,
    ) -> None:
        self._store = store
        self._ballast = ballast
        self._profile = profile
        self._clock = clock
        self._ids = ids
        self._devices: dict[str, DeviceStatus] = {}
        self._is_connected = False
        self._catalogue = Catalogue()
        self._cursors: tuple[str | None, ...] = ()
        self._leases: tuple[SlotLease, ...] = ()
        self._leases_as_of: datetime | None = None
        self._status = SyncStatus(online=False, since="")
        self._clock_base = self._base()
        self._boot = ""
        self._is_kept = False
        self._last_entry: datetime | None = None
        self._backlog = Backlog(0, None)
        self._strains: frozenset[Strain] = frozenset()
        self._next_hold = 0.0

    def world(self) -> World:
        """The picture of now."""
        offset = self._offset()
        wall = self._clock.wall() + offset
        since = _moment(self._status.since)
        return World(
            profile=self._profile,
            now=self._clock.monotonic(),
            wall=wall,
            fresh=FreshIds(next(self._ids), next(self._ids), next(self._ids)),
            clock=self._trust(),
            online=self._status.online,
            offline_since=since + offset if since is not None else None,
            devices_connected=self._is_connected,
            devices=self._devices,
            catalogue=self._catalogue,
            leases=self._leases,
            leases_as_of=self._leases_as_of,
            paused=reason_of(self._strains),
        )

    @property
    def is_doubted(self) -> bool:
        """Whether sync says that the gateway's word contradicts this journal."""
        return self._status.journal != ""

    def refresh_if_changed(self) -> bool:
        """Look whether another process has written or the room has changed.

        Returns whether the picture may be another one.
        """
        before = self._strains
        try:
            if not self._store.changed():
                self._weigh()
                return self._strains != before
        except StoreError as error:
            self._tell(error)
            return False
        self.refresh()
        return True

    def refresh(self) -> None:
        """Read what may have changed in the store; on failure the last picture stays."""
        try:
            if not self._boot:
                self._look_at_start()
            self._refresh_leases()
            self._refresh_status()
            self._refresh_catalogue()
            self._backlog = self._store.outbox.backlog()
            self._weigh()
        except (StoreError, OSError, msgspec.MsgspecError) as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        log.error("store not readable", why=str(error))
        if isinstance(error, DamagedStore):
            self._store.note_damage()

    def _weigh(self) -> None:
        """Measure what could come to its end, and whether new business may go on."""
        limits, before = self._profile.limits, self._strains
        doctors = self._catalogue.doctors.values()
        reserve = reserve_bytes(limits, max((one.fee_fen for one in doctors), default=0))
        self._strains = weigh(before, self._load(), limits, reserve)
        if Strain.DISK not in self._strains and not self._holds_ballast():
            self._strains |= {Strain.DISK}  # a quota, which the disk's free room does not show
        if self._strains != before:
            now = sorted(strain.value for strain in self._strains)
            log.warning("new business paused" if now else "new business goes on", strains=now)

    def _holds_ballast(self) -> bool:
        """Whether room for a session is kept; what cannot be had is not asked for all the time."""
        now = self._clock.monotonic()
        if now < self._next_hold:
            return False
        is_held = self._ballast.hold()
        self._next_hold = now if is_held else now + HOLD_AGAIN_SECONDS
        return is_held

    def _load(self) -> Load:
        room = room_beside(self._store.path)
        return Load(
            free_bytes=room.bytes + self._ballast.held_bytes(),
            free_files=room.files,
            waiting=self._backlog.count,
            oldest=self._oldest_waits(),
            is_doubted=self._status.journal != "",
        )

    def _oldest_waits(self) -> timedelta | None:
        """How long the first unsent entry has waited, None when no clock can say."""
        oldest = _moment(self._backlog.oldest_at)
        if oldest is None or self._trust() is not ClockTrust.SYNCHRONISED:
            return None
        return self._clock.wall() + self._offset() - oldest

    def _refresh_leases(self) -> None:
        self._leases = self._store.allotments.unsold()
        self._leases_as_of = _moment(self._store.allotments.as_of())

    def device_said(self, status: DeviceStatus) -> None:
        """A peripheral has a new state."""
        self._devices = {**self._devices, status.device: status}

    def devices_caught_up(self) -> None:
        """All states are known and commands can be given."""
        self._is_connected = True

    def devices_lost(self) -> None:
        """Nothing is known of the peripherals any more."""
        self._is_connected = False
        self._devices = {}

    def _refresh_status(self) -> None:
        status = self._store.network_status.read_status()
        if status is None:
            return
        if status.clock_offset_seconds is None:  # whoever writes this does not know; we do
            status = msgspec.structs.replace(
                status,
                clock_offset_seconds=self._status.clock_offset_seconds,
                clock_boot=self._status.clock_boot,
            )
        if status == self._status:
            return
        if status.last_contact != self._status.last_contact:
            self._clock_base = self._base()
        self._status = status

    def _refresh_catalogue(self) -> None:
        reference = self._store.reference
        freshness = [reference.freshness(name) for name in SETS]
        cursors = tuple(None if one is None else one.cursor for one in freshness)
        as_of = _oldest([None if one is None else _moment(one.as_of) for one in freshness])
        catalogue = self._catalogue
        if cursors != self._cursors:
            departments = reference.load_departments()
            catalogue = Catalogue(
                departments={one.code: one for one in departments},
                doctors={one.code: one for one in reference.load_doctors()},
                schedules={one.code: one for one in reference.load_schedules()},
                find=_finder(DepartmentIndex(departments)),
            )
        self._catalogue = Catalogue(
            catalogue.departments, catalogue.doctors, catalogue.schedules, as_of, catalogue.find
        )
        self._cursors = cursors

    def _is_measured(self) -> bool:
        """Whether the clock was compared with the gateway's since the machine was started."""
        return self._boot not in ("", UNKNOWN_BOOT) and self._status.clock_boot == self._boot

    def _trust(self) -> ClockTrust:
        """How far the clock is to be believed now."""
        offset, contact = self._offset(), _moment(self._status.last_contact)
        return judge(
            wall=self._clock.wall() + offset,
            last_contact=None if contact is None else contact + offset,
            offset_seconds=self._believed_offset(),
            step=self._base() - self._clock_base,
            last_entry=None if self._is_measured() else self._last_entry,
        )

    def _offset(self) -> timedelta:
        return timedelta(seconds=self._believed_offset() or 0.0)

    def _believed_offset(self) -> float | None:
        """The clock's offset; one of an earlier boot holds only where the clock went on."""
        if self._is_measured() or self._is_kept:
            return self._status.clock_offset_seconds
        return None

    def _look_at_start(self) -> None:
        """What is known of the clock before anybody was asked for the time."""
        self._last_entry = self._newest_trusted_entry()
        self._is_kept = self._clock.is_kept(self._clock.wall())
        self._boot = self._clock.boot() or UNKNOWN_BOOT

    def _newest_trusted_entry(self) -> datetime | None:
        """When a trusted clock last stood beside an entry of the journal."""
        journal = self._store.journal
        for row in reversed(journal.read(max(0, journal.head().seq - LOOK_BACK), LOOK_BACK)):
            entry = row.entry()
            if entry.clock is ClockTrust.SYNCHRONISED:
                return datetime.fromisoformat(entry.occurred_at)
        return None

    def _base(self) -> datetime:
        """The wall clock's time at monotonic zero; moves only when the clock is set."""
        return self._clock.wall() - timedelta(seconds=self._clock.monotonic())


def _finder(index: DepartmentIndex) -> FindDepartments:
    def find(query: str) -> tuple[Sequence[Found], bool]:
        found = index.search(query)
        return [Found(hit.department.code, hit.matched) for hit in found.hits], found.suggested

    return find


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _oldest(moments: Sequence[datetime | None]) -> datetime | None:
    """The age of the whole is that of its oldest part; None while a part was never complete."""
    known = [moment for moment in moments if moment is not None]
    return min(known) if len(known) == len(moments) else None
