"""Random stories of kiosks and a gateway: patients, networks, power, disks, staff, attackers."""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import structlog
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from store_forward.contract.facts import (
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    PatientIdentity,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.contract.resolutions import Verdict
from store_forward.gateway.batches import BatchDesk
from tests.postgres.places import Place, SqlitePlaces
from tests.simulation.by_hand import MOST_KIOSKS, WHICH, ByHand
from tests.simulation.damage import Blow, DatabaseHarm, MirrorHarm
from tests.simulation.kiosk import Kiosk, Order, Parts
from tests.simulation.network import FORGERIES, Trouble
from tests.simulation.world import World
from tests.unit.gateway.bench import FEE_FEN

FIRST_STEPS = 7
"""Of a kiosk that meets the gateway: health, mark, leases, reference data."""

TROUBLES = st.lists(st.sampled_from(Trouble), min_size=1, max_size=4)

STEPS_TO_TELL = 6
"""Enough to ask for the mark, hand a batch over, and once more after a pause."""

SPOTS = st.integers(0, 5000)

BLOWS = st.builds(
    Blow,
    database=st.sampled_from(DatabaseHarm),
    mirror=st.sampled_from(MirrorHarm),
    segment=st.integers(0, 3),
    record=st.integers(0, 30),
    count=st.integers(1, 4),
    spot=SPOTS,
)

VICTIMS = st.sampled_from(["/v1/batches", "/v1/batches", "", "/v1/streams/", "/v1/resolutions"])

POISONS = (400, 402, 413, 422)
"""Statuses by which a gateway refuses what is in an entry."""


def scratch_folder() -> str:
    """A folder in memory where there is one: the crash tests are about disks, not these."""
    memory = Path("/dev/shm")
    return tempfile.mkdtemp(prefix="outpost-fuzz-", dir=memory if memory.is_dir() else None)


class Simulation(ByHand):
    """One story. Subclasses put broken parts in, or another database."""

    desk_type: ClassVar[type[BatchDesk]] = BatchDesk
    parts: ClassVar[Parts] = Parts()
    can_go_back: ClassVar[bool] = True
    """Whether the gateway's database is a file, of which older copies can be restored."""

    _places: ClassVar[SqlitePlaces | None] = None

    def __init__(self) -> None:
        super().__init__()
        structlog.configure(
            processors=[_drop], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=False
        )
        self.folder = Path(scratch_folder())
        self.world = World(self.folder, self.new_place(), self.desk_type, self.parts)
        self.fences = 0

    def new_place(self) -> Place:
        """An empty, migrated database."""
        if Simulation._places is None:
            Simulation._places = SqlitePlaces()
        path = self.folder / "gateway.db"
        path.write_bytes(Simulation._places._migrated)
        return path

    def teardown(self) -> None:
        """The end of the story: all heals, and nothing must be missing."""
        try:
            if sys.exc_info()[0] is None:
                self.world.come_to_rest()
        finally:
            self.world.close()
            shutil.rmtree(self.folder)
            structlog.reset_defaults()

    # --- kiosks and patients ------------------------------------------------------------------

    @initialize(count=st.integers(1, 2), have_met=st.booleans())
    def kiosks(self, count: int, have_met: bool) -> None:
        for number in range(1, count + 1):
            kiosk = self.world.add_kiosk(f"K{number}")
            for _ in range(FIRST_STEPS if have_met else 0):
                self.world.step(kiosk)

    @rule(which=WHICH, count=st.integers(1, 12))
    def sync(self, which: int, count: int) -> None:
        for _ in range(count):
            self.world.step(self.kiosk(which))

    @rule(which=WHICH, slot=WHICH)
    def patient_registers(self, which: int, slot: int) -> None:
        kiosk = self.kiosk(which)
        leases = kiosk.leases()
        if not leases:
            return
        lease, order_id = leases[slot % len(leases)], self.world.numbers.new_id()
        patient = PatientIdentity(
            "测试甲", "resident_id", f"110105194912310{slot:03d}", "F", "1949-12-31", "A-P1", True
        )
        confirmed = RegistrationConfirmed(
            order_id=order_id,
            patient=patient,
            department_code="NK",
            doctor_code=lease.doctor_code,
            slot_id=lease.slot_id,
            slot_number=lease.number,
            slot_start=lease.start,
            slot_end=lease.end,
            lease_id=lease.lease_id,
            fencing=lease.fencing,
            fee_fen=FEE_FEN,
        )
        (entry,) = kiosk.record(confirmed)
        kiosk.memory.orders.append(Order(order_id, entry.id, FEE_FEN))
        self.world.observer.learn(kiosk)

    @rule(
        which=WHICH, order=WHICH, fen=st.sampled_from([500, 1000, 2000, 5000]), kept=st.booleans()
    )
    def patient_inserts_a_note(self, which: int, order: int, fen: int, kept: bool) -> None:
        kiosk = self.kiosk(which)
        found = self.open_order(kiosk, order)
        if found is None:
            return
        note_id, cause = self.world.numbers.new_id(), (found.confirmation,)
        kiosk.record(NoteEscrowed(found.order_id, note_id, fen), depends_on=cause)
        end = NoteCredited if kept else NoteGivenBack
        kiosk.record(end(found.order_id, note_id, fen), depends_on=cause)
        found.collected_fen += fen if kept else 0
        self.world.observer.learn(kiosk)

    @rule(which=WHICH, order=WHICH)
    def patient_ends_an_order(self, which: int, order: int) -> None:
        kiosk = self.kiosk(which)
        found = self.open_order(kiosk, order)
        if found is None:
            return
        fen, slip = found.collected_fen, f"S{self.world.numbers.last}"
        if fen >= found.fee_fen:
            end: RegistrationPaid | RegistrationCancelled = RegistrationPaid(
                found.order_id, found.fee_fen, fen, fen - found.fee_fen, slip
            )
        else:
            end = RegistrationCancelled(found.order_id, "patient", fen, slip if fen else None)
        kiosk.record(end, depends_on=(found.confirmation,))
        found.is_open = False
        self.world.observer.learn(kiosk)

    @rule(which=WHICH, kind=st.sampled_from(["start", "case", "note"]), count=st.integers(1, 3))
    def kiosk_notes(self, which: int, kind: str, count: int) -> None:
        self.note(self.kiosk(which), kind, count)

    @rule(which=WHICH, count=st.integers(1, 4), trouble=st.sampled_from(Trouble), spot=SPOTS)
    def kiosk_tells_of_notes(self, which: int, count: int, trouble: Trouble, spot: int) -> None:
        self.tell_of_notes(self.kiosk(which), count, trouble, spot)

    @rule(which=WHICH, count=st.integers(1, 4))
    def answer_to_notes_is_lost(self, which: int, count: int) -> None:
        self.tell_of_notes(self.kiosk(which), count, Trouble.ANSWER_LOST, 0)

    @rule(which=WHICH, count=st.integers(1, 4), forgery=st.sampled_from(FORGERIES))
    def receipt_for_notes_is_forged(self, which: int, count: int, forgery: Trouble) -> None:
        self.tell_of_notes(self.kiosk(which), count, forgery, 0)

    # --- network ------------------------------------------------------------------------------

    @rule(which=WHICH, troubles=TROUBLES, victim=VICTIMS, spot=SPOTS)
    def network_has_trouble(
        self, which: int, troubles: list[Trouble], victim: str, spot: int
    ) -> None:
        line = self.kiosk(which).line
        line.troubles, line.victim, line.spot = list(troubles), victim, spot

    @rule(which=WHICH)
    def network_is_cut_or_comes_back(self, which: int) -> None:
        line = self.kiosk(which).line
        line.is_cut = not line.is_cut

    @rule(which=WHICH, index=WHICH)
    def an_old_request_arrives(self, which: int, index: int) -> None:
        self.world.runner.run(self.kiosk(which).line.deliver_late(index))

    # --- power and disks ----------------------------------------------------------------------

    @rule(which=WHICH)
    def kiosk_restarts(self, which: int) -> None:
        self.world.restart(self.kiosk(which))

    @rule(which=WHICH, blow=BLOWS)
    def both_copies_are_damaged(self, which: int, blow: Blow) -> None:
        self.world.losses.strike(self.kiosk(which), blow)

    @rule(which=WHICH)
    def log_is_copied_into_the_main_file(self, which: int) -> None:
        self.kiosk(which).copy_log()

    @rule(which=WHICH, copied=st.integers(0, 2), count=st.integers(1, 3), blow=BLOWS)
    def lost_entries_turn_up_on_a_stick(
        self, which: int, copied: int, count: int, blow: Blow
    ) -> None:
        kiosk, errands = self.kiosk(which), self.world.errands
        if copied:
            self.note(kiosk, "note", copied)
            kiosk.copy_log()
        self.note(kiosk, "note", count)
        written = len(errands.bundles)
        errands.write_bundle(kiosk)
        self.world.losses.strike(kiosk, blow)
        for _ in range(STEPS_TO_TELL):
            self.world.step(kiosk)
        for bundle in errands.bundles[written:]:
            errands.take_bundle_in(bundle)

    @rule(which=WHICH)
    def disk_is_copied(self, which: int) -> None:
        if len(self.world.disk_copies) < 2:
            self.world.copy_disk(self.kiosk(which))

    @precondition(lambda self: self.world.disk_copies)
    @rule(which=WHICH, copy=WHICH)
    def disk_is_replaced_by_its_copy(self, which: int, copy: int) -> None:
        image = self.world.disk_copies[copy % len(self.world.disk_copies)]
        same = [each for each in self.world.kiosks if each.device == image.device]
        self.world.roll_back(same[which % len(same)], image)

    @precondition(lambda self: self.world.disk_copies and len(self.world.kiosks) < MOST_KIOSKS)
    @rule(copy=WHICH)
    def disk_is_cloned(self, copy: int) -> None:
        self.world.clone(self.world.disk_copies[copy % len(self.world.disk_copies)])

    @rule(which=WHICH, days=st.sampled_from([-365, -1, 0, 1, 365]))
    def clock_jumps(self, which: int, days: int) -> None:
        self.kiosk(which).skew = timedelta(days=days)

    # --- the HIS ------------------------------------------------------------------------------

    @rule()
    def gateway_restarts(self) -> None:
        self.world.hospital.restart()

    @rule(statements=st.integers(0, 40))
    def gateway_is_killed_in_a_transaction(self, statements: int) -> None:
        self.world.hospital.die_after(statements)

    @precondition(lambda self: self.can_go_back and len(self.world.backups) < 3)
    @rule()
    def gateway_is_backed_up(self) -> None:
        self.world.back_up()

    @precondition(lambda self: self.world.backups and not self.contradicted())
    @rule(which=WHICH)
    def gateway_is_restored(self, which: int) -> None:
        self.world.restore(self.world.backups[which % len(self.world.backups)])

    @precondition(lambda self: len(self.world.hospital.poison) < 2)
    @rule(which=WHICH, entry=WHICH, status=st.sampled_from(POISONS))
    def gateway_cannot_take_an_entry(self, which: int, entry: int, status: int) -> None:
        kiosk = self.kiosk(which)
        waiting = kiosk.core.outbox.waiting(0, 50)
        if waiting:
            name = waiting[entry % len(waiting)].id.encode()
            self.world.hospital.poison[b'"id":"' + name] = status

    @precondition(lambda self: self.world.hospital.poison)
    @rule()
    def gateway_is_mended(self) -> None:
        self.world.hospital.poison.clear()

    @rule(verdict=st.sampled_from(Verdict), index=WHICH)
    def staff_decide(self, verdict: Verdict, index: int) -> None:
        self.world.decide(verdict, index)

    @precondition(lambda self: self.fences < 1)
    @rule(which=WHICH)
    def journal_is_fenced(self, which: int) -> None:
        self.fences += 1
        self.world.fence(self.kiosk(which))

    # --- what must hold -----------------------------------------------------------------------

    @invariant()
    def everything_holds(self) -> None:
        self.world.observer.check(self.world.kiosks)

    def contradicted(self) -> bool:
        return any(each.is_contradicted or each.seems_contradicted for each in self.world.kiosks)

    def tell_of_notes(self, kiosk: Kiosk, count: int, trouble: Trouble, spot: int) -> None:
        """Record notes and hand them over, if there is a way; the batch has this trouble."""
        self.note(kiosk, "note", count)
        kiosk.line.troubles, kiosk.line.victim, kiosk.line.spot = [trouble], "/v1/batches", spot
        for _ in range(STEPS_TO_TELL):
            self.world.step(kiosk)

    def open_order(self, kiosk: Kiosk, index: int) -> Order | None:
        found = [each for each in kiosk.memory.orders if each.is_open]
        return found[index % len(found)] if found else None


def _drop(_logger: object, _name: str, _event: object) -> str:
    """What would be logged is of no interest here."""
    raise structlog.DropEvent
