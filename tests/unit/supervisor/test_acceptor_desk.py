"""Notes and wanted states of a cash acceptor, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence

from devices.messages import (
    Command,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    EndCashIn,
    Event,
    NoteAccepting,
    NoteInEscrow,
    NoteLocated,
    NoteOutcome,
    NoteReturned,
    NoteStacked,
    PrintSlip,
    QueryNote,
    ReturnNote,
    StackNote,
    StartCashIn,
)
from firmware.supervisor.acceptor_desk import ANSWER_SECONDS, DOUBT_SECONDS, AcceptorDesk
from firmware.supervisor.desk import ForCore, ForWorker, Saying
from firmware.supervisor.note_ledger import MOST_NOTES_REMEMBERED

START = StartCashIn(device="cash", accept_fen=(1000, 2000))
END = EndCashIn(device="cash")


def escrow(note_id: str = "n1", amount_fen: int = 2000) -> NoteInEscrow:
    return NoteInEscrow(device="cash", note_id=note_id, amount_fen=amount_fen)


def stacked(
    note_id: str | None = "n1", amount_fen: int = 2000, *, may_be_repeat: bool = False
) -> NoteStacked:
    return NoteStacked("cash", note_id, amount_fen, may_be_repeat)


def returned(note_id: str | None = "n1", amount_fen: int = 2000) -> NoteReturned:
    return NoteReturned(device="cash", note_id=note_id, amount_fen=amount_fen)


def located(outcome: NoteOutcome, note_id: str = "n1") -> NoteLocated:
    return NoteLocated(device="cash", note_id=note_id, outcome=outcome)


QUERY = QueryNote(device="cash", note_id="n1")
STACK = StackNote(device="cash", note_id="n1")


class Counter:
    """A desk with a clock; says what is said in plain messages."""

    def __init__(self) -> None:
        self.desk = AcceptorDesk("cash")
        self.now = 100.0

    def up(self) -> list[Command | Event]:
        return plain(self.desk.worker_up(self.now))

    def dies(self) -> list[Command | Event]:
        return plain(self.desk.worker_gone("driver stood still", self.now))

    def hears(self, event: Event) -> list[Command | Event]:
        return plain(self.desk.heard(event, self.now))

    def does(self, command: Command) -> list[Command | Event]:
        return plain(self.desk.execute(command, self.now))

    def core_leaves(self) -> list[Command | Event]:
        return plain(self.desk.core_gone(self.now))

    def waits(self) -> list[Command | Event]:
        assert self.desk.wake_at is not None
        self.now = self.desk.wake_at
        return plain(self.desk.elapsed(self.now))


def plain(sayings: Sequence[Saying]) -> list[Command | Event]:
    return [saying.command if isinstance(saying, ForWorker) else saying.event for saying in sayings]


def with_note_in_escrow() -> Counter:
    counter = Counter()
    counter.up()
    counter.does(START)
    assert counter.hears(escrow()) == [escrow()]
    return counter


def test_cash_in_wanted_before_the_worker_is_up_starts_when_it_is() -> None:
    counter = Counter()
    assert counter.does(START) == []
    assert counter.up() == [START]


def test_cash_in_that_has_ended_is_not_started_again() -> None:
    counter = Counter()
    counter.up()
    assert counter.does(START) == [START]
    assert counter.does(END) == [END]
    counter.dies()
    assert counter.up() == []


def test_without_core_nothing_is_accepted_any_more() -> None:
    counter = Counter()
    counter.up()
    counter.does(START)
    assert counter.core_leaves() == [END]
    counter.dies()
    assert counter.up() == []


def test_a_note_has_one_result_however_often_it_is_told() -> None:
    counter = with_note_in_escrow()
    assert counter.does(STACK) == [STACK]
    assert counter.hears(stacked()) == [stacked()]
    assert counter.hears(stacked()) == []
    assert counter.hears(returned()) == []
    assert counter.does(QUERY) == [located(NoteOutcome.STACKED)]


def test_the_successor_need_not_know_the_name_of_the_note() -> None:
    for told, named in ((stacked(None), stacked()), (returned(None), returned())):
        counter = with_note_in_escrow()
        counter.does(STACK)
        assert counter.dies() == []
        counter.up()
        assert counter.hears(told) == [named]
        assert counter.desk.wake_at is None


def test_a_result_told_again_to_the_successor_is_not_credited_again() -> None:
    counter = with_note_in_escrow()
    counter.does(STACK)
    counter.hears(stacked())
    counter.dies()  # before it could acknowledge to the acceptor
    counter.up()
    assert counter.hears(stacked(None)) == []
    counter.dies()
    counter.up()
    assert counter.hears(stacked(None)) == []


def test_what_is_told_again_must_agree_with_what_was_told() -> None:
    for told in (stacked(None, 5000), returned(None)):
        counter = with_note_in_escrow()
        counter.hears(stacked())
        counter.dies()
        counter.up()
        assert counter.hears(told) == [told]


def test_a_result_nobody_can_name_is_not_told_twice_either() -> None:
    counter = Counter()
    counter.up()
    assert counter.hears(stacked(None)) == [stacked(None, may_be_repeat=True)]
    for _ in range(2):
        counter.dies()
        counter.up()
        assert counter.hears(stacked(None)) == []


def test_only_the_first_end_of_a_run_can_be_one_the_run_before_has_told() -> None:
    counter = Counter()
    counter.up()
    assert counter.hears(stacked(None)) == [stacked(None, may_be_repeat=True)]
    assert counter.hears(stacked(None, 5000)) == [stacked(None, 5000)]
    for first in (NoteAccepting(device="cash"), escrow("n2", 1000), returned(None, 1000)):
        counter = Counter()
        counter.up()
        counter.hears(first)
        assert counter.hears(stacked(None)) == [stacked(None)]


def test_a_note_with_a_name_was_told_to_nobody_before() -> None:
    counter = Counter()
    counter.up()
    assert counter.hears(stacked("n1")) == [stacked("n1")]


def test_a_note_that_came_after_the_last_result_ends_its_repetitions() -> None:
    counter = with_note_in_escrow()
    counter.hears(stacked())
    counter.hears(NoteAccepting(device="cash"))
    counter.dies()
    counter.up()
    assert counter.hears(stacked(None)) == [stacked(None)]


def test_after_a_new_note_nothing_old_is_told_again() -> None:
    counter = with_note_in_escrow()
    counter.hears(stacked())
    counter.dies()
    counter.up()
    counter.hears(NoteAccepting(device="cash"))
    assert counter.hears(stacked(None)) == [stacked(None)]


def test_a_note_of_another_amount_keeps_its_anonymity() -> None:
    counter = with_note_in_escrow()
    counter.dies()
    counter.up()
    assert counter.hears(stacked(None, 5000)) == [stacked(None, 5000)]


def test_a_note_without_a_result_is_unknown_after_a_while_and_only_once() -> None:
    counter = with_note_in_escrow()
    counter.does(STACK)
    counter.dies()
    counter.up()
    assert counter.waits() == [located(NoteOutcome.UNKNOWN)]
    assert counter.now == 100.0 + DOUBT_SECONDS
    assert counter.desk.wake_at is None
    assert counter.dies() == []
    assert counter.desk.wake_at is None


def test_the_truth_may_come_after_the_doubt() -> None:
    counter = with_note_in_escrow()
    counter.dies()
    counter.waits()
    counter.up()
    assert counter.hears(stacked(None)) == [stacked()]
    assert counter.does(QUERY) == [located(NoteOutcome.STACKED)]


def test_a_new_note_ends_the_doubt_about_the_one_before() -> None:
    counter = with_note_in_escrow()
    counter.dies()
    counter.up()
    accepting = NoteAccepting(device="cash")
    assert counter.hears(accepting) == [located(NoteOutcome.UNKNOWN), accepting]
    assert counter.hears(escrow("n2")) == [escrow("n2")]
    assert counter.hears(stacked(None)) == [stacked("n2")]


def test_a_decision_for_a_note_of_a_dead_worker_is_not_given_to_its_successor() -> None:
    counter = with_note_in_escrow()
    counter.dies()
    assert counter.does(STACK) == []
    counter.up()
    assert counter.does(STACK) == []
    assert counter.does(ReturnNote(device="cash", note_id="n1")) == []


def test_a_question_about_a_note_in_doubt_is_answered_when_the_doubt_ends() -> None:
    counter = with_note_in_escrow()
    counter.dies()
    assert counter.does(QUERY) == []
    counter.up()
    assert counter.hears(returned(None)) == [returned(), located(NoteOutcome.RETURNED)]
    counter = with_note_in_escrow()
    counter.dies()
    assert counter.does(QUERY) == []
    assert counter.waits() == [located(NoteOutcome.UNKNOWN)]
    assert counter.desk.wake_at is None


def test_a_note_nobody_knows_is_unknown() -> None:
    counter = Counter()
    assert counter.does(QUERY) == [located(NoteOutcome.UNKNOWN)]
    counter.up()
    assert counter.does(QUERY) == [QUERY]
    assert counter.hears(located(NoteOutcome.UNKNOWN)) == [located(NoteOutcome.UNKNOWN)]


def test_a_question_the_worker_never_answers_is_answered_all_the_same() -> None:
    counter = with_note_in_escrow()
    assert counter.does(QUERY) == [QUERY]
    assert counter.waits() == [located(NoteOutcome.IN_ESCROW)]
    assert counter.now == 100.0 + ANSWER_SECONDS
    counter = Counter()
    counter.up()
    counter.does(QUERY)
    assert counter.dies() == [located(NoteOutcome.UNKNOWN)]


def test_only_the_last_thousand_notes_are_remembered() -> None:
    counter = Counter()
    counter.up()
    for number in range(MOST_NOTES_REMEMBERED + 1):
        counter.hears(escrow(f"n{number}"))
        counter.hears(stacked(f"n{number}"))
    counter.dies()
    answers = [
        counter.does(QueryNote(device="cash", note_id=note_id))
        for note_id in ("n0", "n1", f"n{MOST_NOTES_REMEMBERED}")
    ]
    assert answers == [
        [located(NoteOutcome.UNKNOWN, "n0")],
        [located(NoteOutcome.STACKED, "n1")],
        [located(NoteOutcome.STACKED, f"n{MOST_NOTES_REMEMBERED}")],
    ]


def test_other_events_pass_and_foreign_commands_do_nothing() -> None:
    counter = Counter()
    counter.up()
    status = DeviceStatus(
        device="cash", kind=DeviceKind.CASH_ACCEPTOR, state=DeviceState.HARDWARE_ERROR
    )
    assert counter.hears(status) == [status]
    assert counter.does(PrintSlip(device="cash", job_id="j", data=b"")) == []


def test_sayings_tell_who_is_meant() -> None:
    desk = AcceptorDesk("cash")
    desk.worker_up(0.0)
    assert desk.execute(START, 0.0) == (ForWorker(START),)
    assert list(desk.heard(escrow(), 0.0)) == [ForCore(escrow())]
