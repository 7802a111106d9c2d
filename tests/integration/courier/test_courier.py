"""A bundle on a stick is booked once, comes back as receipts, or is refused with a reason."""

from __future__ import annotations

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.courier import CONTENT_VERSION, Preface, encode_bundle
from store_forward.contract.facts import KioskStarted, NoteCredited
from store_forward.contract.keys import load_public_key
from store_forward.contract.recipients import RecipientsKey, load_recipient
from store_forward.contract.sealed import SIGNATURE_BYTES, TAG_BYTES, Lock, read_layout, seal
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.courier import BundleRefused, CourierDesk
from store_forward.gateway.courier_import import import_bundle
from store_forward.gateway.courier_key import PUBLIC, courier_key
from store_forward.gateway.receipt_key import receipt_key
from store_forward.gateway.serve import DEFAULT_TERMS, new_id
from store_forward.store.archive.courier import CourierRefused, NothingToCarry, import_receipts
from store_forward.store.errors import StoreError, StoreUnavailable
from tests.fakes.faulty_front import Refuse, Reply, faulty_front
from tests.fakes.journal_of import JournalOf
from tests.fakes.kiosk_in_sync import KEY, kiosk_in_sync
from tests.integration.courier.rounds import Courier, now
from tests.integration.sync.books import DEVICE, expect_all_recorded_once, recorded

LENGTH_BYTES = 4
"""Before each part of a bundle."""


def test_what_waits_is_booked_and_acknowledged_without_a_network(courier: Courier) -> None:
    courier.kiosk.record_starts(700)
    exported = courier.export()
    assert (exported.count, exported.header.first_seq, exported.header.last_seq) == (700, 1, 700)
    taken = courier.deliver(exported.path)
    assert courier.bring_back(taken.path).acked_seq == 700
    expect_all_recorded_once(courier.gateway, courier.kiosk, 700)


def test_nothing_of_the_content_can_be_read_on_the_stick(courier: Courier) -> None:
    courier.kiosk.record_starts(3)
    assert b"kiosk_started" not in courier.export().path.read_bytes()


def test_two_imports_are_one_effect(courier: Courier) -> None:
    courier.kiosk.record_starts(5)
    bundle = courier.export().path
    first = courier.deliver(bundle)
    again = courier.deliver(bundle)
    assert again.path == first.path
    for _ in range(2):
        assert courier.bring_back(again.path).acked_seq == 5
    expect_all_recorded_once(courier.gateway, courier.kiosk, 5)


def test_what_came_by_network_meanwhile_is_a_duplicate(courier: Courier) -> None:
    courier.kiosk.record_starts(4)
    bundle = courier.export().path
    gateway = courier.gateway
    courier.kiosk.connect(gateway.url, gateway.authority, gateway.receipt_key, courier.key)
    courier.kiosk.record_starts(2)
    courier.kiosk.drain()
    results = courier.deliver(bundle).receipts.answers[0].results
    assert [result.outcome for result in results] == ["duplicate"] * 4
    assert courier.bring_back(courier.deliver(bundle).path).acked_seq == 6
    expect_all_recorded_once(gateway, courier.kiosk, 6)


def test_bundles_overlap_and_may_come_in_any_number(courier: Courier) -> None:
    courier.kiosk.record_starts(3)
    courier.export()
    courier.kiosk.record_starts(3)
    second = courier.export()
    assert second.header.number == 2
    assert second.header.first_seq == 1
    assert courier.bring_back(courier.deliver(second.path).path).acked_seq == 6


def test_an_acknowledged_kiosk_has_nothing_to_carry(courier: Courier) -> None:
    courier.kiosk.record_starts(2)
    courier.bring_back(courier.deliver(courier.export().path).path)
    with pytest.raises(NothingToCarry):
        courier.export()
    assert len(list(courier.stick.iterdir())) == 2


def test_a_bundle_pulled_out_half_written_is_no_bundle(courier: Courier) -> None:
    courier.kiosk.record_starts(50)
    whole = courier.export().path.read_bytes()
    half = courier.stick / "half.courier"
    for length in range(0, len(whole), 500):
        half.write_bytes(whole[:length])
        with pytest.raises(BundleRefused):
            courier.deliver(half)
    assert recorded(courier.gateway, courier.kiosk) == []


def test_each_flipped_byte_of_a_bundle_is_refused_with_nothing_applied(courier: Courier) -> None:
    courier.kiosk.record_starts(50)
    whole = courier.export().path.read_bytes()
    spoilt = courier.stick / "spoilt.courier"
    for at in range(0, len(whole), 400):
        spoilt.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(BundleRefused):
            courier.deliver(spoilt)
    assert recorded(courier.gateway, courier.kiosk) == []


def test_a_bundle_signed_by_somebody_else_is_refused(courier: Courier) -> None:
    courier.kiosk.record_starts(1)
    with pytest.raises(BundleRefused, match="not signed by the key that kiosk"):
        courier.deliver(courier.export(key=Ed25519PrivateKey.generate()).path)


def test_a_kiosk_that_is_not_enrolled_is_refused(courier: Courier) -> None:
    courier.kiosk.record_starts(1)
    bundle = courier.export().path
    (courier.gateway.directory / "enrolled" / f"{DEVICE}.pem").unlink()
    with pytest.raises(BundleRefused, match="not enrolled here"):
        courier.deliver(bundle)


def test_a_bundle_for_another_hospital_is_refused(courier: Courier) -> None:
    courier.kiosk.record_starts(1)
    other = RecipientsKey(X25519PrivateKey.generate()).recipient
    with pytest.raises(BundleRefused, match="was sealed for key"):
        courier.deliver(courier.export(lock=other).path)


