"""Which kiosks are believed: their Ed25519 public keys.

The folder ``enrolled/`` is the truth: ``<device>.pem``, put there by whoever provisions the kiosk,
is read at every request, so that a key taken away or replaced is so from the next request on. The
database only remembers which key was last believed, and since when.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, insert, select, update

from store_forward.contract.keys import parse_public_key, public_pem
from store_forward.gateway.database import Database, DatabaseUnavailable
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
    """Record that this key is believed for this device from now on.

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


@dataclass(frozen=True)
class _Reading:
    """What a key file held when it was last looked into; ``key`` None when that was no key."""

    content: bytes
    key: Ed25519PublicKey | None


class Enrolments:
    """The keys in the folder.

    Reading a hundred bytes costs little beside checking a signature, and unlike a comparison of
    file times it cannot miss a change.
    """

    def __init__(self, database: Database, folder: Path, now: Callable[[], datetime]) -> None:
        self._database = database
        self._folder = folder
        self._now = now
        self._readings: dict[str, _Reading] = {}
        self._changing = threading.Lock()

    def find_key(self, device_id: str) -> Ed25519PublicKey | None:
        """Return the device's public key, None when it is not enrolled at this moment."""
        if DEVICE_ID.fullmatch(device_id) is None:
            return None
        content = self._content(device_id)
        known = self._readings.get(device_id)
        if content is None:
            if known is not None:
                self._forget(device_id)
            return None
        if known is None or known.content != content:
            known = self._take(device_id, content)
        return known.key

    def read_folder(self) -> None:
        """Look at every key in the folder; a file that holds none is logged and left alone."""
        for path in sorted(self._folder.glob("*.pem")):
            self.find_key(path.stem)

    def _content(self, device_id: str) -> bytes | None:
        path = self._folder / f"{device_id}.pem"
        try:
            if not path.is_file():
                return None
            with path.open("rb") as file:
                return file.read(LARGEST_KEY_FILE)
        except OSError as fault:
            # Who cannot be looked up is not believed; the kiosk keeps everything and tries again.
            log.error("enrolment_file_unreadable", file=str(path), reason=str(fault))
            return None

    def _take(self, device_id: str, content: bytes) -> _Reading:
        with self._changing:
            try:
                key = parse_public_key(content)
            except ValueError as fault:
                log.warning("enrolment_file_unusable", device=device_id, reason=str(fault))
                self._readings[device_id] = _Reading(content, None)
                return self._readings[device_id]
            reading = _Reading(content, key)
            try:
                self._record(device_id, public_pem(key))
            except DatabaseUnavailable as fault:
                # The file decides. What is not remembered here is recorded at the next request.
                log.warning("enrolment_not_recorded", device=device_id, reason=str(fault))
            else:
                self._readings[device_id] = reading
            return reading

    def _forget(self, device_id: str) -> None:
        with self._changing:
            if self._readings.pop(device_id, None) is not None:
                log.info("device_withdrawn", device=device_id)

    def _record(self, device_id: str, pem: bytes) -> None:
        query = select(device.c.public_key).where(device.c.device == device_id)

        def replace(connection: Connection) -> str | None:
            recorded: str | None = connection.execute(query).scalar()
            if recorded != pem.decode():
                enrol_device(connection, device_id, pem, self._now())
            return recorded

        recorded = self._database.transact(replace)
        if recorded == pem.decode():
            return
        if recorded is None:
            log.info("device_enrolled", device=device_id)
        else:
            log.warning("device_key_replaced", device=device_id)
