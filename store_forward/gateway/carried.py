"""Items of a bundle, as far as a bundle is taken apart: by entry and by lane. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from store_forward.contract.canonical import GENESIS
from store_forward.contract.resolutions import ParkedEntry
from store_forward.contract.wire import Batch, Item

_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)


class _Lane(msgspec.Struct):
    lane: str = ""


class _Id(msgspec.Struct):
    id: str = ""


class _Kind(msgspec.Struct):
    type: str = ""


class _Fact(msgspec.Struct):
    fact: _Kind = msgspec.field(default_factory=_Kind)


def lane_of(item: Item) -> str:
    """The lane of an entry; one that nobody can read is a lane of its own."""
    try:
        return msgspec.json.decode(bytes(item.entry), type=_Lane).lane
    except _FAULTS:
        return f"seq:{item.seq}"


def parked_item(item: Item, code: str) -> ParkedEntry:
    """A refused item as its kiosk would report it, without its content.

    ``code`` is the refusal's word. The item has the hash before it, or is the first.
    """
    body = bytes(item.entry)
    try:
        entry_id = msgspec.json.decode(body, type=_Id).id
    except _FAULTS:
        entry_id = ""
    try:
        kind = msgspec.json.decode(body, type=_Fact).fact.type
    except _FAULTS:
        kind = ""
    return ParkedEntry(
        seq=item.seq,
        hash=item.hash,
        previous=item.previous or GENESIS.hex(),
        entry_id=_text(entry_id),
        lane=_text(lane_of(item)),
        kind=re.sub(r"[^A-Za-z0-9._:-]+", "_", kind)[:64] or "unknown",
        code=code,
        attempts=1,
    )


def proven(batch: Batch) -> Batch:
    """The same, each item with the hash before it: so any of them may be left out."""
    items: list[Item] = []
    for item in batch.items:
        if item.previous is None and items and items[-1].seq == item.seq - 1:
            item = msgspec.structs.replace(item, previous=items[-1].hash)
        items.append(item)
    return msgspec.structs.replace(batch, items=tuple(items))


def without(batch: Batch, lanes: Collection[str]) -> Batch:
    """The same without the entries of these lanes."""
    if not lanes:
        return batch
    items = tuple(item for item in batch.items if lane_of(item) not in lanes)
    return msgspec.structs.replace(batch, items=items)


def _text(text: str) -> str:
    return text.replace("\0", "")[:128]
