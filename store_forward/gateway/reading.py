"""Reads journal entries that may come from a newer, older or broken kiosk. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from store_forward.contract.canonical import decode_entry
from store_forward.contract.facts import Entry, Fact, Redacted, RegistrationConfirmed
from store_forward.contract.wire import Name

SCHEMA = 1
"""The entry schema this gateway understands."""

LONGEST_TEXT = 500
"""Characters; nothing a kiosk writes comes near. A PostgreSQL index takes keys of up to 2,704
bytes, and its texts no NUL: such an entry must not stop those behind it."""

LONGEST_ID_TYPE = 64
"""Characters. Patients are found by it and their number together, in one index key."""

KINDS: dict[str, type] = {str(kind.__struct_config__.tag): kind for kind in Fact.__args__}
"""Fact types by their tag."""


@dataclass(frozen=True)
class Unreadable:
    """An entry that means nothing here, with what could be made out of it."""

    entry_id: str
    kind: str
    code: str


class _Probe(Redacted, frozen=True):
    """The little that any version of an entry has."""

    id: Name
    fact: dict[str, Any] = msgspec.field(default_factory=dict)
    schema: int = SCHEMA


class _Id(Redacted, frozen=True):
    id: Name


_probe = msgspec.json.Decoder(_Probe)
_id = msgspec.json.Decoder(_Id)

_FAULTS = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises on foreign bytes (invalid UTF-8 is a ValueError)."""


def read_entry(body: bytes) -> Entry | Unreadable:
    """Read an entry as far as it can be read."""
    try:
        probe = _probe.decode(body)
    except _FAULTS:
        return Unreadable(_entry_id(body), "unreadable", "undecodable")
    kind = str(probe.fact.get("type", "")).replace("\0", "")[:64]
    if probe.schema != SCHEMA:
        return Unreadable(probe.id, kind, "unknown_schema")
    if kind not in KINDS:
        return Unreadable(probe.id, kind, "unknown_kind")
    try:
        entry = decode_entry(body)
    except _FAULTS:
        return Unreadable(probe.id, kind, "undecodable")
    if not (is_storable(msgspec.to_builtins(entry)) and _has_patient_key(entry.fact)):
        return Unreadable(probe.id, kind, "text_not_storable")
    return entry


def is_storable(value: object) -> bool:
    """Whether every database can hold all texts in these plain values and find them again."""
    match value:
        case str():
            return len(value) <= LONGEST_TEXT and "\0" not in value
        case dict():
            return all(map(is_storable, value.values()))
        case list() | tuple():
            return all(map(is_storable, value))
        case _:
            return True


def _has_patient_key(fact: Fact) -> bool:
    if isinstance(fact, RegistrationConfirmed):
        return len(fact.patient.id_type) <= LONGEST_ID_TYPE
    return True


def kind_of(fact: Fact) -> str:
    """The tag of a fact."""
    return str(fact.__struct_config__.tag)


def order_of(fact: Fact) -> str | None:
    """The order a fact speaks of, if any."""
    order_id = getattr(fact, "order_id", None)
    return order_id if isinstance(order_id, str) else None


def _entry_id(body: bytes) -> str:
    try:
        return _id.decode(body).id
    except _FAULTS:
        return ""
