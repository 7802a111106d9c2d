"""What all desks of the gateway have: the database, a clock, and a hand that signs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from store_forward.gateway.database import Database
from store_forward.gateway.journals import write_alarm
from store_forward.gateway.problems import Refused
from store_forward.gateway.signatory import Signatory

T = TypeVar("T")


class Desk:
    """Answers kiosks. ``key_id`` names the receipt key; ``new_id`` gives UUIDv7 strings."""

    def __init__(
        self,
        database: Database,
        key: Ed25519PrivateKey,
        key_id: str,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        self._database = database
        self._signatory = Signatory(key, key_id)
        self._now = now
        self._new_id = new_id

    def _transact_for(self, device_id: str, work: Callable[[Connection], T]) -> T:
        """Do what a kiosk asked for in one transaction. A contradiction is recorded as an alarm.

        Raises Refused; then nothing else was changed.
        """
        try:
            return self._database.transact(work)
        except Refused as refused:
            if refused.alarm:
                self._raise_alarm(device_id, refused)
            raise

    def _raise_alarm(self, device_id: str, refused: Refused) -> None:
        alarm_id, code, detail = self._new_id(), refused.problem.code, refused.problem.detail
        self._database.transact(
            lambda connection: write_alarm(
                connection, alarm_id, device_id, code, detail, self._now()
            )
        )
