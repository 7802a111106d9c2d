"""How a store's key is held, what is weak about it and what to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from store_forward.store.keyring.envelope import Envelope, KeyNote, Role, TpmSeal
from store_forward.store.keyring.escrow import EscrowKey

OLD_DAYS = 730
"""A data key in use for longer is worth a new one; a habit, no limit of the cipher."""


@dataclass(frozen=True, slots=True)
class Weakness:
    """What is weak, and the remedy."""

    what: str
    remedy: str


@dataclass(slots=True)
class KeyReport:
    """``broken`` says why the key does not open here, None where it does."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    weak: list[Weakness] = field(default_factory=list)
    broken: str | None = None

    def render(self) -> str:
        """The report as staff read it."""
        lines = [f"{name:<12}{text}" for name, text in self.lines]
        for one in self.weak:
            lines += [f"{'WEAK':<12}{one.what}", f"{'':<12}→ {one.remedy}"]
        if self.broken is not None:
            lines.append(f"{'BROKEN':<12}{self.broken}")
        return "\n".join(lines) + "\n"


def describe_plain(store: Path, plain: Path, broken: str | None) -> KeyReport:
    """The report of a kiosk whose key lies in a plain file."""
    report = KeyReport(broken=broken)
    report.lines = [("store", str(store)), ("held by", f"{plain}, plain: for the desk only")]
    report.weak.append(
        Weakness(
            "whoever has this disk reads the store",
            "outpost keys wrap seals the key to the machine and to the hospital's escrow key",
        )
    )
    return report


def describe(
    store: Path,
    envelope: Envelope,
    *,
    broken: str | None,
    plain_beside: Path | None,
    now: datetime,
) -> KeyReport:
    """The report of an envelope; ``plain_beside`` is a plain key file that still lies there."""
    report = KeyReport(broken=broken)
    report.lines = [
        ("store", str(store)),
        ("kiosk", envelope.device),
        ("held by", _machine(envelope)),
        ("escrow", _escrow(envelope)),
        ("wrapped", envelope.made_at),
        *(_key(note, now) for note in envelope.keys),
    ]
    if broken is None:
        report.lines.append(("opens here", "yes"))
    report.weak = list(_weaknesses(envelope, plain_beside, now))
    return report


def _machine(envelope: Envelope) -> str:
    if isinstance(envelope.machine, TpmSeal):
        return f"TPM 2.0 of the machine, opened only while {envelope.machine.pcrs} is as sealed"
    return f"machine key {envelope.machine.key_id}, a credential: obfuscation only"


def _escrow(envelope: Envelope) -> str:
    if envelope.escrow is None:
        return "none"
    try:
        bits = EscrowKey.of_der(envelope.escrow.public).bits
    except ValueError:
        return f"key {envelope.escrow.key_id}, unfit"
    return f"key {envelope.escrow.key_id}, RSA-OAEP, {bits} bits"


def _key(note: KeyNote, now: datetime) -> tuple[str, str]:
    text = f"{note.id}, made {note.made_at}"
    days = _age_days(note, now)
    match note.role:
        case Role.CURRENT:
            return "data key", f"{text}{'' if days is None else f' ({days} days)'}"
        case Role.NEXT:
            return "next key", text
        case Role.RETIRED:
            return "former key", f"{text}: opens older segments of the mirror, files set aside"


def _weaknesses(envelope: Envelope, plain: Path | None, now: datetime) -> list[Weakness]:
    found = []
    if not isinstance(envelope.machine, TpmSeal):
        found.append(
            Weakness(
                "the machine has no TPM in use: what opens the key lies on the same machine",
                "switch the TPM on and run outpost keys rotate --wrapping --machine tpm; on a "
                "machine without one, guard the machine itself",
            )
        )
    if envelope.escrow is None:
        found.append(
            Weakness(
                "no escrow: if this machine dies, what it had not sent is lost",
                "outpost keys rotate --escrow escrow-public.pem",
            )
        )
    if plain is not None:
        found.append(
            Weakness(
                f"the data key still lies beside it in plain: {plain}",
                "remove that file, then outpost keys rotate --data",
            )
        )
    if envelope.note(Role.NEXT) is not None:
        found.append(
            Weakness(
                "a change of the data key was interrupted; the store opens",
                "stop core and sync and run outpost keys rotate --data: it goes on from there",
            )
        )
    current = envelope.note(Role.CURRENT)
    age = None if current is None else _age_days(current, now)
    if age is not None and age > OLD_DAYS:
        found.append(Weakness(f"the data key is {age} days old", "outpost keys rotate --data"))
    return found


def _age_days(note: KeyNote, now: datetime) -> int | None:
    """None where the kiosk's clock says nonsense."""
    try:
        days = (now - datetime.fromisoformat(note.made_at)).days
    except (ValueError, TypeError):
        return None
    return days if days >= 0 else None
