"""A kiosk's disk as a power cut leaves it, and ways to damage it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from store_forward.contract.facts import Entry
from store_forward.store import Store
from store_forward.store.mirror.segment import mirror_of
from tests.unit.store.builders import DEVICE, KEY, accepted, new_store, receipt

FILES = ("store.db", "store.db-wal")


class KioskDisk:
    """The files of one store, with the ids of the entries that were told durable."""

    def __init__(self, folder: Path, told: Sequence[str]) -> None:
        self.folder = folder
        self.told = list(told)

    @property
    def database(self) -> Path:
        return self.folder / "store.db"

    @property
    def log(self) -> Path:
        return self.folder / "store.db-wal"

    @property
    def mirror(self) -> Path:
        return mirror_of(self.database)

    def segments(self) -> list[Path]:
        return sorted(self.mirror.glob("*.segment"))

    def copy(self, folder: Path) -> KioskDisk:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return KioskDisk(folder, self.told)

    def boot(self, *, create: bool = True) -> Store:
        """Core starts."""
        return Store.open(self.database, KEY, device=DEVICE, create=create)

    def put_database_of(self, other: KioskDisk) -> None:
        """Swap database and log for those of another disk."""
        for name in FILES:
            (self.folder / name).unlink(missing_ok=True)
            if (other.folder / name).exists():
                shutil.copy(other.folder / name, self.folder / name)

    def put_mirror_of(self, other: KioskDisk) -> None:
        shutil.rmtree(self.mirror)
        shutil.copytree(other.mirror, self.mirror)


def power_cut(store: Store, folder: Path) -> KioskDisk:
    """The disk as it is while the store is open: what a cut leaves."""
    folder.mkdir()
    source = store.path
    for name in FILES:
        if source.with_name(name).exists():
            shutil.copy(source.with_name(name), folder / name)
    if mirror_of(source).exists():
        shutil.copytree(mirror_of(source), mirror_of(folder / "store.db"))
    return KioskDisk(folder, ids(store))


def cut_after(folder: Path, groups: Sequence[Sequence[Entry]], acked: int = 0) -> KioskDisk:
    """A kiosk recorded these groups, the gateway has the first ``acked``, and power went."""
    working = folder / "working"
    working.mkdir()
    with new_store(working / "store.db") as store:
        for group in groups:
            store.journal.append(group)
        if acked:
            store.outbox.record_answer(receipt(store, 1, acked), accepted(1, acked))
        disk = power_cut(store, folder / "cut")
    shutil.rmtree(working)
    return disk


def ids(store: Store) -> list[str]:
    return [row.entry().id for row in store.journal.read(0, 100_000)]


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


def every(step: int, path: Path) -> Iterator[int]:
    """Offsets of bytes to damage."""
    yield from range(step // 2, path.stat().st_size, step)
