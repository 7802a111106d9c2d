"""Everything that takes part: the disk itself, plain SQLite, two queues of others, our store."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import msgspec
import persistqueue
from litequeue import LiteQueue

from store_forward.contract.facts import Entry
from store_forward.store.keys import StoreKey
from store_forward.store.store import Role, Store

RECORD_OVERHEAD = bytes(44)
"""Seq (8), chain hash (32) and length (4): the least a journal writes beside an entry's bytes."""

OVERWRITTEN_BYTES = 1024 * 1024

RAW = "raw"
OVERWRITE = "overwrite"
SQLITE = "sqlite3"
PLAIN_STORE = "store"
MIRRORED_STORE = "store-mirror"
LITEQUEUE = "litequeue"
PERSIST_ACK = "persist-ack"
PERSIST_FILE = "persist-file"

NAMES = {
    RAW: "raw append + fdatasync",
    OVERWRITE: "raw overwrite + fdatasync",
    SQLITE: "sqlite3, WAL and FULL, not encrypted",
    PLAIN_STORE: "our store without mirror",
    MIRRORED_STORE: "our store with mirror",
    LITEQUEUE: "litequeue as shipped",
    PERSIST_ACK: "persist-queue SQLiteAckQueue",
    PERSIST_FILE: "persist-queue Queue (files)",
}
"""Each contender's folder below the working directory, and what it is."""


class Contender(Protocol):
    """Takes entries one by one; each is acknowledged when ``put`` returns."""

    def put(self, entry: Entry, body: bytes) -> None:
        """Keep an entry; ``body`` are its canonical bytes."""

    def close(self) -> None:
        """End."""


class Raw:
    """The least: append the bytes, fdatasync."""

    def __init__(self, folder: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(folder / "plain.log", flags, 0o600)

    def put(self, entry: Entry, body: bytes) -> None:
        os.write(self._file, body + RECORD_OVERHEAD)
        os.fdatasync(self._file)

    def close(self) -> None:
        os.close(self._file)


class Overwrite:
    """Less than an append: room that was written before, so the file system's log rests."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "room.log", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(self._file, bytes(OVERWRITTEN_BYTES))
        os.fsync(self._file)
        self._at = 0

    def put(self, entry: Entry, body: bytes) -> None:
        record = body + RECORD_OVERHEAD
        if self._at + len(record) > OVERWRITTEN_BYTES:
            self._at = 0
        os.pwrite(self._file, record, self._at)
        os.fdatasync(self._file)
        self._at += len(record)

    def close(self) -> None:
        os.close(self._file)


class PlainSqlite:
    """What a careful user of the standard library writes; not encrypted, no chain, no mirror."""

    def __init__(self, folder: Path) -> None:
        self._connection = sqlite3.connect(folder / "queue.db", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB) STRICT")

    def put(self, entry: Entry, body: bytes) -> None:
        self._connection.execute("INSERT INTO event (body) VALUES (?)", (body,))

    def close(self) -> None:
        self._connection.close()


class OurStore:
    """The kiosk's store: from the entry to its acknowledgement, encoding and hashing included."""

    def __init__(self, folder: Path, role: Role) -> None:
        key = StoreKey(os.urandom(32).hex())
        self.store = Store.open(folder / "store.db", key, device="bench", create=True, role=role)

    def put(self, entry: Entry, body: bytes) -> None:
        self.store.journal.append([entry])

    def close(self) -> None:
        self.store.close()


class Lite:
    """litequeue as shipped (synchronous=NORMAL)."""

    def __init__(self, folder: Path) -> None:
        self._queue = LiteQueue(folder / "queue.db")

    def put(self, entry: Entry, body: bytes) -> None:
        self._queue.put(body.decode())

    def close(self) -> None:
        self._queue.conn.close()


class PersistAck:
    """persist-queue's queue with acknowledgements, as shipped."""

    def __init__(self, folder: Path) -> None:
        self._queue = persistqueue.SQLiteAckQueue(str(folder))

    def put(self, entry: Entry, body: bytes) -> None:
        self._queue.put(body)

    def close(self) -> None:
        self._queue.close()


class PersistFile:
    """persist-queue's queue in plain files, as shipped."""

    def __init__(self, folder: Path) -> None:
        logging.getLogger("persistqueue").setLevel(logging.ERROR)
        self._queue = persistqueue.Queue(str(folder), tempdir=str(folder))

    def put(self, entry: Entry, body: bytes) -> None:
        self._queue.put(body)

    def close(self) -> None:
        self._queue.headf.close()
        self._queue.tailf.close()


def open_contender(name: str, root: Path) -> Contender:
    """Open a contender in a new folder of its own."""
    folder = root / name
    folder.mkdir()
    match name:
        case "raw":
            return Raw(folder)
        case "overwrite":
            return Overwrite(folder)
        case "sqlite3":
            return PlainSqlite(folder)
        case "store":
            return OurStore(folder, Role.UNMIRRORED)
        case "store-mirror":
            return OurStore(folder, Role.KEEPER)
        case "litequeue":
            return Lite(folder)
        case "persist-ack":
            return PersistAck(folder)
        case "persist-file":
            return PersistFile(folder)
        case _:
            raise ValueError(f"no contender is called {name}")


class Contest:
    """Some contenders, open side by side."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._stack = ExitStack()
        self.contenders: dict[str, Contender] = {}
        for name in names:
            contender = open_contender(name, root)
            self._stack.callback(contender.close)
            self.contenders[name] = contender

    def __enter__(self) -> dict[str, Contender]:
        return self.contenders

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def sized(entry: Entry, size: int) -> Entry:
    """The entry with a longer boot id, so that its canonical bytes are ``size``."""
    missing = size - len(msgspec.json.encode(entry))
    if missing < 0:
        raise ValueError(f"the entry has {-missing} bytes more than {size} already")
    return msgspec.structs.replace(entry, boot=entry.boot + "x" * missing)
