"""A kiosk's journal in memory: makes entries and cuts signed batches from them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from uuid6 import uuid7

from store_forward.contract.canonical import GENESIS, chain_hash, encode_entry
from store_forward.contract.facts import ClockTrust, Entry, Fact
from store_forward.contract.signing import sign_request
from store_forward.contract.wire import Batch, Item

BOOT = "0190aaaa-0000-7000-8000-000000000001"


def entry_of(
    fact: Fact,
    *,
    entry_id: str | None = None,
    depends_on: Iterable[str] = (),
    offline: bool = True,
    clock: ClockTrust = ClockTrust.SYNCHRONISED,
) -> Entry:
    """An entry of a spring morning, in the lane of its fact's order."""
    order_id = getattr(fact, "order_id", None)
    return Entry(
        id=entry_id if entry_id is not None else str(uuid7()),
        lane=f"order:{order_id}" if order_id else "kiosk",
        occurred_at="2026-03-02T01:00:00.000Z",
        clock=clock,
        boot=BOOT,
        business_date="2026-03-02",
        offline=offline,
        fact=fact,
        depends_on=tuple(depends_on),
    )


class JournalOf:
    """Entries of one incarnation of one kiosk, hash chained as the contract says."""

    def __init__(self, device: str, incarnation: str = "inc-1") -> None:
        self.device = device
        self.incarnation = incarnation
        self.bodies: list[bytes] = []
        self.hashes: list[bytes] = [GENESIS]

    def record(
        self,
        fact: Fact,
        *,
        entry_id: str | None = None,
        depends_on: Iterable[str] = (),
        offline: bool = True,
    ) -> Entry:
        """Append a fact and return its entry."""
        entry = entry_of(fact, entry_id=entry_id, depends_on=depends_on, offline=offline)
        self.append_raw(encode_entry(entry))
        return entry

    def append_raw(self, body: bytes) -> None:
        """Append bytes that may be no entry at all."""
        self.bodies.append(body)
        self.hashes.append(chain_hash(self.hashes[-1], len(self.bodies), body))

    def batch(self, first: int = 1, last: int | None = None) -> Batch:
        """The entries from ``first`` to ``last``, both included."""
        last = len(self.bodies) if last is None else last
        return self.batch_of(range(first, last + 1))

    def batch_of(self, seqs: Iterable[int]) -> Batch:
        """These entries, ascending; the hash before one is told where it is needed."""
        items: list[Item] = []
        for seq in seqs:
            follows = bool(items) and items[-1].seq == seq - 1
            previous = None if follows else self.hashes[seq - 1].hex()
            body = msgspec.Raw(self.bodies[seq - 1])
            items.append(Item(seq, self.hashes[seq].hex(), body, previous))
        return Batch(self.device, self.incarnation, tuple(items))


def signed_headers(
    method: str, url: str, body: bytes, key: Ed25519PrivateKey, device: str
) -> dict[str, str]:
    """Headers of a request as a kiosk signs it."""
    headers = {"Content-Type": "application/json"} if body else {}
    created = datetime.now(UTC)
    return sign_request(method, url, headers, body, key=key, key_id=device, created=created)
