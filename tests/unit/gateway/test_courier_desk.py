"""A bundle whose entry is refused by itself: its lane waits, the others are booked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.courier import CONTENT_VERSION, Preface, encode_bundle
from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.resolutions import ExceptionAnswer, ExceptionReport, ResolutionPage
from store_forward.contract.sealed import Header, seal, signer_text
from store_forward.contract.wire import Batch, BatchAnswer, Item, Outcome, Receipt, Result, Span
from store_forward.gateway.courier import BundleRefused, CourierDesk
from store_forward.gateway.journals import JournalId
from store_forward.gateway.problems import Refused

DEVICE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
GATEWAY_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
COURIER = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(2, 34))))


class PickyDesk:
    """Takes every batch that has none of the entries it refuses, and wants each link proven."""

    def __init__(self, refused: Sequence[int], status: int = 422) -> None:
        self.refused = refused
        self.status = status
        self.taken: list[int] = []

    def receive(self, arrived: Batch) -> BatchAnswer:
        seqs = [item.seq for item in arrived.items]
        if set(seqs).intersection(self.refused):
            raise Refused(self.status, "poison", "an entry of it")
        first = arrived.items[0]
        assert first.previous is not None or first.seq == 1
        self.taken += seqs
        spans = (Span(seqs[0], seqs[-1], arrived.items[-1].hash),)
        receipt = Receipt("b", arrived.device, arrived.incarnation, spans, 0, "", "k", "")
        return BatchAnswer(tuple(Result(seq, "", Outcome.ACCEPTED) for seq in seqs), receipt)


def bundle(folder: Path, lanes: Sequence[str]) -> Path:
    items = tuple(
        Item(
            seq,
            f"{seq:064x}",
            msgspec.Raw(msgspec.json.encode({"lane": lane})),
            "00" * 32 if seq == 1 else None,
        )
        for seq, lane in enumerate(lanes, 1)
    )
    batch = Batch("kiosk-7", "life", items)
    header = Header(
        kind="courier",
        device="kiosk-7",
        incarnation="life",
        number=1,
        made_at="",
        first_seq=1,
        last_seq=len(lanes),
        last_hash="",
        signer=signer_text(DEVICE_KEY.public_key()),
    )
    file = io.BytesIO()
    body = msgspec.json.encode(batch)
    content = encode_bundle(Preface(CONTENT_VERSION, 0, ()), [body])
    seal(file, header, content, COURIER.recipient, DEVICE_KEY.sign)
    path = folder / "x.courier"
    path.write_bytes(file.getvalue())
    return path


class Told:
    """Hears of what is held back; nobody has decided anything."""

    def __init__(self) -> None:
        self.seqs: list[int] = []

    def report(self, report: ExceptionReport) -> ExceptionAnswer:
        self.seqs += [each.seq for each in report.parked]
        return ExceptionAnswer(())

    def decisions(self, journal: JournalId, since: str) -> ResolutionPage:
        return ResolutionPage(since, ())


def courier(desk: PickyDesk, cases: Told | None = None) -> CourierDesk:
    return CourierDesk(
        desk,
        COURIER,
        lambda _device: DEVICE_KEY.public_key(),
        GATEWAY_KEY,
        "gateway-1",
        lambda: datetime(2026, 7, 13, tzinfo=UTC),
        cases or Told(),
    )


def test_behind_a_refused_entry_its_lane_waits_and_the_others_go_on(tmp_path: Path) -> None:
    desk = PickyDesk([3])
    path = bundle(tmp_path, ["kiosk", "order:a", "order:b", "order:a", "order:b", "kiosk"])
    cases = Told()
    receipts = courier(desk, cases).take(path)
    assert desk.taken == [1, 2, 4, 6]
    assert cases.seqs == [3]
    assert [(one.seq, one.code) for one in receipts.refused] == [(3, "poison")]


def test_a_contradiction_ends_the_import_with_its_word(tmp_path: Path) -> None:
    desk = PickyDesk([2], status=409)
    with pytest.raises(BundleRefused, match="poison"):
        courier(desk).take(bundle(tmp_path, ["kiosk", "kiosk"]))
    assert desk.taken == []
