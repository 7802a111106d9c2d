"""Which kiosks are believed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import select

from store_forward.contract.keys import public_pem
from store_forward.gateway.database import Database, open_database
from store_forward.gateway.enrolment import Enrolments, enrol_device
from store_forward.gateway.problems import Refused
from store_forward.gateway.tables import device
from store_forward.gateway.times import to_text
from tests.fakes.journal_of import JournalOf
from tests.postgres.places import Place, locked_elsewhere
from tests.unit.gateway.bench import KIOSK, MORNING, GatewayBench

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32))).public_key()
NEW_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))).public_key()


@pytest.fixture(name="database")
def _database(place: Place) -> Iterator[Database]:
    database = open_database(place)
    yield database
    database.close()


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "enrolled"
    folder.mkdir()
    return folder


def enrolments(database: Database, folder: Path) -> Enrolments:
    return Enrolments(database, folder, lambda: MORNING)


def is_same(found: Ed25519PublicKey | None, key: Ed25519PublicKey) -> bool:
    return found is not None and public_pem(found) == public_pem(key)


def test_a_key_put_into_the_folder_later_is_found(database: Database, folder: Path) -> None:
    known = enrolments(database, folder)
    assert known.find_key("QH-07") is None
    (folder / "QH-07.pem").write_bytes(public_pem(KEY))
    assert is_same(known.find_key("QH-07"), KEY)


def test_a_key_whose_file_is_taken_away_is_not_believed_any_more(
    database: Database, folder: Path
) -> None:
    (folder / "QH-07.pem").write_bytes(public_pem(KEY))
    known = enrolments(database, folder)
    assert is_same(known.find_key("QH-07"), KEY)
    (folder / "QH-07.pem").unlink()
    assert known.find_key("QH-07") is None


def test_a_withdrawn_key_is_not_believed_after_a_start_either(
    database: Database, folder: Path
) -> None:
    (folder / "QH-07.pem").write_bytes(public_pem(KEY))
    enrolments(database, folder).read_folder()
    (folder / "QH-07.pem").unlink()
    started_again = enrolments(database, folder)
    started_again.read_folder()
    assert started_again.find_key("QH-07") is None


def test_a_key_put_back_is_believed_again(database: Database, folder: Path) -> None:
    file = folder / "QH-07.pem"
    file.write_bytes(public_pem(KEY))
    known = enrolments(database, folder)
    known.read_folder()
    file.unlink()
    known.find_key("QH-07")
    file.write_bytes(public_pem(KEY))
    assert is_same(known.find_key("QH-07"), KEY)


def test_a_replaced_file_is_the_new_key_at_once(database: Database, folder: Path) -> None:
    """Also written in place within one tick of the file system's clock, with the same length."""
    file = folder / "QH-07.pem"
    file.write_bytes(public_pem(KEY))
    known = enrolments(database, folder)
    known.read_folder()
    before = file.stat()
    file.write_bytes(public_pem(NEW_KEY))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert is_same(known.find_key("QH-07"), NEW_KEY)


def test_a_file_spoiled_while_running_withdraws_the_key(database: Database, folder: Path) -> None:
    file = folder / "QH-07.pem"
    file.write_bytes(public_pem(KEY))
    known = enrolments(database, folder)
    known.read_folder()
    file.write_bytes(public_pem(KEY)[:40])
    assert known.find_key("QH-07") is None
    file.write_bytes(public_pem(KEY))
    assert is_same(known.find_key("QH-07"), KEY)


def test_the_database_remembers_since_when_the_newest_key_is_believed(
    database: Database, folder: Path
) -> None:
    (folder / "QH-07.pem").write_bytes(public_pem(KEY))
    enrolments(database, folder).read_folder()
    (folder / "QH-07.pem").write_bytes(public_pem(NEW_KEY))
    later = MORNING + timedelta(hours=1)
    Enrolments(database, folder, lambda: later).read_folder()
    with database.read() as connection:
        row = connection.execute(select(device)).one()
    assert (row.public_key, row.enrolled_at) == (public_pem(NEW_KEY).decode(), to_text(later))


def test_a_locked_database_does_not_keep_a_new_key_out(place: Place, folder: Path) -> None:
    database = open_database(place, busy_timeout_ms=10)
    (folder / "QH-07.pem").write_bytes(public_pem(KEY))
    known = enrolments(database, folder)
    with locked_elsewhere(place):
        assert is_same(known.find_key("QH-07"), KEY)
    known.find_key("QH-07")
    with database.read() as connection:
        assert connection.execute(select(device.c.device)).scalars().all() == ["QH-07"]
    database.close()


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 10_000])
def test_a_file_that_holds_no_key_enrols_nobody(
    database: Database, folder: Path, content: bytes
) -> None:
    (folder / "QH-07.pem").write_bytes(content)
    known = enrolments(database, folder)
    known.read_folder()
    assert known.find_key("QH-07") is None


def test_a_changed_byte_in_one_kiosks_file_keeps_no_other_kiosk_out(
    database: Database, folder: Path
) -> None:
    pem = public_pem(KEY)
    (folder / "QH-08.pem").write_bytes(public_pem(NEW_KEY))
    for place in range(len(pem)):
        (folder / "QH-07.pem").write_bytes(pem[:place] + bytes([pem[place] ^ 1]) + pem[place + 1 :])
        known = enrolments(database, folder)
        known.read_folder()
        assert is_same(known.find_key("QH-08"), NEW_KEY)


@pytest.mark.parametrize("device", ["../gateway-receipt", "..", "", "a/b", "a b", "x" * 65])
def test_a_device_id_never_leads_out_of_the_folder(
    database: Database, folder: Path, device: str
) -> None:
    (folder.parent / "gateway-receipt.pem").write_bytes(public_pem(KEY))
    assert enrolments(database, folder).find_key(device) is None


def test_a_bad_id_or_key_is_not_enrolled(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(ValueError, match="no device id"):
            enrol_device(connection, "a b", public_pem(KEY), MORNING)
        with pytest.raises(ValueError, match="PEM"):
            enrol_device(connection, "QH-07", b"x", MORNING)


def test_a_pinned_incarnation_is_the_only_one_believed(bench: GatewayBench) -> None:
    with bench.database.write() as connection:
        enrol_device(connection, KIOSK, public_pem(KEY), MORNING, incarnation="inc-1")
    bench.send(_started(JournalOf(KIOSK, "inc-1")))
    with pytest.raises(Refused) as caught:
        bench.send(_started(JournalOf(KIOSK, "inc-2")))
    assert (caught.value.problem.status, caught.value.problem.code) == (409, "other_incarnation")
    assert [row["code"] for row in bench.rows()["alarms"]] == ["other_incarnation"]


def _started(journal: JournalOf) -> JournalOf:
    journal.append_raw(b"{}")
    return journal
