"""The state of the kiosk between two steps: the book, one session, and what is in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware.core.book import Book
from firmware.core.masking import mask_id_number, mask_name
from firmware.messages.views import (
    Contrast,
    IdentifyState,
    Language,
    NoteState,
    Notice,
    Reason,
    Size,
)
from store_forward.contract.facts import PatientIdentity
from store_forward.contract.wire import SlotLease


@dataclass(frozen=True, slots=True)
class Look:
    """How this patient wants the screen; goes back to the default with the session."""

    language: Language
    size: Size = Size.NORMAL
    contrast: Contrast = Contrast.NORMAL
    reach: bool = False


@dataclass(frozen=True, slots=True)
class Patient:
    """The patient before the screen. ``key`` recognises them, see ``Book.patient_key``."""

    identity: PatientIdentity
    key: str

    @property
    def masked_name(self) -> str:
        """The name as screen and paper may show it."""
        return mask_name(self.identity.name)

    @property
    def masked_id(self) -> str:
        """The id number as screen and paper may show it."""
        return mask_id_number(self.identity.id_number)

    def __repr__(self) -> str:
        """Never lets patient data into a log."""
        return "Patient(…)"


# --- steps: where in a service the patient is ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attract:
    """Nobody is there."""


@dataclass(frozen=True, slots=True)
class Home:
    """The tiles."""


@dataclass(frozen=True, slots=True)
class Identify:
    """Waiting for the card."""

    state: IdentifyState = IdentifyState.WAITING
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class FindDepartment:
    query: str = ""
    page: int = 0


@dataclass(frozen=True, slots=True)
class FindDoctor:
    """``title`` and ``specialty`` are indices into what the view offers; None for all."""

    department: str
    title: int | None = None
    specialty: int | None = None
    page: int = 0
    search: FindDepartment = field(default_factory=FindDepartment)


@dataclass(frozen=True, slots=True)
class PickSlot:
    doctor: str
    back: FindDoctor
    page: int = 0


@dataclass(frozen=True, slots=True)
class CheckDetails:
    """Identity, service and fee are on the screen; nothing is recorded yet."""

    lease: SlotLease
    back: PickSlot


@dataclass(frozen=True, slots=True)
class Asking:
    """A note whose end is awaited. Times are monotonic seconds.

    ``unknown``: the devices process has answered that it does not know either.
    """

    note_id: str
    since: float
    next_query: float
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Pay:
    """Cash is being collected for the open order.

    ``cancel_reason`` is set once the order is certainly to be cancelled and only waits for the
    end of a note. ``moving_since``: a note is being drawn in.
    """

    note: NoteState = NoteState.READY
    last_note_fen: int = 0
    refusal: str = ""
    asks_cancel: bool = False
    recovered: bool = False
    cancel_reason: str | None = None
    asking: Asking | None = None
    moving_since: float | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The order is paid, cancelled or in a case; its slip prints or is printed.

    ``print_until``: until then the printer's word is awaited (monotonic seconds), None when it
    is not. ``offline`` is what the screen promised when the order ended.
    """

    print_until: float | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True)
class StaffCode:
    """Staff are asked for their code; ``was_wrong``: the last one was."""

    was_wrong: bool = False


@dataclass(frozen=True, slots=True)
class StaffMatters:
    """Staff see what needs a person."""

    page: int = 0


PatientStep = (
    Attract | Home | Identify | FindDepartment | FindDoctor | PickSlot | CheckDetails | Pay | Ended
)
StaffStep = StaffCode | StaffMatters
Step = PatientStep | StaffStep


@dataclass(frozen=True, slots=True)
class Session:
    """One patient's time at the kiosk. Replaced by a fresh one at the end: that is the wipe."""

    look: Look
    last_activity: float
    step: Step = field(default_factory=Attract)
    patient: Patient | None = None
    help_open: bool = False
    staff_called: bool = False
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class LeftCard:
    """A card still on the reader after its session: it must not greet the next patient."""

    patient_key: str
    until: float


@dataclass(frozen=True, slots=True)
class OutOfService:
    """Why the kiosk serves nobody, and the code staff can look up."""

    reason: Reason
    code: str


@dataclass(frozen=True, slots=True)
class Tries:
    """Wrong staff codes in a row; until ``locked_until`` (monotonic seconds) none is looked at."""

    wrong: int = 0
    locked_until: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """Everything a step may change."""

    book: Book
    session: Session
    card: str | None = None
    left_card: LeftCard | None = None
    out_of_service: OutOfService | None = None
    tries: Tries = Tries()


def fresh_session(language: Language, now: float) -> Session:
    """A session in which nobody has touched anything yet."""
    return Session(look=Look(language), last_activity=now)
