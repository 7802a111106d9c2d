"""Puts the circumstances around a fact: the journal entry.

The entry of a confirmation carries the order's own id, so that the order's later facts can name
it as what they depend on without anybody having to remember it over a restart.
"""

from __future__ import annotations

from datetime import UTC
from typing import assert_never

from firmware.core.recovery import KIOSK_LANE
from firmware.core.world import World
from store_forward.contract.facts import (
    CaseOpened,
    EntriesLost,
    Entry,
    Fact,
    JournalRebuilt,
    JournalReplaced,
    KioskStarted,
    NoteCredited,
    NoteEscrowed,
    NoteGivenBack,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
    SlipPrintEnded,
    SlipPrintStarted,
)


def entry_of(fact: Fact, world: World, *, new_id: str, boot: str) -> Entry:
    """Return the entry for a fact. ``new_id`` is a fresh UUIDv7, ``boot`` names this run."""
    order_id = order_of(fact)
    is_parent = isinstance(fact, RegistrationConfirmed)
    return Entry(
        id=fact.order_id if isinstance(fact, RegistrationConfirmed) else new_id,
        lane=KIOSK_LANE if order_id is None else f"order:{order_id}",
        occurred_at=rfc3339(world),
        clock=world.clock,
        boot=boot,
        business_date=world.today.isoformat(),
        offline=not world.online,
        fact=fact,
        depends_on=() if order_id is None or is_parent else (order_id,),
    )


def rfc3339(world: World) -> str:
    """Return the world's time as RFC 3339 UTC with milliseconds."""
    text = world.wall.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def order_of(fact: Fact) -> str | None:
    """Return the order a fact belongs to, None when it belongs to none."""
    match fact:
        case KioskStarted() | JournalReplaced() | JournalRebuilt() | EntriesLost():
            return None
        case (
            RegistrationConfirmed()
            | NoteEscrowed()
            | NoteCredited()
            | NoteGivenBack()
            | RegistrationPaid()
            | RegistrationCancelled()
            | SlipPrintStarted()
            | SlipPrintEnded()
            | CaseOpened()
        ):
            return fact.order_id
        case _:
            assert_never(fact)
