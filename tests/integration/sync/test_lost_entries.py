"""Both copies at the kiosk lost the same entries: the gap is named, the gateway goes on behind it,
and so do the kiosk's outbox, its mirror and its purge."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from store_forward.contract.facts import EntriesLost, KioskStarted
from store_forward.contract.keys import load_public_key
from store_forward.contract.resolutions import CaseVerdict, Verdict
from store_forward.contract.sealed import signer_text
from store_forward.contract.signing import is_signature
from store_forward.contract.spans import Range
from store_forward.contract.wire import BatchAnswer
from store_forward.gateway.tables import lost_range, open_case
from store_forward.store import Store
from store_forward.store.archive.anchors import Signer
from store_forward.store.archive.purge import Terms
from store_forward.store.audit.verify import JournalReport, verify_journal
from store_forward.store.mirror import mirror
from store_forward.sync.batches import cut_batch
from tests.fakes.faulty_front import FaultyFront, LoseAnswer
from tests.fakes.journal_of import entry_of
from tests.fakes.kiosk_in_sync import KEY, KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import DEVICE, connect, recorded
from tests.unit.store.recovery.kiosk_disk import KioskDisk, flip, power_cut

LOST = Range(4, 6)
TOLD = 10
"""The entry in which the kiosk tells of it."""


def three_runs(folder: Path) -> list[KioskDisk]:
    """The disk after each of three runs of core without a network, each with three entries."""
    disks = []
    for run in range(3):
        with Store.open(folder / "store.db", KEY, device=DEVICE, create=True) as store:
            for number in range(3):
                store.journal.append([entry_of(KioskStarted(f"run {run}, {number}"))])
            disks.append(power_cut(store, folder / f"disk-{run}"))
    return disks


@pytest.fixture(name="disks")
def _disks(tmp_path: Path) -> list[KioskDisk]:
    """The last of them has lost its database, and what the second run wrote to the mirror."""
    disks = three_runs(tmp_path)
    disks[2].segments()[1].unlink()
    disks[2].database.unlink()
    disks[2].log.unlink()
    return disks


@pytest.fixture(name="kiosk")
def _kiosk(
    disks: list[KioskDisk], front: FaultyFront, key: Ed25519PrivateKey
) -> Iterator[KioskInSync]:
    """The kiosk that recovered from that."""
    with kiosk_in_sync(disks[2].database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        yield kiosk


def send(kiosk: KioskInSync, *seqs: int) -> BatchAnswer:
    """Hand these entries over and forget the answer."""
    cut = cut_batch(kiosk.store, seqs)
    assert cut is not None
    assert kiosk.client is not None
    answer = kiosk.runner.run(kiosk.client.send(cut[0], 10.0))
    assert isinstance(answer, BatchAnswer)
    return answer


def told_lost(gateway: RunningGateway, kiosk: KioskInSync) -> list[tuple[int, int, int]]:
    query = select(lost_range.c.first_seq, lost_range.c.last_seq, lost_range.c.told_seq).where(
        lost_range.c.incarnation == kiosk.store.identity.incarnation
    )
    with gateway.database.read() as connection:
        return [(row.first_seq, row.last_seq, row.told_seq) for row in connection.execute(query)]


def reasons(gateway: RunningGateway, kiosk: KioskInSync) -> list[str]:
    query = select(open_case.c.reason).where(
        open_case.c.incarnation == kiosk.store.identity.incarnation
    )
    with gateway.database.read() as connection:
        return sorted(connection.execute(query).scalars())


def audit(gateway: RunningGateway, kiosk: KioskInSync) -> JournalReport:
    key = load_public_key(gateway.receipt_key)
    return verify_journal(
        kiosk.core.path, KEY, lambda signature, told: is_signature(signature, told, key)
    )


def test_the_gap_is_named_and_waits_for_the_gateway_alone(
    gateway: RunningGateway, kiosk: KioskInSync
) -> None:
    (row,) = kiosk.core.journal.read(TOLD - 1)
    incarnation = kiosk.store.identity.incarnation
    assert row.entry().fact == EntriesLost(LOST.first, LOST.last, incarnation)
    assert kiosk.waiting == 7, "what is lost does not wait"
    report = audit(gateway, kiosk)
    assert [str(one) for one in report.lost] == [
        "entries 4 to 6, told in entry 10; the HIS waits for them"
    ]


def test_the_gateway_goes_on_behind_the_gap_and_so_does_the_kiosk(
    gateway: RunningGateway, kiosk: KioskInSync
) -> None:
    kiosk.drain()
    assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 2, 3, 7, 8, 9, TOLD]
    assert told_lost(gateway, kiosk) == [(*LOST, TOLD)]
    assert reasons(gateway, kiosk) == ["entries_lost"]
    assert kiosk.core.outbox.acked_seq() == TOLD
    assert kiosk.core.outbox.ahead() == ()
    kiosk.record_starts(2)
    kiosk.drain()
    assert kiosk.core.outbox.acked_seq() == TOLD + 2


def test_an_auditor_sees_the_range_and_that_it_is_closed(
    gateway: RunningGateway, kiosk: KioskInSync
) -> None:
    kiosk.drain()
    report = audit(gateway, kiosk)
    assert report.problems == ["entries 4 to 6 are missing: this kiosk noted that they were lost"]
    assert (report.acked_to, report.receipted_to) == (TOLD, TOLD)
    assert "lost          entries 4 to 6, told in entry 10; the HIS goes on" in report.render()


def test_where_the_answer_is_lost_the_mark_tells_it(
    gateway: RunningGateway, kiosk: KioskInSync, front: FaultyFront
) -> None:
    front.victim, front.faults = "/v1/batches", [LoseAnswer()]
    kiosk.step_until(lambda: not front.faults)
    kiosk.drain()
    assert kiosk.core.outbox.acked_seq() == TOLD


def test_what_had_been_sent_before_it_was_lost_stays_booked(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, disks: list[KioskDisk]
) -> None:
    before = disks[1].copy(disks[1].folder.with_name("before"))
    with kiosk_in_sync(before.database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        send(kiosk, 1, 2, 3, 4, 5)
    with kiosk_in_sync(disks[2].database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        kiosk.drain()
        assert kiosk.core.outbox.acked_seq() == TOLD
        assert told_lost(gateway, kiosk) == [(6, 6, TOLD)]
        assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 2, 3, 4, 5, 7, 8, 9, TOLD]


def test_an_old_disk_that_comes_back_books_nothing_unseen(
    gateway: RunningGateway,
    kiosk: KioskInSync,
    front: FaultyFront,
    key: Ed25519PrivateKey,
    disks: list[KioskDisk],
) -> None:
    kiosk.drain()
    with kiosk_in_sync(disks[1].database, DEVICE) as old:
        connect(old, front, key)
        old.step_until(lambda: old.status.journal == "rolled_back")
        answer = send(old, 4, 5, 6)
    assert [(each.outcome.value, each.code) for each in answer.results] == [
        ("conflict", "told_lost")
    ] * 3
    assert reasons(gateway, kiosk) == ["entries_lost"] + ["told_lost"] * 3
    kiosk.record_starts(1)
    kiosk.drain()
    assert kiosk.core.outbox.acked_seq() == TOLD + 1


def test_a_decision_about_an_entry_lost_since_holds_up_no_other(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, disks: list[KioskDisk]
) -> None:
    """Entry 4 was parked before it was lost; the entry that tells of the loss is parked now."""
    before = disks[1].copy(disks[1].folder.with_name("before"))
    with kiosk_in_sync(before.database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        park_at(kiosk, front, 4)
    with kiosk_in_sync(disks[2].database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        park_at(kiosk, front, TOLD)
        incarnation = kiosk.store.identity.incarnation
        for seq in (4, TOLD):
            told = CaseVerdict(DEVICE, Verdict.SETTLED, "staff-7", "looked_at")
            path = f"/v1/cases/parked:{incarnation}:{seq}/resolve"
            answer = gateway.ask_as_operator(path, told)
            assert answer.status_code == 200, answer.text
        kiosk.watch.seconds += 61.0
        kiosk.step_until(lambda: kiosk.core.outbox.exceptions() == [])
        assert kiosk.waiting == 0


def park_at(kiosk: KioskInSync, front: FaultyFront, seq: int) -> None:
    """A proxy refuses this entry, and the gateway is told so."""
    (row,) = kiosk.core.journal.read(seq - 1, 1)
    front.poison.add(row.entry().id.encode())
    kiosk.step_until(lambda: [each.seq for each in kiosk.core.outbox.parked()] == [seq])
    kiosk.step_until(lambda: kiosk.core.outbox.parked()[0].reported)


def test_numbers_left_out_behind_a_lost_end_are_closed_too(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, disks: list[KioskDisk]
) -> None:
    """The gateway has the entry that both copies lost last: its number is not given again."""
    disk = disks[1].copy(disks[1].folder.with_name("sent"))
    with kiosk_in_sync(disk.database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        answer = send(kiosk, 1, 2, 3, 4, 5, 6)
        assert answer.receipt.ack_seq == 6
    damaged = disks[1]
    damaged.database.unlink()
    damaged.log.unlink()
    newest = damaged.segments()[-1]
    flip(newest, len(newest.read_bytes().rstrip(b"\0")) - 5)
    with kiosk_in_sync(damaged.database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        kiosk.record_starts(2)
        kiosk.drain()
        head = kiosk.core.journal.head().seq
        assert kiosk.core.outbox.acked_seq() == head
        ((first, last, _),) = told_lost(gateway, kiosk)
        assert first == 7, "what the gateway has is not lost"
        assert [seq for seq, _ in recorded(gateway, kiosk)] == [
            *range(1, first),
            *range(last + 1, head + 1),
        ]


def test_mirror_and_purge_do_not_wait_for_what_is_lost(
    gateway: RunningGateway,
    front: FaultyFront,
    key: Ed25519PrivateKey,
    disks: list[KioskDisk],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror, "ENTRIES_KEPT", 0)
    disk = disks[2]
    with kiosk_in_sync(disk.database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        kiosk.drain()
    with kiosk_in_sync(disk.database, DEVICE) as kiosk:
        connect(kiosk, front, key)
        kiosk.record_starts(2)
        kiosk.drain()
        signer = Signer(key.sign, signer_text(key.public_key()), "boot-1")
        terms, today = Terms(days=90, kept_entries=2), date(2027, 12, 31)
        assert kiosk.core.purge.step(terms, today, signer, datetime.now(UTC)) > 0
        assert kiosk.core.journal.base().seq == TOLD
        assert kiosk.core.journal.verify() is None
        report = audit(gateway, kiosk)
        assert (report.ok, report.base_seq, report.lost) == (True, TOLD, [])
    with kiosk_in_sync(disk.database, DEVICE) as kiosk:
        assert len(disk.segments()) == 1, "of what is acknowledged no segment is kept"
        assert kiosk.core.recovery is None or not kiosk.core.recovery.is_worth_telling
