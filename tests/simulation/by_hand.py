"""Rules of what people do by hand: sticks, backups, spare machines; and what a kiosk lets go."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from store_forward.contract.facts import CaseOpened, KioskStarted, NoteCredited
from tests.simulation.kiosk import Kiosk
from tests.simulation.world import World

MOST_KIOSKS = 3

MOST_STICKS = 4

WHICH = st.integers(0, 30)
"""Picks one of what there is."""

ORDERS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""From the older or the newer of two backups, the first spare and the second."""

PLACES = st.integers(0, 20_000)
"""Where a byte changes."""


class ByHand(RuleBasedStateMachine):
    """One story, as far as people carry things in it."""

    world: World

    def kiosk(self, which: int) -> Kiosk:
        return self.world.kiosks[which % len(self.world.kiosks)]

    def note(self, kiosk: Kiosk, kind: str, count: int) -> None:
        """The kiosk records facts that have to do with no order."""
        for _ in range(count):
            number = self.world.numbers.new_id()
            if kind == "start":
                kiosk.record(KioskStarted("1"))
            elif kind == "case":
                kiosk.record(CaseOpened(number, None, "note_unsure", 1000, f"S{number[-6:]}"))
            else:
                kiosk.record(NoteCredited(None, number, 1000))
        self.world.observer.learn(kiosk)

    # --- courier ------------------------------------------------------------------------------

    @precondition(lambda self: len(self.world.errands.bundles) < MOST_STICKS)
    @rule(which=WHICH)
    def stick_is_written(self, which: int) -> None:
        self.world.errands.write_bundle(self.kiosk(which))

    @precondition(lambda self: self.world.errands.bundles)
    @rule(index=WHICH)
    def stick_reaches_the_gateway(self, index: int) -> None:
        bundles = self.world.errands.bundles
        self.world.errands.take_bundle_in(bundles[index % len(bundles)])

    @precondition(lambda self: self.world.errands.bundles)
    @rule(index=WHICH, spot=PLACES)
    def spoilt_stick_reaches_the_gateway(self, index: int, spot: int) -> None:
        bundles = self.world.errands.bundles
        self.world.errands.take_spoilt_bundle_in(bundles[index % len(bundles)], spot)

    @precondition(lambda self: self.world.errands.receipts)
    @rule(index=WHICH, which=WHICH)
    def answers_come_back(self, index: int, which: int) -> None:
        receipts = self.world.errands.receipts
        self.world.errands.bring_back(receipts[index % len(receipts)], self.kiosk(which))

    @precondition(lambda self: self.world.errands.receipts)
    @rule(index=WHICH, which=WHICH, spot=PLACES)
    def spoilt_answers_come_back(self, index: int, which: int, spot: int) -> None:
        receipts = self.world.errands.receipts
        spoilt = receipts[index % len(receipts)]
        self.world.errands.bring_back_spoilt(spoilt, self.kiosk(which), spot)

    @rule(which=WHICH)
    def courier_makes_his_round(self, which: int) -> None:
        errands, kiosk = self.world.errands, self.kiosk(which)
        bundles, receipts = len(errands.bundles), len(errands.receipts)
        errands.write_bundle(kiosk)
        for bundle in errands.bundles[bundles:]:
            errands.take_bundle_in(bundle)
        for answers in errands.receipts[receipts:]:
            errands.bring_back(answers, kiosk)

    # --- spare machines -----------------------------------------------------------------------

    @precondition(lambda self: len(self.world.errands.backups) < MOST_STICKS)
    @rule(which=WHICH)
    def kiosk_is_backed_up(self, which: int) -> None:
        self.world.errands.back_up(self.kiosk(which))

    @precondition(lambda self: self.world.errands.backups)
    @rule(index=WHICH, goes_on=st.booleans())
    def spare_takes_its_place(self, index: int, goes_on: bool) -> None:
        backups = self.world.errands.backups
        has_died = not goes_on or len(self.world.kiosks) >= MOST_KIOSKS
        self.world.errands.put_spare_in_place(backups[index % len(backups)], has_died=has_died)

    @precondition(lambda self: len(self.world.kiosks) < MOST_KIOSKS)
    @rule(
        which=WHICH,
        count=st.integers(1, 3),
        told=st.integers(0, 12),
        order=st.sampled_from(ORDERS),
        old_goes_on=st.booleans(),
        first_goes_on=st.booleans(),
    )
    def two_spares_take_its_place(
        self,
        which: int,
        count: int,
        told: int,
        order: tuple[int, int],
        old_goes_on: bool,
        first_goes_on: bool,
    ) -> None:
        """One after the other, from the same backup or from two, with and without a network."""
        kiosk, errands = self.kiosk(which), self.world.errands
        kept = len(errands.backups)
        for _ in range(2):
            self.note(kiosk, "note", count)
            errands.back_up(kiosk)
            self.let_tell(kiosk, told)
        self.note(kiosk, "note", 1)
        backups = errands.backups[kept:]
        for index, goes_on in zip(order, (old_goes_on, first_goes_on), strict=True):
            has_died = not goes_on or len(self.world.kiosks) >= MOST_KIOSKS
            spare = errands.put_spare_in_place(backups[index], has_died=has_died)
            if spare is None:
                break
            self.let_tell(spare, told)
            self.note(spare, "note", count)

    def let_tell(self, kiosk: Kiosk, steps: int) -> None:
        """Sync of a kiosk does so many things."""
        for _ in range(steps):
            self.world.step(kiosk)

    # --- purging ------------------------------------------------------------------------------

    @rule(which=WHICH, kept=st.integers(0, 4))
    def kiosk_lets_old_entries_go(self, which: int, kept: int) -> None:
        self.world.errands.let_old_entries_go(self.kiosk(which), kept)
