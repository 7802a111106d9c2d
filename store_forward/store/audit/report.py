"""What an audit of a journal found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from store_forward.store.audit.pages import BadPlace

_LISTED = 50

_WHAT_TO_DO = (
    "what to do    keep all files as they are; core mends at its start what database and mirror "
    "can mend together. For entries that stay missing: outpost backup restore, and tell the HIS"
)

SignatureCheck = Callable[[str, bytes], bool]
"""Whether a signature (base64) over these bytes is right."""


@dataclass(frozen=True, slots=True)
class Checks:
    """Whose signatures can be checked: the gateway's, the device's; None where no key is given."""

    gateway: SignatureCheck | None = None
    device: SignatureCheck | None = None


@dataclass
class LostRange:
    """Entries that are missing, as the kiosk knows. ``told_seq`` is the entry that tells the HIS of
    them, 0 for none; ``is_closed``: the HIS has signed that it goes on behind them."""

    first: int
    last: int
    told_seq: int = 0
    is_closed: bool = False

    def __str__(self) -> str:
        told = f"told in entry {self.told_seq}" if self.told_seq else "told in no entry"
        his = "the HIS goes on behind them" if self.is_closed else "the HIS waits for them"
        return f"entries {self.first} to {self.last}, {told}; {his}"


@dataclass
class JournalReport:
    """What was found. ``ok`` means: no problem at all.

    ``first_bad`` is the first sequence number that is missing or wrong, ``places`` the bytes of
    files that are not what was written. The journal begins behind ``base_seq``. Up to
    ``receipted_to``, every entry is covered by a receipt of the gateway with a matching hash, or
    by a decision of a person there, or is ``lost`` and the gateway goes on behind it.
    ``mirror_segments`` is None where there is no mirror.
    """

    path: Path
    device: str = ""
    incarnation: str = ""
    entries: int = 0
    base_seq: int = 0
    head_seq: int = 0
    head_hash: str = ""
    acked_to: int = 0
    receipts: int = 0
    receipted_to: int = 0
    checkpoints: int = 0
    checked_to: int = 0
    mirror_segments: int | None = None
    mirrored: int = 0
    signatures_checked: bool = False
    device_checked: bool = False
    lost: list[LostRange] = field(default_factory=list)
    first_bad: int | None = None
    places: list[BadPlace] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def render(self) -> str:
        """The report as text for a person."""
        by_gateway = "checked" if self.signatures_checked else "not checked (no gateway key given)"
        by_device = "checked" if self.device_checked else "not checked (no device key given)"
        gone = f", those up to {self.base_seq} were purged" if self.base_seq else ""
        lines = [
            f"journal       {self.path}",
            f"kiosk         {self.device}, incarnation {self.incarnation}",
            f"entries       {self.entries}, newest {self.head_seq}{gone}",
            f"head hash     {self.head_hash}",
            f"acknowledged  up to {self.acked_to}",
            f"receipts      {self.receipts}, covering up to {self.receipted_to}; "
            f"signatures {by_gateway}",
            f"checkpoints   {self.checkpoints}, newest at {self.checked_to}; "
            f"signatures {by_device}",
        ]
        lines += [f"lost          {each}" for each in self.lost]
        if self.mirror_segments is None:
            lines.append("mirror        none beside the store")
        else:
            lines.append(
                f"mirror        {self.mirror_segments} segment(s), {self.mirrored} entries"
            )
        return "\n".join(lines + self._result()) + "\n"

    def note(self, problem: str, seq: int | None = None) -> None:
        """Add a problem, with the entry it concerns."""
        self.problems.append(problem)
        if seq is not None and (self.first_bad is None or seq < self.first_bad):
            self.first_bad = seq

    def note_places(self, places: list[BadPlace]) -> None:
        """Add bytes that are not what was written."""
        self.places += places
        self.problems += [str(place) for place in places]

    def _result(self) -> list[str]:
        if self.ok:
            return ["result        complete and unchanged"]
        first = f", first at entry {self.first_bad}" if self.first_bad is not None else ""
        lines = [f"result        {len(self.problems)} problem(s){first}"]
        lines += [f"  - {problem}" for problem in self.problems[:_LISTED]]
        if len(self.problems) > _LISTED:
            lines.append(f"  … and {len(self.problems) - _LISTED} more")
        return [*lines, _WHAT_TO_DO]
