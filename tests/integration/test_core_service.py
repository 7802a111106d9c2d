"""Core over its real sockets with a real encrypted store."""

from __future__ import annotations

import asyncio
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest

from firmware.messages.intents import SetLanguage, Wake
from firmware.messages.views import (
    AttractView,
    DoneView,
    HomeView,
    Language,
    Network,
    NoteState,
    PayView,
    SlipState,
)
from store_forward.contract.checkpoints import verify_checkpoint
from store_forward.contract.facts import NoteCredited, RegistrationPaid
from store_forward.store.store import Store
from tests.fakes.core_bench import Bench, on_bench, on_process
from tests.fakes.core_process import KEY
from tests.fakes.fake_screen import FakeScreen


def test_from_touch_to_paid_registration(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.server.insert(10)
        await bench.screen.until(PayView, collected_fen=1000)
        bench.server.insert(20)
        done = await bench.screen.until(DoneView, slip=SlipState.PRINTED)
        assert done.paid_fen == 3000
        await bench.until(lambda: len(bench.server.acknowledged) == 5)

    on_bench(tmp_path, story)
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7") as store:
        facts = [row.entry().fact for row in store.journal.read()]
        assert store.journal.verify() is None
    assert sum(one.amount_fen for one in facts if isinstance(one, NoteCredited)) == 3000
    assert len([one for one in facts if isinstance(one, RegistrationPaid)]) == 1


def test_core_killed_with_a_note_stacked_goes_on_with_the_money_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.server.devices.stacks_at_once = False
        bench.server.insert(10)
        await bench.until(lambda: bench.server.devices.has_undecided)
        await bench.screen.until(PayView, last_note_fen=1000)
        await bench.kill_core()
        await bench.until(lambda: not bench.server.devices.is_connected)
        bench.server.devices.finish_stacking()
        bench.server.devices.stacks_at_once = True
        await bench.start_core()
        pay = await bench.screen.until(PayView, collected_fen=1000)
        assert pay.recovered
        await bench.until(lambda: bench.server.devices.is_accepting)
        bench.server.insert(20)
        await bench.screen.until(DoneView, paid_fen=3000)

    on_bench(tmp_path, story)


def test_a_core_process_killed_at_once_in_mid_note_goes_on_too(tmp_path: Path) -> None:
    async def story(bench: Bench, _process: int) -> None:
        await bench.pay_view()
        bench.server.insert(20)
        await bench.screen.until(PayView, collected_fen=2000)
        bench.server.devices.stacks_at_once = False
        bench.server.insert(10)
        await bench.screen.until(PayView, note=NoteState.STACKING)
        await bench.kill_process()
        await bench.until(lambda: not bench.server.devices.is_connected)
        bench.server.devices.finish_stacking()
        await bench.start_process()
        done = await bench.screen.until(DoneView, slip=SlipState.PRINTED)
        assert done.paid_fen == 3000

    on_process(tmp_path, story)
    with Store.open(tmp_path / "store.db", KEY, device="kiosk-7") as store:
        facts = [row.entry().fact for row in store.journal.read()]
    assert [one.amount_fen for one in facts if isinstance(one, NoteCredited)] == [2000, 1000]


def test_what_a_session_recorded_is_signed_when_it_is_over(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.looks_after_journal = True
        await bench.stop_core()
        await bench.start_core()
        with bench.open_store() as store:
            await bench.until(lambda: store.checkpoints.newest_seq() == 2)
            await bench.pay_view()
            await bench.until(lambda: store.journal.head().seq > 2)
            assert store.checkpoints.newest_seq() == 2, "not while somebody is served"
            (checkpoint, *_) = store.checkpoints.all()
            assert verify_checkpoint(checkpoint, bench.public_key)

    on_bench(tmp_path, story)


def test_a_new_screen_shows_the_same_step_and_replaces_the_old(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        second = FakeScreen(bench.run / "core.sock")
        first_shown = await second.connect()
        assert isinstance(first_shown.view, PayView)
        await bench.screen.closed_by_core()
        await bench.screen.close()
        bench.screen = second

    on_bench(tmp_path, story)


@pytest.mark.parametrize(
    "line",
    [
        b"not json\n",
        b"\xff\xfe\n",
        b"{}\n",
        b'{"screen":1,"intent":{"type":"open_the_door"}}\n',
        b'{"screen":"1","intent":{"type":"wake"}}\n',
        b"x" * 1_100_000 + b"\n",
    ],
)
def test_a_line_that_is_no_touch_closes_the_connection_and_changes_nothing(
    tmp_path: Path, line: bytes
) -> None:
    async def story(bench: Bench) -> None:
        bench.screen.send_raw(line)
        await bench.screen.closed_by_core()
        again = FakeScreen(bench.run / "core.sock")
        assert isinstance((await again.connect()).view, AttractView)
        await bench.screen.close()
        bench.screen = again

    on_bench(tmp_path, story)


def test_garbage_from_the_devices_leads_to_a_new_connection(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.server.send_raw(b'{"type":"delivery","nonsense":1}\n')
        await bench.until(lambda: not bench.server.devices.is_connected)
        await bench.until(lambda: bench.server.devices.is_accepting)
        bench.server.insert(50)
        await bench.screen.until(DoneView, paid_fen=5000)

    on_bench(tmp_path, story)


def test_what_sync_writes_shows_within_a_second(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        def network() -> Network:
            return bench.screen.shown[-1].frame.network

        assert network() is Network.ONLINE
        bench.sync_pulls(online=False)
        began = time.monotonic()
        while network() is not Network.OFFLINE:
            await bench.screen.next()
        assert time.monotonic() - began < 2.0

    on_bench(tmp_path, story)


def test_a_bug_ends_the_process_so_that_a_new_one_starts_from_the_journal(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        bench.cannot_sign = True
        bench.server.insert(50)
        await bench.screen.closed_by_core()
        with pytest.raises(RuntimeError, match="cannot sign"):
            await bench.stop_core()
        bench.cannot_sign = False
        await bench.start_core()
        await bench.screen.until(DoneView, paid_fen=5000)

    on_bench(tmp_path, story)


def test_nothing_is_sent_while_nothing_changes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.screen.touch(Wake())
        await bench.screen.until(HomeView)
        await bench.until(lambda: bench.server.devices.is_reading)
        with suppress(TimeoutError):  # the devices' states may still be coming
            await asyncio.wait_for(bench.screen.next(), 0.3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bench.screen.next(), 1.5)

    on_bench(tmp_path, story)


def test_an_intent_is_answered_well_within_a_frame(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.screen.touch(Wake())
        await bench.screen.until(HomeView)
        took: list[float] = []
        for language in [Language.EN, Language.ZH] * 20:
            began = time.perf_counter()
            bench.screen.touch(SetLanguage(language))
            await bench.screen.next()
            took.append(time.perf_counter() - began)
        assert sorted(took)[len(took) // 2] < 0.010

    on_bench(tmp_path, story)


def test_only_the_owner_may_open_the_socket_and_it_goes_with_core(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        mode = stat.S_IMODE((bench.run / "core.sock").stat().st_mode)
        assert mode == 0o600
        assert bench.notified == ["READY=1"]

    on_bench(tmp_path, story)
    assert not (tmp_path / "core.sock").exists()
