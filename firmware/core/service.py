"""The core process: one event loop around the runner, the store, and two Unix sockets."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import structlog

from devices.messages import Command, Delivery, DeviceStatus
from devices.receipt_printer.document import Line, Qr, SlipDocument
from devices.receipt_printer.encoder import encode
from firmware import systemd_notify
from firmware.config.model import Deployment
from firmware.core.clocks import Clock
from firmware.core.devices_line import DevicesLine
from firmware.core.events import (
    DevicesCaughtUp,
    DevicesLost,
    Heard,
    Ticked,
    WorldChanged,
)
from firmware.core.ports import JournalRefused
from firmware.core.profile import profile_of
from firmware.core.runner import Runner, Surroundings
from firmware.core.slips import Sign, Slip, compose
from firmware.core.store_journal import StoreJournal
from firmware.core.surroundings import StoreSurroundings
from firmware.core.ticks import NextTick
from firmware.core.upkeep import Present, Upkeep
from firmware.line_door import LineDoor
from firmware.messages.intents import Touch
from firmware.messages.views import Screen
from firmware.socket_peers import peer_uid
from store_forward.contract.facts import Entry
from store_forward.store.errors import DamagedStore, JournalContradicted
from store_forward.store.room import BALLAST_BYTES, Ballast
from store_forward.store.store import Store

POLL_SECONDS = 0.5
"""How often the store is asked whether sync has written."""

RECOVER_SECONDS = 5.0
"""Between two attempts to get going again after the journal failed."""

SOFTWARE = "0.1.0"

log = structlog.get_logger(__name__)


class CoreService:
    """Serves one screen and one set of peripherals until told to stop.

    ``store`` is open and closed by the caller. ``sign_voucher`` signs what slips vouch for;
    ``ids`` yields UUIDv7 strings for ever; ``notify`` tells systemd, at least every
    ``watchdog_seconds`` from the loop that does the work. Besides this process's own user,
    ``screen_uids`` may be the screen and ``devices_uids`` the peripherals, and not the other way
    round: one that can touch cannot say that a note was stacked. ``upkeep`` makes, for this
    run of core, what looks after the journal; without it there are no checkpoints and no purges.
    """

    def __init__(
        self,
        store: Store,
        *,
        devices_socket: Path,
        ui_socket: Path,
        deployment: Deployment,
        sign_voucher: Sign,
        clock: Clock,
        ids: Iterator[str],
        notify: Callable[[str], None] = systemd_notify.notify,
        watchdog_seconds: float | None = None,
        devices_uids: frozenset[int] = frozenset(),
        screen_uids: frozenset[int] = frozenset(),
        ui_socket_mode: int = 0o600,
        software: str = SOFTWARE,
        uid_of: Callable[[socket.socket], int] = peer_uid,
        ballast_bytes: int = BALLAST_BYTES,
        upkeep: Callable[[str], Upkeep] | None = None,
    ) -> None:
        self._clock = clock
        self._store = store
        self._notify = notify
        self._watchdog_seconds = watchdog_seconds
        self._sign = sign_voucher
        ballast = Ballast(store.path, ballast_bytes)
        self._journal = StoreJournal(store, ballast)
        self._around = StoreSurroundings(store, profile_of(deployment), clock, ids, ballast)
        self._line = DevicesLine(devices_socket, self, allowed_uids=devices_uids, uid_of=uid_of)
        boot = next(ids)
        self._runner = Runner(
            Surroundings(
                journal=self,
                peripherals=self,
                encode=self._encode,
                world=self._around.world,
                show=self._show,
                ids=ids,
                salt=secrets.token_bytes(32),
                boot=boot,
                software=software,
            )
        )
        self._upkeep = upkeep(boot) if upkeep is not None else None
        store.carry_numbers(lambda: self._runner.numbers)
        self._door = LineDoor(
            ui_socket,
            self,
            msgspec.json.Decoder(Touch),
            client="screen",
            allowed_uids=screen_uids,
            mode=ui_socket_mode,
            uid_of=uid_of,
        )
        self._next_recovery = 0.0
        self._next_alive = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set."""
        self._around.refresh()
        self._runner.recover()
        await self._door.open()
        listening = asyncio.create_task(self._line.run())
        background: tuple[asyncio.Task[None], ...] = (listening,)
        try:
            self._notify(systemd_notify.READY)
            log.info("core ready")
            warming = asyncio.create_task(asyncio.to_thread(_load_encoder))
            background = (listening, warming)
            await self._until(stop, listening)
        except DamagedStore:
            self._store.note_damage()
            raise
        finally:
            self._notify(systemd_notify.STOPPING)
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._door.close()
            log.info("core ended")

    async def _until(self, stop: asyncio.Event, listening: asyncio.Task[None]) -> None:
        """Look at the store and at the time.

        A bug, here or in what a message set off, ends the process: a new one starts from the
        journal, which is right, instead of from a state that may not be.
        """
        tick = NextTick()
        while not stop.is_set():
            self._stay_alive()
            if self._around.refresh_if_changed():
                self._runner.handle(WorldChanged())
            if tick.take(self._clock.monotonic()):
                self._runner.handle(Ticked())
            self._make_way_for_recovery()
            self._get_going_again()
            self._look_after_journal()
            tick.expect(self._runner.next_wakeup())
            wait = tick.seconds_left(self._clock.monotonic(), at_most=POLL_SECONDS)
            try:
                await asyncio.wait_for(stop.wait(), timeout=wait)
            except TimeoutError:
                if self._door.failure is not None:
                    raise self._door.failure from None
                if listening.done():
                    listening.result()

    def _stay_alive(self) -> None:
        now = self._clock.monotonic()
        if self._watchdog_seconds is not None and now >= self._next_alive:
            self._next_alive = now + self._watchdog_seconds
            self._notify(systemd_notify.ALIVE)

    def _get_going_again(self) -> None:
        """After a failed journal: read it anew, then let the devices say again what they kept."""
        now = self._clock.monotonic()
        if self._runner.state.out_of_service is None or now < self._next_recovery:
            return
        self._next_recovery = now + RECOVER_SECONDS
        try:
            self._journal.look_anew()
        except JournalRefused as failure:
            log.error("store not to be used yet", why=str(failure))
            return
        self._around.refresh()
        if self._runner.recover():
            log.warning("journal works again")
            self._line.hang_up()

    def _make_way_for_recovery(self) -> None:
        """End, so that the next start mends the journal, where going on would only add to it.

        Raises:
            DamagedStore: the database was found damaged, by whomever. A start may take a minute to
                read all of it, so the patient of now is served to the end if the journal still
                works.
            StoreReplaced: the database is not there any more; the same holds.
            JournalContradicted: the gateway knows better what this journal holds; not before the
                patient of now is gone.
        """
        if self._journal.damage is not None:
            raise self._journal.damage
        at_rest = self._runner.is_at_rest
        if at_rest or self._runner.state.out_of_service is not None:
            self._store.require_sound()
        if at_rest and self._around.is_doubted and self._store.is_contradicted():
            raise JournalContradicted(
                self._store.path,
                "the gateway has other or more entries of this journal than this disk",
                "This start ends here, the next one begins a new journal",
            )

    def _look_after_journal(self) -> None:
        if self._upkeep is None:
            return
        world = self._around.world()
        at_rest = self._runner.state.out_of_service is None and self._runner.is_at_rest
        self._upkeep.look(Present(at_rest, world.today, world.clock))

    # --- what the runner uses -------------------------------------------------------------------

    def append(self, entries: Sequence[Entry]) -> None:
        """Journal port; a sale changes what is left to sell."""
        self._journal.append(entries)
        self._around.refresh()

    def recent(self) -> Sequence[Entry]:
        """Journal port."""
        return tuple(self._journal.recent())

    def tell(self, command: Command) -> None:
        """Peripherals port."""
        self._line.tell(command)

    def _encode(self, slip: Slip) -> bytes:
        return encode(compose(slip, self._sign))

    def _show(self, screen: Screen) -> None:
        self._door.send(screen)

    # --- what the screen says -------------------------------------------------------------------

    def client_came(self) -> None:
        """A new screen shows at once what the one before it showed."""
        self._door.send(self._runner.screen)

    def client_says(self, message: Touch) -> None:
        """The patient touched something."""
        self._runner.touched(message)

    def client_left(self) -> None:
        """Nothing is lost: the flow's state is here."""

    # --- what the devices say -------------------------------------------------------------------

    def devices_heard(self, delivery: Delivery) -> bool:
        """Take an event; see ``Listener``."""
        if isinstance(delivery.event, DeviceStatus):
            self._around.device_said(delivery.event)
        return self._runner.handle(Heard(delivery.event, f"{delivery.boot}:{delivery.number}"))

    def devices_caught_up(self) -> None:
        """Everything kept has come."""
        self._around.devices_caught_up()
        self._runner.handle(DevicesCaughtUp())

    def devices_lost(self) -> None:
        """The devices process is away."""
        self._around.devices_lost()
        self._runner.handle(DevicesLost())


def _load_encoder() -> None:
    """Encode a first slip for nobody: the library behind it takes most of a second to load, in
    which no touch would be answered if the first patient's slip had to wait for it."""
    encode(SlipDocument((Line("凭条"), Qr("凭条"))))
