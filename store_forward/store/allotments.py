"""Slots leased to this kiosk: what it may sell without asking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from store_forward.contract.wire import SlotLease
from store_forward.store.driver import Connection
from store_forward.store.errors import UnreadableAnswer

SELLING_MARGIN_SECONDS = 30.0
"""Selling stops this long before a lease ends, so that a patient can still confirm in time."""


class Allotments:
    """The slot leases of one store file."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace_leases(self, leases: Sequence[SlotLease], server_now: str) -> None:
        """Take the gateway's answer as the whole truth about our leases as of ``server_now``.

        For a slot that we already hold with a higher fencing token, ours stays: an older token
        never wins.

        Raises:
            UnreadableAnswer: a time is not RFC 3339 with an offset; nothing was changed.
        """
        moment(server_now)
        for lease in leases:
            moment(lease.expires_at)
        with self._connection.transaction():
            held = dict(self._connection.rows("SELECT slot_id, fencing FROM slot_lease"))
            answered = {lease.slot_id for lease in leases}
            for slot_id in held.keys() - answered:
                self._connection.execute("DELETE FROM slot_lease WHERE slot_id = ?", (slot_id,))
            for lease in leases:
                if lease.fencing >= held.get(lease.slot_id, lease.fencing):
                    self._put(lease)
            self._connection.execute(
                "INSERT INTO status (name, body) VALUES ('leases_as_of', ?) "
                "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (server_now.encode(),),
            )

    def as_of(self) -> str | None:
        """The gateway's time of the newest answer; None before the first."""
        row = self._connection.row("SELECT body FROM status WHERE name = 'leases_as_of'")
        return bytes(row[0]).decode() if row else None

    def unsold(self) -> tuple[SlotLease, ...]:
        """Leased slots that this kiosk has not sold, expired ones included, by start time."""
        # Looked up for each lease: there are few, and the sales of months, and core asks this after
        # each entry.
        found = self._connection.rows(
            "SELECT body FROM slot_lease AS lease WHERE NOT EXISTS (SELECT 1 FROM slot_sale "
            "WHERE slot_sale.slot_id = lease.slot_id AND freed_by IS NULL)"
        )
        leases = [msgspec.json.decode(body, type=SlotLease) for (body,) in found]
        return tuple(sorted(leases, key=lambda lease: (lease.start, lease.number, lease.slot_id)))

    def sellable(self, now: datetime, clock_error_seconds: float = 0.0) -> tuple[SlotLease, ...]:
        """Unsold slots whose lease certainly still holds at ``now`` (aware), by start time.

        ``clock_error_seconds`` is how far ``now`` may be off.
        """
        return tuple(
            lease for lease in self.unsold() if is_in_force(lease, now, clock_error_seconds)
        )

    def _put(self, lease: SlotLease) -> None:
        self._connection.execute(
            "INSERT INTO slot_lease (slot_id, fencing, body) VALUES (?, ?, ?) "
            "ON CONFLICT (slot_id) DO UPDATE SET fencing = excluded.fencing, body = excluded.body",
            (lease.slot_id, lease.fencing, msgspec.json.encode(lease)),
        )


def is_in_force(lease: SlotLease, now: datetime, clock_error_seconds: float = 0.0) -> bool:
    """Whether a sale at ``now`` is certainly within the lease, with the selling margin."""
    reserve = timedelta(seconds=SELLING_MARGIN_SECONDS + abs(clock_error_seconds))
    return now < moment(lease.expires_at) - reserve


def moment(text: str) -> datetime:
    """Read an RFC 3339 time with its offset, as UTC. Raises UnreadableAnswer."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise UnreadableAnswer(f"{text!r} is not an RFC 3339 time with an offset")
    return time.astimezone(UTC)
