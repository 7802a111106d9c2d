"""When to ask the gateway for what it has for us, and to tell it what is not in the journal: its
mark, slot leases, reference sets, exceptions, decisions. Pure; times are monotonic seconds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from store_forward.sync.outcomes import Failure, Refused
from store_forward.sync.outgoing import LONGEST_RETRY_AFTER_SECONDS, pause_seconds

REFERENCE_SETS: Final = ("departments", "doctors", "schedules")
LEASES: Final = "leases"
MARK: Final = "mark"
"""How far the gateway has our journal: asked at each first contact, before anything is sent."""
REPORT: Final = "exceptions"
RESOLUTIONS: Final = "resolutions"
ALWAYS: Final = (LEASES, *REFERENCE_SETS, MARK)

EVERY_SECONDS: Final = 60.0
SPREAD_SECONDS: Final = 6.0
"""Kiosks that started together drift apart by up to this much each round."""

LEASES_APART_SECONDS: Final = 10.0
"""Shortest time between two lease renewals that sales ask for."""

MARK_APART_SECONDS: Final = 60.0
"""How soon the mark is asked again while it contradicts our journal."""

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Pull:
    """One thing to fetch: when next, how often it failed in a row, when it last succeeded."""

    due_at: float = 0.0
    attempts: int = 0
    done_at: float | None = None


Pulls = Mapping[str, Pull]


def first_pulls() -> Pulls:
    """Everything is due at once; leases first, because they let the kiosk sell without network."""
    return {name: Pull() for name in (LEASES, *REFERENCE_SETS, MARK, REPORT, RESOLUTIONS)}


def next_pull(pulls: Pulls, names: Collection[str] = ALWAYS) -> tuple[str, float]:
    """Return which of these is due first, and when."""
    name = min((each for each in pulls if each in names), key=lambda each: pulls[each].due_at)
    return name, pulls[name].due_at


def pulled(pulls: Pulls, name: str, is_complete: bool, at: float, jitter: float) -> Pulls:
    """It came; more of the same waits at the gateway unless ``is_complete``."""
    if name == MARK:
        pause = math.inf
    elif name == REPORT:
        pause = 0.0  # as soon as there is something to tell
    else:
        pause = EVERY_SECONDS - SPREAD_SECONDS * jitter if is_complete else 0.0
    return {**pulls, name: Pull(due_at=at + pause, done_at=at)}


def pull_failed(
    pulls: Pulls, name: str, at: float, jitter: float, failure: Failure | None = None
) -> Pulls:
    """It did not come, or could not be stored: later."""
    attempts = pulls[name].attempts + 1
    pause = pause_seconds(attempts, jitter, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
    if isinstance(failure, Refused) and failure.retry_after_seconds is not None:
        pause = max(pause, min(failure.retry_after_seconds, LONGEST_RETRY_AFTER_SECONDS))
    return {**pulls, name: replace(pulls[name], due_at=at + pause, attempts=attempts)}


def facts_were_sent(pulls: Pulls, at: float) -> Pulls:
    """Something was sold or given back: leases may need topping up before their round."""
    leases = pulls[LEASES]
    soonest = at if leases.done_at is None else max(at, leases.done_at + LEASES_APART_SECONDS)
    return {**pulls, LEASES: replace(leases, due_at=min(leases.due_at, soonest))}


def link_came_up(pulls: Pulls, at: float) -> Pulls:
    """What failed on the old way is tried at once on the new one, and the mark is asked anew."""
    return {
        name: replace(pull, due_at=min(pull.due_at, at), attempts=0)
        if pull.attempts or name == MARK
        else pull
        for name, pull in pulls.items()
    }


def reconnected(pulls: Pulls, at: float) -> Pulls:
    """The connection broke: behind the next one may be a gateway restored from a backup."""
    return {**pulls, MARK: replace(pulls[MARK], due_at=min(pulls[MARK].due_at, at))}


def is_mark_known(pulls: Pulls) -> bool:
    """Whether the gateway's mark was told on this way to it. Until then nothing is sent: what
    follows from an entry must not arrive at a gateway that has lost that entry."""
    return pulls[MARK].done_at is not None and pulls[MARK].attempts == 0


def mark_wanted(pulls: Pulls, at: float) -> Pulls:
    """Something speaks for asking how far the gateway has our journal; not all the time."""
    soonest = at + MARK_APART_SECONDS
    return {**pulls, MARK: replace(pulls[MARK], due_at=min(pulls[MARK].due_at, soonest))}
