"""Emptying a queue: our batches with chain and signed receipts, the others item by item."""

from __future__ import annotations

import pickle
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import persistqueue
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from litequeue import LiteQueue

from store_forward.contract.canonical import chain_hash, decode_entry
from store_forward.contract.signing import sign_receipt, verify_receipt
from store_forward.contract.wire import (
    MAX_BATCH_BYTES,
    MAX_BATCH_ITEMS,
    Batch,
    BatchAnswer,
    Outcome,
    Receipt,
    Result,
    Span,
)
from store_forward.store.store import Role, Store
from store_forward.sync.batches import cut_batch
from tests.bench.store.queued import KEY, Say, filled
from tests.bench.store.turns import Entries

STANDS = (0.05, 0.5, 0.95)
"""How far a queue is drained where a slice of it is measured."""

_LONGEST_SLICE = 1_000
"""Items of a slice, at most."""


class Drained(msgspec.Struct, frozen=True):
    """How fast a queue was drained. ``slices``: seconds an item at each of STANDS; None: whole."""

    name: str
    items: int
    seconds_per_item: float
    slices: list[float] | None = None

    def __str__(self) -> str:
        text = f"{self.name} {self.seconds_per_item * 1e6:.0f} µs an item"
        if self.slices is None:
            return text
        stands = ", ".join(
            f"{each * 1e6:.0f} at {stand:.0%}"
            for stand, each in zip(STANDS, self.slices, strict=True)
        )
        return f"{text} (mean of slices: {stands} drained)"


class Wrong(Exception):
    """What was drained is not what was queued."""


# --- ours ----------------------------------------------------------------------------------------


def drain_ours(folder: Path, count: int, say: Say) -> Drained:
    """Cut batches, check the chain, check and record signed receipts; the network and the
    gateway's work are left out.

    The journal's keeper has it open too, with its mirror, as core has while sync drains.
    """
    path = folder / f"ours-{count}.db"
    gateway = Ed25519PrivateKey.generate()
    spent = 0.0
    with (
        filled(path, count, say),
        Store.open(path, KEY, device="bench", role=Role.GUEST) as store,
    ):
        while (acked := store.outbox.acked_seq()) < count:
            began = time.perf_counter()
            batch = _next_batch(store, acked)
            _require_chain(batch)
            msgspec.json.encode(batch)
            spent += time.perf_counter() - began
            answer = _answer(batch, gateway)
            began = time.perf_counter()
            if not verify_receipt(answer.receipt, gateway.public_key()):
                raise Wrong("a receipt is not signed")
            store.outbox.record_answer(answer.receipt, answer.results)
            spent += time.perf_counter() - began
    return Drained("our store", count, spent / count)


def _next_batch(store: Store, acked: int) -> Batch:
    room = MAX_BATCH_BYTES
    seqs = []
    for waiting in store.outbox.waiting(acked, MAX_BATCH_ITEMS):
        room -= waiting.size
        if room < 0:
            break
        seqs.append(waiting.seq)
    cut = cut_batch(store, seqs)
    if cut is None:
        raise Wrong(f"nothing waits behind entry {acked}")
    return cut[0]


def _require_chain(batch: Batch) -> None:
    previous = b""
    for item in batch.items:
        previous = bytes.fromhex(item.previous) if item.previous else previous
        previous = chain_hash(previous, item.seq, bytes(item.entry))
        if previous.hex() != item.hash:
            raise Wrong(f"entry {item.seq} does not continue the chain")


def _answer(batch: Batch, gateway: Ed25519PrivateKey) -> BatchAnswer:
    first, last = batch.items[0], batch.items[-1]
    receipt = Receipt(
        batch_id=f"batch-{first.seq}",
        device=batch.device,
        incarnation=batch.incarnation,
        spans=(Span(first.seq, last.seq, last.hash),),
        ack_seq=last.seq,
        received_at="2026-01-01T00:00:00.000Z",
        key_id="bench",
        signature="",
    )
    results = tuple(
        Result(item.seq, decode_entry(bytes(item.entry)).id, Outcome.ACCEPTED)
        for item in batch.items
    )
    return BatchAnswer(results, sign_receipt(receipt, gateway))


