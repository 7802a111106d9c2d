"""Envelopes are made, renewed and recovered; at each moment the store opens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from store_forward.store import Role, Store, StoreKey, create_key
from store_forward.store.errors import KeyUnusable, StoreBusy
from store_forward.store.keyring import recovering
from store_forward.store.keyring.changing import recover, rotate, wrap
from store_forward.store.keyring.envelope import TpmSeal
from store_forward.store.keyring.escrow import EscrowKey, EscrowPrivateKey
from store_forward.store.keyring.files import read_envelope
from store_forward.store.keyring.loading import Site, load_store_key
from store_forward.store.keyring.machine import Machine, MachineCredential
from store_forward.store.keyring.tpm import TpmWrapper
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.fakes.software_tpm import SoftwareTpm
from tests.unit.store.builders import DEVICE, entries
from tests.unit.store.keyring.conftest import write_escrow


def now() -> datetime:
    return datetime(2026, 7, 13, 8, 0, tzinfo=UTC)


def credential(site: Site) -> MachineCredential:
    return MachineCredential(site.keys / "machine.key")


def machine(site: Site, tpm: SoftwareTpm | None = None) -> Machine:
    tools = TpmTools({} if tpm is None else tpm.environment, site.keys / "no-tpm")
    return Machine(TpmWrapper(tools), credential(site))


def key_of(site: Site, tpm: SoftwareTpm | None = None) -> StoreKey:
    return load_store_key(site.store, site.keys, machine(site, tpm), site.device)


def fill(site: Site, count: int = 3) -> None:
    with Store.open(site.store, key_of(site), device=DEVICE, create=True) as store:
        first = store.journal.head().seq
        store.journal.append(entries(first + count)[first:])


def head(site: Site, tpm: SoftwareTpm | None = None) -> int:
    with Store.open(site.store, key_of(site, tpm), device=DEVICE) as store:
        assert store.journal.verify() is None
        return store.journal.head().seq


# --- wrapping ---


def test_a_new_kiosk_gets_a_key_that_never_lay_anywhere_in_plain(site: Site) -> None:
    wrap(site, credential(site), None, now)
    fill(site)

    assert head(site) == 3
    digits = key_of(site).hex_digits
    for file in (*site.keys.iterdir(), *site.store.parent.rglob("*")):
        assert not file.is_file() or digits.encode() not in file.read_bytes()


def test_the_plain_key_of_a_desk_is_taken_into_an_envelope_and_its_file_goes(site: Site) -> None:
    key = create_key(site.keys / "store.key")
    fill(site)

    done = wrap(site, credential(site), None, now)

    assert (done.was_plain, done.left_plain) == (True, None)
    assert not (site.keys / "store.key").exists()
    assert key_of(site) == key
    assert head(site) == 3


def test_an_envelope_that_is_there_is_not_overwritten(site: Site) -> None:
    wrap(site, credential(site), None, now)
    before = site.envelope.read_bytes()

    with pytest.raises(KeyUnusable, match="already; it was not overwritten"):
        wrap(site, credential(site), None, now)

    assert site.envelope.read_bytes() == before


def test_no_new_key_is_made_for_a_store_whose_key_is_missing(site: Site) -> None:
    key = create_key(site.keys / "store.key")
    fill(site)
    (site.keys / "store.key").unlink()

    with pytest.raises(KeyUnusable, match="there is a store and no key of it"):
        wrap(site, credential(site), None, now)

    assert not site.envelope.exists()
    with Store.open(site.store, key, device=DEVICE) as store:
        assert store.journal.head().seq == 3


def test_a_plain_key_that_is_not_the_stores_is_not_wrapped(site: Site) -> None:
    create_key(site.keys / "store.key")
    fill(site)
    (site.keys / "store.key").unlink()
    create_key(site.keys / "store.key")

    with pytest.raises(KeyUnusable, match="does not open"):
        wrap(site, credential(site), None, now)

    assert (site.keys / "store.key").exists()


def test_a_wrapper_that_fails_leaves_everything_as_it_was(site: Site) -> None:
    key = create_key(site.keys / "store.key")
    (site.keys / "machine.key").unlink()

    with pytest.raises(KeyUnusable, match="machine key is missing"):
        wrap(site, credential(site), None, now)

    assert key_of(site) == key


# --- new wrappings ---


def test_rotating_the_wrapping_changes_every_secret_byte_and_keeps_the_key(site: Site) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    key, before = key_of(site), read_envelope(site.envelope)

    rotate(site, machine(site), credential(site), now)

    after = read_envelope(site.envelope)
    assert key_of(site) == key
    assert (after.sealed, after.nonce, after.machine) != (
        before.sealed,
        before.nonce,
        before.machine,
    )
    assert after.keys == before.keys
    assert head(site) == 3


def test_a_machine_whose_tpm_was_switched_on_is_sealed_to_it(site: Site, tpm: SoftwareTpm) -> None:
    wrap(site, credential(site), None, now)
    fill(site)

    rotate(site, machine(site), TpmWrapper(TpmTools(tpm.environment)), now)
    (site.keys / "machine.key").unlink()

    assert isinstance(read_envelope(site.envelope).machine, TpmSeal)
    assert head(site, tpm) == 3


def test_the_hospital_changes_its_escrow_key(
    site: Site, escrow_files: tuple[Path, Path], tmp_path: Path
) -> None:
    old_private, old_public = escrow_files
    (tmp_path / "new").mkdir()
    private, public = write_escrow(tmp_path / "new", rsa.generate_private_key(65537, 3072))
    wrap(site, credential(site), EscrowKey.load(old_public), now)

    rotate(site, machine(site), credential(site), now, escrow=EscrowKey.load(public))

    assert recovering.by_private_key(site.envelope, private)
    with pytest.raises(KeyUnusable, match="wrapped for escrow key"):
        recovering.by_private_key(site.envelope, old_private)


def test_an_envelope_that_does_not_open_here_is_not_replaced(site: Site) -> None:
    wrap(site, credential(site), None, now)
    before = site.envelope.read_bytes()
    (site.keys / "machine.key").write_text("ee" * 32)

    with pytest.raises(KeyUnusable, match="outpost keys recover"):
        rotate(site, machine(site), credential(site), now, data=True)

    assert site.envelope.read_bytes() == before


# --- a new data key ---


def test_a_new_data_key_opens_the_store_and_the_old_one_does_not(site: Site) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    before = key_of(site)

    rotate(site, machine(site), credential(site), now, data=True)

    after = key_of(site)
    assert after.hex_digits != before.hex_digits
    fill(site)
    assert head(site) == 6
    with pytest.raises(Exception, match="does not open with this key"):
        Store.open(site.store, StoreKey(before.hex_digits), device=DEVICE, role=Role.GUEST)


def test_the_key_of_before_stays_while_segments_sealed_with_it_are_there(site: Site) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    before = key_of(site)

    rotate(site, machine(site), credential(site), now, data=True)

    assert before.hex_digits in key_of(site).former


def test_the_key_of_before_goes_when_nothing_is_sealed_with_it_any_more(site: Site) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    rotate(site, machine(site), credential(site), now, data=True)
    for segment in (site.store.parent / "store.db.mirror").iterdir():
        segment.unlink()
    fill(site)

    rotate(site, machine(site), credential(site), now)

    assert key_of(site).former == ()


def test_the_key_of_before_stays_while_recovery_has_files_set_aside(site: Site) -> None:
    wrap(site, credential(site), None, now)
    rotate(site, machine(site), credential(site), now, data=True)
    (site.store.parent / "store.db.quarantined-20260713T080000Z").touch()

    before = key_of(site).hex_digits
    rotate(site, machine(site), credential(site), now, data=True)

    assert before in key_of(site).former


def test_an_older_copy_of_the_envelope_is_refused_before_it_can_harm_a_sound_store(
    site: Site,
) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    older = site.envelope.read_bytes()
    rotate(site, machine(site), credential(site), now, data=True)
    fill(site)
    newer = site.envelope.read_bytes()
    files = {path: path.read_bytes() for path in site.store.parent.rglob("*") if path.is_file()}

    site.envelope.write_bytes(older)
    with pytest.raises(KeyUnusable, match=r"store\.keys: .*newest copy of this file"):
        key_of(site)

    site.envelope.write_bytes(newer)
    assert files == {path: path.read_bytes() for path in files}
    assert head(site) == 6


def test_a_store_that_dies_after_the_rotation_comes_back_from_older_segments(site: Site) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    rotate(site, machine(site), credential(site), now, data=True)
    site.store.write_bytes(b"spoilt" * 1000)

    assert head(site) == 3


def test_on_a_kiosk_without_a_store_the_key_is_changed_all_the_same(site: Site) -> None:
    wrap(site, credential(site), None, now)
    before = key_of(site)

    rotate(site, machine(site), credential(site), now, data=True)

    after = key_of(site)
    assert after.hex_digits != before.hex_digits
    assert after.former == ()


@pytest.mark.parametrize("role", [Role.KEEPER, Role.GUEST])
def test_nothing_is_rekeyed_while_core_or_sync_has_the_store(site: Site, role: Role) -> None:
    wrap(site, credential(site), None, now)
    fill(site)
    before = key_of(site)

    with Store.open(site.store, before, device=DEVICE, role=role) as store:
        with pytest.raises(StoreBusy):
            rotate(site, machine(site), credential(site), now, data=True)
        assert store.journal.head().seq == 3

    assert head(site) == 3


def test_two_who_change_the_keys_at_once_do_not_meet(site: Site) -> None:
    wrap(site, credential(site), None, now)

    class Intruder:
        def wrap(self, secret: bytes) -> TpmSeal:
            rotate(site, machine(site), credential(site), now)
            raise AssertionError("two at once")

    with pytest.raises(StoreBusy, match="another one is changing the keys"):
        rotate(site, machine(site), Intruder(), now)


# --- recovery ---


def test_a_dead_kiosks_disk_is_opened_on_another_machine(
    site: Site, escrow_files: tuple[Path, Path], tpm: SoftwareTpm, tmp_path: Path
) -> None:
    private, public = escrow_files
    wrap(site, TpmWrapper(TpmTools(tpm.environment)), EscrowKey.load(public), now)
    with Store.open(site.store, key_of(site, tpm), device=DEVICE, create=True) as store:
        store.journal.append(entries(3))
    out = tmp_path / "other-machine.keys"

    ring_key = recovering.by_private_key(site.envelope, private)
    recover(site.envelope, out, ring_key, credential(site), now)

    out.replace(site.envelope)
    assert head(site) == 3
    assert recovering.by_private_key(site.envelope, private)


def test_a_smart_card_opens_it_in_two_steps(
    site: Site, escrow_files: tuple[Path, Path], escrow_private: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    wrap(site, credential(site), EscrowKey.load(escrow_files[1]), now)
    recovering.write_for_card(site.envelope, tmp_path / "for-card")
    unwrapped = tmp_path / "unwrapped"
    unwrapped.touch(mode=0o600)
    card = EscrowPrivateKey(escrow_private)
    unwrapped.write_bytes(card.unwrap_secret((tmp_path / "for-card").read_bytes()))

    ring_key = recovering.by_card(site.envelope, unwrapped)

    done = recover(site.envelope, tmp_path / "out.keys", ring_key, credential(site), now)
    assert done.keys == 1


def test_what_another_envelopes_card_decrypted_is_refused_and_nothing_is_written(
    site: Site, escrow_files: tuple[Path, Path], tmp_path: Path
) -> None:
    wrap(site, credential(site), EscrowKey.load(escrow_files[1]), now)
    out = tmp_path / "out.keys"

    with pytest.raises(KeyUnusable, match="does not open"):
        recover(site.envelope, out, bytes(32), credential(site), now)

    assert not out.exists()


def test_recovery_overwrites_nothing(
    site: Site, escrow_files: tuple[Path, Path], tmp_path: Path
) -> None:
    private, public = escrow_files
    wrap(site, credential(site), EscrowKey.load(public), now)
    ring_key = recovering.by_private_key(site.envelope, private)
    out = tmp_path / "out.keys"
    out.write_text("something")

    with pytest.raises(KeyUnusable, match="not overwritten"):
        recover(site.envelope, out, ring_key, credential(site), now)

    assert out.read_text() == "something"


def test_an_envelope_without_escrow_says_so(site: Site, escrow_files: tuple[Path, Path]) -> None:
    wrap(site, credential(site), None, now)

    with pytest.raises(KeyUnusable, match="for no escrow key"):
        recovering.by_private_key(site.envelope, escrow_files[0])
