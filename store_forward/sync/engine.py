"""The sync engine: what to do next, and what to make of how it ended. Pure.

No clock, randomness or I/O: times (monotonic seconds) and jitter (0 to 1) come in. The shell asks
``decide``, does the one thing it says, and tells ``learn`` how that ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from store_forward.sync import link as links
from store_forward.sync import outgoing as sending
from store_forward.sync import pulls as pulling
from store_forward.sync.link import Link
from store_forward.sync.outcomes import (
    Distrusted,
    Failure,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)
from store_forward.sync.outgoing import Alarm, Effect, Outgoing, RenewIdentity, Sent
from store_forward.sync.pulls import LEASES, Pulls

ATTEMPTS_UNTIL_OFFLINE: Final = 3
"""A gateway that answers and yet does not take facts is not shown as working."""


# --- what the shell can be asked to do ----------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """Ask for the gateway's health."""


@dataclass(frozen=True)
class SendBatch:
    """Send the entries from ``first_seq`` on, as many as the limits allow, at least one."""

    first_seq: int
    max_items: int
    max_bytes: int
    time_out_seconds: float


@dataclass(frozen=True)
class PullReference:
    """Fetch the next page of a reference set."""

    name: str


@dataclass(frozen=True)
class RenewLeases:
    """Top up the slot leases."""


@dataclass(frozen=True)
class Wait:
    """Nothing is due before ``until``."""

    until: float


Action = Probe | SendBatch | PullReference | RenewLeases | Wait


# --- what the shell tells -----------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """When something ended, and a fresh random number from 0 to 1."""

    at: float
    jitter: float


@dataclass(frozen=True)
class Probed:
    """A probe ended; ``failure`` is None when the gateway answered."""

    when: Moment
    failure: Failure | None


@dataclass(frozen=True)
class BatchRecorded:
    """The receipt was verified and is durable here. ``acked_seq``: where our store stands now."""

    when: Moment
    sent: Sent
    ack_seq: int
    acked_seq: int
    took_seconds: float


@dataclass(frozen=True)
class BatchFailed:
    """The batch was not acknowledged."""

    when: Moment
    sent: Sent
    failure: Failure


@dataclass(frozen=True)
class NotRecorded:
    """The receipt is well signed and was not stored: it contradicts our journal, or no room."""

    when: Moment
    sent: Sent
    code: str
    detail: str


@dataclass(frozen=True)
class Pulled:
    """A reference page or the leases are stored. ``is_complete`` False: another page waits."""

    when: Moment
    name: str
    is_complete: bool = True


@dataclass(frozen=True)
class PullFailed:
    """It did not come (``failure``), or came and could not be stored (None, see ``detail``)."""

    when: Moment
    name: str
    failure: Failure | None
    detail: str = ""


@dataclass(frozen=True)
class Stirred:
    """The resting connection was closed by the other side, or by the network."""

    when: Moment


Event = Probed | BatchRecorded | BatchFailed | NotRecorded | Pulled | PullFailed | Stirred


# --- the engine ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """Our journal: acknowledged up to ``acked_seq``, written up to ``head_seq``."""

    acked_seq: int
    head_seq: int


@dataclass(frozen=True)
class State:
    """All the engine remembers; nothing of it needs to outlive the process."""

    link: Link = field(default_factory=Link)
    outgoing: Outgoing = field(default_factory=Outgoing)
    pulls: Pulls = field(default_factory=pulling.first_pulls)
    is_recognised: bool = True
    batch_was_last: bool = False


@dataclass(frozen=True)
class Shown:
    """What the kiosk may say of the network. ``reason`` is a machine word, empty when well."""

    is_online: bool
    reason: str


def shown(state: State) -> Shown:
    """Online only while the gateway answers, knows this kiosk and takes its facts."""
    reason = state.link.reason
    if state.link.is_up and not state.is_recognised:
        reason = "not_recognised"
    elif state.link.is_up and state.outgoing.trouble:
        reason = state.outgoing.trouble
    elif state.link.is_up and state.outgoing.attempts >= ATTEMPTS_UNTIL_OFFLINE:
        reason = "gateway_unavailable"
    return Shown(is_online=not reason, reason=reason)


def decide(state: State, now: float, work: Work) -> Action:
    """Return the one thing to do now. Facts and pulls take turns; probes only fill silence."""
    if not state.link.is_up:
        return Probe() if now >= state.link.probe_at else Wait(state.link.probe_at)
    batch = _next_batch(state.outgoing, work)
    pull, pull_at = pulling.next_pull(state.pulls)
    is_pull_due = now >= pull_at
    has_turn = not (state.batch_was_last and is_pull_due)
    if batch is not None and now >= state.outgoing.not_before and has_turn:
        return batch
    if is_pull_due:
        return RenewLeases() if pull == LEASES else PullReference(pull)
    if now >= state.link.probe_at:
        return Probe()
    dues = [state.link.probe_at, pull_at]
    if batch is not None:
        dues.append(state.outgoing.not_before)
    return Wait(min(dues))


