"""What had been promised at a moment, as the notes tell it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from tests.crash.notebook import (
    Accepted,
    Answered,
    MayGo,
    Note,
    Offered,
    Parked,
    Refused,
    Unknown,
    Written,
)


@dataclass(frozen=True)
class Promise:
    """A group of entries in the journal. Not ``certain``: there as a whole, or not at all."""

    bodies: tuple[bytes, ...]
    certain: bool


@dataclass(frozen=True)
class Promises:
    """Everything that had been promised.

    ``offered`` is a group whose append has not returned; up to ``may_go`` entries may be purged.
    """

    groups: tuple[Promise, ...]
    acked_seq: int
    parked: frozenset[int]
    offered: tuple[bytes, ...] | None
    may_go: int

    @property
    def last_certain(self) -> int:
        """Not less than this was the number of the newest acknowledged entry."""
        return sum(len(group.bodies) for group in self.groups if group.certain)


def promises(notes: Sequence[Note]) -> Promises:
    """Read what was promised from the notes."""
    groups: list[Promise] = []
    acked, may_go, parked = 0, 0, set()
    offered: tuple[bytes, ...] | None = None
    for note in notes:
        match note:
            case Offered(bodies=bodies):
                offered = bodies
            case Accepted() | Unknown():
                if offered is None:
                    raise ValueError("accepted what nobody offered")
                groups.append(Promise(offered, isinstance(note, Accepted)))
                offered = None
            case Refused():
                offered = None
            case Answered(acked_seq=seq):
                acked = max(acked, seq)
            case Parked(seq=seq):
                parked.add(seq)
            case MayGo(last_seq=seq):
                may_go = max(may_go, seq)
            case Written():
                pass  # no promise of the store
            case _:
                assert_never(note)
    if offered is not None:
        groups.append(Promise(offered, certain=False))
    return Promises(tuple(groups), acked, frozenset(parked), offered, may_go)
