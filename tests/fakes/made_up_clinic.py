"""Reference data, leases and people of a clinic that does not exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from devices.messages import IdentityCard
from firmware.config.model import Limits, Services
from firmware.core.world import Catalogue, Found, Profile
from firmware.messages.views import Language
from firmware.messages.views import Text as Shown
from store_forward.contract.wire import Department, Doctor, Schedule, SlotLease, Text
from tests.fakes.fake_devices import KINDS

MORNING = datetime(2026, 7, 13, 1, 30, tzinfo=UTC)
"""09:30 at the clinic."""

TODAY = "2026-07-13"

DEPARTMENTS = (
    Department("NK01", Text("内科", "Internal Medicine"), Text("一楼东", "1F East"), "neike", "nk"),
    Department("WK01", Text("外科", "Surgery"), Text("二楼西", "2F West"), "waike", "wk"),
)

CHIEF = Text("主任医师", "Chief Physician")
RESIDENT = Text("住院医师", "Resident")

DOCTORS = (
    Doctor(
        "D1", "NK01", Text("甲一心", "Jia Yixin"), "jiayixin", "jyx",
        CHIEF, Text("高血压", "Hypertension"), 3000,
    ),
    Doctor(
        "D2", "NK01", Text("乙二安", "Yi Er'an"), "yieran", "yea",
        RESIDENT, Text("全科", "General"), 1000,
    ),
)  # fmt: skip

SCHEDULES = (
    Schedule("S1", "D1", TODAY, "08:00", "12:00", Text("101诊室", "Room 101"), 20, 9, "x"),
    Schedule("S2", "D2", TODAY, "08:00", "12:00", Text("102诊室", "Room 102"), 20, 9, "x"),
)


def lease(number: int, doctor: str = "D1", expires_at: str = "2026-07-13T10:00:00Z") -> SlotLease:
    """A slot of today leased to this kiosk."""
    return SlotLease(
        lease_id=f"lease-{doctor}-{number}",
        slot_id=f"{doctor}-{number}",
        schedule_code=f"S{doctor[1:]}",
        doctor_code=doctor,
        number=number,
        start=f"10:{number:02d}",
        end=f"10:{number + 1:02d}",
        expires_at=expires_at,
        fencing=1,
    )


def find(query: str) -> tuple[Sequence[Found], bool]:
    """Search by name and initials; everything as a suggestion when nothing fits."""
    hits = [
        Found(one.code, one.initials)
        for one in DEPARTMENTS
        if query.lower() in one.initials or query in one.name.zh
    ]
    return (hits, False) if hits else ([Found(one.code, "") for one in DEPARTMENTS], True)


def catalogue(as_of: datetime = MORNING) -> Catalogue:
    return Catalogue(
        departments={one.code: one for one in DEPARTMENTS},
        doctors={one.code: one for one in DOCTORS},
        schedules={one.code: one for one in SCHEDULES},
        as_of=as_of,
        find=find,
    )


def profile(limits: Limits | None = None, services: Services | None = None) -> Profile:
    return Profile(
        kiosk="kiosk-7",
        prefix="A",
        clinic=Shown("青禾镇分院", "Qinghe Branch"),
        timezone=ZoneInfo("Asia/Shanghai"),
        limits=limits or Limits(),
        services=services or Services(),
        languages=(Language.ZH, Language.EN),
        device_names={kind: name for name, kind in KINDS.items()},
    )


def card(
    name: str = "张测试", number: str = "11010519491231002X", valid_until: str | None = "2036-01-01"
) -> IdentityCard:
    """A made-up resident identity card with a valid check digit."""
    return IdentityCard(
        name=name,
        sex="女",
        ethnic_group="汉",
        birth_date="1949-12-31",
        address="某省某市某路一号",
        id_number=number,
        issuer="某市公安局",
        valid_from="2016-01-01",
        valid_until=valid_until,
    )


OTHER_CARD = card("李演示", "440524188001010014")
