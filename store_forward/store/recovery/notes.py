"""What recovery works on, and what it writes down for its report while it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from store_forward.contract.facts import EntriesLost, Entry, JournalRebuilt, JournalReplaced
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.mirror import Mirror
from store_forward.store.mirror.segment import list_numbers
from store_forward.store.recovery.counter import Counter
from store_forward.store.recovery.report import Range, RecoveryReport
from store_forward.store.recovery.set_aside import set_database_aside, set_segments_aside

EntryOf = Callable[[EntriesLost | JournalRebuilt | JournalReplaced], Entry]
"""Puts a fact of recovery into an entry, with id and circumstances."""


@dataclass(slots=True)
class Notes:
    """What was found and done so far, over all steps of one start."""

    why: list[str] = field(default_factory=list)
    restored: list[Range] = field(default_factory=list)
    lost: list[Range] = field(default_factory=list)
    mirrored: list[Range] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    damage: dict[str, None] = field(default_factory=dict)
    replaced: str = ""

    def restored_from_mirror(self, first: int, last: int, lost: tuple[Range, ...]) -> None:
        """Entries came back, but for those that neither copy holds."""
        if first <= last:
            self.restored.append(Range(first, last))
        self.lost += lost

    def report(self, incarnation: str, now: datetime) -> RecoveryReport:
        """All of it, for staff."""
        return RecoveryReport(
            at=now.astimezone(UTC).isoformat(timespec="seconds"),
            incarnation=incarnation,
            why=tuple(self.why),
            restored=tuple(self.restored),
            lost=tuple(self.lost),
            mirrored=tuple(self.mirrored),
            set_aside=tuple(self.set_aside),
            damage=tuple(self.damage),
            replaced=self.replaced,
        )


@dataclass(frozen=True, slots=True)
class Mended:
    """The store that is brought into order, and with what.

    ``mirror`` is locked by who asked for it; ``now`` returns an aware time.
    """

    path: Path
    key: StoreKey
    mirror: Mirror
    device: str
    counter: Counter
    now: Callable[[], datetime]
    entry_of: EntryOf
    notes: Notes = field(default_factory=Notes)

    def set_database_aside(self) -> None:
        """Keep the database under another name."""
        self.notes.set_aside += set_database_aside(self.path, self.now())

    def set_segments_aside(self, numbers: set[int] | None = None) -> None:
        """Set these segments of the mirror aside; all of them where ``numbers`` is None."""
        directory = self.mirror.directory
        if numbers is not None and not numbers:
            return
        chosen = [one for one in list_numbers(directory) if numbers is None or one in numbers]
        self.notes.set_aside += set_segments_aside(directory, chosen, self.now())
