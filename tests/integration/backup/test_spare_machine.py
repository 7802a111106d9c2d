"""From a backup to a spare machine by the command line: booked once, the old disk stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from firmware.cli import main
from store_forward.contract.facts import JournalReplaced, NoteCredited, NoteEscrowed
from store_forward.contract.keys import private_pem, public_pem, write_private
from store_forward.gateway import console
from store_forward.gateway.tables import inbox
from tests.fakes.kiosk_in_sync import KEY, KioskInSync, kiosk_in_sync
from tests.fakes.running_gateway import RunningGateway, running_gateway
from tests.integration.sync.books import DEVICE

DEPLOYMENT = """\
[clinic]
code = "QH"
name_zh = "清河分院"
name_en = "Qinghe Branch"

[kiosk]
id = "{device}"
prefix = "A"

[gateway]
url = "{url}"

[[device]]
name = "id"
kind = "id_reader"
driver = "samv"
port = "/dev/ttyS0"

[[device]]
name = "cash"
kind = "cash_acceptor"
driver = "ccnet"
port = "/dev/ttyS1"

[[device]]
name = "printer"
kind = "receipt_printer"
driver = "escpos"
port = "/dev/ttyS2"

[paths]
state = "state"
keys = "keys"
run = "run"
"""


@dataclass
class Machine:
    """A kiosk's folder as an engineer provisions it."""

    folder: Path
    gateway: RunningGateway
    key: Ed25519PrivateKey

    def provision(self) -> None:
        for name in ("state", "keys", "run"):
            (self.folder / name).mkdir(parents=True)
        keys = self.folder / "keys"
        write_private(keys / "store.key", KEY.hex_digits.encode())
        write_private(keys / "device.pem", private_pem(self.key))
        self.deployment.write_text(DEPLOYMENT.format(device=DEVICE, url=self.gateway.url))

    @property
    def deployment(self) -> Path:
        return self.folder / "kiosk.toml"

    @property
    def store(self) -> Path:
        return self.folder / "state" / "store.db"

    def connect(self, kiosk: KioskInSync) -> None:
        kiosk.connect(self.gateway.url, self.gateway.authority, self.gateway.receipt_key, self.key)


@dataclass
class Hospital:
    """Everything around the kiosk."""

    gateway: RunningGateway
    old: Machine
    spare: Machine
    escrow: Path
    escrow_public: Path
    device_public: Path
    out: Path

    def back_up(self) -> int:
        return main(
            [
                *("backup", "create", "--deployment", str(self.old.deployment)),
                *("--out", str(self.out), "--escrow", str(self.escrow_public)),
            ]
        )

    def restore(self, escrow: Path | None = None) -> int:
        return main(
            [
                *("backup", "restore", str(self.out), "--onto", str(self.spare.deployment)),
                *("--escrow-key", str(escrow or self.escrow)),
                *("--device-key", str(self.device_public)),
            ]
        )

    def rows(self) -> dict[str, object]:
        with self.gateway.database.read() as connection:
            return console.read_rows(connection)

    def booked(self) -> dict[str, int]:
        """How often each entry was booked, by its id."""
        counts: dict[str, int] = {}
        query = select(inbox.c.entry_id).where(
            inbox.c.device == DEVICE, inbox.c.outcome == "accepted", inbox.c.code.is_(None)
        )
        with self.gateway.database.read() as connection:
            for (entry_id,) in connection.execute(query):
                counts[entry_id] = counts.get(entry_id, 0) + 1
        return counts


def escrow_pair(folder: Path) -> tuple[Path, Path]:
    private = rsa.generate_private_key(65537, 3072)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(folder / "escrow.pem", pem)
    (folder / "escrow-public.pem").write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return folder / "escrow.pem", folder / "escrow-public.pem"


