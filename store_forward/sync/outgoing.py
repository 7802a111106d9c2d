"""How large the next batch is, from where and when. Pure; times are monotonic seconds.

Nothing is ever skipped: entries are chained, and the gateway takes them only in order. An entry
it refuses on its own is found by halving, noted for staff, and offered again at a slow pace.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, assert_never

from store_forward.sync.outcomes import (
    Distrusted,
    Failure,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)

FIRST_ITEMS: Final = 50
MOST_ITEMS: Final = 500
"""The gateway's limit: ``wire.MAX_BATCH_ITEMS``."""

MOST_BYTES: Final = 900_000
"""Under ``wire.MAX_BATCH_BYTES``, with room for the frame around the items."""

LEAST_BYTES: Final = 1_024

GROW_WITHIN_SECONDS: Final = 2.0
"""A batch that took longer is large enough for this line."""

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
ALARM_PAUSE_SECONDS: Final = 5.0
LONGEST_ALARM_PAUSE_SECONDS: Final = 60.0
"""Pauses where only a person can mend it; still retried, because that person may not be here."""

LONGEST_RETRY_AFTER_SECONDS: Final = 900.0
"""A mistaken Retry-After must not silence a kiosk for a day."""

FIRST_TIME_OUT_SECONDS: Final = 5.0
LONGEST_TIME_OUT_SECONDS: Final = 20.0

_ITEM_FAULTS: Final = (400, 422)
"""Statuses by which the gateway finds fault with what is in a batch, not with how it came."""


@dataclass(frozen=True)
class Sent:
    """A batch that went out."""

    first_seq: int
    last_seq: int
    byte_count: int

    @property
    def count(self) -> int:
        """Number of entries in it."""
        return self.last_seq - self.first_seq + 1


@dataclass(frozen=True)
class Park:
    """Note that the gateway refuses this entry by itself; it stays first in the queue."""

    seq: int
    code: str


@dataclass(frozen=True)
class Alarm:
    """Something a person must look at. ``code`` is a stable machine word."""

    code: str
    detail: str


@dataclass(frozen=True)
class RenewIdentity:
    """Read the device key anew: the gateway does not recognise the one in use."""


Effect = Park | Alarm | RenewIdentity


@dataclass(frozen=True)
class Outgoing:
    """Where sending stands.

    ``bad_until``: some entry up to here made the gateway refuse a batch; halve until it is found.
    ``resend_from``: the gateway asked for entries that it had acknowledged before.
    ``trouble`` is a machine word, empty while all is well.
    """

    limit_items: int = FIRST_ITEMS
    limit_bytes: int = MOST_BYTES
    not_before: float = 0.0
    attempts: int = 0
    time_out_seconds: float = FIRST_TIME_OUT_SECONDS
    bad_until: int | None = None
    resend_from: int | None = None
    trouble: str = ""


def pause_seconds(attempts: int, jitter: float, first: float, longest: float) -> float:
    """Exponential back-off, spread over its upper half so that kiosks do not call in step."""
    doubled = first * 2.0 ** min(attempts - 1, 16)
    return min(doubled, longest) * (1 + jitter) / 2


