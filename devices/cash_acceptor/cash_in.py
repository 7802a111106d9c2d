"""Decides what the acceptor is told next and what the kiosk learns: pure, fed with statuses.

The promises about money live here:

* A note is reported stacked when the acceptor says 81, never because STACK was sent; once,
  however often the answer is repeated, late, or polls were missed.
* A note nobody decides on is returned; a note drawn in after cash-in ended is returned.
* An outcome that was never told is ``UNKNOWN``: not guessed, not repeated, not dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from devices.cash_acceptor import faults
from devices.cash_acceptor.orders import NoteInside, Order, Step
from devices.cash_acceptor.protocol import Request, State, Status
from devices.messages import (
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Event,
    NoteAccepting,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteRejected,
    NoteReturned,
    NoteStacked,
)

ESCROW_LIMIT_SECONDS = 10.0
"""An undecided note is returned after this; acceptors give up by themselves soon after."""

_LOST_AFTER_SECONDS = 1.0
"""At rest for so long with a note unaccounted for: its outcome was missed."""

_SETTLE_AFTER_POWER_UP_SECONDS = 10.0
"""After power-up with a note inside its outcome may take initialising and a stacker move."""

_INSISTENCE = 3
"""Equal answers in a row before an outcome nobody ordered is believed (a stale one is not)."""

_RESET_EVERY_SECONDS = 15.0
_RESET_AGAIN_SECONDS = 1.0
_TABLE_ATTEMPTS = 3
_REMEMBERED_NOTES = 1000

_BOTH = frozenset((State.STACKED, State.RETURNED))
_ENDS = _BOTH | {State.REJECTING}
_ACCEPTS_NOTHING = frozenset((State.POWER_UP, State.INITIALIZE, State.DISABLED))


@dataclass(slots=True)
class CashIn:
    """State of one acceptor. All times are seconds of one monotonic clock."""

    device: str
    new_note_id: Callable[[], str]
    table: Mapping[int, int] | None = None
    accept_fen: frozenset[int] = frozenset()
    condition: faults.Condition = faults.STARTING
    outcomes: dict[str, NoteOutcome] = field(default_factory=dict)
    _told: faults.Condition | None = None
    _note: NoteInside | None = None
    _last: Status | None = None
    _repeats: int = 0
    _has_moved: bool = True  # an outcome may be due: a note was seen inside, or the start
    _mask_sent: int | None = None
    _has_enabled: bool = False
    _is_accepting: bool = False
    _is_arrival_refused: bool = False  # cash-in ended while a note was being drawn in
    _table_failures: int = 0
    _unpriced: list[Status] = field(default_factory=list)
    _settle_until: float = 0.0
    _is_note_inherited: bool = False
    _is_taken_over: bool = False  # it accepts nothing that was not enabled here
    _last_reset_at: float = float("-inf")

    # --- commands -----------------------------------------------------------------------------

    def accept(self, accept_fen: frozenset[int]) -> None:
        """Accept these denominations from now on; none at all ends cash-in."""
        self.accept_fen = accept_fen
        if accept_fen:
            return
        self._is_arrival_refused = self._is_accepting
        if self._note is not None and self._note.ordered is None:
            self._decide(self._note, Request.RETURN)

    def stack(self, note_id: str) -> None:
        """Take the note; ignored when it is not in escrow or already decided on."""
        if self._note is not None and self._note.note_id == note_id and not self._note.ordered:
            self._decide(self._note, Request.STACK)

    def give_back(self, note_id: str) -> None:
        """Return the note; ignored when it is not in escrow or already decided on."""
        if self._note is not None and self._note.note_id == note_id and not self._note.ordered:
            self._decide(self._note, Request.RETURN)

    def locate(self, note_id: str) -> NoteLocated:
        """Say where a note is."""
        if self._note is not None and self._note.note_id == note_id:
            return NoteLocated(self.device, note_id, NoteOutcome.IN_ESCROW)
        outcome = self.outcomes.get(note_id, NoteOutcome.UNKNOWN)
        return NoteLocated(self.device, note_id, outcome)

    def _decide(self, note: NoteInside, order: Request) -> None:
        note.ordered = order
        outcome = State.STACKED if order is Request.STACK else State.RETURNED
        note.expected = note.expected | {outcome}

    # --- what the driver asks -----------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Whether something may happen soon, so that polling should be quick."""
        return bool(
            self.accept_fen
            or self._note
            or self._unpriced
            or self.condition.state is DeviceState.STARTING
        )

    @property
    def must_return_before_leaving(self) -> bool:
        """Whether an undecided note lies in escrow."""
        return self._note is not None and self._note.ordered is not Request.STACK

    # --- what the wire tells ------------------------------------------------------------------

    def learned_table(self, table: Mapping[int, int] | None) -> Step:
        """Take the bill table, or that the acceptor would not tell it."""
        if table is None:
            self._table_failures += 1
            if self._table_failures >= _TABLE_ATTEMPTS:
                self.condition = faults.NO_BILL_TABLE
            return Step(self._news())
        self.table, self._table_failures = table, 0
        waiting, self._unpriced = self._unpriced, []
        events = tuple(event for status in waiting for event in self._settle_unnamed(status))
        return Step((*self._news(), *events))

    def fell_silent(self) -> Step:
        """Take that the acceptor does not answer. A note inside stays an open question."""
        self.condition = faults.SILENT
        self._mask_sent = None
        return Step(self._news())

    def heard(self, status: Status, now: float) -> Step:
        """Take an answer to POLL."""
        self._repeats = self._repeats + 1 if status == self._last else 1
        if self.condition is faults.SILENT:
            self.condition = faults.READY if self.table is not None else faults.STARTING
        step = self._taking_over(status) or self._react(status, now)
        if step.is_acknowledged and not self._is_taken_over and status.state in _ENDS:
            step = replace(step, order=Order(Request.ENABLE_BILL_TYPES))
        self._last = status
        return Step((*self._news(), *step.events), step.order, step.is_acknowledged)

    def _taking_over(self, status: Status) -> Step | None:
        """End first what a worker before has left enabled: it still draws notes in.

        ENABLE BILL TYPES is sure to be taken at rest only, and where notes come fast a poll never
        sees the rest; so it also follows at once on the acknowledged end of a note (``_ENDS``).
        """
        if status.state is State.IDLING and not self._is_taken_over:
            return Step(order=Order(Request.ENABLE_BILL_TYPES))
        self._is_taken_over = self._is_taken_over or status.state in _ACCEPTS_NOTHING
        return None

    def _react(self, status: Status, now: float) -> Step:
        if self._note is not None and status.state not in (State.DISABLED, State.IDLING):
            self._note.lost_since = None
        match status.state:
            case State.POWER_UP | State.POWER_UP_BILL_IN_VALIDATOR | State.POWER_UP_BILL_IN_STACKER:
                return self._powered_up(status, now)
            case State.INITIALIZE:
                self.condition, self._mask_sent = faults.STARTING, None
                return Step()
            case State.DISABLED | State.IDLING:
                return self._at_rest(status, now)
            case State.ACCEPTING:
                return self._drawing_in()
            case State.ESCROW:
                return self._in_escrow(status, now)
            case State.STACKING | State.RETURNING | State.HOLDING | State.BUSY:
                return Step()
            case State.STACKED | State.RETURNED:
                return self._concluded(status, now)
            case State.REJECTING:
                self._is_accepting = False
                if self._repeats > 1:
                    return Step()
                return Step((NoteRejected(self.device, faults.refusal_of(status)),))
            case _:
                return self._faulty(status, now)

    def _powered_up(self, status: Status, now: float) -> Step:
        self.condition, self._mask_sent, self._is_accepting = faults.STARTING, None, False
        if self._note is not None:
            # Whatever was ordered, the machine now settles it by itself.
            self._note.expected = _BOTH
        if status.state is not State.POWER_UP:
            self._has_moved = True
            self._is_note_inherited = self._note is None
        if self._note is not None or status.state is not State.POWER_UP:
            self._settle_until = now + _SETTLE_AFTER_POWER_UP_SECONDS
        return self._reset(now, _RESET_AGAIN_SECONDS)

    def _reset(self, now: float, pause_seconds: float) -> Step:
        if now - self._last_reset_at < pause_seconds:
            return Step()
        self._last_reset_at = now
        return Step(order=Order(Request.RESET))

    def _at_rest(self, status: Status, now: float) -> Step:
        self._is_accepting = self._is_arrival_refused = False
        lost = self._check_lost(now)
        if self.table is None:
            return Step(lost, Order(Request.GET_BILL_TABLE))
        if now < self._settle_until:
            return Step(lost)
        if self._is_note_inherited:
            self._is_note_inherited = False
            self.condition = faults.NOTE_UNACCOUNTED
        elif self.condition is not faults.NOTE_UNACCOUNTED or self.accept_fen:
            self.condition = faults.READY
        mask = sum(1 << kind for kind, fen in self.table.items() if fen in self.accept_fen)
        if self.accept_fen and not mask:
            self.condition = faults.NO_SUCH_NOTES
        is_right = mask == 0 if status.state is State.DISABLED else mask == self._mask_sent != 0
        if is_right or self._note is not None:
            return Step(lost)
        self._mask_sent = mask
        self._has_enabled = self._has_enabled or mask != 0
        return Step(lost, Order(Request.ENABLE_BILL_TYPES, mask))

    def _check_lost(self, now: float) -> tuple[Event, ...]:
        """A note inside and a machine at rest: its outcome was missed, or will be told soon."""
        note = self._note
        if note is None:
            return ()
        if note.lost_since is None:
            note.lost_since = now
        if now < self._settle_until or now - note.lost_since < _LOST_AFTER_SECONDS:
            return ()
        self._note, self._has_moved = None, True
        if note.note_id is None or not note.is_announced:
            return ()
        self._remember(note.note_id, NoteOutcome.UNKNOWN)
        return (NoteLocated(self.device, note.note_id, NoteOutcome.UNKNOWN),)

    def _drawing_in(self) -> Step:
        if self._is_accepting or not self.accept_fen:
            return Step()
        self._is_accepting = True
        return Step((NoteAccepting(self.device),))

    def _in_escrow(self, status: Status, now: float) -> Step:
        self._has_moved, self._is_accepting = True, False
        amount_fen = self._amount(status)
        if amount_fen is None:
            if self.table is None and self._table_failures < _TABLE_ATTEMPTS:
                return Step(order=Order(Request.GET_BILL_TABLE))
            return Step(order=Order(Request.RETURN))  # a note of no known worth is not taken
        events: tuple[Event, ...] = ()
        note = self._note
        if note is not None and note.amount_fen != amount_fen:
            if self._repeats < _INSISTENCE:
                return Step(is_acknowledged=False)
            events, note = self._give_up(note), None
        if note is None:
            note = self._new_note(amount_fen, now)
            if note.is_announced and note.note_id is not None:
                events = (*events, NoteInEscrow(self.device, note.note_id, amount_fen))
        elif now - note.seen_at >= ESCROW_LIMIT_SECONDS and note.ordered is not Request.RETURN:
            self._decide(note, Request.RETURN)
        return Step(events, Order(note.ordered) if note.ordered else None)

    def _new_note(self, amount_fen: int, now: float) -> NoteInside:
        """A note has come to escrow: ours to announce, or one to give back."""
        self._is_note_inherited = False
        if not self._has_enabled:
            note = NoteInside(None, amount_fen, now, is_announced=False)
        else:
            is_wanted = amount_fen in self.accept_fen and not self._is_arrival_refused
            note = NoteInside(self.new_note_id(), amount_fen, now, is_announced=is_wanted)
        if not note.is_announced:
            self._decide(note, Request.RETURN)
        self._note = note
        return note

    def _give_up(self, note: NoteInside) -> tuple[Event, ...]:
        self._note = None
        if note.note_id is None or not note.is_announced:
            return ()
        self._remember(note.note_id, NoteOutcome.UNKNOWN)
        return (NoteLocated(self.device, note.note_id, NoteOutcome.UNKNOWN),)

    def _concluded(self, status: Status, now: float) -> Step:
        """81 or 82: a note is in the cassette, or back with the patient."""
        note = self._note
        if note is None:
            return self._concluded_unawaited(status, now)
        is_awaited = status.state in note.expected and self._amount(status) == note.amount_fen
        if not is_awaited and self._repeats < _INSISTENCE:
            return Step(is_acknowledged=False)
        if self._amount(status) == note.amount_fen:
            return Step((self._settle(note, status),))
        return Step((*self._give_up(note), *self._settle_unnamed(status)))

    def _concluded_unawaited(self, status: Status, now: float) -> Step:
        if status in self._unpriced:
            return self._priced_first()
        if not self._has_moved:
            return Step()  # our acknowledgement was lost, or an old answer came again
        is_left_over = not self._has_enabled or now < self._settle_until
        if not is_left_over and self._repeats < _INSISTENCE:
            return Step(is_acknowledged=False)
        if self.table is None:
            self._unpriced.append(status)
            self._has_moved = self._is_note_inherited = False
            return self._priced_first()
        return Step(self._settle_unnamed(status))

    def _priced_first(self) -> Step:
        """Acknowledged only once its worth is known: till then a dying worker leaves it behind."""
        if self._table_failures < _TABLE_ATTEMPTS:
            return Step(order=Order(Request.GET_BILL_TABLE), is_acknowledged=False)
        return Step()

    def _settle_unnamed(self, status: Status) -> tuple[Event, ...]:
        """A note nobody here can name: its worth comes from the bill type, or staff must look."""
        amount_fen = self._amount(status)
        if amount_fen is not None:
            return (self._settle(NoteInside(None, amount_fen, 0.0, is_announced=False), status),)
        self._forget_note()
        if status.state is State.STACKED:
            self.condition = faults.NOTE_UNACCOUNTED
        return ()

    def _settle(self, note: NoteInside, status: Status) -> Event:
        self._forget_note()
        if status.state is State.STACKED:
            self._remember(note.note_id, NoteOutcome.STACKED)
            return NoteStacked(self.device, note.note_id, note.amount_fen)
        self._remember(note.note_id, NoteOutcome.RETURNED)
        return NoteReturned(self.device, note.note_id, note.amount_fen)

    def _forget_note(self) -> None:
        self._note, self._has_moved, self._is_note_inherited = None, False, False
        self._settle_until = 0.0

    def _faulty(self, status: Status, now: float) -> Step:
        condition = faults.condition_of(status)
        if condition is None:
            return Step()
        self.condition, self._mask_sent, self._is_accepting = condition, None, False
        if self._note is not None:
            self._note.expected = _BOTH  # hands or the reset decide now
        if status.state is State.PAUSE:
            return Step()
        if self._last != status:
            self._last_reset_at = now
        return self._reset(now, _RESET_EVERY_SECONDS)

    # --- small things -------------------------------------------------------------------------

    def _amount(self, status: Status) -> int | None:
        return self.table.get(status.detail) if self.table is not None else None

    def _remember(self, note_id: str | None, outcome: NoteOutcome) -> None:
        if note_id is None:
            return
        self.outcomes[note_id] = outcome
        while len(self.outcomes) > _REMEMBERED_NOTES:
            del self.outcomes[next(iter(self.outcomes))]

    def _news(self) -> tuple[Event, ...]:
        if self.condition == self._told:
            return ()
        self._told = self.condition
        return (
            DeviceStatus(
                self.device,
                DeviceKind.CASH_ACCEPTOR,
                self.condition.state,
                self.condition.reason,
                storage=self.condition.storage,
            ),
        )
