"""Whether the gateway can be reached, with hysteresis. Pure; times are monotonic seconds."""

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

FAILURES_TO_GO_DOWN: Final = 2
SILENCE_TO_GO_DOWN_SECONDS: Final = 6.0
SUCCESSES_TO_COME_UP: Final = 2

PROBE_UP_SECONDS: Final = 5.0
"""Any answer counts as a probe, so a busy link is never probed."""

PROBE_AGAIN_SECONDS: Final = 0.5
"""One answer or one failure is doubted: look again soon."""

PROBE_DOWN_SECONDS: Final = 2.5
"""Longest pause between probes while down: with time-out and second success, a returning
network is shown within about five seconds."""


@dataclass(frozen=True)
class Link:
    """What is known of the way to the gateway. ``reason`` is empty while it is up."""

    is_up: bool = False
    reason: str = "starting"
    successes: int = SUCCESSES_TO_COME_UP - 1
    """At the start nothing speaks against the first answer."""
    failures: int = 0
    last_contact_at: float | None = None
    probe_at: float = 0.0


def answered(link: Link, at: float) -> Link:
    """The gateway answered."""
    successes = link.successes + 1
    is_up = link.is_up or successes >= SUCCESSES_TO_COME_UP
    return Link(
        is_up=is_up,
        reason="" if is_up else link.reason,
        successes=successes,
        failures=0,
        last_contact_at=at,
        probe_at=at + (PROBE_UP_SECONDS if is_up else PROBE_AGAIN_SECONDS),
    )


def failed(link: Link, failure: Failure, at: float, jitter: float) -> Link:
    """A request got no proper answer. ``jitter`` is from 0 to 1."""
    failures = link.failures + 1
    silent = at - link.last_contact_at if link.last_contact_at is not None else 0.0
    is_down = (
        not link.is_up
        or failures >= FAILURES_TO_GO_DOWN
        or silent >= SILENCE_TO_GO_DOWN_SECONDS
        or (isinstance(failure, Unreachable) and failure.obstacle.is_certain)
    )
    pause = PROBE_AGAIN_SECONDS
    if is_down and not link.is_up:
        pause = PROBE_DOWN_SECONDS * (1 + jitter) / 2
    return replace(
        link,
        is_up=not is_down,
        reason=reason_of(failure) if is_down else "",
        successes=0,
        failures=failures,
        probe_at=at + pause,
    )


def stirred(link: Link, at: float) -> Link:
    """Something happened on the resting connection, probably its end: look now."""
    return replace(link, probe_at=min(link.probe_at, at)) if link.is_up else link


def reason_of(failure: Failure) -> str:
    """Return the machine word for a failure."""
    match failure:
        case Unreachable():
            return failure.obstacle.value
        case TimedOut():
            return "no_answer"
        case Refused(status=401 | 403):
            return "not_recognised"
        case Refused(status=status) if status >= 500:
            return "gateway_unavailable"
        case Refused():
            return "gateway_refuses"
        case Unreadable():
            return "unreadable_answer"
        case Distrusted():
            return "forged_receipt"
        case _:
            assert_never(failure)
