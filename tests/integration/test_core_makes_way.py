"""Core ends where only a new start can mend its journal, and the new start does."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from firmware.messages.views import AttractView, PayView
from store_forward.contract.facts import JournalReplaced
from store_forward.contract.marks import StreamMark
from store_forward.store.errors import JournalContradicted
from store_forward.store.store import Store
from tests.fakes.core_bench import Bench, on_bench


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
