"""CCNET note acceptor on a serial link: one exchange at a time, statuses fed to ``CashIn``.

The acceptor speaks only when asked. Its answer is acknowledged at the start of the next slice,
after the worker has passed the events on: if the worker dies in between, the acceptor tells
the outcome again to its successor instead of forgetting it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devices.cash_acceptor.cash_in import CashIn
from devices.cash_acceptor.orders import Order, Step
from devices.cash_acceptor.protocol import (
    Damaged,
    Frame,
    FrameParser,
    Request,
    encode,
    encode_enable,
    parse_bill_table,
    parse_status,
)
from devices.driver import Link, LinkLost
from devices.messages import (
    Command,
    EndCashIn,
    Event,
    QueryNote,
    ReturnNote,
    StackNote,
    StartCashIn,
)
from devices.remarks import remark

_POLL_SECONDS = 0.1  # CCNET: 100 to 200 ms while notes are accepted
_IDLE_POLL_SECONDS = 0.5
_SILENT_POLL_SECONDS = 1.0
_ANSWER_SECONDS = 0.5  # CCNET: 10 ms until it begins; USB adapters and hubs buffer
_TABLE_SECONDS = 1.5  # 126 bytes take 0.13 s at 9600 baud; asked once, so patience is cheap
_ATTEMPTS = 3  # CCNET: three tries, then the peripheral counts as gone
_SLICE_SECONDS = 0.2
_FAREWELL_SECONDS = 0.1
_ACK, _ILLEGAL, _NAK = b"\x00", b"\x30", b"\xff"


class CcnetCashAcceptor:
    """Driver of a CCNET bill validator with escrow and cassette."""

    def __init__(
        self,
        name: str,
        link: Link,
        clock: Callable[[], float],
        new_note_id: Callable[[], str],
    ) -> None:
        self._name = name
        self._link = link
        self._clock = clock
        self._cash_in = CashIn(name, new_note_id)
        self._parser = FrameParser()
        self._asked: Order | None = None
        self._next: Order | None = None
        self._answer_until = 0.0
        self._next_at = float("-inf")
        self._attempts = 0
        self._owes_ack = False
        self._has_complained = False
        self._is_silent = False

    def execute(self, command: Command) -> Sequence[Event]:
        """Take a command of cash-in; commands for other devices are ignored with a warning."""
        match command:
            case StartCashIn(accept_fen=accept_fen):
                self._cash_in.accept(frozenset(accept_fen))
            case EndCashIn():
                self._cash_in.accept(frozenset())
            case StackNote(note_id=note_id):
                self._cash_in.stack(note_id)
            case ReturnNote(note_id=note_id):
                self._cash_in.give_back(note_id)
            case QueryNote(note_id=note_id):
                return (self._cash_in.locate(note_id),)
            case _:
                remark(
                    "command_not_for_acceptor", device=self._name, command=type(command).__name__
                )
        self._next_at = min(self._next_at, self._clock())
        return ()

    def run_once(self) -> Sequence[Event]:
        """Acknowledge, ask or listen: at most 0.2 s.

        Raises:
            LinkLost: the port is gone.
        """
        if self._owes_ack:
            self._owes_ack = False
            self._link.write(encode(Request.ACK))
        if self._asked is None:
            if (wait := self._next_at - self._clock()) > 0:
                self._link.read(min(wait, _SLICE_SECONDS))  # unasked-for bytes are noise
                return ()
            self._ask()
        return self._listen()

    def close(self) -> None:
        """Stop accepting, give an undecided note back, close the link."""
        try:
            if self._cash_in.table is not None and not self._is_silent:
                self._say_farewell()
        except LinkLost:
            remark("acceptor_left_without_farewell", device=self._name)
        finally:
            self._link.close()

    def _say_farewell(self) -> None:
        # No acknowledgement: the last events may have met a closed pipe. The successor is told
        # again, and what was heard before is known by then.
        self._link.write(encode_enable(0))
        self._link.read(_FAREWELL_SECONDS)
        if self._cash_in.must_return_before_leaving:
            self._link.write(encode(Request.RETURN))
            self._link.read(_FAREWELL_SECONDS)

    # --- one exchange -------------------------------------------------------------------------

    def _ask(self) -> None:
        self._link.read(0)  # late answers to earlier questions are not answers to this one
        self._parser.reset()
        self._asked, self._next = self._next or Order(Request.POLL), None
        self._attempts, self._has_complained = self._attempts + 1, False
        is_table = self._asked.request is Request.GET_BILL_TABLE
        self._answer_until = self._clock() + (_TABLE_SECONDS if is_table else _ANSWER_SECONDS)
        if self._asked.request is Request.ENABLE_BILL_TYPES:
            self._link.write(encode_enable(self._asked.mask))
        else:
            self._link.write(encode(self._asked.request))

    def _listen(self) -> Sequence[Event]:
        wait = min(self._answer_until - self._clock(), _SLICE_SECONDS)
        for found in self._parser.feed(self._link.read(max(0.0, wait))):
            match found:
                case Frame(payload=payload):
                    events = self._answered(payload)
                    if events is not None:
                        return events
                case Damaged() if not self._has_complained:
                    self._has_complained = True
                    self._link.write(encode(Request.NAK))
                case Damaged():
                    pass
        if self._clock() >= self._answer_until:
            return self._unanswered()
        return ()

    def _answered(self, payload: bytes) -> Sequence[Event] | None:
        """Take an answer; None when it is no answer to what was asked."""
        if self._asked is None:
            return None
        match self._asked.request:
            case Request.POLL:
                status = parse_status(payload)
                if status is None:
                    return None
                return self._done(self._cash_in.heard(status, self._clock()))
            case Request.GET_BILL_TABLE:
                table = parse_bill_table(payload)
                if table is None and payload != _ILLEGAL:
                    return None
                self._owes_ack = table is not None
                return self._done(self._cash_in.learned_table(table), acknowledges=False)
            case _:
                if payload not in (_ACK, _NAK, _ILLEGAL):
                    return None
                return self._done(Step(), acknowledges=False)

    def _done(self, step: Step, *, acknowledges: bool = True) -> Sequence[Event]:
        self._is_silent, self._attempts = False, 0
        if acknowledges:
            self._owes_ack = step.is_acknowledged
        was_poll = self._asked is not None and self._asked.request is Request.POLL
        self._asked, self._next = None, step.order
        pause = 0.0
        if step.order is None and was_poll:
            pause = _POLL_SECONDS if self._cash_in.is_busy else _IDLE_POLL_SECONDS
        self._next_at = self._clock() + pause
        return step.events

    def _unanswered(self) -> Sequence[Event]:
        """No answer in time. Only POLL is asked again: its answer tells what the rest did."""
        order, self._asked = self._asked, None
        if order is not None and order.request is Request.GET_BILL_TABLE:
            return self._cash_in.learned_table(None).events
        if self._attempts < _ATTEMPTS:
            return ()
        self._next_at = self._clock() + _SILENT_POLL_SECONDS
        self._attempts = _ATTEMPTS - 1
        if self._is_silent:
            return ()
        self._is_silent = True
        return self._cash_in.fell_silent().events
