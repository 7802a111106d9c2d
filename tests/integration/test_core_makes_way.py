"""Core ends where only a new start can mend its journal, and the new start does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from firmware.messages.views import AttractView, PayView
from store_forward.contract.facts import JournalReplaced
from store_forward.contract.marks import StreamMark
from store_forward.store.errors import DamagedStore, JournalContradicted, StoreReplaced
from store_forward.store.recovery import look
from store_forward.store.store import Store
from tests.fakes.bad_page import spoil_first_page_of
from tests.fakes.core_bench import Bench, on_bench
from tests.fakes.core_process import KEY


def gateway_has_more(store: Store) -> None:
    """What sync writes when the gateway's mark is beyond our journal."""
    store.outbox.take_mark(
        StreamMark(
            device=store.identity.device,
            incarnation=store.identity.incarnation,
            high_water=store.journal.head().seq + 5,
            head_hash="11" * 32,
            ahead=(),
            fenced_at=None,
            fenced_seq=None,
            at="2026-07-13T02:00:00Z",
            key_id="gateway-1",
            signature="c2lnbmF0dXJl",
        )
    )
    status = store.network_status.read_status()
    assert status is not None
    store.network_status.write_status(msgspec.structs.replace(status, journal="rolled_back"))


def test_a_contradicted_journal_is_replaced_by_the_next_start(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.screen.until(AttractView)
        with bench.open_store() as store:
            gateway_has_more(store)
        with pytest.raises(JournalContradicted, match="next one begins a new journal"):
            await bench.until_core_ends()
        await bench.start_core()
        with bench.open_store() as store:
            first = store.journal.read(0, 1)[0].entry().fact
        assert isinstance(first, JournalReplaced)

    on_bench(tmp_path, story)


def test_the_patient_of_now_is_served_to_the_end_first(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        with bench.open_store() as store:
            gateway_has_more(store)
        bench.server.insert(10)
        await bench.screen.until(PayView, collected_fen=1000)

    on_bench(tmp_path, story)


async def expect_mended(bench: Bench, head_seq: int) -> None:
    """Core starts again, with everything that was told durable and an intact database."""
    await bench.start_core()
    with bench.open_store() as store:
        assert store.journal.head().seq > head_seq
        assert store.journal.verify() is None
        assert store.outbox.receipts() == []
    assert list(bench.run.glob("store.db.quarantined-*"))


def test_damage_that_somebody_else_found_is_mended_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync meets pages that core does not; a large database is not read through at a start."""
    monkeypatch.setattr(look, "CHECKED_WHOLE_BYTES", 0)

    async def story(bench: Bench) -> None:
        await bench.screen.until(AttractView)
        spoil_first_page_of("receipt", bench.store_path, KEY)
        with bench.open_store() as store:
            head_seq = store.journal.head().seq
            with pytest.raises(DamagedStore):
                store.outbox.receipts()
            store.note_damage()
        with pytest.raises(DamagedStore, match="while it was in use"):
            await bench.until_core_ends()
        await expect_mended(bench, head_seq)

    on_bench(tmp_path, story)


def test_so_is_damage_in_what_core_reads_beside_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "CHECKED_WHOLE_BYTES", 0)

    async def story(bench: Bench) -> None:
        await bench.screen.until(AttractView)
        spoil_first_page_of("slot_lease", bench.store_path, KEY)
        with bench.open_store() as store:
            head_seq = store.journal.head().seq
            status = store.network_status.read_status()
            assert status is not None
            store.network_status.write_status(msgspec.structs.replace(status, reason="anything"))
        with pytest.raises(DamagedStore):
            await bench.until_core_ends()
        await expect_mended(bench, head_seq)

    on_bench(tmp_path, story)


def test_the_patient_of_now_is_served_to_the_end_on_a_database_that_somebody_found_damaged(
    tmp_path: Path,
) -> None:
    async def story(bench: Bench) -> None:
        await bench.pay_view()
        with bench.open_store() as store:
            store.note_damage()
        bench.server.insert(10)
        await bench.screen.until(PayView, collected_fen=1000)

    on_bench(tmp_path, story)


def test_a_database_that_was_taken_away_comes_back_from_the_mirror(tmp_path: Path) -> None:
    """Nobody but core has it open now: sync could never start again."""

    async def story(bench: Bench) -> None:
        await bench.screen.until(AttractView)
        with bench.open_store() as store:
            head_seq = store.journal.head().seq
        bench.store_path.unlink()
        with pytest.raises(StoreReplaced, match="taken away"):
            await bench.until_core_ends()
        await expect_mended(bench, head_seq)

    on_bench(tmp_path, story)
