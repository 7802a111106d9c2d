"""What a step wants done. Imperatives, carried out by the runner in the given order.

``Record`` always comes first: nothing after it happens unless the facts are durable.
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.messages import Command
from firmware.core.slips import Slip
from store_forward.contract.facts import Fact


@dataclass(frozen=True, slots=True)
class Record:
    """Append these facts to the journal, all or none, before anything else."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Tell:
    """Give a command to a peripheral."""

    command: Command


@dataclass(frozen=True, slots=True)
class Print:
    """Compose, encode and print a slip as job ``job_id``."""

    device: str
    job_id: str
    slip: Slip


Effect = Record | Tell | Print


def in_order(effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Join all facts of one step into one leading ``Record``: a step is one transaction."""
    facts = tuple(fact for effect in effects if isinstance(effect, Record) for fact in effect.facts)
    actions = tuple(effect for effect in effects if not isinstance(effect, Record))
    return (Record(facts), *actions) if facts else actions
