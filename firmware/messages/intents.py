"""What the patient wants, as the screen reports it. Facts of the finger, not of the flow."""

from __future__ import annotations

import msgspec

from firmware.messages.views import Contrast, Language, Service, Size


class Wake(msgspec.Struct, frozen=True, tag="wake"):
    """First touch on the idle screen."""


class Activity(msgspec.Struct, frozen=True, tag="activity"):
    """Someone is there: any touch or key. Sent at most once a second."""


class GoHome(msgspec.Struct, frozen=True, tag="go_home"):
    """Leave the service. On home: end the session."""


class GoBack(msgspec.Struct, frozen=True, tag="go_back"):
    """One step back."""


class OpenHelp(msgspec.Struct, frozen=True, tag="open_help"):
    """Show help for this screen."""


class CloseHelp(msgspec.Struct, frozen=True, tag="close_help"):
    """Close help."""


class CallStaff(msgspec.Struct, frozen=True, tag="call_staff"):
    """Ask for a person."""


class OpenStaff(msgspec.Struct, frozen=True, tag="open_staff"):
    """Staff want in: asks for the code."""


class EnterStaffCode(msgspec.Struct, frozen=True, tag="enter_staff_code"):
    """The whole code staff have typed."""

    code: str

    def __repr__(self) -> str:
        """Never lets the code into a log."""
        return "EnterStaffCode(…)"


class DismissNotice(msgspec.Struct, frozen=True, tag="dismiss_notice"):
    """Close the notice."""


class ExtendTime(msgspec.Struct, frozen=True, tag="extend_time"):
    """More time, please."""


class SetLanguage(msgspec.Struct, frozen=True, tag="set_language"):
    language: Language


class SetSize(msgspec.Struct, frozen=True, tag="set_size"):
    size: Size


class SetContrast(msgspec.Struct, frozen=True, tag="set_contrast"):
    contrast: Contrast


class SetReach(msgspec.Struct, frozen=True, tag="set_reach"):
    reach: bool


class ChooseService(msgspec.Struct, frozen=True, tag="choose_service"):
    """A tile, available or not (an unavailable one is answered with a notice)."""

    service: Service


class Search(msgspec.Struct, frozen=True, tag="search"):
    """The whole text in the search field after a key press (letters, digits or Chinese)."""

    text: str


class TurnPage(msgspec.Struct, frozen=True, tag="turn_page"):
    """Show this page (from 0)."""

    page: int


class ChooseDepartment(msgspec.Struct, frozen=True, tag="choose_department"):
    code: str


class FilterDoctors(msgspec.Struct, frozen=True, tag="filter_doctors"):
    """Indices into the view's ``titles`` and ``specialties``; None for all."""

    title: int | None
    specialty: int | None


class ChooseDoctor(msgspec.Struct, frozen=True, tag="choose_doctor"):
    code: str


class ChooseSlot(msgspec.Struct, frozen=True, tag="choose_slot"):
    id: str


class Confirm(msgspec.Struct, frozen=True, tag="confirm"):
    """Identity, service and fee are right."""


class CancelPayment(msgspec.Struct, frozen=True, tag="cancel_payment"):
    """Asks to cancel; answered by a question."""


class ReallyCancel(msgspec.Struct, frozen=True, tag="really_cancel"):
    """Yes, cancel."""


class KeepPaying(msgspec.Struct, frozen=True, tag="keep_paying"):
    """No, go on."""


class Reprint(msgspec.Struct, frozen=True, tag="reprint"):
    """Print the slip again (补打), offered only when the first is uncertain or failed."""


class Finish(msgspec.Struct, frozen=True, tag="finish"):
    """Done; end the session."""


Intent = (
    Wake
    | Activity
    | GoHome
    | GoBack
    | OpenHelp
    | CloseHelp
    | CallStaff
    | OpenStaff
    | EnterStaffCode
    | DismissNotice
    | ExtendTime
    | SetLanguage
    | SetSize
    | SetContrast
    | SetReach
    | ChooseService
    | Search
    | TurnPage
    | ChooseDepartment
    | FilterDoctors
    | ChooseDoctor
    | ChooseSlot
    | Confirm
    | CancelPayment
    | ReallyCancel
    | KeepPaying
    | Reprint
    | Finish
)


class Touch(msgspec.Struct, frozen=True):
    """One intent from the screen.

    ``screen`` is the number of the Screen that was touched: core ignores a committing intent
    that does not name the current one, so a double tap or a late tap does nothing.
    """

    screen: int
    intent: Intent
