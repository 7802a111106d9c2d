"""Checkpoints of the chain, signed by the device: what an auditor can hold the kiosk to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from store_forward.contract.checkpoints import Checkpoint, sign_checkpoint
from store_forward.store.driver import Connection
from store_forward.store.head import Head
from store_forward.store.identity import Identity

ENTRIES_BETWEEN = 256
"""At the latest after so many entries there is a new checkpoint: a busy day has some five."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs. ``key_id`` is the public key's text, ``boot`` names this run of core."""

    sign: Callable[[bytes], bytes]
    key_id: str
    boot: str


def is_due(head_seq: int, newest_seq: int, *, at_rest: bool) -> bool:
    """Whether a checkpoint is to be made: nobody waits and something is new, or much is."""
    return head_seq > newest_seq and (at_rest or head_seq - newest_seq >= ENTRIES_BETWEEN)


class Checkpoints:
    """The checkpoints of one store file."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity

    def newest_seq(self) -> int:
        """The entry of the newest checkpoint; 0 before the first."""
        row = self._connection.row("SELECT ifnull(max(seq), 0) FROM checkpoint")
        return int(row[0]) if row else 0

    def all(self) -> list[Checkpoint]:
        """All that are kept, oldest first."""
        found = self._connection.rows("SELECT body FROM checkpoint ORDER BY seq")
        return [msgspec.json.decode(body, type=Checkpoint) for (body,) in found]

    def make(self, at: Head, signer: Signer, now: datetime) -> None:
        """Sign that the chain stands so at this entry, durably."""
        with self._connection.transaction():
            self.add(at, signer, now)

    def add(self, at: Head, signer: Signer, now: datetime) -> None:
        """As ``make``, inside the caller's transaction."""
        row = self._connection.row("SELECT body FROM status WHERE name = 'counter'")
        made_at = now.astimezone(UTC).isoformat(timespec="milliseconds")
        checkpoint = Checkpoint(
            device=self._identity.device,
            incarnation=self._identity.incarnation,
            seq=at.seq,
            hash=at.hash.hex(),
            boot=signer.boot,
            counter=int(row[0]) if row else None,
            made_at=made_at.replace("+00:00", "Z"),
            key_id=signer.key_id,
        )
        signed = sign_checkpoint(checkpoint, signer.sign)
        self._connection.execute(
            "INSERT INTO checkpoint (seq, body) VALUES (?, ?) ON CONFLICT (seq) DO NOTHING",
            (at.seq, msgspec.json.encode(signed, order="sorted")),
        )
