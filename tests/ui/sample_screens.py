"""Views as core sends them, one or more for every screen, with the worst cases."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from firmware.messages import views as v
from firmware.messages.views import Contrast, Language, Network, Reason, Service, Size, Text
from tests.ui import sample_staff

CLINIC = Text("云栖社区卫生服务中心", "Yunqi Community Health Centre")
INTERNAL = Text("内科", "Internal Medicine")
DOCTOR = Text("李慧敏", "Li Huimin")
CHIEF = Text("主任医师", "Chief physician")
PLACE = Text("门诊楼 2 层 B 区候诊", "Clinic building, floor 2, area B")
LONGEST_NAME = "阿卜杜****"
LONGEST_DOCTOR = Text("买买提依明·阿卜杜热合曼", "Memetimin Abdurahman")
LONGEST_DEPARTMENT = Text("神经内科癫痫与睡眠障碍专病门诊", "Neurology, epilepsy and sleep clinic")


@dataclass(frozen=True)
class Modes:
    """How the patient has set the screen."""

    language: Language = Language.ZH
    size: Size = Size.NORMAL
    contrast: Contrast = Contrast.NORMAL
    reach: bool = False


def frame(modes: Modes = Modes(), **changes: object) -> v.Frame:
    """The frame of an online kiosk at 10:12."""
    plain = v.Frame(
        clinic=CLINIC,
        kiosk="A01",
        time="10:12",
        language=modes.language,
        size=modes.size,
        contrast=modes.contrast,
        reach=modes.reach,
        network=Network.ONLINE,
    )
    return msgspec.structs.replace(plain, **changes)


OFFLINE = {"network": Network.OFFLINE, "offline_since": "09:58"}
SESSION = {"can_go_back": True, "can_go_home": True, "patient": "王*"}


def tiles(queued: bool = False) -> tuple[v.Tile, ...]:
    """Register works (or is queued); the rest as a first release offers them."""
    works = v.TileState.QUEUED if queued else v.TileState.WORKS
    state = {
        Service.REGISTER_TODAY: v.Tile(Service.REGISTER_TODAY, works),
        Service.CHECK_IN: v.Tile(Service.CHECK_IN, works),
        Service.PAY_BILLS: v.Tile(Service.PAY_BILLS, v.TileState.UNAVAILABLE, Reason.NEEDS_NETWORK)
        if queued
        else v.Tile(Service.PAY_BILLS, v.TileState.WORKS),
        Service.PRINT: v.Tile(Service.PRINT, v.TileState.UNAVAILABLE, Reason.PAPER_OUT),
    }
    closed = Reason.NEEDS_NETWORK if queued else Reason.NOT_OFFERED
    return tuple(
        state.get(service, v.Tile(service, v.TileState.UNAVAILABLE, closed)) for service in Service
    )


def paused(reason: Reason) -> v.HomeView:
    """Home when nothing new may begin."""
    service = Service.REGISTER_TODAY
    closed = v.Tile(service, v.TileState.UNAVAILABLE, reason)
    return v.HomeView(tuple(closed if one.service is service else one for one in tiles()))


def home(queued: bool = False, known: bool = False, told: bool = False) -> v.HomeView:
    """``known``: the next step can be taken here; ``told``: it cannot, and is the longest."""
    action = v.NextAction(Service.CHECK_IN, INTERNAL, DOCTOR, "10:20") if known else None
    if told:
        who = (LONGEST_DEPARTMENT, LONGEST_DOCTOR, "10:20")
        action = v.NextAction(Service.CHECK_IN, *who, PLACE, 12, is_offered=False)
    return v.HomeView(tiles(queued), action)


def identify(state: v.IdentifyState, reason: Reason = Reason.NONE) -> v.IdentifyView:
    return v.IdentifyView(Service.REGISTER_TODAY, state, reason)


DEPARTMENTS = (
    v.DepartmentRow("NK", INTERNAL, PLACE),
    v.DepartmentRow("XHNK", Text("消化内科", "Gastroenterology"), PLACE, "内科"),
    v.DepartmentRow(
        "SJNK", LONGEST_DEPARTMENT, Text("门诊楼 3 层 A 区", "Floor 3, area A"), "内科"
    ),
    v.DepartmentRow("EK", Text("儿科", "Paediatrics"), Text("门诊楼 1 层", "Floor 1"), "", False),
    v.DepartmentRow("YK", Text("眼科", "Eye clinic"), Text("门诊楼 4 层", "Floor 4")),
    v.DepartmentRow("KQK", Text("口腔科", "Dental clinic"), Text("门诊楼 4 层", "Floor 4")),
    v.DepartmentRow("PFK", Text("皮肤科", "Dermatology"), Text("门诊楼 5 层", "Floor 5")),
    v.DepartmentRow("ZYK", Text("中医科", "Chinese medicine"), Text("门诊楼 5 层", "Floor 5")),
)


def department(query: str = "nk", suggested: bool = False) -> v.DepartmentView:
    return v.DepartmentView(query, DEPARTMENTS, 0, 3, suggested)


def doctors() -> tuple[v.DoctorRow, ...]:
    digestion = Text("消化系统", "Digestive system")
    heart = Text("心血管", "Cardiovascular")
    full = Reason.NO_SLOTS
    deputy = Text("副主任医师", "Associate chief physician")
    return (
        v.DoctorRow("D1", DOCTOR, CHIEF, digestion, 5000, 8, "10:02", True),
        v.DoctorRow("D2", LONGEST_DOCTOR, deputy, heart, 2500, 3, "10:02", True),
        v.DoctorRow("D3", Text("张伟", "Zhang Wei"), deputy, heart, 2500, 0, "10:02", False, full),
        v.DoctorRow("D4", Text("陈喆", "Chen Zhe"), CHIEF, heart, 123456, 1, "10:02", True),
        v.DoctorRow("D5", Text("赵玥", "Zhao Yue"), CHIEF, digestion, 5000, 2, "10:02", True),
    )


def doctor() -> v.DoctorView:
    titles = (CHIEF, Text("副主任医师", "Associate chief physician"), Text("主治医师", "Attending"))
    fields = (Text("消化系统", "Digestive system"), Text("心血管", "Cardiovascular"))
    return v.DoctorView(INTERNAL, titles, 0, fields, None, doctors(), 0, 2)


def slot(count: int = 12, reason: Reason = Reason.NONE) -> v.SlotView:
    rows = tuple(
        v.SlotRow(f"S{n}", n + 11, f"{10 + n // 4:02d}:{15 * (n % 4):02d}", f"{10 + n // 4:02d}:59")
        for n in range(count)
    )
    return v.SlotView(INTERNAL, DOCTOR, CHIEF, rows, 0, 2, "10:02", reason)


def confirm(provisional: bool = False, longest: bool = False) -> v.ConfirmView:
    return v.ConfirmView(
        patient_name=LONGEST_NAME if longest else "王*",
        id_number="110105********002X",
        verified=not longest,
        department=LONGEST_DEPARTMENT if longest else INTERNAL,
        doctor=LONGEST_DOCTOR if longest else DOCTOR,
        title=CHIEF,
        location=PLACE,
        number=12,
        start="10:20",
        end="10:30",
        fee_fen=123456789012 if longest else 2000,
        provisional=provisional,
    )


def pay(note: v.NoteState = v.NoteState.READY, **changes: object) -> v.PayView:
    plain = v.PayView(
        due_fen=2000,
        collected_fen=1000,
        accepted_fen=(1000, 2000, 5000, 10000),
        note=note,
        last_note_fen=1000,
    )
    return msgspec.structs.replace(plain, **changes)


def done(provisional: bool = False, **changes: object) -> v.DoneView:
    plain = v.DoneView(
        number=12,
        department=INTERNAL,
        doctor=DOCTOR,
        location=PLACE,
        start="10:20",
        end="10:30",
        slip=v.SlipState.PRINTED,
        slip_code="A-1121-0042K",
        paid_fen=2000,
        excess_fen=0,
        provisional=provisional,
        card_present=True,
    )
    return msgspec.structs.replace(plain, **changes)


def every_screen(modes: Modes = Modes()) -> dict[str, v.Screen]:
    """All views and overlays by a name of their own; numbers grow."""

    def session(**changes: object) -> v.Frame:
        return frame(modes, **{**SESSION, **changes})

    step2, step3 = session(step=(2, 5)), session(step=(3, 5))
    paying = session(step=(5, 5), can_go_back=False)
    ended = session(can_go_back=False)
    plain: list[tuple[str, v.Frame, v.View]] = [
        ("attract", frame(modes), v.AttractView()),
        ("home", frame(modes, can_go_home=True), home()),
        ("home_offline", frame(modes, can_go_home=True, **OFFLINE), home(queued=True)),
        ("home_known", session(can_go_back=False), home(known=True)),
        ("home_told", session(can_go_back=False, **OFFLINE), home(queued=True, told=True)),
        ("identify", session(step=(1, 5), patient=None), identify(v.IdentifyState.WAITING)),
        (
            "identify_unreadable",
            session(step=(1, 5), patient=None),
            identify(v.IdentifyState.UNREADABLE, Reason.CARD_UNREADABLE),
        ),
        ("identify_read", session(step=(1, 5)), identify(v.IdentifyState.READ)),
        ("department", step2, department()),
        ("department_suggested", session(step=(2, 5), **OFFLINE), department("zzz", True)),
        ("doctor", step3, doctor()),
        ("slot", session(step=(3, 5)), slot()),
        ("confirm", session(step=(4, 5)), confirm()),
        ("confirm_offline", session(step=(4, 5), **OFFLINE), confirm(provisional=True)),
        (
            "confirm_longest",
            session(step=(4, 5), patient=LONGEST_NAME, **OFFLINE),
            confirm(provisional=True, longest=True),
        ),
        ("pay", paying, pay()),
        (
            "pay_longest",
            paying,
            pay(due_fen=123456789012, collected_fen=1000, recovered=True),
        ),
        (
            "pay_recovered",
            session(step=(6, 6), **OFFLINE),
            pay(v.NoteState.CREDITED, recovered=True),
        ),
        ("pay_checking", paying, pay(v.NoteState.CHECKING)),
        ("pay_rejected", paying, pay(v.NoteState.REJECTED, refusal="limit_over_amount")),
        ("pay_interrupted", paying, pay(v.NoteState.INTERRUPTED)),
        ("done", ended, done()),
        (
            "done_offline",
            session(can_go_back=False, **OFFLINE),
            done(provisional=True, slip=v.SlipState.UNCERTAIN, excess_fen=3000, paid_fen=5000),
        ),
        (
            "done_offline_printed",
            session(can_go_back=False, **OFFLINE),
            done(provisional=True, excess_fen=500, paid_fen=3000),
        ),
        (
            "cancelled",
            ended,
            v.CancelledView(1000, v.SlipState.PRINTED, "A-1121-0043M"),
        ),
        ("cancelled_nothing", ended, v.CancelledView(0, None, None)),
        ("case", ended, v.CaseView("F-1121-0007P", 1000, v.SlipState.NOT_PRINTED)),
        ("out_of_service", frame(modes), v.OutOfServiceView(Reason.STORE_FAILED, "E-STORE-01")),
        ("help", session(step=(2, 5), help_open=True), department()),
        ("help_called", session(help_open=True, staff_called=True), confirm()),
        ("time_out", session(step=(4, 5), seconds_left=18), confirm()),
        ("cancel_question", paying, pay(asks_cancel=True)),
        (
            "notice",
            frame(modes, notice=v.Notice(Reason.PAPER_OUT, Service.PRINT), can_go_home=True),
            home(),
        ),
        ("home_paused", frame(modes), paused(Reason.QUEUE_FULL)),
        *_for_staff(modes),
    ]
    return {
        name: v.Screen(number + 1, shown, view) for number, (name, shown, view) in enumerate(plain)
    }


def _for_staff(modes: Modes) -> list[tuple[str, v.Frame, v.View]]:
    """The way in, and what staff find there: at its most crowded without the network."""
    way_in = {"help_open": True, "offers_staff": True}
    found: list[tuple[str, v.Frame, v.View]] = [
        ("help_staff", frame(modes, can_go_home=True, **way_in), home()),
        ("help_staff_called", frame(modes, staff_called=True, **way_in), v.AttractView()),
    ]
    for name, view in sample_staff.VIEWS.items():
        offline = OFFLINE if "longest" in name or name == "staff_one" else {}
        found.append((name, frame(modes, can_go_home=True, **offline), view))
    return found
