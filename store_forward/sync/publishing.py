"""Publishes the network status for core: at once when it changes, seldom when only time passed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from store_forward.store.boot_id import boot_id
from store_forward.store.network_status import NetworkStatus, SyncStatus
from store_forward.store.sending.marks import Step
from store_forward.sync.engine import Shown

REFRESH_SECONDS: Final = 60.0
"""Each write is a durable transaction that wakes core: ``last_contact`` may lag this much."""

OFFSET_STEP_SECONDS: Final = 1.0
"""Smaller changes of the clock offset are the jitter of the network."""


class StatusBoard:
    """Keeps the published status true. ``now`` is this kiosk's time, aware.

    ``read_boot`` names this run of the machine.
    """

    def __init__(
        self,
        published: NetworkStatus,
        now: Callable[[], datetime],
        read_boot: Callable[[], str] = boot_id,
    ) -> None:
        self._published = published
        self._now = now
        self._read_boot = read_boot
        self._written: SyncStatus | None = None
        self._written_at = 0.0
        self._last_contact: str | None = None
        self._offset_seconds: float | None = None
        self._offset_boot = ""

    def load(self) -> None:
        """Take over the last contact of an earlier run, and its clock offset with the boot it was
        measured in: whoever uses it decides what it is worth after another boot."""
        earlier = self._published.read_status()
        if earlier is not None:
            self._written = earlier
            self._last_contact = earlier.last_contact
            self._offset_seconds = earlier.clock_offset_seconds
            self._offset_boot = earlier.clock_boot

    @property
    def journal(self) -> Step:
        """How our journal stood to the gateway's as of what is published; ``load`` comes before."""
        told = self._written.journal if self._written is not None else ""
        return next((step for step in Step if step.value == told), Step.IN_STEP)

    def note_contact(self) -> None:
        """The gateway answered just now."""
        self._last_contact = _rfc3339(self._now())

    def note_offset(self, seconds: float) -> None:
        """The gateway's clock is this far ahead of ours."""
        before, boot = self._offset_seconds, self._read_boot()
        is_jitter = before is not None and abs(seconds - before) < OFFSET_STEP_SECONDS
        if not is_jitter or boot != self._offset_boot:
            self._offset_seconds, self._offset_boot = round(seconds, 1), boot

    def show(self, shown: Shown, at: float) -> None:
        """Publish what is new. ``at`` is monotonic seconds."""
        before = self._written
        is_same = (
            before is not None
            and (before.online, before.reason) == (shown.is_online, shown.reason)
            and before.journal == shown.journal.value
            and before.clock_offset_seconds == self._offset_seconds
            and before.clock_boot == self._offset_boot
        )
        if is_same and at - self._written_at < REFRESH_SECONDS:
            return
        has_turned = before is None or before.online != shown.is_online
        status = SyncStatus(
            online=shown.is_online,
            since=_rfc3339(self._now()) if before is None or has_turned else before.since,
            last_contact=self._last_contact,
            clock_offset_seconds=self._offset_seconds,
            reason=shown.reason,
            clock_boot=self._offset_boot,
            journal=shown.journal.value,
        )
        self._published.write_status(status)
        self._written, self._written_at = status, at


def offset_seconds(gateway_now: str, asked: datetime, answered: datetime) -> float | None:
    """Return gateway time minus kiosk time, taken in the middle of the exchange; None if unread."""
    try:
        theirs = datetime.fromisoformat(gateway_now)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    ours = asked + (answered - asked) / 2
    return (theirs - ours).total_seconds()


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