def test_a_folder_that_is_no_gateways_is_named(courier: Courier, tmp_path: Path) -> None:
    courier.kiosk.record_starts(1)
    with pytest.raises(BundleRefused, match="no gateway's directory"):
        import_bundle(courier.export().path, tmp_path, courier.stick, lambda: datetime.now(UTC))


def test_each_flipped_byte_of_the_receipts_is_refused_with_nothing_changed(
    courier: Courier,
) -> None:
    courier.kiosk.record_starts(3)
    receipts = courier.deliver(courier.export().path).path
    whole = receipts.read_bytes()
    for at in range(0, len(whole), 7):
        receipts.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(CourierRefused):
            courier.bring_back(receipts)
    receipts.write_bytes(whole[:-100])
    with pytest.raises(CourierRefused):
        courier.bring_back(receipts)
    assert courier.kiosk.core.outbox.acked_seq() == 0
    receipts.write_bytes(whole)
    assert courier.bring_back(receipts).acked_seq == 3


def test_receipts_of_another_journal_are_refused(courier: Courier, tmp_path: Path) -> None:
    courier.kiosk.record_starts(3)
    receipts = courier.deliver(courier.export().path).path
    other = tmp_path / "other" / "store.db"
    other.parent.mkdir()
    with kiosk_in_sync(other, DEVICE) as kiosk:
        kiosk.record(KioskStarted("x"))
        gateway = load_public_key(courier.gateway.receipt_key)
        with pytest.raises(CourierRefused, match="Bring it to that kiosk"):
            import_receipts(receipts, other, KEY, DEVICE, gateway)
        assert kiosk.core.outbox.acked_seq() == 0


def test_another_gateways_receipts_are_refused(courier: Courier) -> None:
    courier.kiosk.record_starts(1)
    receipts = courier.deliver(courier.export().path).path
    stranger = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(CourierRefused, match="not signed by this hospital's gateway"):
        import_receipts(receipts, courier.store, KEY, DEVICE, stranger)


def test_a_stick_that_is_gone_is_an_error_of_one_line(courier: Courier) -> None:
    courier.kiosk.record_starts(1)
    shutil.rmtree(courier.stick)
    with pytest.raises(StoreUnavailable):
        courier.export()
    with pytest.raises(StoreError):
        courier.bring_back(courier.stick / "x.receipts")


def forged(genuine: Path, lock: Lock) -> bytes:
    """A bundle of the same shape in the kiosk's name, by somebody who has only public keys."""
    with genuine.open("rb") as file:
        layout = read_layout(file)
    preface = Preface(CONTENT_VERSION, 0, ())
    overhead = TAG_BYTES * layout.chunk_count + LENGTH_BYTES + len(msgspec.json.encode(preface))
    room = layout.end - layout.start - overhead - LENGTH_BYTES
    journal = JournalOf(DEVICE, layout.header.incarnation)
    journal.record(NoteCredited(None, "n-1", 100_000))
    body = msgspec.json.encode(journal.batch()).ljust(room)
    written = io.BytesIO()
    content = encode_bundle(preface, [body])
    seal(written, layout.header, content, lock, lambda _data: bytes(SIGNATURE_BYTES))
    return written.getvalue()


def test_a_stick_that_shows_another_bundle_once_the_signature_was_checked_is_refused(
    courier: Courier,
) -> None:
    courier.kiosk.record_starts(10)
    bundle, directory = courier.export().path, courier.gateway.directory
    genuine, other = bundle.read_bytes(), forged(bundle, load_recipient(directory / PUBLIC))
    assert len(genuine) == len(other)
    bundle.write_bytes(other)
    key = courier_key(directory)

    class Turning:
        """The gateway's key; the bundle turns while it is used."""

        key_id = key.key_id

        def unwrap_secret(self, wrapped: bytes) -> bytes:
            bundle.write_bytes(other)
            return key.unwrap_secret(wrapped)

    def find_key(_device: str) -> Ed25519PublicKey:
        bundle.write_bytes(genuine)
        return courier.key.public_key()

    signing = receipt_key(directory)
    database = courier.gateway.database
    desk = BatchDesk(database, signing, "k1", now, new_id, DEFAULT_TERMS)
    cases = CaseDesk(database, signing, "k1", now, new_id)
    with pytest.raises(BundleRefused, match="changed while it was read"):
        CourierDesk(desk, Turning(), find_key, signing, "k1", now, cases).take(bundle)
    assert recorded(courier.gateway, courier.kiosk) == []


class CarriedMeanwhile(Refuse):
    """While a proxy thinks about a batch, the same entries come by courier and back."""

    def __init__(self, courier: Courier, bundle: Path) -> None:
        super().__init__(422, "proxy")
        self._courier = courier
        self._bundle = bundle

    def on_answer(self, answer: Reply) -> Reply:
        self._courier.bring_back(self._courier.deliver(self._bundle).path)
        return super().on_answer(answer)


def test_what_a_courier_has_handed_over_is_not_parked_for_a_late_refusal(courier: Courier) -> None:
    courier.kiosk.record_starts(1)
    bundle = courier.export().path
    gateway = courier.gateway
    with faulty_front(gateway) as front:
        courier.kiosk.connect(front.url, gateway.authority, gateway.receipt_key, courier.key)
        front.faults = [CarriedMeanwhile(courier, bundle)]
        courier.kiosk.step_until(lambda: not front.faults)
        assert courier.kiosk.core.outbox.exceptions() == []
        expect_all_recorded_once(gateway, courier.kiosk, 1)
        courier.kiosk.hang_up()
