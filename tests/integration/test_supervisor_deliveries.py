"""What core is told over the devices socket, and told again until it has acknowledged it."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.messages import DeviceState, DeviceStatus, NoteReturned
from tests.fakes.steered_service import CASH, ESCROW, Bench, bench, play_on, stacked


def test_core_is_told_all_states_and_then_that_it_is_up_to_date(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        await core.close()
        core = await it.core()
        (status,) = await core.until_caught_up()
        assert isinstance(status.event, DeviceStatus)
        assert status.event.state is DeviceState.ONLINE
        assert not status.must_acknowledge

    play_on(bench(tmp_path, CASH), scenario)


def test_money_events_are_delivered_again_until_core_has_acknowledged_them(
    tmp_path: Path,
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        it.port.say(ESCROW)
        it.port.say(stacked())
        first = await core.delivery(lambda event: event == ESCROW)
        second = await core.delivery(lambda event: event == stacked())
        assert first.must_acknowledge
        assert second.must_acknowledge
        core.acknowledge(first)
        await core.close()
        core = await it.core()
        assert [one for one in await core.until_caught_up() if one.must_acknowledge] == [second]
        core.acknowledge(second)
        await core.close()
        core = await it.core()
        assert not [one for one in await core.until_caught_up() if one.must_acknowledge]

    play_on(bench(tmp_path, CASH), scenario)


def test_an_acknowledgement_of_another_run_acknowledges_nothing(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        it.port.say(stacked())
        delivery = await core.delivery(lambda event: event == stacked())
        core.send_raw(b'{"type":"acknowledge","boot":"older","number":%d}\n' % delivery.number)
        await core.close()
        core = await it.core()
        assert delivery in await core.until_caught_up()

    play_on(bench(tmp_path, CASH), scenario)


def test_a_newer_core_replaces_the_older(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        older = await it.online()
        newer = await it.core()
        await newer.until_caught_up()
        with pytest.raises((EOFError, ConnectionError)):
            await older.delivery(lambda _event: False)
        it.port.say(stacked())
        await newer.delivery(lambda event: event == stacked())
        await newer.close()
        await older.close()

    play_on(bench(tmp_path, CASH), scenario)


@pytest.mark.parametrize("line", [b"not json\n", b'{"type":"execute"}\n', b"x" * 1_100_000])
def test_a_client_that_talks_nonsense_is_closed_and_nothing_else_happens(
    tmp_path: Path, line: bytes
) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        core.send_raw(line)
        with pytest.raises((EOFError, ConnectionError)):
            await core.delivery(lambda _event: False)
        core = await it.core()
        await core.until_caught_up()

    play_on(bench(tmp_path, CASH), scenario)


def test_a_returned_note_is_told_like_a_stacked_one(tmp_path: Path) -> None:
    async def scenario(it: Bench) -> None:
        core = await it.online()
        returned = NoteReturned(device="it", note_id="n1", amount_fen=2000)
        it.port.say(ESCROW)
        it.port.say(returned)
        delivery = await core.delivery(lambda event: event == returned)
        assert delivery.must_acknowledge

    play_on(bench(tmp_path, CASH), scenario)
