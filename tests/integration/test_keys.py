"""``outpost keys`` as an engineer uses it: real commands, real files, a TPM in software."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from firmware.demo.workspace import KIOSK_ID, Workspace, prepare
from store_forward.contract.facts import KioskStarted
from store_forward.store.keyring.files import envelope_of
from store_forward.store.keys import load_key
from store_forward.store.store import Store
from tests.fakes.command_line import Ended, command, environment, outpost
from tests.fakes.journal_of import entry_of
from tests.fakes.software_tpm import SoftwareTpm

ENTRIES = 3
pytestmark = pytest.mark.timeout(90)
"""Each command starts Python and a handful of the TPM's programs."""


@dataclass(frozen=True)
class Hospital:
    """Where the hospital keeps its escrow key."""

    private: Path
    public: Path


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    folder = tmp_path_factory.mktemp("hospital")
    key = rsa.generate_private_key(65537, 3072)
    private, public = folder / "escrow.pem", folder / "escrow-public.pem"
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return Hospital(private, public)


@pytest.fixture
def kiosk(tmp_path: Path) -> Workspace:
    """A kiosk of a desk, with a plain key and a journal."""
    space = prepare(tmp_path / "kiosk", width_px=1080, height_px=1920)
    key = load_key(space.keys / "store.key")
    with Store.open(store_of(space), key, device=KIOSK_ID, create=True) as store:
        store.journal.append([entry_of(KioskStarted(f"test {one}")) for one in range(ENTRIES)])
    return space


@pytest.fixture
def tpm(tmp_path: Path) -> Iterator[SoftwareTpm]:
    with SoftwareTpm(tmp_path / "tpm") as chip:
        yield chip


def store_of(space: Workspace) -> Path:
    return space.state / "store.db"


def keys(space: Workspace, action: str, *more: str | Path, tpm: SoftwareTpm | None = None) -> Ended:
    words = ("keys", action, "--deployment", space.deployment, *more)
    return outpost(*words, seconds=60, more=chip(tpm))


def chip(tpm: SoftwareTpm | None) -> dict[str, str]:
    name = "TPM2TOOLS_TCTI"
    return {} if tpm is None else {name: tpm.environment[name]}


def done(ended: Ended) -> str:
    assert (ended.code, ended.err) == (0, "")
    return ended.out


def refused(ended: Ended, *words: str) -> None:
    """Exit code 2, nothing on stdout, one line on stderr with all these words."""
    assert (ended.code, ended.out) == (2, "")
    (line,) = ended.err.splitlines()
    for word in words:
        assert word in line


def seal(kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm) -> None:
    done(keys(kiosk, "wrap", "--machine", "tpm", "--escrow", hospital.public, tpm=tpm))


