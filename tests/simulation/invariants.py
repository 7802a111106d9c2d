"""What must hold after every step, whatever happened: found out from outside, believing nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from store_forward.contract.canonical import decode_entry
from store_forward.contract.facts import (
    RESTORED_FROM_BACKUP,
    EntriesLost,
    JournalReplaced,
    NoteCredited,
)
from store_forward.contract.spans import Range, gaps, holds, merged
from store_forward.gateway.tables import (
    inbox,
    lost_range,
    note,
    open_case,
    posting,
    registration,
    stream,
    withheld,
)
from store_forward.store.sending.exceptions import Standing
from tests.simulation.hospital import Arrival, Hospital, Link
from tests.simulation.kiosk import Kiosk, View
from tests.simulation.network import FORGERIES, Trouble

HEARD = (Trouble.NONE, Trouble.TWICE)
"""What the gateway said has arrived as it said it."""

ENDED = {"settled", "withdrawn"}

_RECORDED = select(inbox.c.device, inbox.c.incarnation, inbox.c.seq, inbox.c.outcome, inbox.c.code)
_ENDED = select(withheld.c.device, withheld.c.incarnation, withheld.c.seq).where(
    withheld.c.state.in_(ENDED)
)
_POSTED = select(posting.c.device, posting.c.incarnation, posting.c.seq).distinct()

_Journals = defaultdict[tuple[str, str], list[Range]]
"""Numbers of entries by device and incarnation."""


@dataclass(frozen=True)
class Accepted:
    """An entry that a kiosk has accepted. ``before`` is the one before it in its lane."""

    body: bytes
    before: Link | None


class Observer:
    """Knows what was accepted and what was recorded, and compares."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._accepted: dict[Link, Accepted] = {}
        self._lost: set[Link] = set()
        self._looked_at: set[Link] = set()
        self._checked_at = 0
        self._ends: dict[tuple[str, str], int] = {}
        self._restores = 0

    def learn(self, kiosk: Kiosk) -> None:
        """Read a journal that a start has just put in order, or that has grown."""
        before_in: dict[str, Link] = {}
        for row in kiosk.rows():
            link = (kiosk.device, kiosk.incarnation, row.seq, row.hash.hex())
            lane = row.entry().lane
            # Known for ever as it was first seen: what came before it may be purged by now.
            self._accepted.setdefault(link, Accepted(row.body, before_in.get(lane)))
            before_in[lane] = link

    def lose(self, link: Link) -> None:
        """Both copies have lost this entry, and the kiosk names it."""
        self._lost.add(link)

    def after_step(self, kiosk: Kiosk, before: View) -> None:
        """One exchange of a kiosk with the gateway has ended."""
        after = kiosk.view()
        if kiosk.line.suffered in FORGERIES:
            assert after == before, f"a forged answer to {kiosk.line.asked} was believed"
        is_mark = kiosk.line.asked.startswith("/v1/streams/") and kiosk.line.status == 200
        if is_mark and kiosk.line.suffered in HEARD:
            is_shown = kiosk.is_contradicted or self.is_mark_in_gap(kiosk)
            assert self._contradicts(kiosk) <= is_shown, (
                f"the gateway has entries of {kiosk.incarnation} that are not on this disk, "
                f"and the first contact did not show it: {kiosk.service.state.step!r}"
            )
        self.check_claims(kiosk)
        self.check_arrivals()

    def check(self, kiosks: Sequence[Kiosk]) -> None:
        """Check everything that must always hold."""
        self.check_arrivals()
        if self._checked_at != self._hospital.changes:
            self._checked_at = self._hospital.changes
            self.check_effects()
        for kiosk in kiosks:
            self.check_disk(kiosk)
            self.check_claims(kiosk)

    def check_arrivals(self) -> None:
        """What is recorded was accepted, byte for byte, and came in the order of its lane."""
        arrivals = self._hospital.arrivals
        for link in arrivals.keys() - self._looked_at:
            self._looked_at.add(link)
            accepted, arrival = self._accepted.get(link), arrivals[link]
            assert accepted is not None, f"the gateway recorded {link}, which nobody accepted"
            assert accepted.body == arrival.body, f"{link} was recorded with other bytes"
            before = self._before(accepted)
            if before is not None:
                self._check_order(link, arrival, before)

    def check_effects(self) -> None:
        """Nothing is applied twice, no fen comes from nowhere, no slot is sold twice."""
        hospital = self._hospital
        entry = posting.c.device, posting.c.incarnation, posting.c.seq
        for row in hospital.rows(
            select(*entry, func.sum(posting.c.amount_fen).label("fen")).group_by(*entry)
        ):
            assert row.fen == 0, f"the postings of {row[:3]} sum to {row.fen} fen"
        self._check_notes()
        self._check_orders()
        accepted = Counter(
            (row.device, row.entry_id)
            for row in hospital.rows(select(inbox).where(inbox.c.outcome == "accepted"))
        )
        twice = [each for each, count in accepted.items() if count > 1]
        assert not twice, f"applied more than once: {twice}"
        self._check_ended_journals()
        self._check_gaps()

    def check_disk(self, kiosk: Kiosk) -> None:
        """What was accepted is still on the disk, unchanged, or went to a new journal whole."""
        on_disk = {row.entry().id: row.body for row in kiosk.rows()}
        for entry_id, body in kiosk.memory.accepted.items():
            if entry_id in on_disk:
                assert on_disk[entry_id] == body, f"{entry_id} has changed on {kiosk.device}"
            else:
                assert self.is_known(kiosk.device, entry_id), f"{entry_id} is nowhere"

    def check_claims(self, kiosk: Kiosk) -> None:
        """The kiosk never says more of an entry than the gateway has recorded."""
        view, hospital = kiosk.view(), self._hospital
        links = {row.seq: self._link(kiosk, row.seq, row.hash) for row in kiosk.rows()}
        for seq, link in links.items():
            if kiosk.is_covered(seq):
                is_there = link in hospital.arrivals
                assert is_there or hospital.decided.get(link[:3], set()) & ENDED, (
                    f"{kiosk.device} says that entry {seq} is handed over, and it never was"
                )
        assert view.acked_seq <= kiosk.core.journal.head().seq
        for each in view.exceptions:
            if each.state is not Standing.PARKED:
                said = hospital.outcomes.get(links[each.seq], set())
                assert each.state.value in said, f"entry {each.seq}: {each.state}, not {said}"
        for told in view.resolutions:
            decided = hospital.decided.get((told.device, told.incarnation, told.seq), set())
            assert told.verdict.value in decided, f"nobody decided {told}"

    def check_end(self, kiosk: Kiosk, is_stopped: bool) -> None:
        """In the end every accepted entry is at the gateway, or was ended by a person."""
        assert kiosk.core.journal.verify() is None
        if not is_stopped:
            self._check_proofs(kiosk)
        for entry_id in kiosk.memory.accepted:
            is_kept = is_stopped and any(row.entry().id == entry_id for row in kiosk.rows())
            assert is_kept or self.is_known(kiosk.device, entry_id), (
                f"{kiosk.device} accepted {entry_id}, and nobody has it"
            )

    def _check_proofs(self, kiosk: Kiosk) -> None:
        """Each entry ends in a receipt that proves it, or in what a person decided about it."""
        outbox = kiosk.core.outbox
        proven = [span for receipt in outbox.receipts() for span in receipt.spans]
        decided = {told.seq for told in kiosk.core.resolutions.all()}
        unproven = kiosk.memory.unproven.get(kiosk.incarnation, 0)
        for row in kiosk.rows():
            is_proven = any(span.first_seq <= row.seq <= span.last_seq for span in proven)
            is_there = row.seq <= unproven and self.is_known(kiosk.device, row.entry().id)
            assert is_proven or is_there or row.seq in decided, (
                f"entry {row.seq} of {kiosk.device} ended with neither receipt nor decision"
            )

    def is_hidden_twin(self, kiosk: Kiosk) -> bool:
        """Whether this disk wrote other entries than the gateway has, and its mark cannot show it.

        Then its entries are refused and stay on it: said in docs/durability.md.
        """
        return self.is_mark_in_gap(kiosk) and self._contradicts(kiosk)

    def is_mark_in_gap(self, kiosk: Kiosk) -> bool:
        """Whether the gateway's mark stands at an entry whose hash this disk has lost."""
        of_journal = stream.c.incarnation == kiosk.incarnation
        marks = select(stream.c.high_water).where(stream.c.device == kiosk.device, of_journal)
        named = kiosk.memory.named.get(kiosk.incarnation, ())
        return any(holds(named, row.high_water) for row in self._hospital.rows(marks))

    def _contradicts(self, kiosk: Kiosk) -> bool:
        """Whether the gateway has entries of this journal that are not on this disk, and that
        this disk does not name as lost."""
        ours = {row.seq: row.hash.hex() for row in kiosk.rows()}
        wanted = select(inbox.c.seq, inbox.c.hash).where(
            inbox.c.device == kiosk.device,
            inbox.c.incarnation == kiosk.incarnation,
            inbox.c.seq > kiosk.core.journal.base().seq,
        )
        named = kiosk.memory.named.get(kiosk.incarnation, ())
        return any(
            ours.get(row.seq) != row.hash and not holds(named, row.seq)
            for row in self._hospital.rows(wanted)
        )

    def _before(self, accepted: Accepted) -> Link | None:
        """What must be there before it: of its lane, and neither lost nor never to come."""
        before = accepted.before
        while before is not None and before in self._lost and not self._has_come(before):
            before = self._accepted[before].before
        return before

    def _has_come(self, link: Link) -> bool:
        return link in self._hospital.arrivals

    def _check_order(self, link: Link, arrival: Arrival, before: Link) -> None:
        earlier = self._hospital.arrivals.get(before)
        if earlier is None:
            ended = self._hospital.decided.get(before[:3], set()) & ENDED
            assert ended, f"{link} was recorded before {before}, which precedes it in its lane"
        else:
            assert earlier.during <= arrival.during, f"{link} overtook {before} in its lane"

    def _check_ended_journals(self) -> None:
        """Nothing comes in behind an end; whose place a spare machine has taken is at its end."""
        ends, before = self._hospital.beyond_the_ends(), self._hospital.beyond_when_ended
        for ended, seqs in ends.items():
            came = seqs - before.get(ended, seqs)
            assert not came, f"{ended} was ended before seq {came}"
        cases = {row.case_id for row in self._hospital.rows(select(open_case.c.case_id))}
        for row in self._hospital.rows(select(inbox).where(inbox.c.outcome == "accepted")):
            fact = decode_entry(bytes(row.body)).fact
            if isinstance(fact, JournalReplaced) and fact.reason == RESTORED_FROM_BACKUP:
                old = (row.device, fact.previous_incarnation)
                assert old in ends, f"{row.incarnation} took the place of {old}, still open"
                assert f"gw:{row.entry_id}" in cases, f"no case tells of {row.incarnation}"
        self._check_first_ends()

    def _check_first_ends(self) -> None:
        """Whoever takes its place later, a journal has ended where it was ended first."""
        ends = {
            (row.device, row.incarnation): row.fenced_seq
            for row in self._hospital.rows(select(stream).where(stream.c.fenced_at.is_not(None)))
        }
        if self._restores == self._hospital.restores:
            changed = {journal for journal, seq in self._ends.items() if ends.get(journal) != seq}
            assert not changed, f"{changed} ended elsewhere before"
        self._ends, self._restores = ends, self._hospital.restores

    def _check_gaps(self) -> None:
        """A mark moves over what is here, was ended or was named lost, and over nothing else."""
        hospital, named, jumped = self._hospital, self._named(), _Journals(list)
        for row in hospital.rows(select(lost_range)):
            gap = Range(row.first_seq, row.last_seq)
            jumped[row.device, row.incarnation].append(gap)
            outside = gaps(merged(named[row.device, row.incarnation]), gap.first - 1, gap.last)
            assert not outside, f"{outside} of {row.incarnation} is given up, and nobody named it"
        there = _Journals(list, {journal: list(lost) for journal, lost in jumped.items()})
        for row in [*hospital.rows(_RECORDED), *hospital.rows(_ENDED)]:
            there[row.device, row.incarnation].append(Range(row.seq, row.seq))
        for row in hospital.rows(select(stream)):
            missing = gaps(merged(there[row.device, row.incarnation]), 0, row.high_water)
            assert not missing, f"the mark of {row.incarnation} jumped over {missing}"
        if jumped:
            self._check_turned_up(jumped)

    def _named(self) -> _Journals:
        """What kiosks have told the gateway to be lost, by journal."""
        named = _Journals(list)
        told = (inbox.c.kind == "entries_lost") & (inbox.c.outcome == "accepted")
        for row in self._hospital.rows(select(inbox).where(told)):
            fact = decode_entry(bytes(row.body)).fact
            assert isinstance(fact, EntriesLost)
            named[row.device, fact.incarnation].append(Range(fact.first_seq, fact.last_seq))
        return named

    def _check_turned_up(self, jumped: _Journals) -> None:
        """What the gateway had given up has no effect when it comes, and people hear of it."""
        hospital = self._hospital
        for row in hospital.rows(_POSTED):
            is_lost = holds(jumped[row.device, row.incarnation], row.seq)
            assert not is_lost, f"entry {row.seq} of {row.incarnation} was lost, and is booked"
        cases = {row.case_id for row in hospital.rows(select(open_case.c.case_id))}
        for row in hospital.rows(_RECORDED):
            if not holds(jumped[row.device, row.incarnation], row.seq) or row.code in ENDED:
                continue
            is_told = row.outcome == "conflict" and f"gw:{row.incarnation}:{row.seq}" in cases
            assert is_told, f"entry {row.seq} of {row.incarnation} was lost, and is {row.outcome}"

    def _check_notes(self) -> None:
        """The cash boxes hold the notes that were credited, each once."""
        hospital, facts = self._hospital, {}
        for row in hospital.rows(select(inbox)):
            fact = decode_entry(bytes(row.body)).fact
            is_ended = row.code in ENDED
            if isinstance(fact, NoteCredited) and row.outcome != "conflict" and not is_ended:
                facts[(row.device, fact.note_id)] = fact.amount_fen
        booked = {(r.device, r.note_id): r.amount_fen for r in hospital.rows(select(note))}
        assert booked == facts, f"credited {booked}, told {facts}"
        boxes: Counter[str] = Counter()
        for (device, _), fen in booked.items():
            boxes[f"cash_box:{device}"] += fen
        said = select(posting.c.account, func.sum(posting.c.amount_fen).label("fen"))
        posted = {
            row.account: row.fen
            for row in hospital.rows(said.group_by(posting.c.account))
            if row.account.startswith("cash_box:")
        }
        assert posted == dict(boxes), f"the ledger says {posted}, the notes {dict(boxes)}"

    def _check_orders(self) -> None:
        """A slot belongs to one order, and each paid order is booked once."""
        orders = self._hospital.rows(select(registration))
        sold = Counter(
            row.slot_id for row in orders if row.review_code is None and row.state != "cancelled"
        )
        twice = [slot for slot, count in sold.items() if count > 1]
        assert not twice, f"sold more than once: {twice}"
        revenue = select(func.sum(posting.c.amount_fen)).where(
            posting.c.account == "revenue:registration"
        )
        booked = -int(self._hospital.rows(revenue)[0][0] or 0)
        due = sum(row.fee_fen for row in orders if row.state == "paid")
        assert booked == due, f"revenue of {booked} fen, paid orders of {due} fen"

    def is_known(self, device: str, entry_id: str) -> bool:
        """Whether the gateway has an entry now, or a person's decision about it."""
        recorded = select(inbox.c.seq).where(inbox.c.device == device, inbox.c.entry_id == entry_id)
        ended = select(withheld.c.seq).where(
            withheld.c.device == device,
            withheld.c.entry_id == entry_id,
            withheld.c.state.in_(ENDED),
        )
        return bool(self._hospital.rows(recorded) or self._hospital.rows(ended))

    def _link(self, kiosk: Kiosk, seq: int, entry_hash: bytes) -> Link:
        return (kiosk.device, kiosk.incarnation, seq, entry_hash.hex())
