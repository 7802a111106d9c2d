"""What recovery found and did, for staff, the log and the store."""

from __future__ import annotations

import msgspec

from store_forward.store.recovery.findings import Gap


class Range(msgspec.Struct, frozen=True):
    """Sequence numbers from ``first`` to ``last``; ``last`` 0: nobody knows up to where."""

    first: int
    last: int

    def __str__(self) -> str:
        if self.last == 0:
            return f"{self.first} and later"
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


class RecoveryReport(msgspec.Struct, frozen=True):
    """One start at which something had to be mended. Holds numbers and file names only.

    ``at`` is RFC 3339 UTC by this kiosk's clock. ``why`` says what was wrong; ``restored`` came
    back from the mirror; ``lost`` is nowhere on this kiosk; ``mirrored`` was written to the mirror
    again; ``set_aside`` are files kept under a new name. ``replaced`` names the incarnation that
    ended here. ``damage`` lists the bad places.
    """

    at: str
    incarnation: str
    why: tuple[str, ...] = ()
    restored: tuple[Range, ...] = ()
    lost: tuple[Range, ...] = ()
    mirrored: tuple[Range, ...] = ()
    set_aside: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    replaced: str = ""

    @property
    def is_worth_telling(self) -> bool:
        """Whether anything was wrong at all."""
        return bool(self.why or self.restored or self.lost or self.mirrored or self.set_aside)

    def summary(self) -> dict[str, object]:
        """The report for a structured log."""
        return {
            "why": list(self.why),
            "restored": [str(one) for one in self.restored],
            "mirrored": [str(one) for one in self.mirrored],
            "lost": [str(one) for one in self.lost],
            "set_aside": list(self.set_aside),
            "replaced": self.replaced,
        }

    def render(self) -> str:
        """The report as text for a person."""
        if not self.is_worth_telling:
            return "journal    in order\n"
        lines = [f"journal    mended at {self.at}: {'; '.join(self.why) or 'the mirror'}"]
        lines += [f"restored   entries {one} from the mirror" for one in self.restored]
        lines += [f"mirrored   entries {one} again" for one in self.mirrored]
        lines += [f"LOST       entries {one}: in no file of this kiosk" for one in self.lost]
        lines += [f"set aside  {name}" for name in self.set_aside]
        lines += [f"damage     {place}" for place in self.damage]
        if self.replaced:
            lines.append(
                f"replaced   journal {self.replaced} by {self.incarnation}; what it had not sent "
                "is in the files set aside"
            )
        return "\n".join(lines) + "\n"


def ranges(gaps: tuple[Gap, ...]) -> tuple[Range, ...]:
    """Gaps as the report has them."""
    return tuple(Range(gap.first_seq, gap.last_seq) for gap in gaps)
