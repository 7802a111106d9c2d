"""A kiosk in the simulation: core's and sync's real code over a real store file."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from store_forward.contract.facts import Entry, Fact
from store_forward.contract.resolutions import Resolution
from store_forward.contract.spans import Range
from store_forward.contract.wire import SlotLease
from store_forward.store.driver import Access, open_connection
from store_forward.store.journal import Row
from store_forward.store.keys import StoreKey
from store_forward.store.sending.exceptions import DECIDED_BEFORE, Standout
from store_forward.store.sending.marks import Step
from store_forward.store.sending.outbox import Waiting
from store_forward.store.store import Role, Store
from store_forward.sync.client import GatewayClient
from store_forward.sync.engine import shown
from store_forward.sync.service import Surroundings, SyncService
from tests.fakes.journal_of import entry_of
from tests.simulation.hospital import HOST, Hospital
from tests.simulation.network import Line
from tests.unit.gateway.bench import RECEIPT_KEY

KEY = StoreKey("5c" * 32)

BEGAN = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)
"""08:30 in the clinic."""


class Watch:
    """Time, which only moves when nothing else is to be done."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        """The gateway's time."""
        return BEGAN + timedelta(seconds=self.seconds - 1000.0)


@dataclass(frozen=True)
class Parts:
    """What a kiosk is made of; a control puts a broken one in."""

    client: type[GatewayClient] = GatewayClient
    service: type[SyncService] = SyncService


@dataclass
class Order:
    """A registration in progress."""

    order_id: str
    confirmation: str
    fee_fen: int
    collected_fen: int = 0
    is_open: bool = True

    def copy(self) -> Order:
        """The same, to go its own way from here."""
        return Order(
            self.order_id, self.confirmation, self.fee_fen, self.collected_fen, self.is_open
        )


@dataclass
class Memory:
    """What the outside knows was accepted on a disk: bodies by entry id, and the open orders.

    ``named`` are the numbers that it says both copies on it have lost, by journal; ``unproven`` is
    up to where a journal that was made anew from the mirror holds entries to be at the gateway
    without their receipts; ``is_struck``: both copies were damaged, and a start looks at no older
    segment of the mirror where the database is in order.
    """

    accepted: dict[str, bytes] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    named: dict[str, list[Range]] = field(default_factory=dict)
    unproven: dict[str, int] = field(default_factory=dict)
    is_struck: bool = False

    def copy(self) -> Memory:
        """What is known of a copy of the disk."""
        return Memory(
            dict(self.accepted),
            [each.copy() for each in self.orders],
            {journal: list(named) for journal, named in self.named.items()},
            dict(self.unproven),
            self.is_struck,
        )


@dataclass(frozen=True)
class View:
    """What the kiosk claims to know of the gateway."""

    acked_seq: int
    ahead: tuple[Range, ...]
    exceptions: tuple[Standout, ...]
    resolutions: tuple[Resolution, ...]
    mark: bytes


class Numbers:
    """Ids that never repeat and are the same in each run of a story."""

    def __init__(self) -> None:
        self.last = 0

    def new_id(self) -> str:
        self.last += 1
        return str(UUID(int=(0x0190AAAA << 96) + (7 << 76) + (8 << 60) + self.last))


