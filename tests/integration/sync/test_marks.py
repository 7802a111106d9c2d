"""Whose journal is this? A store rolled back, cloned or fenced is found at the first contact."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.canonical import GENESIS
from store_forward.contract.marks import FenceRequest
from tests.fakes.faulty_front import Fault, FaultyFront, LoseRequest, Refuse
from tests.fakes.kiosk_in_sync import KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import DEVICE, connect, recorded


def copy_of(store: Path, to: Path) -> Path:
    """A copy of the closed store, as a disk image would hold it."""
    to.mkdir()
    for part in store.parent.glob(f"{store.name}*"):
        copy = shutil.copytree if part.is_dir() else shutil.copy
        copy(part, to / part.name)
    return to / store.name


@contextmanager
def kiosk_with(
    store: Path, front: FaultyFront, key: Ed25519PrivateKey, starts: int = 0
) -> Iterator[KioskInSync]:
    with kiosk_in_sync(store, DEVICE) as kiosk:
        connect(kiosk, front, key)
        if starts:
            kiosk.record_starts(starts)
            kiosk.drain()
        yield kiosk


@pytest.fixture(name="disks")
def _disks(tmp_path: Path, front: FaultyFront, key: Ed25519PrivateKey) -> tuple[Path, Path]:
    """The store of a kiosk whose two entries the gateway has, and a copy of it as it is then."""
    (tmp_path / "disk").mkdir()
    store = tmp_path / "disk" / "store.db"
    with kiosk_with(store, front, key, starts=2):
        pass
    return store, copy_of(store, tmp_path / "copy")


def test_the_gateways_mark_is_asked_first_and_kept_for_core(
    kiosk: KioskInSync, front: FaultyFront
) -> None:
    kiosk.record_starts(3)
    kiosk.drain()
    path = f"/v1/streams/{kiosk.store.identity.incarnation}"
    assert front.requests.index(path) < front.requests.index("/v1/batches")
    mark = kiosk.core.outbox.gateway_mark()
    assert mark is not None
    assert (mark.high_water, mark.head_hash) == (0, GENESIS.hex())
    front.cut()
    kiosk.step_until(lambda: not kiosk.status.online)
    front.open()
    kiosk.step_until(lambda: front.requests.count(path) == 2)
    kiosk.step_until(lambda: kiosk.status.online)
    mark = kiosk.core.outbox.gateway_mark()
    assert mark is not None
    assert mark.high_water == 3


def test_a_store_rolled_back_to_an_older_copy_is_found_and_sends_nothing(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, disks: tuple[Path, Path]
) -> None:
    store, older = disks
    with kiosk_with(store, front, key, starts=3):
        pass
    sent = front.requests.count("/v1/batches")
    with kiosk_with(older, front, key) as kiosk:
        kiosk.record_starts(1)
        kiosk.step_until(lambda: kiosk.status.journal == "rolled_back")
        assert (kiosk.status.online, kiosk.status.reason) == (False, "rolled_back")
        for _ in range(5):
            kiosk.step()
        assert front.requests.count("/v1/batches") == sent
        assert kiosk.waiting == 1, "kept, for the recovery at core's next start"
        assert len(recorded(gateway, kiosk)) == 5


def test_a_cloned_disk_is_found_by_whoever_comes_second(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, disks: tuple[Path, Path]
) -> None:
    store, clone = disks
    with kiosk_with(store, front, key, starts=1), kiosk_with(clone, front, key) as kiosk:
        kiosk.record_starts(4)
        kiosk.step_until(lambda: kiosk.status.journal == "other_chain")
        assert kiosk.waiting == 4
        assert len(recorded(gateway, kiosk)) == 3


def test_two_clones_at_work_at_the_same_time_are_found_without_a_restart(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, disks: tuple[Path, Path]
) -> None:
    store, clone = disks
    with kiosk_with(store, front, key) as one, kiosk_with(clone, front, key) as other:
        other.step_until(lambda: other.status.online)
        one.record_starts(1)
        one.drain()
        other.record_starts(4)
        other.step_until(lambda: other.status.journal == "other_chain")
        assert other.waiting == 4


def test_a_clone_that_was_found_stays_so_when_sync_starts_anew_without_a_network(
    front: FaultyFront, key: Ed25519PrivateKey, disks: tuple[Path, Path]
) -> None:
    store, clone = disks
    with kiosk_with(store, front, key, starts=1), kiosk_with(clone, front, key) as other:
        other.record_starts(1)
        other.step_until(lambda: other.status.journal == "other_chain")
        front.cut()
        assert other.service is not None
        with pytest.raises(TimeoutError):
            other.runner.run(asyncio.wait_for(other.service.run(), 0.2))
        assert (other.status.reason, other.status.journal) == ("stopped", "other_chain")
        connect(other, front, key)
        other.step()
        assert other.status.journal == "other_chain"


@pytest.mark.parametrize("fault", [Refuse(503), LoseRequest()], ids=["busy", "lost"])
def test_a_clone_that_was_found_stays_so_when_the_next_request_fails(
    front: FaultyFront, key: Ed25519PrivateKey, disks: tuple[Path, Path], fault: Fault
) -> None:
    store, clone = disks
    with kiosk_with(store, front, key) as one, kiosk_with(clone, front, key) as other:
        other.step_until(lambda: other.core.reference.freshness("schedules") is not None)
        one.record_starts(1)
        one.drain()
        other.record_starts(1)
        other.step_until(lambda: other.status.journal == "other_chain")
        front.faults = [fault]
        other.step_until(lambda: not front.faults)
        assert other.status.journal == "other_chain"
        front.cut()
        other.step_until(lambda: other.status.reason == "no_connection")
        assert other.status.journal == "other_chain", "nor may it sell where nobody hears of it"


def test_a_clone_that_repeats_what_the_other_sent_learns_that_it_is_behind(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    """It has nothing that would contradict; only the receipt for both speaks of more."""
    (tmp_path / "disk").mkdir()
    store = tmp_path / "disk" / "store.db"
    with kiosk_in_sync(store, DEVICE) as kiosk:
        kiosk.record_starts(2)
    clone = copy_of(store, tmp_path / "clone")
    with kiosk_with(store, front, key) as one, kiosk_with(clone, front, key) as other:
        other.step_until(lambda: other.core.outbox.gateway_mark() is not None)
        one.record_starts(1)
        one.drain()
        other.step_until(lambda: other.status.reason == "receipt_misfit")
        assert other.waiting == 2
        other.step_until(lambda: other.status.journal == "rolled_back")


def test_a_fenced_journal_keeps_what_it_writes_and_its_backup_is_drained_once(
    gateway: RunningGateway, front: FaultyFront, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    (tmp_path / "disk").mkdir()
    store = tmp_path / "disk" / "store.db"
    with kiosk_in_sync(store, DEVICE) as kiosk:
        kiosk.record_starts(3)
    backup = copy_of(store, tmp_path / "spare")
    with kiosk_with(backup, front, key) as spare, kiosk_with(store, front, key) as old:
        head = spare.core.journal.head()
        path = f"/v1/streams/{spare.store.identity.incarnation}/fence"
        fenced = gateway.ask_as_operator(path, FenceRequest(DEVICE, head.seq, head.hash.hex()))
        assert fenced.status_code == 200, fenced.text

        spare.drain()
        assert len(recorded(gateway, spare)) == 3

        old.record_starts(2)
        old.step_until(lambda: old.status.journal == "fenced")
        assert not old.status.online
        assert old.waiting == 5
        assert len(recorded(gateway, old)) == 3


def test_what_lies_before_the_end_of_a_journal_still_comes(
    gateway: RunningGateway, front: FaultyFront, kiosk: KioskInSync
) -> None:
    kiosk.record_starts(5)
    end = kiosk.core.journal.hash_at(3)
    assert end is not None
    path = f"/v1/streams/{kiosk.store.identity.incarnation}/fence"
    fenced = gateway.ask_as_operator(path, FenceRequest(DEVICE, 3, end.hex()))
    assert fenced.status_code == 200, fenced.text
    kiosk.step_until(lambda: kiosk.waiting == 2)
    kiosk.step_until(lambda: front.requests.count("/v1/batches") == 2)
    assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 2, 3]
    assert (kiosk.status.online, kiosk.status.journal) == (False, "fenced")


def test_they_come_too_when_the_journal_ends_while_it_is_being_sent(
    gateway: RunningGateway, front: FaultyFront, kiosk: KioskInSync
) -> None:
    kiosk.record_starts(1)
    kiosk.drain()
    kiosk.record_starts(4)
    end = kiosk.core.journal.hash_at(3)
    assert end is not None
    path = f"/v1/streams/{kiosk.store.identity.incarnation}/fence"
    fenced = gateway.ask_as_operator(path, FenceRequest(DEVICE, 3, end.hex()))
    assert fenced.status_code == 200, fenced.text
    kiosk.step_until(lambda: kiosk.waiting == 2)
    assert [seq for seq, _ in recorded(gateway, kiosk)] == [1, 2, 3]
