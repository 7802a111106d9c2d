"""The audit of a backup or bundle needs no key to open it, and names what was changed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.sealed import Header, seal, signer_text
from store_forward.store import Store
from store_forward.store.audit.sealed import is_sealed, verify_sealed
from store_forward.store.audit.verify import verify_journal
from store_forward.store.errors import StoreUnavailable
from tests.unit.store.builders import DEVICE, KEY, entries

MAKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = signer_text(MAKER.public_key())


def header_of(store: Store, last_seq: int) -> Header:
    last_hash = store.journal.hash_at(last_seq) or bytes(32)
    return Header(
        kind="courier",
        device=DEVICE,
        incarnation=store.identity.incarnation,
        number=1,
        made_at="2026-07-13T02:00:00Z",
        first_seq=1,
        last_seq=last_seq,
        last_hash=last_hash.hex(),
        signer=SIGNER,
    )


@pytest.fixture(name="bundle")
def _bundle(tmp_path: Path, store: Store) -> Path:
    store.journal.append(entries(5))
    path = tmp_path / "x.courier"
    recipient = RecipientsKey(X25519PrivateKey.generate()).recipient
    with path.open("wb") as file:
        seal(file, header_of(store, 5), [bytes(100_000)], recipient, MAKER.sign)
    return path


def test_a_whole_file_says_what_it_is(bundle: Path) -> None:
    report = verify_sealed(bundle, SIGNER)
    assert report.ok
    assert "courier 1" in report.render()
    assert "maker checked" in report.render()
    assert "maker not checked" in verify_sealed(bundle).render()


def test_another_maker_than_the_kiosk_is_told(bundle: Path) -> None:
    stranger = signer_text(Ed25519PrivateKey.generate().public_key())
    assert "not that of the maker" in verify_sealed(bundle, stranger).render()


def test_each_changed_or_missing_byte_is_named(bundle: Path) -> None:
    whole = bundle.read_bytes()
    for at in range(0, len(whole), 1000):
        bundle.write_bytes(whole[:at] + bytes([whole[at] ^ 2]) + whole[at + 1 :])
        places = verify_sealed(bundle).places
        assert any(one.offset <= at < one.offset + one.length for one in places), at
        bundle.write_bytes(whole[:at])
        assert not verify_sealed(bundle).ok
        assert verify_sealed(bundle).render()


def test_a_file_is_known_by_its_name_or_its_first_bytes(bundle: Path, path: Path) -> None:
    renamed = bundle.rename(bundle.with_name("no name"))
    assert is_sealed(renamed)
    assert is_sealed(Path("gone.backup"))
    assert not is_sealed(path)
    with pytest.raises(StoreUnavailable):
        verify_sealed(Path("/nowhere/gone.backup"))


def test_it_is_compared_with_the_journal_beside_it(store: Store, bundle: Path) -> None:
    header = verify_sealed(bundle).header
    assert header is not None
    assert verify_journal(store.path, KEY, beside=[header]).ok
    for changed, told in (
        ({"last_hash": "00" * 32}, "courier 1 holds another entry 5"),
        ({"last_seq": 9}, "this journal lacks those from 6 on"),
        ({"incarnation": "x"}, "courier 1 belongs to another kiosk"),
    ):
        other = msgspec.structs.replace(header, **changed)
        assert told in verify_journal(store.path, KEY, beside=[other]).render()
