from __future__ import annotations

from pathlib import Path

from store_forward.store import Role, Store, SyncStatus
from tests.unit.store.builders import DEVICE, KEY, entries

ONLINE = SyncStatus(
    online=True,
    since="2026-07-13T01:00:00Z",
    last_contact="2026-07-13T01:00:05Z",
    clock_offset_seconds=-0.25,
)
OFFLINE = SyncStatus(online=False, since="2026-07-13T01:00:00Z", reason="connection_refused")


def test_there_is_no_status_before_the_first(store: Store) -> None:
    assert store.network_status.read_status() is None


def test_another_connection_reads_what_was_written(store: Store, path: Path) -> None:
    with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as core:
        store.network_status.write_status(ONLINE)
        assert core.network_status.read_status() == ONLINE
        store.network_status.write_status(OFFLINE)
        assert core.network_status.read_status() == OFFLINE


def test_a_change_by_another_process_is_noticed_once(store: Store, path: Path) -> None:
    with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as core:
        assert core.changed()
        assert not core.changed()
        store.network_status.write_status(ONLINE)
        assert core.changed()
        assert not core.changed()


def test_own_writes_are_no_news(store: Store) -> None:
    store.changed()
    store.journal.append(entries(1))
    assert not store.changed()


def test_the_same_status_again_is_not_written(store: Store, path: Path) -> None:
    store.network_status.write_status(ONLINE)
    with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as core:
        core.changed()
        store.network_status.write_status(ONLINE)
        assert not core.changed()
