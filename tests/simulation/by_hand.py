"""Rules of what people do by hand: sticks, backups, spare machines; and what a kiosk lets go."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.simulation.kiosk import Kiosk
from tests.simulation.world import World

MOST_KIOSKS = 3

MOST_STICKS = 4

WHICH = st.integers(0, 30)
"""Picks one of what there is."""

PLACES = st.integers(0, 20_000)
"""Where a byte changes."""


class ByHand(RuleBasedStateMachine):
    """One story, as far as people carry things in it."""

    world: World

    def kiosk(self, which: int) -> Kiosk:
        return self.world.kiosks[which % len(self.world.kiosks)]

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

    # --- purging ------------------------------------------------------------------------------

    @rule(which=WHICH, kept=st.integers(0, 4))
    def kiosk_lets_old_entries_go(self, which: int, kept: int) -> None:
        self.world.errands.let_old_entries_go(self.kiosk(which), kept)
