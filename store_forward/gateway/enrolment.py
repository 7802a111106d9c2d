"""Which kiosks are believed: their Ed25519 public keys.

A key comes from ``enrolled/<device>.pem``, put there by whoever provisions the kiosk. The folder
is read at start and again for a device id that is not known yet.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, insert, select, update

from store_forward.contract.keys import parse_public_key, public_pem
from store_forward.gateway.database import Database
from store_forward.gateway.tables import device
from store_forward.gateway.times import to_text

DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
"""As ``contract.wire.Name``, but a file name too: it cannot start with a dot."""

LARGEST_KEY_FILE = 4_096
"""Bytes. An Ed25519 public key in PEM form has 113."""

log = structlog.get_logger()


def enrol_device(
    connection: Connection,
    device_id: str,
    public_key_pem: bytes,
    now: datetime,
    incarnation: str | None = None,
) -> None:
    """Believe this key for this device from now on.

    With ``incarnation`` only that life of its store is accepted. Raises ValueError for a bad id
    or key.
    """
    if DEVICE_ID.fullmatch(device_id) is None:
        raise ValueError(f"{device_id!r} is no device id")
    key = public_pem(parse_public_key(public_key_pem)).decode()
    values = {"public_key": key, "incarnation": incarnation, "enrolled_at": to_text(now)}
    where = device.c.device == device_id
    if connection.execute(select(device.c.device).where(where)).first() is None:
        connection.execute(insert(device).values(device=device_id, **values))
    else:
        connection.execute(update(device).where(where).values(**values))


class Enrolments:
    """The enrolled keys, kept in memory, backed by the database and the folder."""

    def __init__(self, database: Database, folder: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._folder = folder
        self._now = now
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._reading = threading.Lock()

    def find_key(self, device_id: str) -> Ed25519PublicKey | None:
        """Return the device's public key, None when it is not enrolled."""
        if DEVICE_ID.fullmatch(device_id) is None:
            return None
        key = self._keys.get(device_id)
        return key if key is not None else self._look_for(device_id)

    def read_folder(self) -> None:
        """Enrol every key in the folder; a file that holds none is logged and left alone."""
        for path in sorted(self._folder.glob("*.pem")):
            self._look_for(path.stem)

    def _look_for(self, device_id: str) -> Ed25519PublicKey | None:
        with self._reading:
            path = self._folder / f"{device_id}.pem"
            pem = self._read_file(path) if path.is_file() else None
            pem = self._stored(device_id) if pem is None else self._store(device_id, pem)
            if pem is None:
                return None
            key = parse_public_key(pem)
            self._keys[device_id] = key
            return key

    def _read_file(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                pem = file.read(LARGEST_KEY_FILE)
            parse_public_key(pem)
        except (OSError, ValueError) as fault:
            log.warning("enrolment_file_unusable", file=str(path), reason=str(fault))
            return None
        return pem

    def _stored(self, device_id: str) -> bytes | None:
        query = select(device.c.public_key).where(device.c.device == device_id)
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
        return str(found).encode() if found is not None else None

    def _store(self, device_id: str, pem: bytes) -> bytes:
        normal = public_pem(parse_public_key(pem))
        if self._stored(device_id) != normal:
            with self._database.write() as connection:
                enrol_device(connection, device_id, pem, self._now())
            log.info("device_enrolled", device=device_id)
        return normal
