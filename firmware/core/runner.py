"""Applies events one at a time: step, make facts durable, act, show. Synchronous, no I/O of its
own: everything outside is a port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from devices.messages import PrintSlip
from firmware.core.book import Book
from firmware.core.effects import Effect, Print, Record, Tell
from firmware.core.entries import entry_of
from firmware.core.events import (
    Happening,
    Heard,
    JournalFailed,
    SlotLost,
    Started,
    Touched,
)
from firmware.core.idle import next_wakeup
from firmware.core.moves import new_session
from firmware.core.ports import (
    Journal,
    JournalRefused,
    Peripherals,
    SlipEncoder,
    SlotAlreadySold,
)
from firmware.core.recovery import recover, remember
from firmware.core.screens import view
from firmware.core.session import out_of_service, step
from firmware.core.state import Attract, State
from firmware.core.world import World
from firmware.messages.intents import Touch
from firmware.messages.views import Screen

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The ports a runner works with. ``ids`` yields UUIDv7 strings for ever.

    ``world`` returns the picture of now; ``show`` takes each screen that differs from the last.
    ``salt`` keys patients' hashes, ``boot`` names this run of core.
    """

    journal: Journal
    peripherals: Peripherals
    encode: SlipEncoder
    world: Callable[[], World]
    show: Callable[[Screen], None]
    ids: Iterator[str]
    salt: bytes
    boot: str
    software: str


class Runner:
    """Holds the state and the screen; everything that happens goes through ``handle``."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._state: State | None = None
        self._screen: Screen | None = None
        self._view_since = 0

    @property
    def state(self) -> State:
        """The state now. Raises RuntimeError before ``recover``."""
        if self._state is None:
            raise RuntimeError("recover() must have read the journal before anything happens")
        return self._state

    @property
    def screen(self) -> Screen:
        """The screen shown now."""
        if self._screen is None:
            raise RuntimeError("recover() must have read the journal before anything is shown")
        return self._screen

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody is served and no order is open."""
        state = self._state
        if state is None or not isinstance(state.session.step, Attract):
            return False
        return state.book.order is None

    @property
    def numbers(self) -> dict[str, int]:
        """The last numbers given to slips and patients."""
        return {} if self._state is None else self._state.book.numbers

    def recover(self) -> bool:
        """Read the journal and go on from what it says; also the way out of a failed journal.

        Returns whether facts can be made durable again.
        """
        world = self._around.world()
        try:
            memory = remember(self._around.journal.recent(), self._around.salt)
        except JournalRefused as failure:
            log.error("journal not readable", why=str(failure))
            if self._state is None:
                self._state = out_of_service(State(Book(self._around.salt), new_session(world)))
                self._show(world)
            return False
        self._state = recover(memory, world, self._state)
        durable = self.handle(Started(self._around.software))
        self._show(world)
        return durable

    def touched(self, touch: Touch) -> None:
        """The patient touched a screen, perhaps not the one shown now."""
        self.handle(Touched(touch.intent, stale=touch.screen < self._view_since))

    def handle(self, event: Happening) -> bool:
        """Let an event happen. Returns whether its facts are durable (or it had none).

        After a failed journal the book may lack what the journal holds, so what a peripheral
        says then is left alone; it is said again once the journal has been read anew.
        """
        if self.state.out_of_service is not None and isinstance(event, Heard):
            return False
        world = self._around.world()
        after, effects = step(self.state, event, world)
        durable = self._record(effects, event, world)
        if durable:
            self._state = after
            self._act(effects)
        self._show(self._around.world() if effects else world)
        return durable

    def next_wakeup(self) -> float:
        """Monotonic time of the next tick that can change anything."""
        return next_wakeup(self.state, self._around.world())

    def _record(self, effects: tuple[Effect, ...], event: Happening, world: World) -> bool:
        facts = effects[0].facts if effects and isinstance(effects[0], Record) else ()
        if not facts:
            return True
        around = self._around
        entries = [
            entry_of(fact, world, new_id=next(around.ids), boot=around.boot) for fact in facts
        ]
        try:
            around.journal.append(entries)
        except SlotAlreadySold:
            self._instead(SlotLost(), world)
        except JournalRefused as failure:
            log.error("journal failed", why=str(failure), during=type(event).__name__)
            self._instead(JournalFailed(event), world)
        else:
            return True
        return False

    def _instead(self, event: SlotLost | JournalFailed, world: World) -> None:
        """The step did not happen; this did. It records nothing."""
        self._state, effects = step(self.state, event, world)
        self._act(effects)

    def _act(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Record():
                    pass  # is durable already
                case Tell(command=command):
                    self._around.peripherals.tell(command)
                case Print(device=device, job_id=job_id, slip=slip):
                    data = self._around.encode(slip)
                    self._around.peripherals.tell(PrintSlip(device, job_id, data))

    def _show(self, world: World) -> None:
        last = self._screen
        number = 1 if last is None else last.number + 1
        screen = view(self.state, world, number)
        if last is not None and (screen.frame, screen.view) == (last.frame, last.view):
            return
        if last is None or screen.view != last.view:
            self._view_since = number
        self._screen = screen
        self._around.show(screen)
