"""What a step may know besides its state: a frozen picture of everything around the session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import Protocol

from devices.messages import DeviceKind, DeviceState, DeviceStatus, PaperState, StorageState
from firmware.config.model import Limits, Services
from firmware.messages.staff import Doubt
from firmware.messages.views import Language, Reason, Text
from store_forward.contract.facts import ClockTrust
from store_forward.contract.wire import Department, Doctor, Schedule, SlotLease
from store_forward.store.sending.matters import Matter

AT_WORK = frozenset({DeviceState.ONLINE, DeviceState.DEVICE_BUSY})
"""States in which a peripheral does its work."""

SELLING_MARGIN = timedelta(seconds=30)
"""Selling stops this long before a lease ends, so that the HIS never sees a sale after it."""

BOX_UNUSABLE = frozenset({StorageState.MISSING, StorageState.INOPERATIVE, StorageState.MANIPULATED})


@dataclass(frozen=True, slots=True)
class Found:
    """A department that fits a search, and the word that fitted."""

    code: str
    matched: str


class FindDepartments(Protocol):
    """Search among the departments; never empty while there are departments."""

    def __call__(self, query: str) -> tuple[Sequence[Found], bool]:
        """Return the hits, best first, and whether they are only suggestions."""
        ...


def find_nothing(query: str) -> tuple[Sequence[Found], bool]:
    """Search of an empty catalogue."""
    return (), True


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Reference data. ``as_of`` is the age of the schedules (None: never had any)."""

    departments: Mapping[str, Department] = field(default_factory=dict)
    doctors: Mapping[str, Doctor] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    as_of: datetime | None = None
    find: FindDepartments = find_nothing

    def doctors_of(self, department_code: str) -> tuple[Doctor, ...]:
        """Doctors of one department, in the order of the catalogue."""
        return tuple(d for d in self.doctors.values() if d.department_code == department_code)

    def schedule_of(self, doctor_code: str, day: str) -> Schedule | None:
        """A doctor's (first) session on a day."""
        for schedule in self.schedules.values():
            if schedule.doctor_code == doctor_code and schedule.date == day:
                return schedule
        return None


@dataclass(frozen=True, slots=True)
class Profile:
    """What the deployment file fixes for this kiosk. ``staff_code`` is empty or a hash of it."""

    kiosk: str
    prefix: str
    clinic: Text
    timezone: tzinfo
    limits: Limits
    services: Services
    languages: tuple[Language, ...]
    device_names: Mapping[DeviceKind, str]
    staff_code: str = ""

    @property
    def default_language(self) -> Language:
        """The language every session starts in: the first."""
        return self.languages[0]


@dataclass(frozen=True, slots=True)
class FreshIds:
    """UUIDv7 ids minted for one step, each for one use."""

    order: str
    case: str
    job: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is on its way to the HIS, and what of it needs a person.

    ``waiting`` entries are not sent, the oldest since the aware time ``oldest`` as far as known.
    ``undecided`` need a person, the newest of which are ``matters``, newest first.
    """

    waiting: int = 0
    oldest: datetime | None = None
    undecided: int = 0
    matters: tuple[Matter, ...] = ()
    doubt: Doubt = Doubt.NONE


@dataclass(frozen=True, slots=True)
class World:
    """Inputs of one step. ``now`` is monotonic seconds; ``wall`` an aware time, only a hint.

    ``offline_since`` is the aware time the network went, None while online; ``leases`` are this
    kiosk's unsold ones, expired ones perhaps among them, ``leases_as_of`` their age. ``paused``
    is why nothing new may begin though everything works, NONE when it may.
    """

    profile: Profile
    now: float
    wall: datetime
    fresh: FreshIds
    clock: ClockTrust = ClockTrust.UNSYNCHRONISED
    online: bool = False
    offline_since: datetime | None = None
    devices_connected: bool = False
    devices: Mapping[str, DeviceStatus] = field(default_factory=dict)
    catalogue: Catalogue = field(default_factory=Catalogue)
    leases: tuple[SlotLease, ...] = ()
    leases_as_of: datetime | None = None
    paused: Reason = Reason.NONE
    outgoing: Outgoing = Outgoing()

    def local(self, moment: datetime) -> datetime:
        """The clinic's local time of an aware moment."""
        return moment.astimezone(self.profile.timezone)

    def clock_text(self, moment: datetime) -> str:
        """``HH:MM`` at the clinic."""
        return f"{self.local(moment):%H:%M}"

    @property
    def today(self) -> date:
        """The business date at the clinic."""
        return self.local(self.wall).date()

    def device_name(self, kind: DeviceKind) -> str | None:
        """Name of this kiosk's peripheral of a kind, None when it has none."""
        return self.profile.device_names.get(kind)

    def status(self, kind: DeviceKind) -> DeviceStatus | None:
        """What is known of the peripheral; None when there is none or nothing is known now."""
        name = self.device_name(kind)
        return self.devices.get(name) if name is not None and self.devices_connected else None

    def is_at_work(self, kind: DeviceKind) -> bool:
        """Whether the peripheral of this kind can do its work now, consumables included."""
        status = self.status(kind)
        return (
            status is not None
            and status.state in AT_WORK
            and status.paper not in (PaperState.OUT, PaperState.JAMMED)
            and status.storage is not StorageState.FULL
            and status.storage not in BOX_UNUSABLE
        )

    def sellable_leases(self) -> tuple[SlotLease, ...]:
        """Unsold slots of today that are leased to this kiosk and not expired."""
        day = self.today.isoformat()
        return tuple(
            lease
            for lease in self.leases
            if (schedule := self.catalogue.schedules.get(lease.schedule_code)) is not None
            and schedule.date == day
            and datetime.fromisoformat(lease.expires_at) - SELLING_MARGIN > self.wall
        )
