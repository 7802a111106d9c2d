"""The devices process killed with all its workers around a stacking: the note counts once.

Real processes, real ptys, a real store; only the machine behind the port is emulated. What it has
in its cassette in the end is what the journal says was credited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from firmware.messages.views import DoneView, NoteState, PayView
from store_forward.contract.facts import CaseOpened, NoteCredited, RegistrationPaid
from tests.fakes.killable_kiosk import KillableKiosk, killable_kiosk

MORE_THAN_ONE_POLL = 3


def run(folder: Path, story: Callable[[KillableKiosk], Awaitable[None]]) -> None:
    """Let the story pay 30 yuan with one note of 10 and one of 20, and compare the books."""

    async def whole() -> None:
        async with killable_kiosk(folder) as it:
            await it.goes_to_pay()
            await story(it)
            await it.feeds(20)
            await it.screen.until(DoneView, paid_fen=3000, excess_fen=0)
            facts = it.journal()
        credited = [fact for fact in facts if isinstance(fact, NoteCredited)]
        assert [fact.amount_fen for fact in credited] == [1000, 2000]
        assert sum(it.acceptor.cassette) * 100 == sum(fact.amount_fen for fact in credited)
        assert {fact.order_id for fact in credited} == {
            fact.order_id for fact in facts if isinstance(fact, RegistrationPaid)
        }
        assert [fact for fact in facts if isinstance(fact, CaseOpened)] == []

    asyncio.run(asyncio.wait_for(whole(), 28))


async def is_told_again(it: KillableKiosk) -> None:
    """Wait until the new worker has passed on what the acceptor tells it once more."""
    before = it.acceptor.said_stacked
    await it.until(lambda: it.acceptor.said_stacked >= before + MORE_THAN_ONE_POLL)


@pytest.mark.parametrize("with_core", [False, True])
def test_between_the_credit_and_its_acknowledgement(tmp_path: Path, with_core: bool) -> None:
    async def story(it: KillableKiosk) -> None:
        it.acceptor.hears_acknowledgements = False
        await it.feeds(10)
        await it.screen.until(PayView, collected_fen=1000, note=NoteState.CREDITED)
        await it.kill_devices()
        if with_core:
            await it.kill_core()
            await it.start_core()
        await it.start_devices()
        await is_told_again(it)
        it.acceptor.hears_acknowledgements = True

    run(tmp_path, story)


def test_while_the_note_is_stacked_and_again_before_that_is_acknowledged(tmp_path: Path) -> None:
    async def story(it: KillableKiosk) -> None:
        await it.feeds(10)
        await it.until(lambda: it.acceptor.state()["phase"] == "stacking")
        it.acceptor.hears_acknowledgements = False
        await it.kill_devices()
        await it.start_devices()
        await it.screen.until(PayView, collected_fen=1000)
        await it.kill_devices()
        await it.start_devices()
        await is_told_again(it)
        it.acceptor.hears_acknowledgements = True

    run(tmp_path, story)
