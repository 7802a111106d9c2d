"""A whole kiosk and its HIS in one process: all real but the hardware and the passing of time.

The parts of ``firmware/assembly/``, joined by calls in place of processes and sockets: core's
runner on an encrypted store, drivers on emulators that speak bytes, sync over TLS to the gateway.
Waiting moves clocks and costs no time.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from secrets import token_bytes
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from httpx import Client

from devices.messages import DeviceKind, DeviceStatus, EndCashIn, StopCardReading
from devices.receipt_printer.encoder import encode
from devices.receipt_printer.paper import QrRow
from devices.receipt_printer.printed_slip import PrintedSlip
from firmware.assembly.process import uuids
from firmware.config.model import Clinic, Deployment, Device, Gateway, Kiosk, Staff
from firmware.core.clocks import Clock
from firmware.core.events import DevicesCaughtUp, Heard, Ticked, WorldChanged
from firmware.core.gates import why_not_at_work
from firmware.core.profile import profile_of
from firmware.core.runner import Runner, Surroundings
from firmware.core.slips import compose
from firmware.core.staff_code import hash_code
from firmware.core.store_journal import StoreJournal
from firmware.core.surroundings import StoreSurroundings
from firmware.messages.intents import (
    ChooseDepartment,
    ChooseDoctor,
    ChooseService,
    ChooseSlot,
    Finish,
    Intent,
    Search,
    Touch,
    Wake,
)
from firmware.messages.views import (
    AttractView,
    ConfirmView,
    DepartmentView,
    DoctorView,
    Frame,
    HomeView,
    Reason,
    Screen,
    Service,
    SlotView,
)
from store_forward.contract.facts import Entry
from store_forward.contract.vouchers import VoucherPayload, read_voucher, voucher_text
from store_forward.contract.wire import TransactionStatus
from tests.fakes.emulated_devices import ACCEPTOR, PRINTER, READER, EmulatedDevices
from tests.fakes.faulty_front import FaultyFront, faulty_front
from tests.fakes.journal_of import signed_headers
from tests.fakes.kiosk_in_sync import KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import CLINIC, running_gateway
from tests.fakes.small_ballast import small_ballast

KIOSK = "QH-K01"

STAFF_CODE = "246810"


def morning_zone(now: datetime) -> str:
    """A time zone in which it is between eight and nine in the morning now.

    Tests that let hours pass stay on one business day, whenever they run. Names of these zones
    have the sign of POSIX: Etc/GMT-8 is eight hours ahead of UTC.
    """
    ahead = (8 - now.astimezone(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


MORNING_ZONE = morning_zone(datetime.now(UTC))

DEPLOYMENT = Deployment(
    clinic=Clinic("QH", "青禾镇分院", "Qinghe Town Branch Clinic", MORNING_ZONE),
    kiosk=Kiosk(KIOSK, "A"),
    gateway=Gateway("https://127.0.0.1:1"),
    device=(
        Device(READER, DeviceKind.ID_READER, "samv", "/dev/null"),
        Device(ACCEPTOR, DeviceKind.CASH_ACCEPTOR, "ccnet", "/dev/null"),
        Device(PRINTER, DeviceKind.RECEIPT_PRINTER, "escpos", "/dev/null"),
    ),
    staff=Staff(hash_code(STAFF_CODE, b"\x07" * 16)),
)

CHIEF_FEE_FEN = 3000
"""Of a chief physician (firmware/demo/clinic.toml)."""

V = TypeVar("V")
F = TypeVar("F")


class Desk:
    """One kiosk, the hands of its patient, and what the HIS says when asked."""

    def __init__(
        self, sync: KioskInSync, front: FaultyFront, device_key: Ed25519PrivateKey, http: Client
    ) -> None:
        self.sync = sync
        self.network = front
        self.store = sync.core
        self.device_key = device_key
        self.devices = EmulatedDevices()
        self.shown: list[Screen] = []
        self.wall_is_ahead = timedelta()
        self._due = 0.0
        self._http = http
        self._journal = StoreJournal(self.store, small_ballast(self.store))
        self._ids = uuids()
        self._deliveries = count(1)
        began = datetime.now(UTC) - timedelta(seconds=self.devices.clock())
        clock = Clock(
            self.devices.clock,
            lambda: began + timedelta(seconds=self.devices.clock()) + self.wall_is_ahead,
        )
        self._clock = clock
        self._start_core()
        self.waits(self._all_online, "three devices that work")

    def core_restarts(self) -> None:
        """Core is killed: the devices process stops what core had asked for. A new one comes."""
        statuses = self._around.world().devices
        self.devices.tell(EndCashIn(ACCEPTOR))
        self.devices.tell(StopCardReading(READER))
        until = self.devices.clock() + 1
        while self.devices.clock() < until:
            self.devices.work()
        self._start_core()
        for status in statuses.values():
            self._around.device_said(status)

    def _start_core(self) -> None:
        self._around = StoreSurroundings(
            self.store,
            profile_of(DEPLOYMENT),
            self._clock,
            self._ids,
            small_ballast(self.store),
        )
        self._around.refresh()
        self._runner = Runner(
            Surroundings(
                journal=self,
                peripherals=self.devices,
                encode=lambda slip: encode(compose(slip, self._sign)),
                world=self._around.world,
                show=self.shown.append,
                ids=self._ids,
                salt=token_bytes(32),
                boot=next(self._ids),
                software="test",
            )
        )
        self._runner.recover()
        self._around.devices_caught_up()
        self._runner.handle(DevicesCaughtUp())

    def lets_pass(self, seconds: float) -> None:
        """Everything that happens by itself happens."""
        until = self.devices.clock() + seconds
        self.waits(lambda: self.devices.clock() >= until, "the end of a pause", seconds + 1)

    def pulls(self) -> None:
        """Let sync fetch reference data and lease slots."""
        self.sync.step_until(lambda: self.store.allotments.as_of() is not None)
        self.sync.step_until(lambda: self.store.reference.freshness("schedules") is not None)

    def goes_offline(self) -> None:
        """Cut the network and let sync notice."""
        self.network.cut()
        self.sync.step_until(lambda: not self.sync.status.online)

    # --- the patient ----------------------------------------------------------------------------

    def touches(self, *intents: Intent) -> None:
        """Touch what is on the screen now."""
        for intent in intents:
            self._runner.touched(Touch(self._runner.screen.number, intent))

    def sees(self, kind: type[V], within_seconds: float = 60, **expected: object) -> V:
        """Wait until the screen shows this view with these fields."""

        def seen() -> bool:
            view = self._runner.screen.view
            return isinstance(view, kind) and all(
                getattr(view, name) == value for name, value in expected.items()
            )

        self.waits(seen, f"{kind.__name__} {expected}", within_seconds)
        view: object = self._runner.screen.view
        assert isinstance(view, kind)
        return view

    def identifies(self, preset: str = "test_a") -> None:
        """Wake the screen and lay a card on the reader."""
        self.touches(Wake())
        self.sees(HomeView)
        self.devices.reader.lay_card(preset)
        self.sees(HomeView, can_identify=False)

    def leaves(self) -> None:
        """Take the card and go."""
        self.devices.reader.lift_card()
        self.touches(Finish())
        self.sees(AttractView)
        until = self.devices.clock() + 2.0
        self.waits(lambda: self.devices.clock() >= until)

    def chooses(self, query: str = "nk", fee_fen: int = CHIEF_FEE_FEN) -> ConfirmView:
        """From home to the details: department found, doctor by fee, first free time."""
        self.touches(ChooseService(Service.REGISTER_TODAY), Search(query))
        self.touches(ChooseDepartment(self.sees(DepartmentView, query=query).rows[0].code))
        doctors = self.sees(DoctorView).rows
        self.touches(ChooseDoctor(next(row.code for row in doctors if row.fee_fen == fee_fen)))
        self.touches(ChooseSlot(self.sees(SlotView).rows[0].id))
        return self.sees(ConfirmView)

    def facts(self, *kinds: type[F]) -> list[F]:
        """What the journal holds of these kinds, oldest first."""
        facts = [row.entry().fact for row in self.store.journal.read()]
        return [fact for fact in facts if isinstance(fact, kinds)]

    def sees_tile(self, service: Service, reason: Reason) -> None:
        """Wait until a tile says why it does not work; NONE when it works."""

        def says() -> bool:
            view = self._runner.screen.view
            return isinstance(view, HomeView) and any(
                tile.service is service and tile.reason is reason for tile in view.tiles
            )

        self.waits(says, f"{service} with {reason}")

    def passes(self, *, hours: float) -> None:
        """Nobody does anything for a long time."""
        self.devices.clock.advance(hours * 3600)
        self.sees(AttractView)

    def feeds(self, amount_yuan: int) -> None:
        """Hold a note to the slot until it is drawn in."""

        def is_drawn_in() -> bool:
            self.devices.acceptor.feed(amount_yuan)
            return self.devices.acceptor.state()["last_feed"] == "drawn in"

        self.waits(is_drawn_in, "an acceptor that takes notes")

    @property
    def frame(self) -> Frame:
        """What surrounds every view: masked name, network, time."""
        return self._runner.screen.frame

    @property
    def leased_at(self) -> str:
        """The clinic's time at which the HIS gave what is for sale here, ``HH:MM``."""
        text = self.store.allotments.as_of()
        assert text is not None, "nothing was leased"
        return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(MORNING_ZONE)):%H:%M}"

    def voucher_on(self, slip: PrintedSlip) -> VoucherPayload:
        """Read the signed QR code of a slip, as another kiosk would."""
        (code,) = [row.data.decode() for row in slip.rows if isinstance(row, QrRow)]
        return read_voucher(code, self.device_key.public_key())

    # --- the HIS, asked over the network --------------------------------------------------------

    def his_rows(self) -> dict[str, Any]:
        """What the gateway's operator sees."""
        token = self.network.gateway.token
        answer = self._http.get("/console/rows", headers={"Authorization": f"Bearer {token}"})
        return dict(answer.raise_for_status().json())

    def his_status(self, slip_code: str) -> TransactionStatus:
        """What any enrolled kiosk is told about a slip code."""
        path = f"/v1/transactions/{slip_code}"
        url = f"{self.network.gateway.url}{path}"
        signed = signed_headers("GET", url, b"", self.device_key, KIOSK)
        answer = self._http.get(path, headers=signed).raise_for_status()
        return msgspec.json.decode(answer.content, type=TransactionStatus)

    # --- what a process would do in its loop ----------------------------------------------------

    def waits(self, holds: Callable[[], bool], what: str = "it", seconds: float = 60) -> None:
        """Let drivers and core work until this holds."""
        until = self.devices.clock() + seconds
        while not holds():
            assert self.devices.clock() < until, f"{what} in vain; shown is {self._runner.screen}"
            self._let_things_happen()

    def append(self, entries: Sequence[Entry]) -> None:
        """Core's journal port; a sale changes what is left to sell."""
        self._journal.append(entries)
        self._around.refresh()

    def recent(self) -> Iterable[Entry]:
        """Core's journal port."""
        return self._journal.recent()

    def _all_online(self) -> bool:
        return all(
            why_not_at_work(self._around.world(), kind) is Reason.NONE for kind in DeviceKind
        )

    def _let_things_happen(self) -> None:
        """Let every driver work for a slice, then tell core what was said and what time it is."""
        if self.store.changed():
            self._around.refresh()
            self._runner.handle(WorldChanged())
        for event in self.devices.work():
            if isinstance(event, DeviceStatus):
                self._around.device_said(event)
            self._runner.handle(Heard(event, f"desk:{next(self._deliveries)}"))
        if self.devices.clock() >= self._due:
            self._runner.handle(Ticked())
        self._due = self._runner.next_wakeup()

    def _sign(self, payload: VoucherPayload) -> str:
        return voucher_text(payload, self.device_key)


@contextmanager
def kiosk_on_a_desk(folder: Path) -> Iterator[Desk]:
    """A kiosk, newly enrolled at a gateway of its own; the network can be cut and opened."""
    reference = folder / "clinic.toml"
    there = CLINIC.read_text(encoding="utf-8")
    reference.write_text(there.replace("Asia/Shanghai", MORNING_ZONE), encoding="utf-8")
    with (
        running_gateway(folder / "gateway", reference) as gateway,
        faulty_front(gateway) as front,
    ):
        key = gateway.enrol(KIOSK)
        trust = ssl.create_default_context(cafile=str(gateway.authority))
        with (
            kiosk_in_sync(folder / "store.db", KIOSK) as sync,
            Client(base_url=gateway.url, verify=trust, trust_env=False) as http,
        ):
            sync.connect(front.url, gateway.authority, gateway.receipt_key, key, wanted=4)
            yield Desk(sync, front, key, http)
