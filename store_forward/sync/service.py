"""The sync process: asks the engine what to do, does it, tells it how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, assert_never

import structlog

from store_forward.contract.keys import BadKeyFile
from store_forward.contract.marks import StreamMark
from store_forward.contract.spans import Range
from store_forward.contract.wire import BatchAnswer, HealthAnswer, LeaseRequest, ReferencePage
from store_forward.store.errors import PASSING, DamagedStore, ReceiptRefused, UnreadableAnswer
from store_forward.store.store import Store
from store_forward.sync import engine
from store_forward.sync.batches import cut_batch
from store_forward.sync.case_exchange import CaseExchange, Exchanged
from store_forward.sync.client import GatewayClient
from store_forward.sync.engine import RECEIPT_MISFIT, Shown, State
from store_forward.sync.outcomes import Failure, Unreadable
from store_forward.sync.outgoing import Alarm, Effect, Park, RenewIdentity
from store_forward.sync.publishing import StatusBoard, offset_seconds
from store_forward.sync.pulls import LEASES, MARK, REPORT, RESOLUTIONS
from store_forward.sync.queue import Queue
from store_forward.sync.steps import (
    Action,
    AskMark,
    BatchFailed,
    BatchRecorded,
    Event,
    FetchResolutions,
    MarkTaken,
    Moment,
    NotRecorded,
    Probe,
    Probed,
    Pulled,
    PullFailed,
    PullReference,
    RenewLeases,
    ReportExceptions,
    SendBatch,
    Stirred,
    Wait,
    Work,
)

LOOK_SECONDS: Final = 0.5
"""How often to look for new facts of core and for the end of the resting connection."""

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"

_log = structlog.get_logger("sync")


@dataclass(frozen=True)
class Surroundings:
    """What the loop takes from outside.

    ``monotonic`` in seconds; ``now`` aware; ``jitter`` from 0 to 1; ``new_id`` gives ids that
    never repeat; ``notify`` tells systemd (sd_notify states).
    """

    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    new_id: Callable[[], str]
    notify: Callable[[str], None]


class There(NamedTuple):
    """What the gateway has of this journal, as the store says: entries, and reports of others."""

    acked_seq: int = 0
    ahead: tuple[Range, ...] = ()
    reported: tuple[int, ...] = ()


def run_service(service: SyncService) -> None:
    """Run the service in this thread until SIGTERM or SIGINT."""

    async def until_stopped() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is not None:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await service.run()

    asyncio.run(until_stopped())


class SyncService:
    """Drains the outbox to the gateway, pulls reference data and leases, tells core the status."""

    def __init__(
        self,
        store: Store,
        client: GatewayClient,
        surroundings: Surroundings,
        wanted_per_doctor: int,
    ) -> None:
        self._store = store
        self._client = client
        self._around = surroundings
        self._wanted_per_doctor = wanted_per_doctor
        self._board = StatusBoard(store.network_status, surroundings.now)
        self._queue = Queue(store)
        self._cases = CaseExchange(store, client)
        self._work = Work()
        self._lease_request: str | None = None
        self._alarmed: dict[str, str] = {}
        self._known_there = There()
        self.state = State()

    async def run(self) -> None:
        """Work until cancelled. Then the status says that nobody looks at the network any more.

        Raises:
            BadKeyFile: the device key cannot be used.
            StoreError: the store cannot be used; the next start tries again. Core, which alone can
                mend it, is told of damage.
        """
        with self._telling_of_damage():
            self.start()
        try:
            with self._telling_of_damage():
                await self._work_on()
        finally:
            self._around.notify(STOPPING)
            ended = Shown(False, "stopped", engine.shown(self.state).journal)
            self._board.show(ended, self._around.monotonic())
            await self._client.close()

    async def _work_on(self) -> None:
        while True:
            self._around.notify(ALIVE)
            until = await self.step()
            pause = until - self._around.monotonic()
            if pause > 0:
                await asyncio.sleep(min(pause, LOOK_SECONDS))

    @contextlib.contextmanager
    def _telling_of_damage(self) -> Iterator[None]:
        try:
            yield
        except DamagedStore:
            self._store.note_damage()
            raise

    def start(self) -> None:
        """Read the key and our place in the journal; say that the gateway is not asked yet.

        A journal that it contradicted before is not sold from until it says otherwise.
        """
        self._client.renew_identity()
        self._board.load()
        self.state = State(step=self._board.journal)
        self._store.changed()
        self._look()
        self._known_there = self._there()
        self._show()
        self._around.notify(READY)
        head, acked = self._store.journal.head().seq, self._store.outbox.acked_seq()
        _log.info("started", head_seq=head, acked_seq=acked)

    async def step(self) -> float:
        """Do the one thing that is due; return until when (monotonic) nothing is."""
        if self._store.changed():
            self._look()
            if self._there() != self._known_there:
                # Answers on a stick, maybe of a gateway that was restored from a backup since.
                self._known_there = self._there()
                self._take(Stirred(self._moment()))
        if self._client.was_disconnected():
            self._take(Stirred(self._moment()))
        action = engine.decide(self.state, self._around.monotonic(), self._work)
        if isinstance(action, Wait):
            self._show()
            return action.until
        event = await self._perform(action)
        if isinstance(action, SendBatch | AskMark | FetchResolutions | ReportExceptions):
            self._known_there = self._there()
        if event is not None:
            self._take(event)
        self._show()
        return self._around.monotonic()

    async def _perform(self, action: Action) -> Event | None:
        match action:
            case Probe():
                return await self._probe()
            case SendBatch():
                return await self._send(action)
            case PullReference():
                return await self._pull(action.name)
            case RenewLeases():
                return await self._renew_leases()
            case AskMark():
                return await self._ask_mark()
            case ReportExceptions():
                return await self._exchange_cases(REPORT, self._cases.report())
            case FetchResolutions():
                return await self._exchange_cases(RESOLUTIONS, self._cases.fetch())
            case Wait():
                return None
            case _:
                assert_never(action)

    async def _probe(self) -> Event:
        asked = self._around.now()
        answer = await self._client.health()
        if not isinstance(answer, HealthAnswer):
            return Probed(self._moment(), answer)
        offset = offset_seconds(answer.now, asked, self._around.now())
        if offset is None:
            return Probed(self._moment(), Unreadable("the gateway's time is no time"))
        self._board.note_contact()
        self._board.note_offset(offset)
        return Probed(self._moment(), None)

    async def _send(self, wanted: SendBatch) -> Event | None:
        cut = cut_batch(self._store, wanted.seqs, is_offer=wanted.is_offer)
        if cut is None:
            self._look()
            return None
        batch, sent = cut
        began = self._around.monotonic()
        answer = await self._client.send(batch, wanted.time_out_seconds)
        if not isinstance(answer, BatchAnswer):
            return BatchFailed(self._moment(), sent, answer)
        took = self._around.monotonic() - began
        self._board.note_contact()
        before = self._store.outbox.acked_seq()
        try:
            acked_seq = self._store.outbox.record_answer(answer.receipt, answer.results)
        except ReceiptRefused as refused:
            return NotRecorded(self._moment(), sent, RECEIPT_MISFIT, str(refused))
        except PASSING as error:
            return NotRecorded(self._moment(), sent, "receipt_not_stored", str(error))
        self._look()
        _log.info("recorded", first_seq=sent.seqs[0], count=sent.count, acked=acked_seq)
        has_fallen_back = acked_seq < before
        return BatchRecorded(self._moment(), sent, acked_seq, has_fallen_back, took)

    async def _ask_mark(self) -> Event:
        mark = await self._client.mark(self._store.identity.incarnation)
        if not isinstance(mark, StreamMark):
            return PullFailed(self._moment(), MARK, mark)
        self._board.note_contact()
        outbox = self._store.outbox
        before = outbox.acked_seq(), outbox.ahead()
        try:
            step = outbox.take_mark(mark)
        except (ReceiptRefused, *PASSING) as error:
            return PullFailed(self._moment(), MARK, None, str(error))
        has_fallen_back = before != (outbox.acked_seq(), outbox.ahead())
        self._look()
        head = self._store.journal.head().seq
        detail = f"the gateway has this journal up to {mark.high_water}, here it ends at {head}"
        return MarkTaken(self._moment(), step, detail, has_fallen_back, mark.fenced_seq)

    async def _exchange_cases(self, name: str, asked: Awaitable[Exchanged]) -> Event:
        ended = await asked
        if ended.failure is not None:
            return PullFailed(self._moment(), name, ended.failure)
        self._board.note_contact()
        self._look()
        if ended.trouble:
            return PullFailed(self._moment(), name, None, ended.trouble)
        return Pulled(self._moment(), name, ended.is_complete)

    async def _pull(self, name: str) -> Event:
        known = self._store.reference.freshness(name)
        page = await self._client.reference(name, known.cursor if known else "")
        if not isinstance(page, ReferencePage):
            return PullFailed(self._moment(), name, page)
        self._board.note_contact()
        try:
            self._store.reference.apply(page)
        except (UnreadableAnswer, *PASSING) as error:
            return PullFailed(self._moment(), name, None, str(error))
        is_endless = not page.complete and known is not None and page.cursor == known.cursor
        if is_endless:
            return PullFailed(self._moment(), name, None, "the cursor does not move on")
        return Pulled(self._moment(), name, page.complete)

    async def _renew_leases(self) -> Event:
        # One id until it is answered: a lost answer must not lease twice.
        self._lease_request = self._lease_request or self._around.new_id()
        wanted = LeaseRequest(
            self._store.identity.device, self._lease_request, self._wanted_per_doctor
        )
        answer = await self._client.lease(wanted)
        if isinstance(answer, Failure):
            return PullFailed(self._moment(), LEASES, answer)
        self._lease_request = None
        self._board.note_contact()
        try:
            self._store.allotments.replace_leases(answer.leases, answer.now)
        except (UnreadableAnswer, *PASSING) as error:
            return PullFailed(self._moment(), LEASES, None, str(error))
        return Pulled(self._moment(), LEASES)

    def _take(self, event: Event) -> None:
        self.state, effects = engine.learn(self.state, event)
        for effect in effects:
            self._carry_out(effect)
        if isinstance(event, BatchRecorded):
            self._alarmed.clear()

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Park(seq, code):
                self._park(seq, code)
            case RenewIdentity():
                try:
                    self._client.renew_identity()
                except BadKeyFile as error:
                    _log.error("key_unusable", detail=str(error))
            case Alarm(code, detail):
                if self._alarmed.get(code) != detail:
                    self._alarmed[code] = detail
                    _log.error("alarm", code=code, detail=detail)
            case _:
                assert_never(effect)

    def _park(self, seq: int, code: str) -> None:
        try:
            self._store.outbox.park(seq, code)
        except PASSING as error:
            _log.warning("entry_not_parked", seq=seq, detail=str(error))
            return
        self._queue.note_refusal(seq, self._around.monotonic())
        self._look()

    def _there(self) -> There:
        outbox = self._store.outbox
        reported = tuple(each.seq for each in outbox.parked() if each.reported)
        return There(outbox.acked_seq(), outbox.ahead(), reported)

    def _look(self) -> None:
        self._work = self._queue.look(self._around.monotonic())

    def _show(self) -> None:
        shown = engine.shown(self.state)
        try:
            self._board.show(shown, self._around.monotonic())
        except PASSING as error:
            _log.warning("status_not_written", detail=str(error))

    def _moment(self) -> Moment:
        return Moment(self._around.monotonic(), self._around.jitter())