def core_runs(kiosk: Workspace, tpm: SoftwareTpm | None, boot: str = "boot-1") -> None:
    """Start the real core in this run of the machine, see it listen, and end it."""
    process = subprocess.Popen(
        command("core", "--deployment", kiosk.deployment),
        env=environment(**chip(tpm), OUTPOST_BOOT=boot),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 40
    socket = kiosk.run / "core.sock"
    while not socket.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    listens = socket.exists()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert listens, said
    assert process.returncode == 0, said


def test_from_the_desk_to_a_sealed_kiosk(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm
) -> None:
    digits = load_key(kiosk.keys / "store.key").hex_digits
    told = done(keys(kiosk, "status", tpm=tpm))
    assert "plain: for the desk only" in told
    assert "outpost keys wrap" in told

    told = done(keys(kiosk, "wrap", "--machine", "tpm", "--escrow", hospital.public, tpm=tpm))
    assert "the key lay on this disk in plain" in told
    assert not (kiosk.keys / "store.key").exists()

    told = done(keys(kiosk, "status", tpm=tpm))
    assert "TPM 2.0 of the machine, opened only while sha256:7 is as sealed" in told
    assert "RSA-OAEP, 3072 bits" in told
    assert "opens here  yes" in told
    assert "WEAK" not in told
    assert digits not in told

    core_runs(kiosk, tpm)


def test_without_its_tpm_the_kiosk_does_not_start_and_says_why(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm, tmp_path: Path
) -> None:
    seal(kiosk, hospital, tpm)
    with SoftwareTpm(tmp_path / "other") as other:
        ended = outpost("core", "--deployment", kiosk.deployment, more=chip(other))
        refused(ended, "another machine's TPM", "outpost keys recover")

        status = keys(kiosk, "status", tpm=other)
    assert (status.code, status.err) == (1, "")
    assert "BROKEN" in status.out


def test_a_new_data_key_and_the_journal_is_whole(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm
) -> None:
    seal(kiosk, hospital, tpm)
    before = envelope_of(store_of(kiosk)).read_bytes()

    done(keys(kiosk, "rotate", "--wrapping", "--pcrs", "sha256:4,7", tpm=tpm))

    told = done(keys(kiosk, "rotate", "--data", tpm=tpm))

    assert "renewed" in told
    assert "only while sha256:4,7 is as sealed" in done(keys(kiosk, "status", tpm=tpm))
    assert envelope_of(store_of(kiosk)).read_bytes() != before
    plain = kiosk.keys / "store.key"
    checked = outpost("verify-journal", store_of(kiosk), "--key", plain, more=chip(tpm))
    assert "complete and unchanged" in done(checked)
    core_runs(kiosk, tpm)


def test_a_dead_kiosks_disk_is_opened_on_another_machine(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm, tmp_path: Path
) -> None:
    seal(kiosk, hospital, tpm)
    envelope, new = envelope_of(store_of(kiosk)), tmp_path / "new.keys"
    with SoftwareTpm(tmp_path / "spare") as spare:
        told = done(
            outpost(
                *("keys", "recover", "--envelope", envelope, "--out", new),
                *("--escrow-key", hospital.private, "--machine", "tpm"),
                more=chip(spare),
            )
        )
        assert "recovered" in told
        new.replace(envelope)
        core_runs(kiosk, spare)


def test_an_older_copy_of_the_whole_disk_is_found_by_the_tpms_counter(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm, tmp_path: Path
) -> None:
    seal(kiosk, hospital, tpm)
    core_runs(kiosk, tpm, "boot-1")
    core_runs(kiosk, tpm, "boot-1")  # started again, which is no other run of the machine
    shutil.copytree(kiosk.state, tmp_path / "copy")
    core_runs(kiosk, tpm, "boot-2")
    assert set_aside(kiosk) == []

    shutil.rmtree(kiosk.state)
    shutil.copytree(tmp_path / "copy", kiosk.state)
    core_runs(kiosk, tpm, "boot-3")

    assert set_aside(kiosk) != []


def set_aside(kiosk: Workspace) -> list[str]:
    return [one.name for one in kiosk.state.iterdir() if ".quarantined-" in one.name]


def test_a_machine_without_tpm_is_told_what_that_means(
    kiosk: Workspace, hospital: Hospital
) -> None:
    machine_key = kiosk.keys / "machine.key"
    machine_key.touch(mode=0o600)
    machine_key.write_text("4d" * 32)

    done(keys(kiosk, "wrap", "--machine", "credential", "--escrow", hospital.public))

    told = done(keys(kiosk, "status"))
    assert "obfuscation only" in told
    assert "WEAK" in told
    core_runs(kiosk, None)


def test_what_is_missing_damaged_or_foreign_is_one_line_and_nothing_is_overwritten(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm
) -> None:
    seal(kiosk, hospital, tpm)
    envelope = envelope_of(store_of(kiosk))
    whole = envelope.read_bytes()

    for place in (0, len(whole) // 2):
        spoilt = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        envelope.write_bytes(spoilt)
        for ended in (
            keys(kiosk, "status", tpm=tpm),
            keys(kiosk, "rotate", "--wrapping", tpm=tpm),
        ):
            refused(ended, str(envelope), "outpost keys recover")
        assert envelope.read_bytes() == spoilt

    envelope.unlink()
    refused(keys(kiosk, "status", tpm=tpm), "store.key", "missing")
    refused(
        keys(kiosk, "wrap", "--no-escrow", "--machine", "tpm", tpm=tpm),
        "there is a store and no key of it",
    )

    envelope.write_bytes(whole)
    kiosk.deployment.write_text(kiosk.deployment.read_text().replace(KIOSK_ID, "QH-K02"))
    refused(keys(kiosk, "status", tpm=tpm), str(envelope), f"belongs to kiosk {KIOSK_ID}")


def test_a_rotation_names_what_it_is_to_renew(kiosk: Workspace) -> None:
    refused(keys(kiosk, "rotate"), "--wrapping, --escrow FILE or --data")


def test_recovery_takes_no_private_key_that_others_can_read(
    kiosk: Workspace, hospital: Hospital, tpm: SoftwareTpm, tmp_path: Path
) -> None:
    seal(kiosk, hospital, tpm)
    loose = tmp_path / "escrow.pem"
    loose.write_bytes(hospital.private.read_bytes())
    loose.chmod(0o644)

    ended = outpost(
        *("keys", "recover", "--envelope", envelope_of(store_of(kiosk))),
        *("--escrow-key", loose, "--out", tmp_path / "new.keys", "--machine", "credential"),
    )

    refused(ended, str(loose), "chmod 600")
    assert not (tmp_path / "new.keys").exists()
