"""A kiosk at work is audited: its parts are read one after another, and it writes meanwhile."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from store_forward.store import Store
from store_forward.store.audit.verify import verify_journal
from store_forward.store.store import Role
from tests.unit.store.builders import DEVICE, KEY, accepted, entries, entry, new_store, receipt


class CoreAtWork:
    """Core in a thread of its own: it appends an entry when told, and ends when told."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._steps = [threading.Event() for _ in range(4)]
        self.is_ready, self.may_append, self.has_appended, self.may_end = self._steps
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        with new_store(self._path) as store:
            store.journal.append(entries(3))
            store.outbox.record_answer(receipt(store, 1, 3), accepted(1, 3))
            self.is_ready.set()
            self.may_append.wait(20)
            store.journal.append([entry(4)])
            self.has_appended.set()
            self.may_end.wait(20)

    def end(self) -> None:
        for step in self._steps:
            step.set()
        self._thread.join()


def test_an_entry_that_the_mirror_has_a_moment_earlier_is_not_called_missing(path: Path) -> None:
    """Both copies are written at once; the database's waits here until sync ends a write."""
    core = CoreAtWork(path)
    assert core.is_ready.wait(20)
    (segment,) = path.with_name("store.db.mirror").glob("*.segment")
    before = segment.read_bytes()
    looks = 0

    def is_signed(_signature: str, _told: bytes) -> bool:
        """Asked for the receipt, before the mirror is read."""
        nonlocal looks
        looks += 1
        if looks == 2:
            sync.commit()
            assert core.has_appended.wait(20)
        return True

    with Store.open(path, KEY, device=DEVICE, role=Role.GUEST) as guest:
        sync = guest._connection
        sync.begin()
        core.may_append.set()
        while segment.read_bytes() == before:
            time.sleep(0.001)
        try:
            report = verify_journal(path, KEY, is_signed)
        finally:
            core.end()
    assert looks == 2, "what looked wrong was looked at again"
    assert report.ok, report.render()
    assert report.mirrored == 4
