"""Everything in one place: the clock, the HIS, the kiosks, and how it all comes to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from store_forward.contract.marks import FenceRequest
from store_forward.contract.resolutions import CaseVerdict, Verdict
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.tables import open_case, stream
from store_forward.store.sending.exceptions import Standing
from tests.postgres.places import Place
from tests.simulation.errands import Errands
from tests.simulation.hospital import Hospital
from tests.simulation.invariants import Observer
from tests.simulation.kiosk import Kiosk, Memory, Numbers, Parts, Watch
from tests.simulation.losses import Losses
from tests.simulation.network import Trouble

RESTORE_SECONDS = 60.0
"""Nobody restores a database faster."""

MOST_STEPS = 600
"""Steps of one kiosk until it must have come to rest in a healed network."""


@dataclass(frozen=True)
class DiskCopy:
    """An image of a kiosk's disk."""

    device: str
    folder: Path
    memory: Memory


class World:
    """A hospital and its kiosks, and an observer who believes nobody."""

    def __init__(
        self,
        folder: Path,
        place: Place,
        desk_type: type[BatchDesk] = BatchDesk,
        parts: Parts | None = None,
    ) -> None:
        self.folder = folder
        self.watch = Watch()
        self.numbers = Numbers()
        self.runner = asyncio.Runner()
        self.parts = parts or Parts()
        self.hospital = Hospital(folder / "hospital", place, self.watch.now, desk_type)
        self.kiosks: list[Kiosk] = []
        self.disk_copies: list[DiskCopy] = []
        self.backups: list[Path] = []
        self.observer = Observer(self.hospital)
        self._folders = 0
        self.errands = Errands(self)
        self.losses = Losses(self)

    def close(self) -> None:
        for each in self.kiosks:
            each.stop()
        self.hospital.stop()
        self.runner.close()

    # --- what happens -------------------------------------------------------------------------

    def add_kiosk(
        self, device: str, folder: Path | None = None, memory: Memory | None = None
    ) -> Kiosk:
        kiosk = Kiosk(
            device,
            folder or self.new_folder(),
            self.hospital,
            self.watch,
            self.numbers,
            self.runner,
            self.parts,
            memory,
        )
        self.kiosks.append(kiosk)
        self.observer.learn(kiosk)
        return kiosk

    def new_folder(self) -> Path:
        self._folders += 1
        return self.folder / f"disk-{self._folders}"

    def step(self, kiosk: Kiosk) -> None:
        """Let sync of a kiosk do one thing and check what came of it."""
        before = kiosk.view()
        kiosk.line.asked, kiosk.line.suffered = "", Trouble.NONE
        kiosk.step()
        self.observer.after_step(kiosk, before)

    def restart(self, kiosk: Kiosk) -> None:
        incarnation = kiosk.incarnation
        kiosk.restart()
        self.observer.learn(kiosk)
        if kiosk.incarnation != incarnation:
            # What an ended journal handed over is on no kiosk's books any more: a hospital that
            # goes back to before that has lost it, like any books without a backup.
            self.backups.clear()

    def copy_disk(self, kiosk: Kiosk) -> None:
        folder = self.new_folder()
        memory = kiosk.copy_disk(folder)
        self.observer.learn(kiosk)
        self.disk_copies.append(DiskCopy(kiosk.device, folder, memory))

    def roll_back(self, kiosk: Kiosk, copy: DiskCopy) -> None:
        kiosk.replace_disk(copy.folder, copy.memory)
        self.observer.learn(kiosk)
        self.backups.clear()  # both books lost their ends: nobody could know

    def clone(self, copy: DiskCopy) -> None:
        self.add_kiosk(copy.device, copy.folder, copy.memory.copy())
        self.disk_copies.remove(copy)

    def back_up(self) -> None:
        path = self.folder / f"backup-{len(self.backups)}.db"
        self.hospital.copy(path)
        self.backups.append(path)

    def restore(self, backup: Path) -> None:
        self.watch.seconds += RESTORE_SECONDS
        self.hospital.restore(backup)
        for each in self.kiosks:
            each.line.old_requests.clear()  # no network holds a request for that long

    def fence(self, kiosk: Kiosk) -> None:
        head = kiosk.core.journal.head()
        told = FenceRequest(kiosk.device, head.seq, head.hash.hex())
        path = f"/v1/streams/{kiosk.incarnation}/fence"
        self.runner.run(self.hospital.ask_as_operator(path, told))

    def decide(self, verdict: Verdict, index: int) -> bool:
        """Staff decide about one of the open cases of entries that do not arrive."""
        cases = self.parked_cases()
        if not cases:
            return False
        device, case_id = cases[index % len(cases)]
        told = CaseVerdict(device, verdict, "staff-7", "looked_at")
        self.runner.run(self.hospital.ask_as_operator(f"/v1/cases/{case_id}/resolve", told))
        return True

    def parked_cases(self) -> list[tuple[str, str]]:
        query = (
            select(open_case).where(open_case.c.closed_at.is_(None)).order_by(open_case.c.case_id)
        )
        found = [(row.device, row.case_id) for row in self.hospital.rows(query)]
        return [(device, case) for device, case in found if case.startswith("parked:")]

    # --- how it ends --------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """The network heals, then the gateway; everything must have ended after that."""
        self.hospital.die_never()
        for kiosk in self.kiosks:
            kiosk.line.troubles.clear()
            kiosk.line.is_cut = False
            kiosk.skew = timedelta()
        self._drive(self._is_at_rest)
        self.observer.check(self.kiosks)
        self._end_exceptions()
        self._drive(self._is_done)
        self._decide_the_rest()
        self._drive(self._needs_nobody)
        self.observer.check(self.kiosks)
        for kiosk in self.kiosks:
            self.observer.check_end(kiosk, self._is_stopped(kiosk))

    def _drive(self, is_there: Callable[[Kiosk], bool]) -> None:
        self.watch.seconds += 1.0
        healed_at = self.watch.seconds
        for kiosk in self.kiosks:
            for _ in range(MOST_STEPS):
                if kiosk.is_contradicted:
                    self.restart(kiosk)
                link = kiosk.service.state.link
                # In contact since then: a gateway that is another one now shows at the next probe.
                if link.is_up and (link.last_contact_at or 0.0) >= healed_at and is_there(kiosk):
                    break
                self.step(kiosk)
            else:
                raise AssertionError(self._told(kiosk))

    def _is_at_rest(self, kiosk: Kiosk) -> bool:
        """Nothing waits but what the gateway's fault holds up, and people know about that."""
        if not self._has_met(kiosk):
            return False
        if self._is_fenced(kiosk):
            return True
        if self.observer.is_hidden_twin(kiosk):
            return kiosk.is_refused
        held_lanes: set[str] = set()
        held_ids: set[str] = set()
        cases = {case for _, case in self.parked_cases()}
        for row in kiosk.rows():
            if kiosk.is_covered(row.seq):
                continue
            entry = row.entry()
            is_doubted = row.seq in kiosk.doubted()
            is_poison = is_doubted or any(poison in row.body for poison in self.hospital.poison)
            is_parked = kiosk.core.outbox.outcome_of_entry(row.seq) is Standing.PARKED
            # No case where a stick, or a lost answer, has left it with the gateway already.
            is_told = f"parked:{kiosk.incarnation}:{row.seq}" in cases
            if is_parked and not is_told and not self.observer.is_known(kiosk.device, entry.id):
                return False
            is_held = entry.lane in held_lanes or not held_ids.isdisjoint(entry.depends_on)
            if not is_poison and not is_held:
                return False
            if is_poison and not is_held and not is_parked:
                return False
            held_lanes.add(entry.lane)
            held_ids.add(entry.id)
        return True

    def _is_done(self, kiosk: Kiosk) -> bool:
        if self._is_fenced(kiosk):
            return self._has_met(kiosk)
        if self.observer.is_hidden_twin(kiosk):
            return kiosk.is_refused
        outbox = kiosk.core.outbox
        return self._has_met(kiosk) and not outbox.backlog().count and not outbox.parked()

    def _has_met(self, kiosk: Kiosk) -> bool:
        """The gateway's mark was asked since the link came up, so both know where they stand."""
        return kiosk.service.state.pulls["mark"].due_at > self.watch.seconds

    def _end_exceptions(self) -> None:
        """Staff decide about every entry that is held up; where they say again, it is mended."""
        verdicts = (Verdict.SETTLED, Verdict.WITHDRAWN, Verdict.RESEND)
        for index in range(len(self.parked_cases())):
            self.decide(verdicts[index % 2], 0)
        self.hospital.poison.clear()

    def _decide_the_rest(self) -> None:
        """Staff decide about whatever is still a case: what was refused, doubted, or opened by a
        kiosk itself."""
        query = select(open_case).where(open_case.c.closed_at.is_(None))
        for row in self.hospital.rows(query):
            told = CaseVerdict(row.device, Verdict.SETTLED, "staff-7", "looked_at")
            request = f"/v1/cases/{row.case_id}/resolve"
            self.runner.run(self.hospital.ask_as_operator(request, told))
        self.watch.seconds += 61.0  # then kiosks ask again what was decided

    def _needs_nobody(self, kiosk: Kiosk) -> bool:
        """Nothing at the kiosk waits any more, for the gateway or for a person."""
        is_open = kiosk.core.matters.count_open() > 0
        return self._is_done(kiosk) and (self._is_stopped(kiosk) or not is_open)

    def _is_stopped(self, kiosk: Kiosk) -> bool:
        """Whether the gateway takes nothing of it any more."""
        return self._is_fenced(kiosk) or self.observer.is_hidden_twin(kiosk)

    def _is_fenced(self, kiosk: Kiosk) -> bool:
        query = select(stream.c.fenced_at).where(
            stream.c.device == kiosk.device, stream.c.incarnation == kiosk.incarnation
        )
        return any(row.fenced_at for row in self.hospital.rows(query))

    def _told(self, kiosk: Kiosk) -> str:
        outbox = kiosk.core.outbox
        return (
            f"{kiosk.device} does not come to rest: acked {outbox.acked_seq()}, "
            f"ahead {outbox.ahead()}, head {kiosk.core.journal.head().seq}, "
            f"parked {[each.seq for each in outbox.parked()]}, "
            f"state {kiosk.service.state.outgoing}, {kiosk.service.state.link}, "
            f"{kiosk.service.state.step!r}, cases {self.parked_cases()}"
        )
