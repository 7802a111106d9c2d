"""What the next batch is, and when. Pure; times are monotonic seconds.

Nothing is ever dropped. An entry that the gateway refuses on its own is found by halving and
parked: its lane waits, nothing else does, and it is offered again, alone and at a slow pace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from store_forward.store.sending.outbox import Waiting
from store_forward.sync.lanes import pick
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

BLAMELESS: Final = frozenset({404, 405, 406, 407, 410, 411, 415, 421, 426, 431})
"""Client errors (RFC 9110 section 15.5, RFC 6585) about how a request came – path, method,
headers, host – and not about what is in it."""

FIRST_OFFER_SECONDS: Final = 60.0
LONGEST_OFFER_SECONDS: Final = 3_600.0
"""Pauses between two offers of the same parked entry."""

CULPRITS_UNTIL_DOUBT: Final = 3
"""So many refused entries in a row, with nothing accepted between, speak against the gateway rather
than against the entries: from there on each one more is waited for longer and longer."""


@dataclass(frozen=True)
class Sent:
    """A batch that went out. ``is_offer``: a parked entry, alone."""

    seqs: tuple[int, ...]
    byte_count: int
    is_offer: bool = False

    @property
    def count(self) -> int:
        """Number of entries in it."""
        return len(self.seqs)


@dataclass(frozen=True)
class Park:
    """Note that the gateway refuses this entry by itself: its lane waits."""

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

    ``suspects``: some of these made the gateway refuse a batch; halve until it is found.
    ``culprits``: entries found so in a row, with nothing accepted between.
    ``fallbacks``: how often in a row the gateway turned out to have lost entries.
    ``trouble`` is a machine word, empty while all is well.
    """

    limit_items: int = FIRST_ITEMS
    limit_bytes: int = MOST_BYTES
    not_before: float = 0.0
    attempts: int = 0
    time_out_seconds: float = FIRST_TIME_OUT_SECONDS
    suspects: tuple[int, ...] = ()
    culprits: int = 0
    fallbacks: int = 0
    trouble: str = ""


def pause_seconds(attempts: int, jitter: float, first: float, longest: float) -> float:
    """Exponential back-off, spread over its upper half so that kiosks do not call in step."""
    doubled = first * 2.0 ** min(attempts - 1, 16)
    return min(doubled, longest) * (1 + jitter) / 2