# --- theirs --------------------------------------------------------------------------------------


class Peer(Protocol):
    """A queue of others: filled, brought to a stand, taken from."""

    name: str

    def stand_at(self, done: int) -> None:
        """Mark the first ``done`` items as acknowledged, and the rest as waiting, in one go."""

    def take(self) -> None:
        """Get one item and acknowledge it."""

    def close(self) -> None:
        """End."""


class PersistPeer:
    """persist-queue's SQLiteAckQueue."""

    name = "persist-queue"

    def __init__(self, folder: Path, bodies: list[bytes]) -> None:
        persistqueue.SQLiteAckQueue(str(folder)).close()
        self._path = folder / "data.db"
        with sqlite3.connect(self._path) as connection:
            connection.executemany(
                "INSERT INTO ack_queue_default (data, timestamp, status) VALUES (?, ?, '0')",
                [(pickle.dumps(body), time.time()) for body in bodies],
            )
        connection.close()
        self._folder = folder
        self._queue = persistqueue.SQLiteAckQueue(str(folder))

    def stand_at(self, done: int) -> None:
        self._queue.close()
        with sqlite3.connect(self._path) as connection:
            connection.execute(
                "UPDATE ack_queue_default SET status = CASE WHEN _id <= ? THEN '5' ELSE '0' END",
                (done,),
            )
        connection.close()
        self._queue = persistqueue.SQLiteAckQueue(str(self._folder))

    def take(self) -> None:
        item = self._queue.get(block=False, raw=True)
        if self._queue.ack(item) is None:
            raise Wrong("persist-queue did not find the item it gave out")

    def close(self) -> None:
        self._queue.close()


class LitePeer:
    """litequeue, as shipped: its acknowledgements are not durable."""

    name = "litequeue"

    def __init__(self, folder: Path, bodies: list[bytes]) -> None:
        self._queue = LiteQueue(folder / "queue.db")
        with self._queue.transaction():
            for body in bodies:
                self._queue.put(body.decode())

    def stand_at(self, done: int) -> None:
        with self._queue.transaction():
            self._queue.conn.execute(
                "UPDATE Queue SET status = CASE WHEN rowid <= ? THEN 2 ELSE 0 END", (done,)
            )

    def take(self) -> None:
        message = self._queue.pop()
        if message is None:
            raise Wrong("litequeue is empty before its end")
        self._queue.done(message.message_id)

    def close(self) -> None:
        self._queue.conn.close()


PEERS: tuple[Callable[[Path, list[bytes]], Peer], ...] = (PersistPeer, LitePeer)


def drain_peers(
    folder: Path, count: int, patience_seconds: float, slice_seconds: float, say: Say
) -> list[Drained]:
    """Each peer whole where that takes no longer than ``patience_seconds``, else in slices."""
    entries = Entries()
    bodies = [entries.next()[1] for _ in range(count)]
    drained = []
    for number, make in enumerate(PEERS):
        home = folder / f"peer-{count}-{number}"
        home.mkdir()
        peer = make(home, bodies)
        try:
            say(f"draining {peer.name} with {count:,} items")
            drained.append(_drain(peer, count, patience_seconds, slice_seconds))
        finally:
            peer.close()
    return drained


def _drain(peer: Peer, count: int, patience_seconds: float, slice_seconds: float) -> Drained:
    slices = []
    for stand in STANDS:
        peer.stand_at(int(count * stand))
        slices.append(_slice(peer, slice_seconds, min(_LONGEST_SLICE, count // 20)))
    per_item = statistics.fmean(slices)
    if per_item * count > patience_seconds:
        return Drained(peer.name, count, per_item, slices)
    peer.stand_at(0)
    began = time.perf_counter()
    for _ in range(count):
        peer.take()
    return Drained(peer.name, count, (time.perf_counter() - began) / count)


def _slice(peer: Peer, seconds: float, most: int) -> float:
    """Seconds an item takes here: for so long, or so many items, at least one."""
    taken = 0
    began = time.perf_counter()
    while True:
        peer.take()
        taken += 1
        passed = time.perf_counter() - began
        if passed >= seconds or taken >= most:
            return passed / taken
