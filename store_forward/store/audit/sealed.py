"""Sealed files – backups, bundles of the courier – byte by byte, without opening them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from store_forward.contract.sealed import (
    MAGIC,
    Header,
    NotSealed,
    find_damage,
    read_layout,
    signed_by,
)
from store_forward.store.audit.pages import BadPlace
from store_forward.store.refusals import refused_by_system

SUFFIXES = (".courier", ".backup")


@dataclass
class SealedReport:
    """What was found in one sealed file. ``ok``: it is, byte for byte, what its maker signed.

    ``vouched``: that the maker is the kiosk was checked with the kiosk's public key.
    """

    path: Path
    header: Header | None = None
    size: int = 0
    vouched: bool = False
    places: list[BadPlace] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def render(self) -> str:
        """The report as text for a person."""
        lines = [f"sealed file   {self.path}, {self.size} bytes"]
        header = self.header
        if header is not None:
            entries = f"{header.first_seq} to {header.last_seq}" if header.last_seq else "none"
            maker = "checked" if self.vouched else "not checked (no device key given)"
            lines += [
                f"kind          {header.kind} {header.number}, made at {header.made_at}",
                f"kiosk         {header.device}, incarnation {header.incarnation}; maker {maker}",
                f"entries       {entries}",
                f"opens with    {header.recipient}",
            ]
        if self.ok:
            lines.append("result        whole and unchanged")
        else:
            lines.append(f"result        {len(self.problems)} problem(s)")
            lines += [f"  - {problem}" for problem in self.problems]
            lines.append("what to do    keep it, and take another copy: this one restores nothing")
        return "\n".join(lines) + "\n"


def is_sealed(path: Path) -> bool:
    """Whether this is meant to be a sealed file, by its name or its first bytes."""
    if path.suffix in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def verify_sealed(path: Path, signer: str | None = None) -> SealedReport:
    """Compare all bytes with the signature; ``signer`` is the kiosk's public key as text.

    Without it, the key that the file names itself is taken: then the file is whole, and nobody
    says who made it.

    Raises StoreUnavailable: it cannot be read.
    """
    report = SealedReport(path)
    try:
        report.size = path.stat().st_size
        with path.open("rb") as file:
            layout = read_layout(file)
            report.header = layout.header
            verify = signed_by(signer or layout.header.signer)
            report.vouched = signer is not None
            damage = tuple(find_damage(file, layout, verify))
    except NotSealed as refused:
        damage = refused.places
        if not damage:
            report.problems.append(f"{path}: {refused}")
    except OSError as error:
        raise refused_by_system(path, error) from error
    report.places = [BadPlace(path, one.offset, one.length, one.why) for one in damage]
    report.problems += [str(place) for place in report.places]
    return report
