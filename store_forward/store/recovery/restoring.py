"""Puts entries of the mirror into a database, with what followed from them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from store_forward.contract.canonical import chain_hash
from store_forward.store.driver import Connection
from store_forward.store.errors import DamagedStore
from store_forward.store.head import Head
from store_forward.store.recovery.scan import Recovered

GROUPS_PER_TRANSACTION = 200
"""Bounds the log of the database while many come back; no group is ever split."""


class _Fact(msgspec.Struct):
    """What the side tables take from a fact, of whatever version it is."""

    type: str
    order_id: str | None = None
    slot_id: str | None = None


class _Outline(msgspec.Struct):
    lane: str
    fact: _Fact


_decoder = msgspec.json.Decoder(_Outline)


def restore(connection: Connection, head: Head, groups: Iterable[Recovered]) -> Head:
    """Append recovered groups behind ``head``; returns the new head, durable.

    A group that does not continue the one before it comes after a gap: an anchor bridges it.

    Raises a StoreError; what was committed before stays, and the next start goes on from there.
    """
    waiting: list[Recovered] = []
    for group in groups:
        waiting.append(group)
        if len(waiting) == GROUPS_PER_TRANSACTION:
            head = _restore(connection, head, waiting)
            waiting = []
    return _restore(connection, head, waiting)


def _restore(connection: Connection, head: Head, groups: list[Recovered]) -> Head:
    if not groups:
        return head
    with connection.transaction():
        return put_groups(connection, head, groups)


def put_groups(connection: Connection, head: Head, groups: Iterable[Recovered]) -> Head:
    """The same within the caller's transaction."""
    for group in groups:
        if group.after != head:
            put_anchor(connection, group.after, "lost")
            head = group.after
        for body in group.bodies:
            seq = head.seq + 1
            head = Head(seq, chain_hash(head.hash, seq, body))
            _put(connection, head, body)
    return head


def put_anchor(connection: Connection, at: Head, reason: str) -> None:
    """Note the chain hash of an entry that is not here. ``START`` needs none."""
    if at.seq > 0:
        connection.execute(
            "INSERT INTO anchor (seq, hash, reason) VALUES (?, ?, ?) "
            "ON CONFLICT (seq) DO UPDATE SET hash = excluded.hash, reason = excluded.reason",
            (at.seq, at.hash, reason),
        )


def _put(connection: Connection, entry: Head, body: bytes) -> None:
    try:
        outline = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise DamagedStore(
            connection.path,
            f"the mirror's entry {entry.seq} is no entry",
            "Keep all files; staff of the maker must look",
        ) from error
    fact = outline.fact
    connection.execute(
        "INSERT INTO event (seq, kind, lane, body, hash) VALUES (?, ?, ?, ?, ?)",
        (entry.seq, fact.type, outline.lane, body, entry.hash),
    )
    # The same rules as at the sale. Behind a gap a sale may repeat one whose end was lost: the
    # first one stands, the HIS judges.
    if fact.type == "registration_confirmed":
        connection.execute(
            "INSERT OR IGNORE INTO slot_sale (seq, slot_id, order_id) VALUES (?, ?, ?)",
            (entry.seq, fact.slot_id, fact.order_id),
        )
    elif fact.type == "registration_cancelled":
        connection.execute(
            "UPDATE slot_sale SET freed_by = ? WHERE order_id = ? AND freed_by IS NULL",
            (entry.seq, fact.order_id),
        )
