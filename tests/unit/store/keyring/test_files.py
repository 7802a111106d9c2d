"""The envelope's file is whole or not there; what cannot be used is named and left alone."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.changing import wrap
from store_forward.store.keyring.envelope import LONGEST_FILE, Envelope, Role, TpmSeal
from store_forward.store.keyring.files import read_envelope, write_envelope
from store_forward.store.keyring.loading import Site, load_store_key
from store_forward.store.keyring.machine import Machine, MachineCredential
from store_forward.store.keyring.tpm import TpmWrapper
from store_forward.store.keyring.tpm_tools import TpmTools
from tests.unit.store.builders import DEVICE


@pytest.fixture
def wrapped(site: Site) -> Site:
    credential = MachineCredential(site.keys / "machine.key")
    wrap(site, credential, None, lambda: datetime(2026, 7, 13, tzinfo=UTC))
    return site


def machine(site: Site) -> Machine:
    tools = TpmTools({}, site.keys / "no-tpm")
    return Machine(TpmWrapper(tools), MachineCredential(site.keys / "machine.key"))


def test_every_flipped_byte_is_named_and_changes_nothing(wrapped: Site) -> None:
    whole = wrapped.envelope.read_bytes()
    for place in range(len(whole)):
        spoilt = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        wrapped.envelope.write_bytes(spoilt)

        with pytest.raises(KeyUnusable, match=r"store\.keys: .*outpost keys recover"):
            load_store_key(wrapped.store, wrapped.keys, machine(wrapped), DEVICE)

        assert wrapped.envelope.read_bytes() == spoilt


@pytest.mark.parametrize("length", [0, 1, 100])
def test_a_cut_file_is_named(wrapped: Site, length: int) -> None:
    os.truncate(wrapped.envelope, length)

    with pytest.raises(KeyUnusable, match=r"store\.keys"):
        read_envelope(wrapped.envelope)


def test_a_file_of_any_length_is_not_read_whole(wrapped: Site) -> None:
    os.truncate(wrapped.envelope, LONGEST_FILE * 1000)

    with pytest.raises(KeyUnusable, match="too long"):
        read_envelope(wrapped.envelope)


def test_what_is_no_file_is_named_and_not_waited_for(wrapped: Site) -> None:
    wrapped.envelope.unlink()
    with pytest.raises(KeyUnusable, match="missing"):
        read_envelope(wrapped.envelope)
    os.mkfifo(wrapped.envelope)
    with pytest.raises(KeyUnusable, match="not a regular file"):
        read_envelope(wrapped.envelope)


def test_another_kiosks_envelope_is_refused(wrapped: Site) -> None:
    with pytest.raises(KeyUnusable, match="belongs to kiosk kiosk-7, this is kiosk-8"):
        read_envelope(wrapped.envelope, "kiosk-8")


def test_a_key_that_is_not_the_machines_names_both(wrapped: Site) -> None:
    (wrapped.keys / "machine.key").write_text("ee" * 32)

    with pytest.raises(KeyUnusable, match=r"machine\.key: the machine key \w+ is not \w+"):
        load_store_key(wrapped.store, wrapped.keys, machine(wrapped), DEVICE)


def test_a_place_that_is_taken_stays(wrapped: Site) -> None:
    before = wrapped.envelope.read_bytes()

    with pytest.raises(KeyUnusable, match="not overwritten"):
        write_envelope(wrapped.envelope, read_envelope(wrapped.envelope), replace=False)

    assert wrapped.envelope.read_bytes() == before


def test_a_directory_that_cannot_be_written_is_named_and_leaves_no_draft(
    wrapped: Site, tmp_path: Path
) -> None:
    nowhere = tmp_path / "nowhere" / "store.keys"

    with pytest.raises(KeyUnusable, match="nowhere"):
        write_envelope(nowhere, read_envelope(wrapped.envelope), replace=True)

    assert [one.name for one in wrapped.envelope.parent.iterdir()] == ["store.keys"]


def test_core_and_sync_of_one_group_can_read_it_and_others_cannot(wrapped: Site) -> None:
    assert wrapped.envelope.stat().st_mode & 0o777 == 0o640


def test_a_seal_that_the_tpm_cannot_know_does_not_open(wrapped: Site) -> None:
    envelope = read_envelope(wrapped.envelope)
    note = envelope.note(Role.CURRENT)
    assert note is not None
    forged = Envelope(
        **{
            name: getattr(envelope, name)
            for name in envelope.__struct_fields__
            if name != "machine"
        },
        machine=TpmSeal("sha256:7", {}, b"", b""),
    )
    write_envelope(wrapped.envelope, forged, replace=True)

    with pytest.raises(KeyUnusable, match="no TPM"):
        load_store_key(wrapped.store, wrapped.keys, machine(wrapped), DEVICE)
