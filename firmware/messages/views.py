"""What the patient screen shows. Core sends a whole ``Screen`` each time something changed.

Views carry data, keys and enums, never finished sentences: the screen formats them in the
current language at render time. Names and numbers of patients arrive masked. Amounts are
integer fen, times ``HH:MM`` local, dates ISO 8601.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from firmware.messages.staff import StaffCodeView, StaffView


class Text(msgspec.Struct, frozen=True):
    """A text in both screen languages (reference data)."""

    zh: str
    en: str


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


class Size(StrEnum):
    NORMAL = "normal"
    ELDER = "elder"


class Contrast(StrEnum):
    NORMAL = "normal"
    HIGH = "high"


class Network(StrEnum):
    """ONLINE only while the gateway answers; LIMITED is never shown as working."""

    ONLINE = "online"
    OFFLINE = "offline"


class Service(StrEnum):
    """Tiles of the home screen (当日挂号 预约挂号 签到 缴费 充值 查询 打印 住院 接种 意见)."""

    REGISTER_TODAY = "register_today"
    BOOK = "book"
    CHECK_IN = "check_in"
    PAY_BILLS = "pay_bills"
    TOP_UP = "top_up"
    QUERY = "query"
    PRINT = "print"
    INPATIENT = "inpatient"
    VACCINATION = "vaccination"
    FEEDBACK = "feedback"


class TileState(StrEnum):
    """WORKS: fully. QUEUED: offline, recorded here, HIS confirms later. UNAVAILABLE: see reason."""

    WORKS = "works"
    QUEUED = "queued"
    UNAVAILABLE = "unavailable"


class Reason(StrEnum):
    """Why something is not available or did not work. Each has a text in the catalogues."""

    NONE = "none"
    NEEDS_NETWORK = "needs_network"
    NOT_OFFERED = "not_offered"
    NO_CASH_ACCEPTOR = "no_cash_acceptor"
    CASH_BOX_FULL = "cash_box_full"
    NO_PRINTER = "no_printer"
    PAPER_OUT = "paper_out"
    NO_ID_READER = "no_id_reader"
    NO_SLOTS = "no_slots"
    DATA_TOO_OLD = "data_too_old"
    CLOCK_NOT_TRUSTED = "clock_not_trusted"
    STORE_FAILED = "store_failed"
    STORE_FULL = "store_full"
    STORE_DOUBTED = "store_doubted"
    QUEUE_FULL = "queue_full"
    STARTING = "starting"
    SLOT_TAKEN = "slot_taken"
    CARD_UNREADABLE = "card_unreadable"
    CARD_EXPIRED = "card_expired"


class Tile(msgspec.Struct, frozen=True):
    service: Service
    state: TileState
    reason: Reason = Reason.NONE


class NextAction(msgspec.Struct, frozen=True):
    """This patient's own next step, shown first on home (e.g. a registration made today).

    ``location`` is floor and room, ``number`` the queue number, both as on the slip. Without
    ``is_offered`` this kiosk cannot take the step: it is told, not offered for a touch.
    """

    service: Service
    department: Text | None = None
    doctor: Text | None = None
    time: str | None = None
    location: Text | None = None
    number: int | None = None
    is_offered: bool = True


# --- one struct per screen ----------------------------------------------------------------------


class AttractView(msgspec.Struct, frozen=True, tag="attract"):
    """Idle. The first touch only wakes."""


class HomeView(msgspec.Struct, frozen=True, tag="home"):
    """All services as tiles. ``can_identify``: lay the card down now to see your next step."""

    tiles: tuple[Tile, ...]
    next_action: NextAction | None = None
    can_identify: bool = True


class IdentifyState(StrEnum):
    WAITING = "waiting"
    READING = "reading"
    UNREADABLE = "unreadable"
    READ = "read"


class IdentifyView(msgspec.Struct, frozen=True, tag="identify"):
    """Lay the resident ID card on the reader."""

    service: Service
    state: IdentifyState
    reason: Reason = Reason.NONE


class DepartmentRow(msgspec.Struct, frozen=True):
    code: str
    name: Text
    location: Text
    matched: str = ""
    open_today: bool = True


class DepartmentView(msgspec.Struct, frozen=True, tag="department"):
    """Find the department. Never empty: without a hit ``suggested`` is True and rows are offers."""

    query: str
    rows: tuple[DepartmentRow, ...]
    page: int
    pages: int
    suggested: bool = False


class DoctorRow(msgspec.Struct, frozen=True):
    """``remaining`` is what this kiosk can sell now; ``as_of`` (HH:MM) the age of the figure."""

    code: str
    name: Text
    title: Text
    specialty: Text
    fee_fen: int
    remaining: int
    as_of: str
    sellable: bool
    reason: Reason = Reason.NONE


class DoctorView(msgspec.Struct, frozen=True, tag="doctor"):
    """Choose a doctor; filter by title (职称) and specialty (专业)."""

    department: Text
    titles: tuple[Text, ...]
    chosen_title: int | None
    specialties: tuple[Text, ...]
    chosen_specialty: int | None
    rows: tuple[DoctorRow, ...]
    page: int
    pages: int


class SlotRow(msgspec.Struct, frozen=True):
    id: str
    number: int
    start: str
    end: str


class SlotView(msgspec.Struct, frozen=True, tag="slot"):
    """Choose a time. Only slots leased to this kiosk are shown; ``as_of`` is their age (HH:MM)."""

    department: Text
    doctor: Text
    title: Text
    rows: tuple[SlotRow, ...]
    page: int
    pages: int
    as_of: str
    reason: Reason = Reason.NONE


class ConfirmView(msgspec.Struct, frozen=True, tag="confirm"):
    """Check identity, service and fee (核对信息和费用) before anything is recorded."""

    patient_name: str
    id_number: str
    verified: bool
    department: Text
    doctor: Text
    title: Text
    location: Text
    number: int
    start: str
    end: str
    fee_fen: int
    provisional: bool


class NoteState(StrEnum):
    """What the acceptor is doing, as the patient needs to know it."""

    STARTING = "starting"
    READY = "ready"
    ACCEPTING = "accepting"
    CHECKING = "checking"
    STACKING = "stacking"
    CREDITED = "credited"
    RETURNED = "returned"
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"


class PayView(msgspec.Struct, frozen=True, tag="pay"):
    """Pay in cash. ``due_fen`` is the fee; ``collected_fen`` counts stacked notes only."""

    due_fen: int
    collected_fen: int
    accepted_fen: tuple[int, ...]
    note: NoteState
    last_note_fen: int = 0
    refusal: str = ""
    asks_cancel: bool = False
    recovered: bool = False


class SlipState(StrEnum):
    PRINTING = "printing"
    PRINTED = "printed"
    UNCERTAIN = "uncertain"
    NOT_PRINTED = "not_printed"


class DoneView(msgspec.Struct, frozen=True, tag="done"):
    """It worked: number, where, when, what was printed, take your card.

    ``provisional``: recorded here, the HIS confirms when the network is back.
    ``excess_fen`` was put on the patient's account.
    """

    number: int
    department: Text
    doctor: Text
    location: Text
    start: str
    end: str
    slip: SlipState
    slip_code: str
    paid_fen: int
    excess_fen: int
    provisional: bool
    card_present: bool


class CancelledView(msgspec.Struct, frozen=True, tag="cancelled"):
    """Cancelled. ``owed_fen`` is in the cash box and is paid out at the counter with the slip."""

    owed_fen: int
    slip: SlipState | None
    slip_code: str | None


class CaseView(msgspec.Struct, frozen=True, tag="case"):
    """Something about the money is uncertain; a case is open and a slip says so."""

    case_code: str
    amount_fen: int
    slip: SlipState


class OutOfServiceView(msgspec.Struct, frozen=True, tag="out_of_service"):
    """The kiosk cannot serve. ``code`` can be looked up by staff."""

    reason: Reason
    code: str


View = (
    AttractView
    | HomeView
    | IdentifyView
    | DepartmentView
    | DoctorView
    | SlotView
    | ConfirmView
    | PayView
    | DoneView
    | CancelledView
    | CaseView
    | OutOfServiceView
    | StaffCodeView
    | StaffView
)


class Notice(msgspec.Struct, frozen=True):
    """A message over the body: why a touch did nothing, a slot taken meanwhile."""

    reason: Reason
    service: Service | None = None


class Frame(msgspec.Struct, frozen=True):
    """The fixed frame around every screen. ``time`` is local HH:MM; ``patient`` is masked.

    ``step``: (this step, of steps). ``seconds_left`` is set while the time-out warning is up.
    ``offers_staff``: the help has a way in for staff.
    """

    clinic: Text
    kiosk: str
    time: str
    language: Language
    size: Size
    contrast: Contrast
    reach: bool
    network: Network
    offline_since: str | None = None
    patient: str | None = None
    step: tuple[int, int] | None = None
    can_go_back: bool = False
    can_go_home: bool = False
    seconds_left: int | None = None
    help_open: bool = False
    staff_called: bool = False
    offers_staff: bool = False
    notice: Notice | None = None


class Screen(msgspec.Struct, frozen=True):
    """Everything shown now. ``number`` grows with every change; intents name it.

    A ``Screen`` replaces the one before it entirely: patient data not in it is gone.
    """

    number: int
    frame: Frame
    view: View
