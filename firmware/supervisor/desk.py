"""What the supervisor itself knows of one peripheral's commands and results, whoever runs it.

A worker may die and core may be away; a desk outlives both and keeps the promises in between: a
wanted state is wanted again after a restart, a print job ends in exactly one known way, a note is
somewhere. Desks are pure: time comes in, what to say goes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from devices.messages import Command, Event


@dataclass(frozen=True)
class ForWorker:
    """Hand this command to the running worker."""

    command: Command


@dataclass(frozen=True)
class ForCore:
    """Tell core."""

    event: Event


Saying = ForWorker | ForCore


class Desk(Protocol):
    """One peripheral's desk. ``now`` is monotonic seconds throughout."""

    def execute(self, command: Command, now: float) -> Sequence[Saying]:
        """Core wants something."""
        ...

    def heard(self, event: Event, now: float) -> Sequence[Saying]:
        """The worker has said something."""
        ...

    def worker_up(self, now: float) -> Sequence[Saying]:
        """A (new) worker has shown its first sign of life."""
        ...

    def worker_gone(self, reason: str, now: float) -> Sequence[Saying]:
        """The worker is dead or about to be; it will say nothing more."""
        ...

    def core_gone(self, now: float) -> Sequence[Saying]:
        """Nobody is there to credit, read or decide."""
        ...

    def elapsed(self, now: float) -> Sequence[Saying]:
        """Time has passed; called at least when ``wake_at`` has come."""
        ...

    @property
    def wake_at(self) -> float | None:
        """When ``elapsed`` has something to do."""
        ...
