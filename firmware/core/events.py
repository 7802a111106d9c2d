"""What a step reacts to: past-tense facts from the screen, the peripherals and the shell."""

from __future__ import annotations

from dataclasses import dataclass

from devices.messages import Event as DeviceEvent
from firmware.messages.intents import Intent


@dataclass(frozen=True, slots=True)
class Started:
    """core came up and the state is what the journal says. ``software`` is the version."""

    software: str


@dataclass(frozen=True, slots=True)
class Touched:
    """The patient touched the screen. ``stale``: the touched screen showed another view."""

    intent: Intent
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A peripheral said something. ``delivery`` is unique for ever and the same when repeated."""

    event: DeviceEvent
    delivery: str


@dataclass(frozen=True, slots=True)
class DevicesLost:
    """The devices process is gone; nothing can be told to a peripheral."""


@dataclass(frozen=True, slots=True)
class DevicesCaughtUp:
    """The devices process is here and has said everything it had kept."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time went by."""


@dataclass(frozen=True, slots=True)
class WorldChanged:
    """Reference data, leases, network or disk space are new in the world."""


@dataclass(frozen=True, slots=True)
class SlotLost:
    """The journal refused a confirmation: the slot is already sold. Nothing was written."""


@dataclass(frozen=True, slots=True)
class JournalFailed:
    """Facts could not be made durable; the step that wanted them did not happen."""

    during: Happening


Happening = (
    Started
    | Touched
    | Heard
    | DevicesLost
    | DevicesCaughtUp
    | Ticked
    | WorldChanged
    | SlotLost
    | JournalFailed
)
