"""The rules about money, status by status: field bugs of other kiosks, and any sequence at all."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from devices.cash_acceptor.cash_in import CashIn
from devices.cash_acceptor.orders import Order
from devices.cash_acceptor.protocol import Request, State, Status
from devices.messages import (
    Event,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
)

TABLE = {3: 1000, 4: 2000, 5: 5000, 6: 10000}
IDLE, ESCROW_20 = Status(State.IDLING), Status(State.ESCROW, 4)
STACKED_20, RETURNED_20 = Status(State.STACKED, 4), Status(State.RETURNED, 4)


class Told:
    """A ``CashIn`` past its start, enabled, and what it said about money."""

    def __init__(self) -> None:
        numbers = count(1)
        self.cash_in = CashIn("cash1", lambda: f"n{next(numbers)}", table=TABLE)
        self.cash_in.accept(frozenset(TABLE.values()))
        self.now = 0.0
        self.events: list[Event] = []
        self.orders: list[Order] = []
        self.was_acknowledged = True
        self.hear(Status(State.DISABLED), IDLE)
        self.events.clear()
        self.orders.clear()

    def hear(self, *statuses: Status) -> None:
        for status in statuses:
            step = self.cash_in.heard(status, self.now)
            self.now += 0.1
            self.was_acknowledged = step.is_acknowledged
            self.events += step.events
            self.orders += [step.order] if step.order else []

    @property
    def money(self) -> list[NoteStacked | NoteReturned | NoteLocated]:
        kinds = (NoteStacked, NoteReturned, NoteLocated)
        return [event for event in self.events if isinstance(event, kinds)]


def test_stack_is_sent_only_on_command_and_again_while_the_note_stays() -> None:
    told = Told()
    told.hear(ESCROW_20, ESCROW_20)
    assert told.orders == []
    told.cash_in.stack("n1")
    told.hear(ESCROW_20, ESCROW_20)
    assert told.orders == [Order(Request.STACK)] * 2


def test_a_credit_is_not_lost_when_stacking_was_never_seen() -> None:
    told = Told()
    told.hear(ESCROW_20)
    told.cash_in.stack("n1")
    told.hear(STACKED_20)
    assert told.money == [NoteStacked("cash1", "n1", 2000)]


def test_a_repeated_credit_counts_once_even_long_after() -> None:
    told = Told()
    told.hear(ESCROW_20)
    told.cash_in.stack("n1")
    told.hear(*[STACKED_20] * 5, IDLE, IDLE, STACKED_20, STACKED_20, STACKED_20, STACKED_20)
    assert told.money == [NoteStacked("cash1", "n1", 2000)]


def test_a_stacked_note_nobody_expected_is_credited_when_the_machine_insists() -> None:
    told = Told()
    told.hear(ESCROW_20, STACKED_20)
    assert not told.was_acknowledged
    assert told.money == []
    told.hear(STACKED_20, STACKED_20)
    assert told.money == [NoteStacked("cash1", "n1", 2000)]


def test_a_returned_note_is_not_credited_by_an_old_answer() -> None:
    told = Told()
    told.hear(ESCROW_20)
    told.cash_in.give_back("n1")
    told.hear(ESCROW_20, STACKED_20, Status(State.RETURNING), RETURNED_20, IDLE)
    assert told.money == [NoteReturned("cash1", "n1", 2000)]


def test_an_old_answer_of_another_worth_does_not_settle_the_note_under_way() -> None:
    told = Told()
    told.hear(ESCROW_20)
    told.cash_in.stack("n1")
    told.hear(Status(State.STACKED, 6), Status(State.STACKING), STACKED_20)
    assert told.money == [NoteStacked("cash1", "n1", 2000)]


def test_waiting_for_an_outcome_has_an_end_and_the_end_is_unknown() -> None:
    told = Told()
    told.hear(ESCROW_20)
    told.cash_in.stack("n1")
    told.hear(*[IDLE] * 15)
    assert told.money == [NoteLocated("cash1", "n1", NoteOutcome.UNKNOWN)]
    assert told.cash_in.locate("n1").outcome is NoteOutcome.UNKNOWN


def test_no_new_note_is_invited_while_one_is_unaccounted_for() -> None:
    told = Told()
    told.hear(ESCROW_20)
    told.cash_in.stack("n1")
    told.hear(Status(State.DISABLED))
    assert told.orders == []


def test_a_note_of_unknown_worth_is_given_back() -> None:
    told = Told()
    told.hear(Status(State.ESCROW, 23))
    assert told.orders == [Order(Request.RETURN)]
    assert told.events == []


def test_a_stacked_note_of_unknown_worth_is_for_staff_not_for_a_guess() -> None:
    told = Told()
    told.hear(*[Status(State.STACKED, 23)] * 3)
    assert told.money == []
    assert "compare cassette and journal" in told.cash_in.condition.reason


STATUSES = st.one_of(
    st.sampled_from([s for s in State if s < State.ESCROW]).map(Status),
    st.tuples(
        st.sampled_from([State.ESCROW, State.STACKED, State.RETURNED]), st.sampled_from([3, 4, 23])
    ).map(lambda pair: Status(*pair)),
)


@given(st.lists(st.tuples(STATUSES, st.integers(1, 4), st.booleans()), max_size=60))
def test_whatever_the_machine_says_a_note_has_at_most_one_outcome(
    story: list[tuple[Status, int, bool]],
) -> None:
    told = Told()
    for status, times, wants_it in story:
        told.hear(*[status] * times)
        for event in told.events:
            if isinstance(event, NoteInEscrow):
                decide = told.cash_in.stack if wants_it else told.cash_in.give_back
                decide(event.note_id)
    settled = [event.note_id for event in told.money if event.note_id]
    announced = {event.note_id for event in told.events if isinstance(event, NoteInEscrow)}
    known = [note_id for note_id in settled if note_id in announced]
    assert len(known) == len(set(known))
    assert all(event.amount_fen > 0 for event in told.money if isinstance(event, NoteStacked))


@given(st.lists(st.sampled_from([IDLE, STACKED_20, RETURNED_20]), max_size=60))
def test_without_a_note_in_escrow_nothing_is_ever_credited_twice(story: list[Status]) -> None:
    told = Told()
    told.hear(*[STACKED_20] * 3)
    told.events.clear()
    told.hear(*story)
    assert told.money == []
