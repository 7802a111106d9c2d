"""Core and sync work on one store file at the same time, as processes of their own."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import SpawnProcess
from pathlib import Path

from store_forward.contract.wire import Outcome, Result
from store_forward.store import Role, Store, SyncStatus
from store_forward.store.audit.verify import verify_journal
from store_forward.store.errors import SlotTaken
from tests.unit.store.builders import DEVICE, KEY, confirmed, entry, lease, new_store, receipt

PROCESSES = multiprocessing.get_context("spawn")
ENTRIES = 300
SLOTS = 60


def run(*processes: SpawnProcess) -> None:
    for process in processes:
        process.start()
    for process in processes:
        process.join(25)
    assert [process.exitcode for process in processes] == [0] * len(processes)


def write_like_core(path: Path) -> None:
    with Store.open(path, KEY, device=DEVICE) as store:
        for number in range(1, ENTRIES + 1):
            store.journal.append([entry(number)])
            store.network_status.read_status()


def write_like_sync(path: Path) -> None:
    with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as store:
        acked, rounds = 0, 0
        while acked < ENTRIES:
            rounds += 1
            status = SyncStatus(online=True, since="2026-07-13T01:00:00Z", last_contact=str(rounds))
            store.network_status.write_status(status)
            store.allotments.replace_leases([lease(f"s{rounds}")], "2026-07-13T01:00:00Z")
            rows = store.outbox.pending(20, 10**6).rows
            if rows:
                first, last = rows[0].seq, rows[-1].seq
                results = [
                    Result(seq, f"entry-{seq}", Outcome.ACCEPTED) for seq in range(first, last + 1)
                ]
                acked = store.outbox.record_answer(receipt(store, first, last), results)


def test_neither_process_ever_finds_the_store_locked(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    new_store(path).close()
    run(
        PROCESSES.Process(target=write_like_core, args=(path,)),
        PROCESSES.Process(target=write_like_sync, args=(path,)),
    )
    report = verify_journal(path, KEY)
    assert report.ok, report.render()
    assert (report.entries, report.acked_to, report.receipted_to) == (ENTRIES, ENTRIES, ENTRIES)


def sell_every_slot(path: Path, seller: str, outcome: Path) -> None:
    sold = []
    with Store.open(path, KEY, device=DEVICE, role=Role.UNMIRRORED) as store:
        for number in range(SLOTS):
            slot = f"s{number}"
            try:
                store.journal.append([confirmed(number, f"{seller}-{number}", slot)])
                sold.append(slot)
            except SlotTaken:
                pass
    outcome.write_text("\n".join(sold))


def test_two_processes_never_sell_the_same_slot(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    # Two keepers of one mirror there cannot be: the database alone must hold against two.
    Store.open(path, KEY, device=DEVICE, create=True, role=Role.UNMIRRORED).close()
    outcomes = [tmp_path / "a.txt", tmp_path / "b.txt"]
    run(
        *(
            PROCESSES.Process(target=sell_every_slot, args=(path, outcome.stem, outcome))
            for outcome in outcomes
        )
    )
    sold = [slot for outcome in outcomes for slot in outcome.read_text().split()]
    assert sorted(sold) == sorted(f"s{number}" for number in range(SLOTS))
    report = verify_journal(path, KEY)
    assert report.ok, report.render()
    assert report.entries == SLOTS


def create_and_append(path: Path, barrier: Path, number: int) -> None:
    """Each its own entry: of two that are the same in the same place, one is enough."""
    while not barrier.exists():
        pass
    with Store.open(path, KEY, device=DEVICE, create=True, role=Role.UNMIRRORED) as store:
        store.journal.append([entry(number)])


def test_processes_that_create_the_store_together_share_one(tmp_path: Path) -> None:
    path, barrier = tmp_path / "store.db", tmp_path / "go"
    processes = [
        PROCESSES.Process(target=create_and_append, args=(path, barrier, number))
        for number in (1, 2)
    ]
    for process in processes:
        process.start()
    barrier.touch()
    for process in processes:
        process.join(25)
    assert [process.exitcode for process in processes] == [0, 0]
    report = verify_journal(path, KEY)
    assert report.ok, report.render()
    assert report.entries == 2
    assert not list(tmp_path.glob("*.new*"))


def append_until_killed(path: Path, progress: Path) -> None:
    with Store.open(path, KEY, device=DEVICE) as store, progress.open("w") as durable:
        number = 0
        while True:
            number += 1
            appended = store.journal.append([entry(number)])
            durable.write(f"{appended.last_seq}\n")
            durable.flush()


def test_a_killed_writer_loses_nothing_it_was_told_is_durable(tmp_path: Path) -> None:
    path, progress = tmp_path / "store.db", tmp_path / "progress"
    new_store(path).close()
    writer = PROCESSES.Process(target=append_until_killed, args=(path, progress))
    writer.start()
    while not progress.exists() or len(progress.read_text().splitlines()) < 50:
        writer.join(0.01)
    writer.kill()
    writer.join(10)
    told = int(progress.read_text().splitlines()[-1])
    with Store.open(path, KEY, device=DEVICE) as store:
        head = store.journal.head().seq
        assert head in (told, told + 1)
        assert store.journal.verify() is None
        store.journal.append([entry(head + 1)])
