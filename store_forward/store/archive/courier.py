"""The kiosk's side of the courier: what waits or is parked goes out on a stick; what was booked
and what people decided comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from store_forward.contract import courier
from store_forward.contract.courier import (
    BUNDLE_KIND,
    BUNDLE_SUFFIX,
    CONTENT_VERSION,
    CourierReceipts,
    Preface,
    encode_bundle,
    read_receipts,
)
from store_forward.contract.resolutions import MAX_REPORTED, RECORDED, ParkedEntry, Resolution
from store_forward.contract.sealed import Header, Lock, Sign, seal
from store_forward.contract.signing import Countersigned, is_countersigned
from store_forward.contract.wire import MAX_BATCH_BYTES, MAX_BATCH_ITEMS, Batch, Item
from store_forward.store.driver import Connection
from store_forward.store.errors import ReceiptRefused, ResolutionRefused, StoreError
from store_forward.store.identity import Identity
from store_forward.store.journal import Journal, Row
from store_forward.store.keys import StoreKey
from store_forward.store.opening import open_database
from store_forward.store.recovery.recover import noting_damage
from store_forward.store.refusals import refused_by_system
from store_forward.store.sending.matters import Matters
from store_forward.store.sending.outbox import ITEM_OVERHEAD_BYTES, Outbox, Standing
from store_forward.store.sending.parked import describe_parked
from store_forward.store.sending.resolutions import Resolutions
from store_forward.store.whole_file import whole_file

_ROOM = MAX_BATCH_BYTES - 4096
"""Bytes for the items of one batch; the rest is for what stands around them."""


class CourierRefused(StoreError):
    """What was brought is not the gateway's answer to this kiosk. Nothing was changed."""


class NotTheGateways(CourierRefused):
    """What was brought is not signed by the key that this kiosk knows as the gateway's."""


class NothingToCarry(StoreError):
    """The gateway has acknowledged everything, and nobody has to decide. No file was made."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished bundle of ``count`` entries. It tells of ``parked_count`` that are held back."""

    path: Path
    header: Header
    count: int
    parked_count: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What answers brought: acknowledged up to ``acked_seq``; ``parked`` were not taken.

    ``decided`` are people's decisions that were not known here.
    """

    receipts: CourierReceipts
    acked_seq: int
    parked: tuple[int, ...]
    decided: tuple[Resolution, ...]


@dataclass(frozen=True, slots=True)
class _Content:
    """What there is to carry, as of one moment. ``undecided``: how much waits for a person."""

    items: list[Item]
    parked: tuple[ParkedEntry, ...]
    undecided: int
    decided_to: int


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

    With it goes what the gateway refused before, as it is reported by network. Where only a
    person's decision is waited for, the file asks for it.

    The stick may be pulled at any moment: the file is there whole, or not at all, and nothing in
    the store depends on it. ``lock`` is the gateway's courier key, ``sign`` signs with the device
    key whose public half ``signer`` is.

    Raises:
        NothingToCarry: nothing waits, for the gateway or for a person.
        StoreError: the store cannot be read, or the file not be written.
    """
    with _opened(store, key, device) as (connection, identity):
        content = _content(connection, identity)
        items = content.items
        if not items and not content.undecided:
            raise NothingToCarry(
                store, "nothing waits, for the gateway or for a person", "There is nothing to do"
            )
        number = _next_number(connection)
        path = folder / f"{identity.device}-{number:06d}{BUNDLE_SUFFIX}"
        header = Header(
            kind=BUNDLE_KIND,
            device=identity.device,
            incarnation=identity.incarnation,
            number=number,
            made_at=now().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            first_seq=items[0].seq if items else 0,
            last_seq=items[-1].seq if items else 0,
            last_hash=items[-1].hash if items else "",
            signer=signer,
        )
        preface = Preface(CONTENT_VERSION, content.decided_to, content.parked)
        with whole_file(path) as file:
            written = encode_bundle(preface, _batches(identity, items))
            layout = seal(file, header, written, lock, sign)
        return Exported(path, layout.header, len(items), len(content.parked))


