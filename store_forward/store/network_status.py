"""What sync tells core about the way to the HIS, through the store they share."""

from __future__ import annotations

import msgspec

from store_forward.store.driver import Connection


class SyncStatus(msgspec.Struct, frozen=True):
    """State of the connection as sync sees it.

    ``since`` is when ``online`` last changed, ``last_contact`` when the gateway last answered
    (both RFC 3339 UTC by this kiosk's clock). ``clock_offset_seconds`` is gateway time minus
    kiosk time, None while unknown; ``clock_boot`` names the boot in which it was measured.
    ``reason`` is a machine word for why it is offline or alarmed, empty when all is well.
    ``journal`` is how our journal stands to what the gateway has of it (``marks.Step``),
    empty when they agree: with any other word nothing may be sold from this journal.
    """

    online: bool
    since: str
    last_contact: str | None = None
    clock_offset_seconds: float | None = None
    reason: str = ""
    clock_boot: str = ""
    journal: str = ""


class NetworkStatus:
    """The network status kept in one store file."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write_status(self, status: SyncStatus) -> None:
        """Publish the status. Writing the same again costs no disk write."""
        if status == self.read_status():
            return
        with self._connection.transaction():
            self._connection.execute(
                "INSERT INTO status (name, body) VALUES ('network', ?) "
                "ON CONFLICT (name) DO UPDATE SET body = excluded.body",
                (msgspec.json.encode(status),),
            )

    def read_status(self) -> SyncStatus | None:
        """The newest status; None before sync has written one."""
        row = self._connection.row("SELECT body FROM status WHERE name = 'network'")
        return msgspec.json.decode(row[0], type=SyncStatus) if row else None