def items_from(outgoing: Outgoing, first_seq: int) -> int:
    """Return how many entries the batch that starts at ``first_seq`` may hold."""
    if outgoing.bad_until is None or first_seq > outgoing.bad_until:
        return outgoing.limit_items
    suspects = outgoing.bad_until - first_seq + 1
    return min(outgoing.limit_items, max(1, suspects // 2))


def acknowledged(
    outgoing: Outgoing, sent: Sent, ack_seq: int, acked_seq: int, took_seconds: float
) -> Outgoing:
    """The gateway recorded everything up to ``ack_seq``; the store has ``acked_seq`` on record."""
    is_full = sent.count >= outgoing.limit_items
    grows = is_full and took_seconds <= GROW_WITHIN_SECONDS
    next_seq = min(ack_seq, sent.last_seq) + 1
    is_resending = outgoing.resend_from is not None and next_seq <= acked_seq
    has_passed = outgoing.bad_until is not None and ack_seq >= outgoing.bad_until
    is_quick = took_seconds <= FIRST_TIME_OUT_SECONDS / 2
    return Outgoing(
        time_out_seconds=FIRST_TIME_OUT_SECONDS if is_quick else outgoing.time_out_seconds,
        limit_items=min(MOST_ITEMS, outgoing.limit_items * 2) if grows else outgoing.limit_items,
        limit_bytes=min(MOST_BYTES, outgoing.limit_bytes * 2) if grows else outgoing.limit_bytes,
        bad_until=None if has_passed else outgoing.bad_until,
        resend_from=next_seq if is_resending else None,
    )


def refused(
    outgoing: Outgoing, sent: Sent, failure: Failure, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    """The batch was not acknowledged: what to change before it goes out again."""
    tried = replace(outgoing, attempts=outgoing.attempts + 1)
    match failure:
        case Unreachable():
            return _later(tried, at, jitter), ()
        case TimedOut() | Refused(status=408):
            return _smaller_and_slower(tried, sent, at, jitter), ()
        case Refused(status=413):
            return _too_large(tried, sent, failure, at, jitter)
        case Refused(status=409):
            return _realign(tried, sent, failure, at, jitter)
        case Refused(status=401 | 403):
            alarm = Alarm("not_recognised", _said(failure))
            stuck, effects = _stuck(tried, alarm, at, jitter)
            return stuck, (RenewIdentity(), *effects)
        case Refused(status=status) if status in _ITEM_FAULTS:
            return _bisect(tried, sent, failure, at, jitter)
        case Refused(status=425 | 429) | Unreadable():
            return _later(tried, at, jitter, failure), ()
        case Refused(status=status) if status >= 500:
            return _later(tried, at, jitter, failure), ()
        case Refused():
            return _stuck(tried, Alarm("gateway_refuses", _said(failure)), at, jitter, failure)
        case Distrusted():
            return _stuck(tried, Alarm("forged_receipt", failure.detail), at, jitter)
        case _:
            assert_never(failure)


def not_recorded(
    outgoing: Outgoing, code: str, detail: str, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    """A well-signed receipt could not be stored here, or acknowledges nothing new."""
    tried = replace(outgoing, attempts=outgoing.attempts + 1)
    return _stuck(tried, Alarm(code, detail), at, jitter)


def link_came_up(outgoing: Outgoing, at: float) -> Outgoing:
    """A new way is a new chance: do not wait out the pauses that the old one earned.

    Pauses that the gateway asked for, or that wait for a person, stay.
    """
    if outgoing.trouble:
        return outgoing
    return replace(outgoing, attempts=0, not_before=min(outgoing.not_before, at))


def _later(
    outgoing: Outgoing, at: float, jitter: float, failure: Failure | None = None
) -> Outgoing:
    pause = pause_seconds(outgoing.attempts, jitter, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
    asked = _retry_after(failure)
    trouble = "gateway_unavailable" if asked > 0 else ""
    return replace(outgoing, not_before=at + max(pause, asked), trouble=trouble)


def _smaller_and_slower(outgoing: Outgoing, sent: Sent, at: float, jitter: float) -> Outgoing:
    """Too much for this line, or a slow gateway: less at a time and more patience."""
    return replace(
        _later(outgoing, at, jitter),
        limit_items=max(1, min(sent.count, outgoing.limit_items) // 2),
        time_out_seconds=min(LONGEST_TIME_OUT_SECONDS, outgoing.time_out_seconds * 2),
    )


def _too_large(
    outgoing: Outgoing, sent: Sent, failure: Refused, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    if sent.count == 1:
        return _found_culprit(outgoing, sent.first_seq, failure, at, jitter)
    return replace(
        outgoing,
        attempts=0,
        not_before=at,
        limit_items=max(1, sent.count // 2),
        limit_bytes=max(LEAST_BYTES, sent.byte_count // 2),
    ), ()


def _bisect(
    outgoing: Outgoing, sent: Sent, failure: Refused, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    if sent.count == 1:
        return _found_culprit(outgoing, sent.first_seq, failure, at, jitter)
    return replace(outgoing, attempts=0, not_before=at, bad_until=sent.last_seq), ()


def _found_culprit(
    outgoing: Outgoing, seq: int, failure: Refused, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    alarm = Alarm("entry_refused", f"entry {seq}: {_said(failure)}")
    stuck, effects = _stuck(replace(outgoing, bad_until=seq), alarm, at, jitter, failure)
    return stuck, (Park(seq, failure.code or f"http_{failure.status}"), *effects)


def _realign(
    outgoing: Outgoing, sent: Sent, failure: Refused, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    """The gateway misses entries before this batch: send those, which we still have.

    A wish that is not for earlier entries cannot be met; neither can a conflict, where the
    gateway holds other bytes under our numbers.
    """
    expected = failure.expected_seq
    if expected is None:
        return _stuck(outgoing, Alarm("journal_conflict", _said(failure)), at, jitter)
    if not 1 <= expected < sent.first_seq:
        detail = f"gateway expects entry {expected} after we sent {sent.first_seq}"
        return _stuck(outgoing, Alarm("journal_out_of_step", detail), at, jitter)
    again = _later(outgoing, at, jitter) if outgoing.attempts > 1 else outgoing
    return replace(again, resend_from=expected, bad_until=None), ()


def _stuck(
    outgoing: Outgoing, alarm: Alarm, at: float, jitter: float, failure: Failure | None = None
) -> tuple[Outgoing, tuple[Effect, ...]]:
    pause = pause_seconds(
        outgoing.attempts, jitter, ALARM_PAUSE_SECONDS, LONGEST_ALARM_PAUSE_SECONDS
    )
    waiting = replace(
        outgoing, not_before=at + max(pause, _retry_after(failure)), trouble=alarm.code
    )
    return waiting, (alarm,)


def _retry_after(failure: Failure | None) -> float:
    if not isinstance(failure, Refused) or failure.retry_after_seconds is None:
        return 0.0
    return min(max(failure.retry_after_seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _said(refused: Refused) -> str:
    return " ".join(filter(None, (f"HTTP {refused.status}", refused.code, refused.detail)))