@pytest.fixture(name="escrow", scope="module")
def _escrow(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return escrow_pair(tmp_path_factory.mktemp("escrow"))


@pytest.fixture(name="hospital")
def _hospital(tmp_path: Path, escrow: tuple[Path, Path]) -> Iterator[Hospital]:
    with running_gateway(tmp_path / "gateway") as gateway:
        key = gateway.enrol(DEVICE)
        public = tmp_path / "device-public.pem"
        public.write_bytes(public_pem(key.public_key()))
        old = Machine(tmp_path / "old", gateway, key)
        spare = Machine(tmp_path / "spare", gateway, key)
        old.provision()
        spare.provision()
        yield Hospital(gateway, old, spare, *escrow, public, tmp_path / "kiosk.backup")


def note(number: int, order: str | None = None) -> tuple[NoteEscrowed | NoteCredited, ...]:
    return (NoteCredited(order, f"note-{number}", 1000),)


def test_the_queue_of_a_dead_kiosk_is_booked_once_and_its_old_disk_is_stopped(
    hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    old, spare = hospital.old, hospital.spare
    with kiosk_in_sync(old.store, DEVICE) as kiosk:
        old.connect(kiosk)
        kiosk.record(*note(1), *note(2))
        kiosk.drain()
        kiosk.hang_up()
        kiosk.record(*note(3), *note(4))  # in the backup, not sent before it
        before = kiosk.core.identity.incarnation
        assert hospital.back_up() == 0
        old.connect(kiosk)
        kiosk.drain()  # 3 and 4 reach the gateway after the backup was made
        kiosk.record(*note(5))
        kiosk.drain()  # not in the backup, and at the gateway
        kiosk.hang_up()
        kiosk.record(*note(6))  # in the machine only: it dies now
    resurrected = old.folder.with_name("resurrected")
    shutil.copytree(old.folder, resurrected)
    shutil.rmtree(old.folder)
    said = capsys.readouterr().out
    assert "entries 1 to 4, 2 of them not acknowledged" in said

    assert hospital.restore() == 0
    said = capsys.readouterr().out
    assert "after entry 4" in said
    assert "LOST" in said
    with kiosk_in_sync(spare.store, DEVICE) as kiosk:
        first = kiosk.core.journal.read(0, 1)[0].entry().fact
        assert isinstance(first, JournalReplaced)
        assert (first.previous_incarnation, first.first_lost) == (before, 5)
        assert kiosk.core.identity.incarnation != before
        spare.connect(kiosk)
        kiosk.record(*note(7))
        kiosk.drain()
        assert kiosk.core.journal.verify() is None
    rows = hospital.rows()
    assert set(hospital.booked().values()) == {1}
    assert ledger_of(rows)["cash_box:QH-K01"] == 6000, "six notes were told, each once"
    assert sum(ledger_of(rows).values()) == 0
    alarms = [one["detail"] for one in listed(rows, "alarms") if one["code"] == "journal_replaced"]
    assert len(alarms) == 1
    assert f"journal {before} ended at seq 4" in alarms[0]
    assert "recorded here up to 5" in alarms[0]
    assert "beyond 5 and had not sent is lost" in alarms[0]
    assert [one["reason"] for one in listed(rows, "cases")] == ["journal_replaced"]

    back = Machine(resurrected, hospital.gateway, old.key)
    with kiosk_in_sync(back.store, DEVICE) as kiosk:
        back.connect(kiosk)
        for _ in range(12):
            kiosk.step()
        assert kiosk.waiting == 1, "what the old disk alone knows stays on it"
        assert kiosk.core.outbox.acked_seq() == 5
        assert kiosk.status.journal == "fenced", "with any word there core sells nothing"
    assert ledger_of(hospital.rows())["cash_box:QH-K01"] == 6000
    codes = [one["code"] for one in listed(hospital.rows(), "alarms")]
    assert "fenced" in codes


def ledger_of(rows: dict[str, object]) -> dict[str, int]:
    ledger = rows["ledger"]
    assert isinstance(ledger, dict)
    return ledger


def listed(rows: dict[str, object], name: str) -> list[dict[str, str]]:
    found = rows[name]
    assert isinstance(found, list)
    return found


def test_a_machine_that_has_a_journal_is_not_restored_over(
    hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    with kiosk_in_sync(hospital.old.store, DEVICE) as kiosk:
        kiosk.record(*note(1))
        assert hospital.back_up() == 0
    with kiosk_in_sync(hospital.spare.store, DEVICE) as kiosk:
        kiosk.record(*note(9))
    assert hospital.restore() == 2
    assert "it was not touched" in capsys.readouterr().err
    with kiosk_in_sync(hospital.spare.store, DEVICE) as kiosk:
        assert kiosk.core.journal.head().seq == 1


def test_another_hospitals_key_and_a_spoilt_backup_are_one_line_and_leave_nothing(
    hospital: Hospital, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with kiosk_in_sync(hospital.old.store, DEVICE) as kiosk:
        kiosk.record(*note(1))
        assert hospital.back_up() == 0
    other = tmp_path / "other"
    other.mkdir()
    assert hospital.restore(escrow_pair(other)[0]) == 2
    assert "it was sealed for key" in capsys.readouterr().err
    whole = hospital.out.read_bytes()
    hospital.out.write_bytes(whole[:3000] + b"?" + whole[3001:])
    assert hospital.restore() == 2
    error = capsys.readouterr().err
    assert "not what its maker wrote" in error
    assert error.count("\n") == 1
    assert list(hospital.spare.store.parent.iterdir()) == []


def test_the_audit_checks_a_backup_beside_its_journal(
    hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    with kiosk_in_sync(hospital.old.store, DEVICE) as kiosk:
        kiosk.record(*note(1), *note(2))
        assert hospital.back_up() == 0
    key = str(hospital.old.folder / "keys" / "store.key")
    audit = [
        *("verify-journal", str(hospital.old.store), "--key", key),
        *("--device-key", str(hospital.device_public), "--also", str(hospital.out)),
    ]
    assert main(audit) == 0
    said = capsys.readouterr().out
    assert "whole and unchanged" in said
    assert "complete and unchanged" in said
    whole = hospital.out.read_bytes()
    for at in range(0, len(whole), 5000):
        hospital.out.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert main(["verify-journal", str(hospital.out)]) == 1
        assert f"{hospital.out}: bytes " in capsys.readouterr().out


def test_the_escrow_key_of_the_envelope_is_taken_when_none_is_named(
    hospital: Hospital, capsys: pytest.CaptureFixture[str]
) -> None:
    with kiosk_in_sync(hospital.old.store, DEVICE) as kiosk:
        kiosk.record(*note(1))
    deployment = str(hospital.old.deployment)
    create = ["backup", "create", "--deployment", deployment, "--out", str(hospital.out)]
    assert main(create) == 2
    assert "--escrow" in capsys.readouterr().err
    write_private(hospital.old.folder / "keys" / "machine.key", b"7a" * 32)
    wrap = ["keys", "wrap", "--deployment", deployment, "--escrow", str(hospital.escrow_public)]
    assert main([*wrap, "--machine", "credential"]) == 0
    assert main(create) == 0
    assert hospital.restore() == 0
    assert "goes out   2 entries" in capsys.readouterr().out
