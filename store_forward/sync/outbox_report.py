"""What waits for the HIS, for staff: by class, what stands out, what ended, and what to do.

Says nothing of patients: orders are named by the end of their id.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from store_forward.contract.lanes import concerns_money
from store_forward.contract.spans import Range
from store_forward.store.network_status import SyncStatus
from store_forward.store.sending.exceptions import Standing
from store_forward.store.sending.matters import Matter
from store_forward.store.store import Store

CHUNK: Final = 2_000

ADVICE: Final = {
    Standing.PARKED: "the gateway refuses it by itself; only its lane waits. It is offered again "
    "by itself. Staff at the HIS decide its case: resend, settled or withdrawn",
    Standing.REJECTED: "means nothing at the HIS. Serve the patient at the counter, then close "
    "its case there",
    Standing.DEFERRED: "follows from an entry that failed: see that one first, then close its case",
    Standing.CONFLICT: "contradicts what the HIS has. Compare slip and booking, then "
    "close its case",
    Standing.REVIEW: "uncertain: booked as far as it can be, or a case that this kiosk opened "
    "itself; a person at the HIS decides it",
}

NOT_SOLD: Final = {
    "rolled_back": "this store is an older copy: start core again, it begins a new journal",
    "other_chain": "another machine wrote this journal too: find the cloned disk",
    "fenced": "a spare machine goes on in place of this one: take this one out of service",
}


@dataclass
class WaitingCount:
    """Entries that wait. ``held`` wait behind a parked one; ``parked`` themselves count apart."""

    money: int = 0
    other: int = 0
    held: int = 0


@dataclass
class OutboxReport:
    """The outbox of one kiosk at one moment. ``listed`` are all matters, ended ones too,
    ``lost`` the entries that the kiosk has no more and nobody waits for."""

    device: str
    incarnation: str
    head_seq: int
    acked_seq: int
    ahead: int
    waiting: WaitingCount
    oldest_at: str | None
    status: SyncStatus | None
    listed: list[Matter] = field(default_factory=list)
    lost: tuple[Range, ...] = ()

    @property
    def needs_somebody(self) -> bool:
        """Whether a person has something to do."""
        is_contradicted = self.status is not None and bool(self.status.journal)
        return is_contradicted or any(one.is_open for one in self.listed)

    def render_status(self) -> str:
        """A summary, and what to do."""
        count = self.waiting
        total = count.money + count.other + count.held
        states = Counter(one.state for one in self.listed)
        since = f", the oldest since {self.oldest_at}" if total and self.oldest_at else ""
        lines = [
            f"kiosk       {self.device}, journal {self.incarnation}",
            f"recorded    {self.head_seq} entries; the HIS has all to {self.acked_seq}"
            + (f" and {self.ahead} beyond" if self.ahead else ""),
            f"waiting     {total}{since}",
            f"            {count.money} about money, {count.other} others, "
            f"{count.held} held back behind a parked one",
            f"network     {_network(self.status)}",
            *(f"lost        {self._lost(each)}" for each in self.lost),
        ]
        for state in ADVICE:
            lines.append(f"{state.value:<11} {states[state]}")
        settled, withdrawn = states[Standing.SETTLED], states[Standing.WITHDRAWN]
        lines.append(f"resolved    {settled} settled, {withdrawn} withdrawn")
        lines += self._what_to_do(states)
        return "\n".join(lines) + "\n"

    def render_list(self) -> str:
        """One line for each matter, oldest first."""
        if not self.listed:
            return "no exceptions: everything that arrived was accepted, no case is open\n"
        rows = [("entry", "state", "code", "kind", "lane", "offered", "known at the HIS", "case")]
        for one in self.listed:
            rows.append(
                (
                    str(one.seq),
                    one.state.value,
                    one.code or "-",
                    one.kind,
                    masked_lane(one.lane),
                    str(one.attempts) if one.state is Standing.PARKED else "-",
                    "yes" if one.is_reported else "not yet",
                    one.case_id or "-",
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            + "\n"
            for row in rows
        )

    def _lost(self, each: Range) -> str:
        his = "goes on behind them" if each.last <= self.acked_seq else "is not told yet"
        return f"entries {each.first} to {each.last}, in both copies: the HIS {his}"

    def _what_to_do(self, states: Counter[Standing]) -> list[str]:
        found = [f"{state.value}: {advice}" for state, advice in ADVICE.items() if states[state]]
        journal = self.status.journal if self.status is not None else ""
        if journal:
            found.insert(0, f"NOTHING IS SOLD ({journal}): {NOT_SOLD.get(journal, 'see the log')}")
        if not found:
            return ["what to do  nothing"]
        return ["what to do", *(f"  - {each}" for each in found)]


def report_outbox(store: Store) -> OutboxReport:
    """Read the outbox of an open store."""
    outbox = store.outbox
    acked = outbox.acked_seq()
    return OutboxReport(
        device=store.identity.device,
        incarnation=store.identity.incarnation,
        head_seq=store.journal.head().seq,
        acked_seq=acked,
        ahead=sum(each.last - each.first + 1 for each in outbox.ahead()),
        waiting=_count_waiting(store, {each.seq for each in outbox.parked()}),
        oldest_at=outbox.backlog().oldest_at,
        status=store.network_status.read_status(),
        lost=outbox.lost(store.journal.base().seq, store.journal.head().seq),
        listed=store.matters.all(),
    )


def masked_lane(lane: str) -> str:
    """``order:…3f2a1c``: enough to find it in a log, and no whole id."""
    kind, colon, name = lane.partition(":")
    return f"{kind}:…{name[-6:]}" if colon else lane


def _count_waiting(store: Store, parked: set[int]) -> WaitingCount:
    count = WaitingCount()
    blocked: set[str] = set()
    held: set[str] = set()
    after = 0
    while found := store.outbox.waiting(after, CHUNK):
        for each in found:
            is_held = each.lane in blocked or not held.isdisjoint(each.parents)
            if each.seq in parked or is_held:
                blocked.add(each.lane)
                held.add(each.id)
                count.held += each.seq not in parked
            elif concerns_money(each.kind):
                count.money += 1
            else:
                count.other += 1
        after = found[-1].seq
    return count


def _network(status: SyncStatus | None) -> str:
    if status is None:
        return "sync has not run yet"
    word = "online" if status.online else f"offline ({status.reason or 'unknown'})"
    contact = f", last contact {status.last_contact}" if status.last_contact else ""
    return f"{word} since {status.since}{contact}"
