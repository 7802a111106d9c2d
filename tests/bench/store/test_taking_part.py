"""Each measurement in small, on the real queues: not how fast, but that it measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from store_forward.contract.canonical import encode_entry
from tests.bench.store.contenders import (
    LITEQUEUE,
    MIRRORED_STORE,
    NAMES,
    PERSIST_ACK,
    PERSIST_FILE,
    PLAIN_STORE,
    RAW,
    SQLITE,
    Contest,
    sized,
)
from tests.bench.store.draining import drain_ours, drain_peers
from tests.bench.store.queued import compare
from tests.bench.store.turns import Entries, take_turns
from tests.bench.store.watched import CouldNotWatch, Task, watch

DURABLE = (RAW, SQLITE, PLAIN_STORE, MIRRORED_STORE, PERSIST_ACK)


def silent(_text: str) -> None:
    pass


def test_everybody_takes_turns_and_puts_as_much(tmp_path: Path) -> None:
    with Contest(tmp_path, list(NAMES)) as contenders:
        puts = {name: one.put for name, one in contenders.items()}
        took = take_turns(puts, Entries(), 3, turns=2, per_turn=2)
    counts = {name: [len(one) for one in rounds] for name, rounds in took.items()}
    assert counts == {name: [4, 4, 4] for name in NAMES}


def test_an_unknown_contender_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="toaster"):
        Contest(tmp_path, ["toaster"])


def test_an_entry_has_the_size_that_is_asked_for() -> None:
    entry, _ = Entries(lambda entry: sized(entry, 1024)).next()
    assert len(encode_entry(entry)) == 1024
    with pytest.raises(ValueError, match="more than 100"):
        sized(entry, 100)


def test_the_recorder_sees_who_acknowledges_too_early(tmp_path: Path) -> None:
    ledger = watch(Task(tuple(NAMES), rounds=1), tmp_path / "watched").ledger
    accounts = ledger.accounts()
    assert {name: accounts[name].unsafe for name in DURABLE} == dict.fromkeys(DURABLE, 0)
    assert accounts[LITEQUEUE].unsafe > 0
    assert accounts[PERSIST_FILE].unsafe > 0
    assert all(accounts[name].acks == 20 for name in NAMES)


def test_a_slow_disk_is_played(tmp_path: Path) -> None:
    seen = watch(Task((RAW,), rounds=1, added_microseconds=2_000), tmp_path / "slow")
    assert min(seen.took[RAW][0]) >= 0.002


def test_a_process_that_fails_under_the_recorder_is_told(tmp_path: Path) -> None:
    with pytest.raises(CouldNotWatch, match="toaster"):
        watch(Task(("toaster",), rounds=1), tmp_path / "failing")


def test_a_long_queue_is_appended_to_and_opened_again(tmp_path: Path) -> None:
    found = compare(tmp_path, short=10, long=60, rounds=2, openings=1, say=silent)
    assert len(found.took["many"]) == 2
    assert len(found.openings.clean) == len(found.openings.killed) == 1


def test_our_queue_and_the_others_are_drained_to_the_end(tmp_path: Path) -> None:
    assert drain_ours(tmp_path, 60, silent).seconds_per_item > 0
    peers = drain_peers(tmp_path, 60, patience_seconds=60, slice_seconds=1, say=silent)
    assert [(one.name, one.slices) for one in peers] == [
        ("persist-queue", None),
        ("litequeue", None),
    ]


def test_others_that_would_take_too_long_are_measured_in_slices(tmp_path: Path) -> None:
    peers = drain_peers(tmp_path, 60, patience_seconds=0, slice_seconds=1, say=silent)
    assert all(one.slices is not None and len(one.slices) == 3 for one in peers)
