"""A kiosk, a gateway, and somebody with a stick between them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from store_forward.contract.courier import Bundle, CourierReceipts, decode_bundle, sign_receipts
from store_forward.contract.keys import load_public_key
from store_forward.contract.recipients import load_recipient
from store_forward.contract.resolutions import CaseVerdict, Verdict
from store_forward.contract.sealed import Lock, open_sealed, read_layout, signed_by, signer_text
from store_forward.contract.wire import Batch, BatchAnswer
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.courier import CourierDesk, Desk
from store_forward.gateway.courier_import import Taken, import_bundle
from store_forward.gateway.courier_key import PUBLIC, courier_key
from store_forward.gateway.enrolment import Enrolments
from store_forward.gateway.problems import Refused
from store_forward.gateway.receipt_key import receipt_key
from store_forward.gateway.serve import DEFAULT_TERMS, RECEIPT_KEY_ID, new_id
from store_forward.gateway.tables import open_case, withheld
from store_forward.store.archive.courier import (
    Exported,
    Imported,
    export_bundle,
    import_receipts,
)
from tests.fakes.kiosk_in_sync import KEY, KioskInSync
from tests.fakes.running_gateway import RunningGateway
from tests.integration.sync.books import DEVICE


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class PoisonedDesk:
    """The gateway's own desk, behind something that refuses what holds these bytes."""

    desk: Desk
    poison: bytes

    def receive(self, arrived: Batch) -> BatchAnswer:
        if any(self.poison in bytes(item.entry) for item in arrived.items):
            raise Refused(422, "poison", "refused at the edge")
        return self.desk.receive(arrived)


@dataclass
class Courier:
    """Carries bundles and answers."""

    gateway: RunningGateway
    kiosk: KioskInSync
    key: Ed25519PrivateKey
    stick: Path
    store: Path

    def export(self, lock: Lock | None = None, key: Ed25519PrivateKey | None = None) -> Exported:
        key = key or self.key
        return export_bundle(
            self.store,
            KEY,
            DEVICE,
            self.stick,
            lock=lock or load_recipient(self.gateway.directory / PUBLIC),
            sign=key.sign,
            signer=signer_text(key.public_key()),
            now=now,
        )

    def deliver(self, bundle: Path) -> Taken:
        return import_bundle(bundle, self.gateway.directory, self.stick, now)

    def deliver_past(self, poison: bytes, bundle: Path) -> Path:
        """Deliver where an entry that holds these bytes is refused; return the answers."""
        directory, database = self.gateway.directory, self.gateway.database
        terms = receipt_key(directory), RECEIPT_KEY_ID, now, new_id
        receipts = CourierDesk(
            PoisonedDesk(BatchDesk(database, *terms, DEFAULT_TERMS), poison),
            courier_key(directory),
            Enrolments(database, directory / "enrolled", now).find_key,
            *terms[:3],
            CaseDesk(database, *terms),
        ).take(bundle)
        return self.write(receipts)

    def bring_back(self, receipts: Path) -> Imported:
        gateway = load_public_key(self.gateway.receipt_key)
        return import_receipts(receipts, self.store, KEY, DEVICE, gateway)

    def round(self) -> Imported:
        """A bundle there and its answers back."""
        return self.bring_back(self.deliver(self.export().path).path)

    def decide(self, seq: int, verdict: Verdict, case_id: str = "") -> None:
        """What staff do at the gateway's console."""
        case_id = case_id or f"parked:{self.incarnation}:{seq}"
        told = CaseVerdict(DEVICE, verdict, "staff-7", "looked_at")
        answer = self.gateway.ask_as_operator(f"/v1/cases/{case_id}/resolve", told)
        assert answer.status_code == 200, answer.text

    def write(self, receipts: CourierReceipts) -> Path:
        """Answers on the stick."""
        path = self.stick / f"{new_id()}.receipts"
        path.write_bytes(msgspec.json.encode(receipts, order="sorted"))
        return path

    def signed_again(self, receipts: CourierReceipts) -> Path:
        """Answers that somebody else than the gateway has put together with the gateway's key."""
        key = receipt_key(self.gateway.directory)
        return self.write(sign_receipts(msgspec.structs.replace(receipts, signature=""), key))

    def opened(self, bundle: Path) -> Bundle:
        with bundle.open("rb") as file:
            verify = signed_by(signer_text(self.key.public_key()))
            opener = courier_key(self.gateway.directory)
            return decode_bundle(open_sealed(file, read_layout(file), opener, verify))

    @property
    def incarnation(self) -> str:
        return self.kiosk.store.identity.incarnation

    def view(self) -> tuple[object, ...]:
        """All that answers could change at the kiosk."""
        outbox, resolutions = self.kiosk.core.outbox, self.kiosk.core.resolutions
        return (
            outbox.acked_seq(),
            outbox.ahead(),
            outbox.exceptions(),
            outbox.receipts(),
            resolutions.all(),
            resolutions.cursor(),
        )

    def cases(self) -> list[tuple[int, str, bool]]:
        """Seq, reason, and whether it is open, of each case about this journal."""
        query = select(open_case).where(open_case.c.incarnation == self.incarnation)
        with self.gateway.database.read() as connection:
            rows = connection.execute(query.order_by(open_case.c.seq)).all()
        return [(row.seq, row.reason, row.closed_at is None) for row in rows]

    def withheld(self) -> list[tuple[int, str, str]]:
        """Seq, lane and state of what the gateway knows to be held back in this journal."""
        query = select(withheld).where(withheld.c.incarnation == self.incarnation)
        with self.gateway.database.read() as connection:
            rows = connection.execute(query.order_by(withheld.c.seq)).all()
        return [(row.seq, row.lane, row.state) for row in rows]
