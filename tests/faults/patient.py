"""A patient who pays in cash while the disk refuses: the money is credited, back, or in a case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from firmware.core.ports import JournalRefused
from firmware.core.store_journal import StoreJournal
from store_forward.contract.facts import (
    CaseOpened,
    Entry,
    NoteCredited,
    RegistrationCancelled,
    RegistrationPaid,
)
from store_forward.store import Store
from store_forward.store.room import Ballast
from tests.fakes.fake_journal import FakeJournal
from tests.faults.ledger import Ledger
from tests.faults.places import boot
from tests.flows.kiosk import Kiosk

UNTIL_ALL_IS_OVER_SECONDS = 600
ATTEMPTS = 3
"""How often core tries to get going again while the disk may still refuse."""


class JournalOnDisk(FakeJournal):
    """The journal port over a real store; remembers which slots were sold."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.on_disk = StoreJournal(store, Ballast(store.path, 100_000))

    def append(self, entries: Sequence[Entry]) -> None:
        self.on_disk.append(entries)
        super().append(entries)

    def recent(self) -> Iterable[Entry]:
        return tuple(self.on_disk.recent())


def serve_a_patient(folder: Path, ledger: Ledger) -> None:
    """Registers and pays 30 yuan with two notes; core gets going again as often as it must."""
    with boot(folder) as store:
        journal = JournalOnDisk(store)
        kiosk = Kiosk(journal=journal, devices=ledger.devices)
        get_going(kiosk, journal)
        kiosk.confirm()
        get_going(kiosk, journal)
        for yuan in (10, 20):
            kiosk.insert(yuan)
            get_going(kiosk, journal)
        kiosk.drop()


def get_going(kiosk: Kiosk, journal: JournalOnDisk) -> None:
    """What the service does every few seconds while facts cannot be made durable."""
    for _ in range(ATTEMPTS):
        if kiosk.state.out_of_service is None:
            return
        with suppress(JournalRefused):
            journal.on_disk.look_anew()
        if kiosk.runner.recover():
            kiosk.lose_devices()
            kiosk.connect()


def check_money(folder: Path, ledger: Ledger) -> list[str]:
    """After a restart and the end of every wait, the journal and the cassette agree."""
    said: list[str] = []
    with boot(folder) as store:
        kiosk = Kiosk(journal=JournalOnDisk(store), devices=ledger.devices)
        if kiosk.state.out_of_service is not None:
            said.append("the kiosk does not get going")
        kiosk.wait(UNTIL_ALL_IS_OVER_SECONDS)
        if kiosk.devices.has_undecided or kiosk.devices.has_kept:
            said.append("a note or a word of the devices is left over")
        broken = store.journal.verify()
        if broken is not None:
            said.append(f"the chain breaks: {broken}")
        facts = [row.entry().fact for row in store.journal.read()]
    credited = [fact for fact in facts if isinstance(fact, NoteCredited)]
    if sorted(fact.amount_fen for fact in credited) != sorted(kiosk.devices.cassette):
        said.append(f"cassette {kiosk.devices.cassette}, journal {credited}")
    resolved = sum(
        fact.collected_fen if isinstance(fact, RegistrationPaid) else fact.owed_fen
        for fact in facts
        if isinstance(fact, RegistrationPaid | RegistrationCancelled)
    )
    resolved += sum(fact.amount_fen for fact in facts if isinstance(fact, CaseOpened))
    if resolved != sum(kiosk.devices.cassette):
        said.append(f"cassette {kiosk.devices.cassette}, but {resolved} fen have an end")
    return said
