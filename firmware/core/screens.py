"""What is shown: one pure function from state and world to the frame and the view."""

from __future__ import annotations

from typing import assert_never

from firmware.core.book import Order
from firmware.core.flows.pay_cash import paying
from firmware.core.flows.staff import offers_staff
from firmware.core.gates import tile
from firmware.core.idle import seconds_left
from firmware.core.labels import department_of, doctor_of, hhmm, location_of
from firmware.core.lists import department_view, doctor_view, slot_view
from firmware.core.orders import check_view, ended_view, pay_view
from firmware.core.staff_screens import code_view, matters_view
from firmware.core.state import (
    Attract,
    CheckDetails,
    Ended,
    FindDepartment,
    FindDoctor,
    Home,
    Identify,
    PatientStep,
    Pay,
    PickSlot,
    StaffCode,
    StaffMatters,
    State,
    Step,
)
from firmware.core.world import World
from firmware.messages.views import (
    AttractView,
    Frame,
    HomeView,
    IdentifyView,
    Network,
    NextAction,
    OutOfServiceView,
    Reason,
    Screen,
    Service,
    View,
)

STEPS = 6
"""Steps of a registration: card, department, doctor, time, details, payment."""


def view(state: State, world: World, number: int) -> Screen:
    """Return the whole screen, as its ``number``-th version."""
    return Screen(number, _frame(state, world), _body(state, world))


def _body(state: State, world: World) -> View:
    match state.session.step:
        case StaffCode() as step:
            return code_view(state, step, world)
        case StaffMatters() as step:
            return matters_view(step, world)
        case step if state.out_of_service is not None:
            return OutOfServiceView(state.out_of_service.reason, state.out_of_service.code)
        case step:
            return _patients_body(state, step, world)


def _patients_body(state: State, step: PatientStep, world: World) -> View:
    size = state.session.look.size
    match step:
        case Attract():
            return AttractView()
        case Home():
            return _home(state, world)
        case Identify() as step:
            return IdentifyView(Service.REGISTER_TODAY, step.state, step.reason)
        case FindDepartment() as step:
            return department_view(step, world, size)
        case FindDoctor() as step:
            return doctor_view(step, world, size)
        case PickSlot() as step:
            return slot_view(step, world, size)
        case CheckDetails() as step:
            return check_view(state, step, world)
        case Pay() as step:
            return pay_view(_order(state), step, world)
        case Ended():
            return ended_view(state, _order(state), world)
        case step:
            assert_never(step)


def _home(state: State, world: World) -> HomeView:
    is_identified = state.session.patient is not None
    tiles = tuple(tile(world, service, is_identified=is_identified) for service in Service)
    return HomeView(tiles, _next_action(state, world), can_identify=not is_identified)


def _next_action(state: State, world: World) -> NextAction | None:
    """The patient's own next step, None while nobody is known."""
    patient = state.session.patient
    if patient is None:
        return None
    own = state.book.registration_of(patient.key, world.today.isoformat())
    if own is None:
        service = Service.REGISTER_TODAY
        return NextAction(service, is_offered=_is_offered(world, service))
    return NextAction(
        Service.CHECK_IN,
        department_of(world, own.department_code).name,
        doctor_of(world, own.doctor_code).name,
        hhmm(own.slot_start),
        location_of(world, own.department_code, own.doctor_code),
        own.slot_number,
        is_offered=_is_offered(world, Service.CHECK_IN),
    )


def _is_offered(world: World, service: Service) -> bool:
    """Whether this kiosk has the service at all; that it does not work now, its tile says."""
    return tile(world, service, is_identified=True).reason is not Reason.NOT_OFFERED


def _frame(state: State, world: World) -> Frame:
    session, profile = state.session, world.profile
    look, step = session.look, session.step
    since = world.offline_since if not world.online else None
    is_open = state.out_of_service is None
    return Frame(
        clinic=profile.clinic,
        kiosk=profile.kiosk,
        time=world.clock_text(world.wall),
        language=look.language,
        size=look.size,
        contrast=look.contrast,
        reach=look.reach,
        network=Network.ONLINE if world.online else Network.OFFLINE,
        offline_since=None if since is None else world.clock_text(since),
        patient=_masked_name(state) if is_open else None,
        step=_progress(step) if is_open else None,
        can_go_back=_can_go_back(state),
        can_go_home=_can_go_home(state),
        seconds_left=seconds_left(state, world),
        help_open=session.help_open,
        staff_called=session.staff_called,
        offers_staff=offers_staff(state, world),
        notice=session.notice,
    )


_GOES_BACK = Identify | FindDepartment | FindDoctor | PickSlot | CheckDetails | Pay


def _can_go_back(state: State) -> bool:
    is_open = state.out_of_service is None
    return is_open and isinstance(state.session.step, _GOES_BACK) and not _is_cancelling(state)


def _can_go_home(state: State) -> bool:
    step = state.session.step
    if isinstance(step, StaffCode | StaffMatters):
        return True
    is_open = state.out_of_service is None
    return is_open and not isinstance(step, Attract) and not _is_cancelling(state)


def _is_cancelling(state: State) -> bool:
    payment = paying(state)
    return payment is not None and payment[0].cancel_reason is not None


def _masked_name(state: State) -> str | None:
    if state.session.patient is not None:
        return state.session.patient.masked_name
    has_order = isinstance(state.session.step, Pay | Ended)
    return state.book.order.patient_name if has_order and state.book.order is not None else None


def _progress(step: Step) -> tuple[int, int] | None:
    match step:
        case Identify():
            return 1, STEPS
        case FindDepartment():
            return 2, STEPS
        case FindDoctor():
            return 3, STEPS
        case PickSlot():
            return 4, STEPS
        case CheckDetails():
            return 5, STEPS
        case Pay():
            return 6, STEPS
        case Attract() | Home() | Ended() | StaffCode() | StaffMatters():
            return None
        case _:
            assert_never(step)


def _order(state: State) -> Order:
    order = state.book.order
    if order is None:
        raise AssertionError("a payment or its end is shown without an order in the book")
    return order