def next_batch(outgoing: Outgoing, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """Return the entries to send now, of those that may go; ascending."""
    suspected = frozenset(outgoing.suspects)
    suspects = [each for each in waiting if each.seq in suspected] if suspected else []
    if not suspects:
        return pick(waiting, outgoing.limit_items, outgoing.limit_bytes)
    # The beginning of what was sent keeps lanes and causes in order, as the whole did.
    most = min(outgoing.limit_items, max(1, len(suspects) // 2))
    chosen: list[Waiting] = []
    room = outgoing.limit_bytes
    for each in suspects[:most]:
        room -= each.size
        if chosen and room < 0:
            break
        chosen.append(each)
    return tuple(chosen)


def offer_at(attempts: int, refused_at: float) -> float:
    """When a parked entry is offered again, after so many refusals."""
    pause = pause_seconds(attempts, 1.0, FIRST_OFFER_SECONDS, LONGEST_OFFER_SECONDS)
    return refused_at + pause


def acknowledged(outgoing: Outgoing, sent: Sent, took_seconds: float) -> Outgoing:
    """The gateway recorded the batch."""
    grows = sent.count >= outgoing.limit_items and took_seconds <= GROW_WITHIN_SECONDS
    is_quick = took_seconds <= FIRST_TIME_OUT_SECONDS / 2
    return Outgoing(
        time_out_seconds=FIRST_TIME_OUT_SECONDS if is_quick else outgoing.time_out_seconds,
        limit_items=min(MOST_ITEMS, outgoing.limit_items * 2) if grows else outgoing.limit_items,
        limit_bytes=min(MOST_BYTES, outgoing.limit_bytes * 2) if grows else outgoing.limit_bytes,
        suspects=tuple(seq for seq in outgoing.suspects if seq not in sent.seqs),
    )


def fell_back(
    outgoing: Outgoing, before: Outgoing, acked_seq: int, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    """The gateway has less than it had: it was restored from a backup. Send that again.

    Once at once; again and again only with growing pauses.
    """
    alarm = Alarm("gateway_lost_entries", f"sending again from entry {acked_seq + 1}")
    tried = replace(outgoing, fallbacks=before.fallbacks + 1, suspects=())
    if tried.fallbacks == 1:
        return tried, (alarm,)
    return _stuck(replace(tried, attempts=before.fallbacks), alarm, at, jitter)


def refused(
    outgoing: Outgoing, sent: Sent, failure: Failure, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    """The batch was not acknowledged: what to change before it goes out again."""
    tried = replace(outgoing, attempts=outgoing.attempts + 1)
    match failure:
        case Unreachable():
            return _later(tried, at, jitter), ()
        case TimedOut() | Refused(status=408):
            return _smaller_and_slower(tried, sent, failure, at, jitter), ()
        case Refused(status=413):
            return _too_large(tried, sent, failure, at, jitter)
        case Refused(status=409):
            return _stuck(tried, _contradiction(failure), at, jitter)
        case Refused(status=401 | 403):
            alarm = Alarm("not_recognised", _said(failure))
            stuck, effects = _stuck(tried, alarm, at, jitter)
            return stuck, (RenewIdentity(), *effects)
        case Refused(status=425 | 429) | Unreadable():
            return _later(tried, at, jitter, failure), ()
        case Refused(status=status) if status >= 500:
            return _later(tried, at, jitter, failure), ()
        case Refused(status=status) if status >= 400 and status not in BLAMELESS:
            return _bisect(tried, sent, failure, at, jitter)
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


def _smaller_and_slower(
    outgoing: Outgoing, sent: Sent, failure: Failure, at: float, jitter: float
) -> Outgoing:
    """Too much for this line, or a slow gateway: less at a time and more patience."""
    return replace(
        _later(outgoing, at, jitter, failure),
        limit_items=max(1, min(sent.count, outgoing.limit_items) // 2),
        time_out_seconds=min(LONGEST_TIME_OUT_SECONDS, outgoing.time_out_seconds * 2),
    )


def _too_large(
    outgoing: Outgoing, sent: Sent, failure: Refused, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    if sent.count == 1:
        return _found_culprit(outgoing, sent, failure, at, jitter)
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
        return _found_culprit(outgoing, sent, failure, at, jitter)
    return replace(outgoing, attempts=0, not_before=at, suspects=sent.seqs), ()


def _found_culprit(
    outgoing: Outgoing, sent: Sent, failure: Refused, at: float, jitter: float
) -> tuple[Outgoing, tuple[Effect, ...]]:
    """Park it and go on with the others at once, unless everything seems to be refused."""
    (seq,) = sent.seqs
    park = Park(seq, failure.code or f"http_{failure.status}")
    alarm = Alarm("entry_refused", f"entry {seq}: {_said(failure)}")
    if sent.is_offer:
        return replace(outgoing, attempts=0, not_before=at), (park,)
    culprits = outgoing.culprits + 1
    found = replace(outgoing, attempts=0, not_before=at, suspects=(), culprits=culprits)
    if culprits < CULPRITS_UNTIL_DOUBT:
        return found, (park, alarm)
    tried = replace(found, attempts=culprits - CULPRITS_UNTIL_DOUBT + 1)
    doubt = Alarm("gateway_refuses", f"{culprits} entries in a row, {_said(failure)}")
    stuck, effects = _stuck(tried, doubt, at, jitter, failure)
    return stuck, (park, alarm, *effects)


def _contradiction(refused: Refused) -> Alarm:
    """The gateway holds other bytes under our numbers, or another machine goes on for us."""
    code = "fenced" if refused.code == "fenced" else "journal_conflict"
    return Alarm(code, _said(refused))


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