class Kiosk:
    """One machine: a disk, and the processes that use it.

    ``skew`` is how far its clock is off. A clone has the same ``device`` as its original.
    """

    def __init__(
        self,
        device: str,
        folder: Path,
        hospital: Hospital,
        watch: Watch,
        numbers: Numbers,
        runner: asyncio.Runner,
        parts: Parts,
        memory: Memory | None = None,
    ) -> None:
        self.device = device
        self.folder = folder
        self.memory = memory or Memory()
        self.skew = timedelta()
        self.line = Line(hospital)
        self.key = _key_of(device)
        self._watch = watch
        self._numbers = numbers
        self._runner = runner
        self._parts = parts
        hospital.enrol(device, self.key)
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Core starts, which recovers the journal, and sync."""
        self.has_copied_log = False
        self.core = Store.open(self.path, KEY, device=self.device, create=True, now=self.now)
        self.start_sync()

    def start_sync(self) -> None:
        self.guest = Store.open(self.path, KEY, device=self.device, role=Role.GUEST)
        http = httpx.AsyncClient(
            transport=self.line,
            base_url=HOST,
            follow_redirects=False,
            timeout=None,
            headers={"user-agent": "outpost-sync"},
        )
        trusted = RECEIPT_KEY.public_key()
        self.client = self._parts.client(http, self.device, lambda: self.key, trusted, self.now)
        around = Surroundings(
            monotonic=self._watch.monotonic,
            now=self.now,
            jitter=lambda: 0.5,
            new_id=lambda: str(uuid7()),
            notify=lambda _: None,
        )
        self.service = self._parts.service(self.guest, self.client, around, 2)
        self.service.start()

    def stop_sync(self) -> None:
        self._runner.run(self.client.close())
        self.guest.close()

    def stop(self) -> None:
        self.stop_sync()
        self.core.close()

    def restart(self) -> None:
        """All processes end and start again; what is on the disk stays."""
        self.stop()
        self.start()

    def copy_log(self) -> None:
        """SQLite copies the log into the main file, as it does every so often."""
        connection = open_connection(self.path, KEY, Access.WRITE)
        connection.row("PRAGMA wal_checkpoint(PASSIVE)")
        connection.close()
        self.has_copied_log = True

    def now(self) -> datetime:
        """This kiosk's idea of the time."""
        return self._watch.now() + self.skew

    def step(self) -> None:
        """Let sync do one thing; when nothing is due, time passes until something is."""
        until = self._runner.run(self.service.step())
        self._watch.seconds = max(self._watch.seconds, until)

    def record(self, *facts: Fact, depends_on: tuple[str, ...] = ()) -> list[Entry]:
        """Core accepts facts."""
        entries = [
            entry_of(fact, entry_id=self._numbers.new_id(), depends_on=depends_on) for fact in facts
        ]
        appended = self.core.journal.append(entries)
        for row in self.core.journal.read(appended.first_seq - 1):
            self.memory.accepted[row.entry().id] = row.body
        return entries

    def rows(self) -> Sequence[Row]:
        """The whole journal."""
        return self.core.journal.read(0, 10_000)

    def leases(self) -> tuple[SlotLease, ...]:
        """What core may sell, by the gateway's clock."""
        return self.core.allotments.sellable(self._watch.now())

    def sendable(self) -> list[Waiting]:
        """What waits and is held up by nothing."""
        parked = {each.seq for each in self.core.outbox.parked()}
        free: list[Waiting] = []
        lanes: set[str] = set()
        ids: set[str] = set()
        for each in self.core.outbox.waiting(0, 10_000):
            if each.seq in parked or each.lane in lanes or not ids.isdisjoint(each.parents):
                lanes.add(each.lane)
                ids.add(each.id)
            else:
                free.append(each)
        return free

    @property
    def path(self) -> Path:
        """Its store."""
        return self.folder / "store.db"

    @property
    def incarnation(self) -> str:
        return self.core.identity.incarnation

    @property
    def is_contradicted(self) -> bool:
        return self.service.state.step in (Step.ROLLED_BACK, Step.OTHER_CHAIN)

    @property
    def is_refused(self) -> bool:
        """Whether core is told to sell nothing, by the mark or by the refusal of a batch."""
        return shown(self.service.state).journal is Step.OTHER_CHAIN

    @property
    def seems_contradicted(self) -> bool:
        return self.core.is_contradicted()

    def view(self) -> View:
        """What it claims now."""
        outbox = self.core.outbox
        mark = outbox.gateway_mark()
        return View(
            outbox.acked_seq(),
            outbox.ahead(),
            tuple(outbox.exceptions()),
            tuple(self.core.resolutions.all()),
            repr(mark).encode(),
        )

    def is_covered(self, seq: int) -> bool:
        """Whether the kiosk believes this entry to be at the gateway."""
        outbox = self.core.outbox
        return seq <= outbox.acked_seq() or any(
            each.first <= seq <= each.last for each in outbox.ahead()
        )

    def doubted(self) -> set[int]:
        """Entries that staff had ended at a gateway which has gone back to a backup since."""
        return {each.seq for each in self.core.outbox.parked() if each.code == DECIDED_BEFORE}

    def copy_disk(self, to: Path) -> Memory:
        """Copy the disk of the machine, which is switched off for it; return what is on it."""
        self.stop()
        shutil.copytree(self.folder, to)
        self.start()
        return self.memory.copy()

    def replace_disk(self, copy: Path, memory: Memory) -> None:
        """The machine goes on with an older copy of its disk."""
        self.stop()
        shutil.rmtree(self.folder)
        shutil.copytree(copy, self.folder)
        self.memory = memory.copy()
        self.start()


def _key_of(device: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(device.encode().ljust(32, b"-"))
