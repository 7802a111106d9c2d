"""Whatever patients, notes, printers, crashes and failing disks do in any order: the promises hold.

A crash may come before or after every append, before every command and before every
acknowledgement; core then comes up again from the journal alone.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from devices.messages import Command, DeviceState, PrintOutcome, StackNote
from firmware.core.book import Book
from firmware.core.recovery import remember
from firmware.messages import intents as i
from firmware.messages.views import AttractView, Language, Service, Size
from store_forward.contract.facts import (
    CaseOpened,
    NoteCredited,
    NoteEscrowed,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintStarted,
)
from tests.fakes import made_up_clinic as clinic
from tests.fakes.fake_devices import ACCEPTOR, PRINTER
from tests.flows.kiosk import Crash, Kiosk

NOTES = st.sampled_from([10, 20, 50, 100])
DEVICES = st.sampled_from([ACCEPTOR, PRINTER])
BOUNDARIES = st.sampled_from(["before append", "after append", "tell", "acknowledge"])
INTENTS = st.sampled_from(
    [
        i.Wake(),
        i.Activity(),
        i.GoHome(),
        i.GoBack(),
        i.OpenHelp(),
        i.DismissNotice(),
        i.SetLanguage(Language.EN),
        i.SetSize(Size.ELDER),
        i.ChooseService(Service.REGISTER_TODAY),
        i.Search("nk"),
        i.TurnPage(1),
        i.ChooseDepartment("NK01"),
        i.ChooseDoctor("D1"),
        i.ChooseSlot("D1-1"),
        i.Confirm(),
        i.CancelPayment(),
        i.ReallyCancel(),
        i.KeepPaying(),
        i.Reprint(),
        i.Finish(),
    ]
)
SECRETS = tuple(
    text.encode()
    for one in (clinic.card(), clinic.OTHER_CARD)
    for text in (one.name, one.id_number, one.name[0] + "**", one.id_number[-4:])
)


class AnythingGoes(RuleBasedStateMachine):
    @initialize(is_paying=st.booleans(), at_once=st.booleans(), forgets=st.booleans())
    def a_kiosk(self, is_paying: bool, at_once: bool, forgets: bool) -> None:
        self.kiosk = Kiosk()
        self.kiosk.devices.forgets_note_ids = forgets
        self.confirms = 0
        if is_paying:
            self.registers("D1")
        self.kiosk.devices.stacks_at_once = at_once
        self.kiosk.devices.before_tell = self._escrow_is_durable

    def _escrow_is_durable(self, command: Command) -> None:
        if isinstance(command, StackNote):
            durable = [one.note_id for one in self.kiosk.facts(NoteEscrowed)]
            assert command.note_id in durable

    def _do(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Crash:
            self.kiosk.crash()

    # --- what happens ---------------------------------------------------------------------------

    @rule(intent=INTENTS)
    def touches(self, intent: i.Intent) -> None:
        self.confirms += isinstance(intent, i.Confirm)
        self._do(lambda: self.kiosk.touch(intent))

    @rule(doctor=st.sampled_from(["D1", "D2"]))
    def registers(self, doctor: str) -> None:
        self.confirms += 1
        self._do(lambda: self.kiosk.lift_card())
        self._do(lambda: self.kiosk.confirm(doctor))

    @rule(yuan=NOTES)
    def inserts(self, yuan: int) -> None:
        self._do(lambda: self.kiosk.insert(yuan))

    @rule(yuan=NOTES, where=BOUNDARIES, times=st.integers(1, 3))
    def inserts_and_core_is_killed(self, yuan: int, where: str, times: int) -> None:
        self.kiosk.crash_at(where, times)
        self._do(lambda: self.kiosk.insert(yuan))

    @rule(where=BOUNDARIES, times=st.integers(1, 3))
    def the_stacker_is_through_and_core_is_killed(self, where: str, times: int) -> None:
        self.kiosk.crash_at(where, times)
        self.the_stacker_is_through()

    @rule()
    def cancels_for_good(self) -> None:
        self._do(lambda: self.kiosk.touch(i.CancelPayment(), i.ReallyCancel()))

    @rule(first=NOTES, second=NOTES)
    def inserts_in_a_hurry(self, first: int, second: int) -> None:
        self._do(lambda: (self.kiosk.insert(first), self.kiosk.insert(second)))

    @rule()
    def has_a_note_rejected(self) -> None:
        self.kiosk.devices.reject()
        self._do(self.kiosk.deliver)

    @rule(other=st.booleans())
    def lays_a_card(self, other: bool) -> None:
        self._do(lambda: self.kiosk.lay_card(clinic.OTHER_CARD if other else clinic.card()))

    @rule()
    def lifts_the_card(self) -> None:
        self._do(self.kiosk.lift_card)

    @rule(seconds=st.sampled_from([1, 16, 45, 61, 130]))
    def waits(self, seconds: int) -> None:
        self._do(lambda: self.kiosk.wait(seconds))

    @rule(at_once=st.booleans(), forgets=st.booleans())
    def the_stacker_changes_its_manners(self, at_once: bool, forgets: bool) -> None:
        self.kiosk.devices.stacks_at_once = at_once
        self.kiosk.devices.forgets_note_ids = forgets

    @rule()
    def the_stacker_is_through(self) -> None:
        self.kiosk.devices.finish_stacking()
        self._do(self.kiosk.deliver)

    @rule()
    def the_stacker_loses_the_note(self) -> None:
        self.kiosk.devices.lose_note()

    @rule()
    def a_stack_command_gets_lost(self) -> None:
        self.kiosk.devices.loses_stack_commands = 1

    @precondition(lambda self: not self.kiosk.devices.has_undecided)
    @rule(yuan=NOTES)
    def a_note_is_stacked_out_of_the_blue(self, yuan: int) -> None:
        self.kiosk.devices.stack_out_of_the_blue(yuan * 100)
        self._do(self.kiosk.deliver)

    @rule(at_once=st.booleans(), outcome=st.sampled_from(PrintOutcome))
    def the_printer_speaks(self, at_once: bool, outcome: PrintOutcome) -> None:
        self.kiosk.devices.prints_at_once = at_once
        self.kiosk.devices.finish_print(outcome)
        self._do(self.kiosk.deliver)

    @rule(device=DEVICES, works=st.booleans())
    def a_device_changes(self, device: str, works: bool) -> None:
        state = DeviceState.ONLINE if works else DeviceState.HARDWARE_ERROR
        status = self.kiosk.devices.statuses[device]
        self.kiosk.devices.set_status(
            type(status)(device, status.kind, state, paper=status.paper, storage=status.storage)
        )
        self._do(self.kiosk.deliver)

    @rule(online=st.booleans())
    def the_network_changes(self, online: bool) -> None:
        self.kiosk.online = online
        self._do(self.kiosk.world_changes)

    @rule()
    def core_is_killed(self) -> None:
        self.kiosk.crash()

    @rule(where=BOUNDARIES, times=st.integers(1, 4))
    def core_will_be_killed(self, where: str, times: int) -> None:
        self.kiosk.crash_at(where, times)

    @rule()
    def the_devices_process_blinks(self) -> None:
        self._do(self._reconnect)

    def _reconnect(self) -> None:
        self.kiosk.lose_devices()
        self.kiosk.connect()

    @precondition(lambda self: not self.kiosk.devices.has_kept)
    @rule(before_acknowledging=st.booleans())
    def the_devices_process_is_killed(self, before_acknowledging: bool) -> None:
        """Core has heard all it had to say: what dies unheard leaves a case, not a credit."""
        self._do(lambda: self.kiosk.kill_devices(before_acknowledging=before_acknowledging))

    @rule()
    def the_disk_fails_for_a_while(self) -> None:
        self.kiosk.journal.is_broken = True

    @rule()
    def the_disk_fails_after_writing(self) -> None:
        self.kiosk.journal.fails_after_next_append = True

    @rule()
    def the_disk_works_again(self) -> None:
        self._do(self._repair)

    def _repair(self) -> None:
        self.kiosk.journal.is_broken = False
        self.kiosk.journal.fails_after_next_append = False
        if self.kiosk.state.out_of_service is not None:
            assert self.kiosk.runner.recover()
            self._reconnect()

    # --- what holds always ----------------------------------------------------------------------

    @invariant()
    def no_note_is_credited_twice(self) -> None:
        credits = [one.note_id for one in self.kiosk.facts(NoteCredited)]
        assert len(credits) == len(set(credits))
        credited = sum(one.amount_fen for one in self.kiosk.facts(NoteCredited))
        assert credited <= sum(self.kiosk.devices.cassette)

    @invariant()
    def nothing_is_recorded_before_a_confirmation(self) -> None:
        confirmed = [one.order_id for one in self.kiosk.facts(RegistrationConfirmed)]
        assert len(confirmed) <= self.confirms
        seen: set[str] = set()
        for entry in self.kiosk.journal.entries:
            order_id = getattr(entry.fact, "order_id", None)
            if isinstance(entry.fact, RegistrationConfirmed):
                seen.add(entry.fact.order_id)
                assert entry.id == entry.fact.order_id
            elif order_id is not None:
                assert order_id in seen
                assert entry.depends_on == (order_id,)

    @invariant()
    def an_order_ends_once(self) -> None:
        ended = [one.order_id for one in self.kiosk.facts(RegistrationPaid)]
        ended += [one.order_id for one in self.kiosk.facts(RegistrationCancelled)]
        assert len(ended) == len(set(ended))

    @invariant()
    def an_original_is_printed_once(self) -> None:
        originals = [one.order_id for one in self.kiosk.facts(SlipPrintStarted) if one.copy == 0]
        assert len(originals) == len(set(originals))
        copies = [(one.order_id, one.copy) for one in self.kiosk.facts(SlipPrintStarted)]
        assert len(copies) == len(set(copies))
        assert len(self.kiosk.devices.slips) <= len(copies)

    @invariant()
    def the_book_is_what_the_journal_says(self) -> None:
        if self.kiosk.state.out_of_service is not None:
            return
        book = self.kiosk.state.book
        told = remember(self.kiosk.journal.entries, book.salt).book
        assert _plain(book) == _plain(told)
        assert book.order is None or book.order == told.order

    @invariant()
    def nothing_of_a_patient_outlives_the_session(self) -> None:
        if not isinstance(self.kiosk.screen.view, AttractView):
            return
        held = pickle.dumps((self.kiosk.state, self.kiosk.screen))
        for secret in SECRETS:
            assert secret not in held

    @invariant()
    def a_slot_is_sold_while_its_order_stands(self) -> None:
        cancelled = {one.order_id for one in self.kiosk.facts(RegistrationCancelled)}
        standing = [
            one.slot_id
            for one in self.kiosk.facts(RegistrationConfirmed)
            if one.order_id not in cancelled
        ]
        assert sorted(standing) == sorted(self.kiosk.journal.sold_slots)

    # --- what holds in the end ------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "kiosk"):
            return
        kiosk = self.kiosk
        kiosk.at_boundary = lambda where: None
        kiosk.devices.stacks_at_once = True
        kiosk.devices.prints_at_once = True
        kiosk.devices.loses_stack_commands = 0
        self._repair()
        kiosk.devices.finish_stacking()
        kiosk.deliver()
        kiosk.wait(400)
        kiosk.view(AttractView)
        credited = [one.amount_fen for one in kiosk.facts(NoteCredited)]
        assert sum(credited) == sum(kiosk.devices.cassette)
        for order in kiosk.facts(RegistrationConfirmed):
            self._money_of(order.order_id)

    def _money_of(self, order_id: str) -> None:
        """Collected or owed is exactly what was credited; anything later is in a case."""
        before, after, ended = 0, 0, False
        for fact in self.kiosk.journal.facts:
            match fact:
                case NoteCredited(amount_fen=fen) if fact.order_id == order_id:
                    after, before = (after + fen, before) if ended else (after, before + fen)
                case RegistrationPaid(collected_fen=fen) if fact.order_id == order_id:
                    ended = True
                    assert fen == before
                    assert fact.excess_fen == fen - fact.fee_fen
                case RegistrationCancelled(owed_fen=fen) if fact.order_id == order_id:
                    ended = True
                    assert fen == before
                    assert (fact.slip_code is None) == (
                        fen == 0 and fact.reason != "note_uncertain"
                    )
                case _:
                    pass
        assert ended
        cases = [one for one in self.kiosk.facts(CaseOpened) if one.order_id == order_id]
        assert sum(one.amount_fen for one in cases) >= after


def _plain(book: Book) -> Book:
    return replace(book, order=None)


TestAnythingGoes = AnythingGoes.TestCase
TestAnythingGoes.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