def _next_batch(outgoing: Outgoing, work: Work) -> SendBatch | None:
    first_seq = work.acked_seq + 1
    if outgoing.resend_from is not None:
        first_seq = min(first_seq, outgoing.resend_from)
    if first_seq > work.head_seq:
        return None
    return SendBatch(
        first_seq=first_seq,
        max_items=sending.items_from(outgoing, first_seq),
        max_bytes=outgoing.limit_bytes,
        time_out_seconds=outgoing.time_out_seconds,
    )


def learn(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    """Take in how an action ended; return the new state and what must be done about it."""
    was_up = state.link.is_up
    after, effects = _learn(state, event)
    if after.link.is_up and not was_up:
        after = replace(
            after,
            outgoing=sending.link_came_up(after.outgoing, event.when.at),
            pulls=pulling.link_came_up(after.pulls, event.when.at),
        )
    return after, effects


def _learn(state: State, event: Event) -> tuple[State, tuple[Effect, ...]]:
    at, jitter = event.when.at, event.when.jitter
    match event:
        case Stirred():
            return replace(state, link=links.stirred(state.link, at)), ()
        case Probed():
            if event.failure is None:
                return replace(state, link=links.answered(state.link, at)), ()
            return replace(state, link=links.failed(state.link, event.failure, at, jitter)), ()
        case BatchRecorded():
            return _batch_recorded(state, event)
        case BatchFailed():
            touched = replace(_touch(state, event.failure, event.when), batch_was_last=True)
            outgoing, effects = sending.refused(
                state.outgoing, event.sent, event.failure, at, jitter
            )
            return replace(touched, outgoing=outgoing), effects
        case NotRecorded():
            heard = replace(_heard(state, at), batch_was_last=True)
            outgoing, effects = sending.not_recorded(
                state.outgoing, event.code, event.detail, at, jitter
            )
            return replace(heard, outgoing=outgoing), effects
        case Pulled():
            heard = replace(_heard(state, at), batch_was_last=False)
            pulls = pulling.pulled(state.pulls, event.name, event.is_complete, at, jitter)
            return replace(heard, pulls=pulls), ()
        case PullFailed():
            return _pull_failed(state, event)
        case _:
            assert_never(event)


def _batch_recorded(state: State, event: BatchRecorded) -> tuple[State, tuple[Effect, ...]]:
    at, jitter = event.when.at, event.when.jitter
    heard = replace(_heard(state, at), batch_was_last=True)
    if event.ack_seq < event.sent.first_seq:
        detail = f"receipt acknowledges {event.ack_seq} after we sent from {event.sent.first_seq}"
        outgoing, effects = sending.not_recorded(state.outgoing, "no_progress", detail, at, jitter)
        return replace(heard, outgoing=outgoing), effects
    outgoing = sending.acknowledged(
        state.outgoing, event.sent, event.ack_seq, event.acked_seq, event.took_seconds
    )
    return replace(heard, outgoing=outgoing, pulls=pulling.facts_were_sent(heard.pulls, at)), ()


def _pull_failed(state: State, event: PullFailed) -> tuple[State, tuple[Effect, ...]]:
    at, jitter = event.when.at, event.when.jitter
    effects: tuple[Effect, ...] = ()
    if event.failure is None:
        touched = _heard(state, at)
        effects = (Alarm("unusable_reference", f"{event.name}: {event.detail}"),)
    else:
        touched = _touch(state, event.failure, event.when)
        if isinstance(event.failure, Refused) and event.failure.status in (401, 403):
            effects = (RenewIdentity(), Alarm("not_recognised", event.failure.detail))
    pulls = pulling.pull_failed(state.pulls, event.name, at, jitter, event.failure)
    return replace(touched, pulls=pulls, batch_was_last=False), effects


def _heard(state: State, at: float) -> State:
    """A signed request was answered as it should be."""
    return replace(state, link=links.answered(state.link, at), is_recognised=True)


def _touch(state: State, failure: Failure, when: Moment) -> State:
    """What a failed signed request says about the way and about who we are.

    A refusal is an answer, but not one that shows the gateway as working: the link is left as it
    is and probed as usual.
    """
    match failure:
        case Refused(status=401 | 403):
            return replace(state, is_recognised=False)
        case Refused() | Unreadable() | Distrusted():
            return state
        case Unreachable() | TimedOut():
            return replace(state, link=links.failed(state.link, failure, when.at, when.jitter))
        case _:
            assert_never(failure)
