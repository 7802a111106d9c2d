"""The kiosk's side of the courier: what waits goes out on a stick, what was booked comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from store_forward.contract import courier
from store_forward.contract.courier import (
    BUNDLE_KIND,
    BUNDLE_SUFFIX,
    CourierReceipts,
    encode_batches,
    read_receipts,
)
from store_forward.contract.sealed import Header, Lock, Sign, seal
from store_forward.contract.signing import verify_receipt
from store_forward.contract.wire import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, Batch, Item
from store_forward.store.driver import Connection
from store_forward.store.errors import ReceiptRefused, StoreError
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal, Row
from store_forward.store.keys import StoreKey
from store_forward.store.opening import open_database
from store_forward.store.recovery.recover import noting_damage
from store_forward.store.refusals import refused_by_system
from store_forward.store.sending.outbox import ITEM_OVERHEAD_BYTES, Outbox
from store_forward.store.whole_file import whole_file

_ROOM = MAX_BATCH_BYTES - 4096
"""Bytes for the items of one batch; the rest is for what stands around them."""


class CourierRefused(StoreError):
    """What was brought is not the gateway's answer to this kiosk. Nothing was changed."""


class NotTheGateways(CourierRefused):
    """What was brought is not signed by the key that this kiosk knows as the gateway's."""


class NothingToCarry(StoreError):
    """The gateway has acknowledged everything. No file was made."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished bundle."""

    path: Path
    header: Header
    count: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What answers brought: acknowledged up to ``acked_seq``; ``parked`` were not taken."""

    receipts: CourierReceipts
    acked_seq: int
    parked: tuple[int, ...]


def export_bundle(
    store: Path,
    key: StoreKey,
    device: str,
    folder: Path,
    *,
    lock: Lock,
    sign: Sign,
    signer: str,
    now: Callable[[], datetime],
) -> Exported:
    """Write what the gateway has not acknowledged into a new file in ``folder``.

    The stick may be pulled at any moment: the file is there whole, or not at all, and nothing in
    the store depends on it. ``lock`` is the gateway's courier key, ``sign`` signs with the device
    key whose public half ``signer`` is.

    Raises:
        NothingToCarry: nothing waits.
        StoreError: the store cannot be read, or the file not be written.
    """
    with ExitStack() as at_end:
        at_end.enter_context(noting_damage(store))
        connection, identity = open_database(store, key, device)
        at_end.callback(connection.close)
        # In one reading transaction: what core appends meanwhile waits for the next bundle.
        connection.execute("BEGIN")
        try:
            items = list(_waiting(connection, identity))
        finally:
            connection.roll_back()
        if not items:
            raise NothingToCarry(
                store,
                "nothing waits that the gateway would take",
                "What is parked waits for a person: outpost outbox list",
            )
        number = _next_number(connection)
        path = folder / f"{identity.device}-{number:06d}{BUNDLE_SUFFIX}"
        header = Header(
            kind=BUNDLE_KIND,
            device=identity.device,
            incarnation=identity.incarnation,
            number=number,
            made_at=now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            first_seq=items[0].seq,
            last_seq=items[-1].seq,
            last_hash=items[-1].hash,
            signer=signer,
        )
        batches = _batches(identity, items)
        with whole_file(path) as file:
            layout = seal(file, header, encode_batches(batches), lock, sign)
        return Exported(path, layout.header, len(items))


def import_receipts(
    path: Path, store: Path, key: StoreKey, device: str, gateway: Ed25519PublicKey
) -> Imported:
    """Take the gateway's answers to a bundle; the same file again changes nothing.

    ``gateway`` is the public key of its receipts.

    Raises:
        CourierRefused: see there.
        StoreError: the file cannot be read, or the store not be written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise refused_by_system(path, error) from error
    try:
        receipts = read_receipts(data, gateway)
    except courier.NotTheGateways as refused:
        raise NotTheGateways(path, str(refused), _AGAIN) from refused
    except courier.NotABundle as refused:
        raise CourierRefused(path, str(refused), _AGAIN) from refused
    with ExitStack() as at_end:
        at_end.enter_context(noting_damage(store))
        connection, identity = open_database(store, key, device)
        at_end.callback(connection.close)
        return _take(path, receipts, Outbox(connection, identity), identity, gateway)


_AGAIN = "Nothing was changed. Import the bundle at the gateway again and bring its answer"


def _take(
    path: Path,
    receipts: CourierReceipts,
    outbox: Outbox,
    identity: Identity,
    gateway: Ed25519PublicKey,
) -> Imported:
    if (receipts.device, receipts.incarnation) != (identity.device, identity.incarnation):
        raise CourierRefused(
            path,
            f"it answers kiosk {receipts.device} (journal {receipts.incarnation}), this is "
            f"{identity.device} ({identity.incarnation})",
            "Bring it to that kiosk",
        )
    if not all(verify_receipt(answer.receipt, gateway) for answer in receipts.answers):
        raise NotTheGateways(path, "a receipt in it is not signed by the gateway", _AGAIN)
    acked = outbox.acked_seq()
    for answer in receipts.answers:
        try:
            acked = outbox.record_answer(answer.receipt, answer.results, is_late=True)
        except ReceiptRefused as refused:
            raise CourierRefused(path, str(refused), "Tell whoever runs the gateway") from refused
    parked = []
    for refusal in receipts.refused:
        if refusal.seq > acked:
            outbox.park(refusal.seq, refusal.code)
            parked.append(refusal.seq)
    return Imported(receipts, acked, tuple(parked))


def _waiting(connection: Connection, identity: Identity) -> Iterator[Item]:
    """What the gateway may take: not what is parked, nor what comes behind it or because of it."""
    outbox, journal = Outbox(connection, identity), Journal(connection)
    parked = {each.seq for each in outbox.parked()}
    held_lanes: set[str] = set()
    held: set[str] = set()
    after, before = 0, -1
    while waiting := outbox.waiting(after, MAX_BATCH_ITEMS):
        free = []
        for one in waiting:
            if one.seq in parked or one.lane in held_lanes or held.intersection(one.parents):
                held_lanes.add(one.lane)
                held.add(one.id)
            else:
                free.append(one.seq)
        for row in outbox.rows(free):
            yield _item(journal, row, is_next=row.seq == before + 1)
            before = row.seq
        after = waiting[-1].seq


def _item(journal: Journal, row: Row, *, is_next: bool) -> Item:
    previous = None if is_next else journal.hash_at(row.seq - 1)
    told = previous.hex() if previous is not None else None
    return Item(row.seq, row.hash.hex(), msgspec.Raw(row.body), told)


def _batches(identity: Identity, items: list[Item]) -> Iterator[bytes]:
    start = 0
    while start < len(items):
        end, room = start, _ROOM
        while end < len(items) and end - start < MAX_BATCH_ITEMS:
            room -= len(bytes(items[end].entry)) + ITEM_OVERHEAD_BYTES
            if room < 0 and end > start:
                break
            end += 1
        first = items[start]
        if first.previous is None and start > 0:
            first = msgspec.structs.replace(first, previous=items[start - 1].hash)
        batch = Batch(identity.device, identity.incarnation, (first, *items[start + 1 : end]))
        yield msgspec.json.encode(batch)
        start = end


def _next_number(connection: Connection) -> int:
    """Counted before the file is made: a number left out harms nothing, one used twice would."""
    with connection.transaction():
        row = connection.row("SELECT body FROM status WHERE name = 'courier'")
        number = (int(row[0]) if row else 0) + 1
        connection.execute(
            "INSERT INTO status (name, body) VALUES ('courier', ?) "
            "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
            (b"%d" % number,),
        )
    return number
