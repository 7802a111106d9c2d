"""A kiosk's sync side: a real store and a real client, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from store_forward.contract.facts import Entry, Fact, KioskStarted
from store_forward.contract.keys import load_public_key
from store_forward.store.keys import StoreKey
from store_forward.store.network_status import SyncStatus
from store_forward.store.store import Role, Store
from store_forward.sync.authority import trust_only
from store_forward.sync.client import GatewayClient, open_connection
from store_forward.sync.service import Surroundings, SyncService
from tests.fakes.journal_of import entry_of

KEY = StoreKey("5c" * 32)


class Watch:
    """A monotonic clock and a wall clock that only move when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.began = datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.seconds - 1000.0)


class KioskInSync:
    """The sync process without its loop: the test steps it, and waiting takes no time."""

    def __init__(self, store_path: Path, device: str) -> None:
        self.device = device
        self.watch = Watch()
        self.told_systemd: list[str] = []
        self.notify: Callable[[str], None] = self.told_systemd.append
        self.core = Store.open(store_path, KEY, device=device, create=True)
        self.store = Store.open(store_path, KEY, device=device, role=Role.GUEST)
        """Core's own view of the same file: what it writes, sync has to notice."""
        self.runner = asyncio.Runner()
        self.service: SyncService | None = None
        self.client: GatewayClient | None = None

    def connect(
        self, url: str, authority: Path, receipt_key: Path, key: Ed25519PrivateKey, wanted: int = 2
    ) -> SyncService:
        """Start sync towards this gateway; an earlier one is given up like by a power cut."""
        self.hang_up()
        around = Surroundings(
            monotonic=self.watch.monotonic,
            now=self.watch.now,
            jitter=lambda: 0.5,
            new_id=lambda: str(uuid7()),
            notify=lambda state: self.notify(state),
        )
        self.client = GatewayClient(
            open_connection(url, trust_only(authority)),
            self.device,
            lambda: key,
            load_public_key(receipt_key),
            self.watch.now,
        )
        self.service = SyncService(self.store, self.client, around, wanted)
        self.service.start()
        return self.service

    def hang_up(self) -> None:
        if self.client is not None:
            self.runner.run(self.client.close())
        self.client = self.service = None

    def record(self, *facts: Fact, depends_on: tuple[str, ...] = ()) -> list[Entry]:
        """Core records facts."""
        entries = [entry_of(fact, depends_on=depends_on) for fact in facts]
        self.core.journal.append(entries)
        return entries

    def record_starts(self, count: int) -> None:
        """Core records this many small facts."""
        self.record(*(KioskStarted(f"test {number}") for number in range(count)))

    def step(self) -> None:
        """Let sync do one thing, or wait until one is due."""
        assert self.service is not None
        until = self.runner.run(self.service.step())
        self.watch.seconds = max(self.watch.seconds, until)

    def step_until(self, is_reached: Callable[[], bool], most_steps: int = 200) -> None:
        for _ in range(most_steps):
            if is_reached():
                return
            self.step()
        raise AssertionError(f"not reached in {most_steps} steps; status {self.status}")

    def drain(self) -> None:
        self.step_until(lambda: self.waiting == 0)

    async def until_drained(self) -> None:
        """Wait, in real time, for a service that runs by itself."""
        look_again = asyncio.Event()
        while self.waiting:
            asyncio.get_running_loop().call_later(0.01, look_again.set)
            await look_again.wait()
            look_again.clear()

    @property
    def waiting(self) -> int:
        return self.core.outbox.backlog().count

    @property
    def status(self) -> SyncStatus:
        status = self.core.network_status.read_status()
        assert status is not None
        return status

    def close(self) -> None:
        self.hang_up()
        self.runner.close()
        self.core.close()
        self.store.close()


@contextmanager
def kiosk_in_sync(store_path: Path, device: str) -> Iterator[KioskInSync]:
    kiosk = KioskInSync(store_path, device)
    try:
        yield kiosk
    finally:
        kiosk.close()