def import_receipts(
    path: Path, store: Path, key: StoreKey, device: str, gateway: Ed25519PublicKey
) -> Imported:
    """Take the gateway's answers to a bundle; the same file again changes nothing.

    Everything in it is compared with the journal before the first of it is kept.

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
    with _opened(store, key, device) as (connection, identity):
        _check_journal(path, receipts, identity)
        outbox, resolutions = Outbox(connection, identity), Resolutions(connection, identity)
        _check(path, receipts, outbox, resolutions, gateway)
        return _take(path, receipts, outbox, resolutions)


@contextmanager
def _opened(store: Path, key: StoreKey, device: str) -> Iterator[tuple[Connection, Identity]]:
    """Open the store beside core, who hears of damage that is met. Raises StoreError."""
    with noting_damage(store):
        connection, identity = open_database(store, key, device)
        try:
            yield connection, identity
        finally:
            connection.close()


_AGAIN = "Nothing was changed. Import the bundle at the gateway again and bring its answer"


_TELL = "Nothing was changed. Tell whoever runs the gateway"


def _check_journal(path: Path, receipts: CourierReceipts, identity: Identity) -> None:
    if (receipts.device, receipts.incarnation) != (identity.device, identity.incarnation):
        raise CourierRefused(
            path,
            f"it answers kiosk {receipts.device} (journal {receipts.incarnation}), this is "
            f"{identity.device} ({identity.incarnation})",
            "Bring it to that kiosk",
        )


def _check(
    path: Path,
    receipts: CourierReceipts,
    outbox: Outbox,
    resolutions: Resolutions,
    gateway: Ed25519PublicKey,
) -> None:
    """Raises CourierRefused: a part of it is forged, or does not fit our journal."""
    answers, decisions = receipts.answers, receipts.decided.decisions
    signed: list[tuple[str, Countersigned]] = [("receipt", each.receipt) for each in answers]
    signed += [("decision", each) for each in decisions]
    for name, each in signed:
        if not is_countersigned(each, gateway):
            raise NotTheGateways(path, f"a {name} in it is not signed by the gateway", _AGAIN)
    try:
        for answer in answers:
            outbox.check_answer(answer.receipt, answer.results)
        for decision in decisions:
            resolutions.check(decision)
    except (ReceiptRefused, ResolutionRefused) as refused:
        raise CourierRefused(path, str(refused), _TELL) from refused
    for refusal in receipts.refused:
        if outbox.outcome_of_entry(refusal.seq) is Standing.UNKNOWN:
            raise CourierRefused(
                path, f"it refuses entry {refusal.seq}, which our journal does not have", _TELL
            )


def _take(
    path: Path, receipts: CourierReceipts, outbox: Outbox, resolutions: Resolutions
) -> Imported:
    decided = receipts.decided
    try:
        for answer in receipts.answers:
            outbox.record_answer(answer.receipt, answer.results, is_late=True)
        news = tuple(each for each in decided.decisions if resolutions.record(each))
    except (ReceiptRefused, ResolutionRefused) as refused:
        # Sync has changed the store since it was checked.
        raise CourierRefused(path, str(refused), "Import it again") from refused
    parked = _park(receipts, outbox, resolutions)
    _note_cases(receipts, outbox)
    # Only where it continues what is known here: answers of long ago must not skip any.
    if decided.until > decided.since == resolutions.decided_to():
        resolutions.keep_cursor(str(decided.until))
    return Imported(receipts, outbox.acked_seq(), parked, news)


def _park(receipts: CourierReceipts, outbox: Outbox, resolutions: Resolutions) -> tuple[int, ...]:
    """Hold back what was refused, unless it arrived or a person has decided since."""
    parked = {each.seq for each in outbox.parked()}
    held = []
    for refusal in receipts.refused:
        seq = refusal.seq
        if outbox.covers(seq) or resolutions.is_resent_after(seq, receipts.decided.until):
            continue
        if seq not in parked:
            outbox.park(seq, refusal.code)
        held.append(seq)
    return tuple(held)


def _note_cases(receipts: CourierReceipts, outbox: Outbox) -> None:
    """The gateway knows of these. What it has recorded after all goes out again for a receipt."""
    unreported = {each.seq: not each.reported for each in outbox.parked()}
    cases = [each for each in receipts.cases if each.seq in unreported]
    recorded = [each.seq for each in cases if each.state == RECORDED]
    told = [each.seq for each in cases if each.state != RECORDED and unreported[each.seq]]
    if recorded:
        outbox.offer_again(recorded)
    if told:
        outbox.note_reported(told)


def _content(connection: Connection, identity: Identity) -> _Content:
    """Read in one transaction: what core appends meanwhile waits for the next bundle."""
    outbox = Outbox(connection, identity)
    connection.execute("BEGIN")
    try:
        unreported_first = sorted(outbox.parked(), key=lambda each: each.reported)
        return _Content(
            list(_waiting(connection, identity)),
            describe_parked(outbox, unreported_first[:MAX_REPORTED]),
            Matters(connection, identity).count_open(),
            Resolutions(connection, identity).decided_to(),
        )
    finally:
        connection.roll_back()


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
