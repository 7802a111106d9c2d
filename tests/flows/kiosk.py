"""A whole kiosk in memory, driven by a patient and the things that go wrong.

``Kiosk`` joins the real runner with a journal and devices in memory and a clock that stands still
until told. A crash drops everything but the journal and the devices, as a killed process does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import TypeVar

import msgspec

from devices.messages import Command, DeviceStatus, IdentityCard
from firmware.core.events import (
    DevicesCaughtUp,
    DevicesLost,
    Heard,
    Ticked,
    WorldChanged,
)
from firmware.core.runner import Runner, Surroundings
from firmware.core.slips import Slip, compose
from firmware.core.state import State
from firmware.core.world import FreshIds, Outgoing, Profile, World
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Confirm,
    Intent,
    Touch,
    Wake,
)
from firmware.messages.views import Reason, Screen, Service, View
from store_forward.contract.facts import ClockTrust, Entry, Fact
from store_forward.contract.vouchers import VoucherPayload
from store_forward.contract.wire import SlotLease
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import FakeDevices
from tests.fakes.fake_journal import FakeJournal

V = TypeVar("V")
F = TypeVar("F")


class Crash(BaseException):
    """Power cut or SIGKILL: nothing after this point happens in the process."""


def words_of(slip: Slip) -> bytes:
    """Encode a slip readably: the test reads the words, the encoder has tests of its own."""
    return "\n".join(str(part) for part in compose(slip, signed).parts).encode()


def signed(payload: VoucherPayload) -> str:
    return f"signed:{payload.slip_code}:{payload.amount_fen}"


class Kiosk:
    """The kiosk and everything around it."""

    def __init__(
        self,
        profile: Profile | None = None,
        *,
        journal: FakeJournal | None = None,
        devices: FakeDevices | None = None,
    ) -> None:
        self.journal = journal or FakeJournal()
        self.devices = devices or FakeDevices()
        self.profile = profile or clinic.profile()
        self.now = 1000.0
        self.started_at = clinic.MORNING - timedelta(seconds=self.now)
        self.online = True
        self.clock = ClockTrust.SYNCHRONISED
        self.catalogue = clinic.catalogue()
        self.leases: tuple[SlotLease, ...] = tuple(clinic.lease(n) for n in range(1, 8)) + tuple(
            clinic.lease(n, "D2") for n in range(1, 4)
        )
        self.paused = Reason.NONE
        self.outgoing = Outgoing()
        self.screens: list[Screen] = []
        self.at_boundary: Callable[[str], None] = _nothing
        self._ids: Iterator[str] = (f"id-{n}" for n in count(1))
        self._statuses: dict[str, DeviceStatus] = {}
        self._caught_up = False
        self.runner = self._new_runner()
        self.start()

    # --- the process ----------------------------------------------------------------------------

    def start(self) -> None:
        """core comes up and finds the devices process."""
        self.runner.recover()
        self.connect()

    def crash(self) -> None:
        """core is killed and comes up again."""
        self.drop()
        self.start()

    def crash_at(self, boundary: str, times: int = 1) -> None:
        """Let core be killed when it reaches a boundary for the ``times``-th time.

        Boundaries: ``before append``, ``after append``, ``tell``, ``acknowledge``.
        """
        left = [times]

        def reached(where: str) -> None:
            if where == boundary:
                left[0] -= 1
                if left[0] == 0:
                    raise Crash

        self.at_boundary = reached

    def drop(self) -> None:
        """core is killed."""
        self.at_boundary = _nothing
        self.devices.disconnect()
        self._statuses, self._caught_up = {}, False
        self.runner = self._new_runner()

    def connect(self) -> None:
        self.devices.connect()
        self.deliver()
        self._caught_up = True
        self.runner.handle(DevicesCaughtUp())
        self.deliver()

    def lose_devices(self) -> None:
        self.devices.disconnect()
        self._statuses, self._caught_up = {}, False
        self.runner.handle(DevicesLost())

    def kill_devices(self, *, before_acknowledging: bool = False) -> None:
        """The devices process is killed, see ``FakeDevices.restart``; the next one is found."""
        self.lose_devices()
        self.devices.restart(before_acknowledging=before_acknowledging)
        self.connect()

    def deliver(self) -> None:
        """Let core hear everything the devices have to say."""
        while (delivery := self.devices.next_delivery()) is not None:
            if isinstance(delivery.event, DeviceStatus):
                self._statuses[delivery.event.device] = delivery.event
            heard = Heard(delivery.event, f"{delivery.boot}:{delivery.number}")
            durable = self.runner.handle(heard)
            self.at_boundary("acknowledge")
            if durable:
                self.devices.acknowledge(delivery)

    def wait(self, seconds: float) -> None:
        """Time passes, second by second."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(self.now + 1.0, end)
            self.runner.handle(Ticked())
            self.deliver()

    def world_changes(self) -> None:
        self.runner.handle(WorldChanged())

    # --- the patient ----------------------------------------------------------------------------

    def touch(self, *intents: Intent) -> None:
        """The patient touches the current screen."""
        for intent in intents:
            self.runner.touched(Touch(self.screen.number, intent))
            self.deliver()

    def lay_card(self, card: IdentityCard | None = None) -> None:
        self.devices.lay_card(card or clinic.card())
        self.deliver()

    def lift_card(self) -> None:
        self.devices.lift_card()
        self.deliver()

    def insert(self, yuan: int) -> bool:
        taken = self.devices.insert(yuan * 100)
        self.deliver()
        return taken

    def choose_until_confirm(self, doctor: str = "D1", slot: int = 1) -> None:
        """Wake, identify, choose; the details are on the screen."""
        self.touch(Wake())
        self.lay_card()
        self.touch(
            ChooseService(Service.REGISTER_TODAY),
            ChooseDepartment("NK01"),
            ChooseDoctor(doctor),
            ChooseSlot(f"{doctor}-{slot}"),
        )

    def confirm(self, doctor: str = "D1", slot: int = 1) -> None:
        """Everything up to the payment."""
        self.choose_until_confirm(doctor, slot)
        self.touch(Confirm())

    # --- what can be seen -----------------------------------------------------------------------

    @property
    def screen(self) -> Screen:
        return self.runner.screen

    @property
    def state(self) -> State:
        return self.runner.state

    def view(self, kind: type[V]) -> V:
        """The view shown now, which must be of this kind."""
        shown: View = self.screen.view
        assert isinstance(shown, kind), shown
        return shown

    def facts(self, kind: type[F]) -> list[F]:
        """Recorded facts of one kind, oldest first."""
        return [fact for fact in self.journal.facts if isinstance(fact, kind)]

    @property
    def notice(self) -> Reason:
        """Why the notice on the screen says no; NONE while there is none."""
        shown = self.screen.frame.notice
        return Reason.NONE if shown is None else shown.reason

    @property
    def patient_facts(self) -> list[Fact]:
        """Everything recorded that belongs to an order."""
        return [entry.fact for entry in self.journal.entries if entry.lane != "kiosk"]

    @property
    def slips(self) -> list[str]:
        return [data.decode() for data in self.devices.slips]

    # --- inside ---------------------------------------------------------------------------------

    @property
    def wall(self) -> datetime:
        return self.started_at + timedelta(seconds=self.now)

    def world(self) -> World:
        return World(
            profile=self.profile,
            now=self.now,
            wall=self.wall,
            fresh=FreshIds(next(self._ids), next(self._ids), next(self._ids)),
            clock=self.clock,
            online=self.online,
            offline_since=None if self.online else clinic.MORNING,
            devices_connected=self._caught_up,
            devices=self._statuses,
            catalogue=self.catalogue,
            leases=tuple(one for one in self.leases if one.slot_id not in self.journal.sold_slots),
            leases_as_of=clinic.MORNING,
            paused=self.paused,
            outgoing=self.outgoing,
        )

    def limit(self, **changes: int) -> None:
        """Change a limit of the deployment file."""
        limits = msgspec.structs.replace(self.profile.limits, **changes)
        self.profile = replace(self.profile, limits=limits)

    def _new_runner(self) -> Runner:
        return Runner(
            Surroundings(
                journal=_Watched(self),
                peripherals=_Told(self),
                encode=words_of,
                world=self.world,
                show=self.screens.append,
                ids=self._ids,
                salt=b"0" * 32,
                boot=next(self._ids),
                software="test",
            )
        )


def _nothing(where: str) -> None:
    """No crash."""


class _Told:
    """The devices, with a boundary before each command."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk

    def tell(self, command: Command) -> None:
        self._kiosk.at_boundary("tell")
        self._kiosk.devices.tell(command)


class _Watched:
    """The journal, with a boundary before and after each append for crashes to happen at."""

    def __init__(self, kiosk: Kiosk) -> None:
        self._kiosk = kiosk

    def append(self, entries: Sequence[Entry]) -> None:
        self._kiosk.at_boundary("before append")
        self._kiosk.journal.append(entries)
        self._kiosk.at_boundary("after append")

    def recent(self) -> Iterable[Entry]:
        return self._kiosk.journal.recent()
