"""Reads what the kiosk and the HIS side hold, each from its own side, for the story's checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from firmware.assembly.programs import verify_journal
from firmware.demo.kiosk import DeskKiosk
from firmware.demo.workspace import KIOSK_ID
from store_forward.contract.facts import (
    CaseOpened,
    Entry,
    NoteCredited,
    NoteEscrowed,
    RegistrationCancelled,
    RegistrationConfirmed,
    RegistrationPaid,
)
from store_forward.store.audit.verify import JournalReport
from store_forward.store.keys import load_key
from store_forward.store.store import Role, Store


@dataclass(frozen=True)
class JournalEvidence:
    """The kiosk's journal, entry by entry."""

    entries: tuple[Entry, ...]

    def facts(self, kind: type) -> list[Any]:
        """Return all facts of a kind, in order."""
        return [entry.fact for entry in self.entries if isinstance(entry.fact, kind)]

    @property
    def credited_fen(self) -> int:
        """Sum of all credited notes."""
        return sum(fact.amount_fen for fact in self.facts(NoteCredited))

    @property
    def has_double_credit(self) -> bool:
        """Whether a note was credited more than once."""
        counts = Counter(fact.note_id for fact in self.facts(NoteCredited))
        return any(count > 1 for count in counts.values())

    @property
    def sold_slots(self) -> set[str]:
        """Slots of orders that were paid."""
        paid = {fact.order_id for fact in self.facts(RegistrationPaid)}
        return {fact.slot_id for fact in self.facts(RegistrationConfirmed) if fact.order_id in paid}

    @property
    def slip_codes(self) -> dict[str, str]:
        """The code of every slip, and what the HIS should say of it."""
        paid = {fact.slip_code: "accepted" for fact in self.facts(RegistrationPaid)}
        gone = self.facts(RegistrationCancelled)
        cancelled = {fact.slip_code: "cancelled" for fact in gone if fact.slip_code}
        cases = {fact.slip_code: "case_open" for fact in self.facts(CaseOpened)}
        return paid | cancelled | cases

    def summary(self) -> dict[str, object]:
        """Figures for report.json."""
        return {
            "entries": len(self.entries),
            "kinds": dict(Counter(type(entry.fact).__name__ for entry in self.entries)),
            "credited_fen": self.credited_fen,
            "escrowed": len(self.facts(NoteEscrowed)),
            "paid": len(self.facts(RegistrationPaid)),
            "owed_fen": sum(fact.owed_fen for fact in self.facts(RegistrationCancelled)),
            "cases": len(self.facts(CaseOpened)),
        }


@dataclass(frozen=True)
class GatewayEvidence:
    """The rows the gateway's operator sees."""

    rows: dict[str, Any]

    @property
    def ledger(self) -> dict[str, int]:
        """Balances by account; debits positive, fen."""
        return dict(self.rows["ledger"])

    @property
    def cash_box_fen(self) -> int:
        """What the HIS believes is in the kiosk's cassette."""
        return self.ledger.get(f"cash_box:{KIOSK_ID}", 0)

    @property
    def open_suspense_fen(self) -> int:
        """Money whose purpose the HIS does not know."""
        return sum(abs(fen) for name, fen in self.ledger.items() if name.startswith("suspense:"))

    @property
    def sold_slots(self) -> set[str]:
        """Slots the HIS has sold."""
        return {row["slot_id"] for row in self.rows["slots"] if row["state"] == "sold"}

    def outcomes(self) -> dict[str, int]:
        """How many transactions ended how."""
        return dict(Counter(row["outcome"] for row in self.rows["transactions"]))

    def summary(self) -> dict[str, object]:
        """Figures for report.json."""
        return {
            "batches": len(self.rows["batches"]),
            "transactions": len(self.rows["transactions"]),
            "outcomes": self.outcomes(),
            "registrations": len(self.rows["registrations"]),
            "sold_slots": sorted(self.sold_slots),
            "ledger": self.ledger,
            "cases": len(self.rows["cases"]),
            "alarms": len(self.rows["alarms"]),
        }


def read_journal(kiosk: DeskKiosk) -> JournalEvidence:
    """Read the kiosk's journal while its processes run."""
    with Store.open(
        kiosk.space.state / "store.db",
        load_key(kiosk.space.keys / "store.key"),
        device=KIOSK_ID,
        role=Role.GUEST,
    ) as store:
        rows = store.journal.read(0, 100_000)
    return JournalEvidence(tuple(row.entry() for row in rows))


def verify(kiosk: DeskKiosk) -> JournalReport:
    """Let the independent verifier read the store, receipts' signatures included."""
    keys = kiosk.space.keys
    return verify_journal(
        kiosk.space.state / "store.db", keys / "store.key", keys / "gateway-receipt.pem"
    )


def read_gateway(kiosk: DeskKiosk) -> GatewayEvidence:
    """Ask the gateway, over its own address and not through the network proxy."""
    answer = kiosk.lab.gateway_rows()
    if not answer.get("reachable"):
        raise RuntimeError(f"gateway rows: {answer.get('reason')}")
    return GatewayEvidence(answer["rows"])
