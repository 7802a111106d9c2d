"""The sync engine: what to do next, and what to make of how it ended. Pure.

No clock, randomness or I/O: times (monotonic seconds) and jitter (0 to 1) come in. The shell asks
``decide``, does the one thing it says, and tells ``learn`` how that ended.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from store_forward.store.sending.marks import Step
from store_forward.store.sending.outbox import Waiting
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
from store_forward.sync.outgoing import Alarm, Effect, Outgoing, RenewIdentity
from store_forward.sync.pulls import MARK, REPORT, RESOLUTIONS, Pulls
from store_forward.sync.steps import (
    Action,
    AskMark,
    BatchFailed,
    BatchRecorded,
    Event,
    FetchResolutions,
    MarkTaken,
    Moment,
    NotRecorded,
    Probe,
    Probed,
    Pulled,
    PullFailed,
    Pulling,
    PullReference,
    RenewLeases,
    ReportExceptions,
    SendBatch,
    Stirred,
    Wait,
    Work,
)

_STEP_OF_TROUBLE: Final = {"journal_conflict": Step.OTHER_CHAIN, "fenced": Step.FENCED}

RECEIPT_MISFIT: Final = "receipt_misfit"
"""Code of a well-signed receipt that contradicts our journal."""

ATTEMPTS_UNTIL_OFFLINE: Final = 3
"""A gateway that answers and yet does not take facts is not shown as working."""


@dataclass(frozen=True)
class State:
    """All the engine remembers; nothing of it needs to outlive the process.

    ``step`` is how our journal stood to the gateway's newest mark, ``fenced_seq`` where that ends
    our journal; ``is_genuine``: that one, or the answer that came in place of it, was signed by
    the gateway. ``refused_step`` is what the refusal of a batch said, until one is recorded.
    """

    link: Link = field(default_factory=Link)
    outgoing: Outgoing = field(default_factory=Outgoing)
    pulls: Pulls = field(default_factory=pulling.first_pulls)
    is_recognised: bool = True
    batch_was_last: bool = False
    step: Step = Step.IN_STEP
    fenced_seq: int | None = None
    refused_step: Step = Step.IN_STEP
    is_genuine: bool = True


@dataclass(frozen=True)
class Shown:
    """What the kiosk may say of the network. ``reason`` is a machine word, empty when well.

    ``journal``: nothing may be sold from a journal that the gateway contradicts.
    """

    is_online: bool
    reason: str
    journal: Step = Step.IN_STEP


def shown(state: State) -> Shown:
    """Online only while the gateway answers, knows this kiosk and takes its facts."""
    reason = state.link.reason
    step = _step(state)
    if state.link.is_up and not state.is_recognised:
        reason = "not_recognised"
    elif state.link.is_up and not state.is_genuine:
        reason = "forged_answer"
    elif state.link.is_up and step:
        reason = step.value
    elif state.link.is_up and state.outgoing.trouble:
        reason = state.outgoing.trouble
    elif state.link.is_up and _fails(state):
        reason = "gateway_unavailable"
    return Shown(is_online=not reason, reason=reason, journal=step)


def _fails(state: State) -> bool:
    attempts = max(state.outgoing.attempts, state.pulls[MARK].attempts)
    return attempts >= ATTEMPTS_UNTIL_OFFLINE


def _step(state: State) -> Step:
    """A mark can contradict our journal, and so can the refusal of a batch."""
    return state.refused_step if state.step is Step.IN_STEP else state.step


def decide(state: State, now: float, work: Work) -> Action:
    """Return the one thing to do now.

    The mark comes before all facts. Facts and pulls take turns; probes only fill silence.
    """
    if not state.link.is_up:
        return Probe() if now >= state.link.probe_at else Wait(state.link.probe_at)
    if now >= state.pulls[MARK].due_at:
        return AskMark()
    batch, batch_at = _next_batch(state, now, work)
    pull, pull_at = pulling.next_pull(state.pulls, _wanted(work))
    is_pull_due = now >= pull_at
    has_turn = not (state.batch_was_last and is_pull_due)
    if batch is not None and now >= batch_at and has_turn:
        return batch
    if is_pull_due:
        return _pulling(pull)
    if now >= state.link.probe_at:
        return Probe()
    return Wait(min(state.link.probe_at, pull_at, batch_at))


def _wanted(work: Work) -> tuple[str, ...]:
    told = (REPORT,) if work.unreported else ()
    asked = (RESOLUTIONS,) if work.undecided else ()
    return (*pulling.ALWAYS, *told, *asked)


def _pulling(name: str) -> Pulling:
    match name:
        case pulling.LEASES:
            return RenewLeases()
        case pulling.REPORT:
            return ReportExceptions()
        case pulling.RESOLUTIONS:
            return FetchResolutions()
        case pulling.MARK:
            return AskMark()
        case _:
            return PullReference(name)


def _next_batch(state: State, now: float, work: Work) -> tuple[SendBatch | None, float]:
    """Return the next batch and when it may go; parked entries only when nothing else waits."""
    outgoing = state.outgoing
    if state.step in (Step.ROLLED_BACK, Step.OTHER_CHAIN):
        return None, math.inf  # every entry would be refused; a person and the next start decide
    if not pulling.is_mark_known(state.pulls):
        return None, math.inf
    if work.waiting:
        if now < outgoing.not_before:  # the choice costs time: not before it is needed
            return None, outgoing.not_before
        chosen = sending.next_batch(outgoing, _still_taken(state, work.waiting))
        seqs = tuple(each.seq for each in chosen)
        return SendBatch(seqs, outgoing.time_out_seconds), outgoing.not_before
    if not work.offers:
        return None, math.inf
    first = min(work.offers, key=lambda each: sending.offer_at(each.attempts, each.refused_at))
    due = max(sending.offer_at(first.attempts, first.refused_at), outgoing.not_before)
    return SendBatch((first.entry.seq,), outgoing.time_out_seconds, is_offer=True), due


def _still_taken(state: State, waiting: Sequence[Waiting]) -> Sequence[Waiting]:
    """Of an ended journal, what lies before its end goes first: one entry beyond it in the batch,
    and the gateway takes none. Beyond it all is offered, and refused, so that the HIS knows."""
    end = state.fenced_seq
    if end is None:
        return waiting
    return [each for each in waiting if each.seq <= end] or waiting


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
            pulls = pulling.reconnected(state.pulls, at)
            return replace(state, link=links.stirred(state.link, at), pulls=pulls), ()
        case Probed():
            if event.failure is None:
                return replace(state, link=links.answered(state.link, at)), ()
            failed = links.failed(state.link, event.failure, at, jitter)
            return replace(state, link=failed, pulls=pulling.reconnected(state.pulls, at)), ()
        case BatchRecorded():
            return _batch_recorded(state, event)
        case BatchFailed():
            touched = replace(_touch(state, event.failure, event.when), batch_was_last=True)
            outgoing, effects = sending.refused(
                state.outgoing, event.sent, event.failure, at, jitter
            )
            touched = replace(touched, outgoing=outgoing)
            step = _STEP_OF_TROUBLE.get(outgoing.trouble)
            if step is None:
                return touched, effects  # a contradiction outlasts other failures
            pulls = pulling.mark_wanted(touched.pulls, at)
            return replace(touched, pulls=pulls, refused_step=step), effects
        case NotRecorded():
            heard = replace(_heard(state, at), batch_was_last=True)
            outgoing, effects = sending.not_recorded(
                state.outgoing, event.code, event.detail, at, jitter
            )
            # It may come from a twin of this disk that the gateway has heard more of meanwhile.
            is_misfit = event.code == RECEIPT_MISFIT
            pulls = pulling.mark_wanted(heard.pulls, at) if is_misfit else heard.pulls
            return replace(heard, outgoing=outgoing, pulls=pulls), effects
        case Pulled():
            heard = replace(_heard(state, at), batch_was_last=False)
            pulls = pulling.pulled(state.pulls, event.name, event.is_complete, at, jitter)
            return replace(heard, pulls=pulls), ()
        case PullFailed():
            return _pull_failed(state, event)
        case MarkTaken():
            return _mark_taken(state, event)
        case _:
            assert_never(event)


def _batch_recorded(state: State, event: BatchRecorded) -> tuple[State, tuple[Effect, ...]]:
    at, jitter = event.when.at, event.when.jitter
    outgoing = sending.acknowledged(state.outgoing, event.sent, event.took_seconds)
    effects: tuple[Effect, ...] = ()
    if event.has_fallen_back:
        outgoing, effects = sending.fell_back(outgoing, state.outgoing, event.acked_seq, at, jitter)
    heard = replace(_heard(state, at), batch_was_last=True, outgoing=outgoing)
    heard = replace(heard, refused_step=Step.IN_STEP)
    return replace(heard, pulls=pulling.facts_were_sent(heard.pulls, at)), effects


def _mark_taken(state: State, event: MarkTaken) -> tuple[State, tuple[Effect, ...]]:
    at, jitter = event.when.at, event.when.jitter
    pulls = pulling.pulled(state.pulls, MARK, True, at, jitter)
    effects: tuple[Effect, ...] = ()
    if event.step:
        pulls = pulling.mark_wanted(pulls, at)
        effects = (Alarm(event.step.value, event.detail),)
    elif event.has_fallen_back:
        effects = (Alarm("gateway_lost_entries", event.detail),)
    heard = replace(_heard(state, at), is_genuine=True)
    return replace(heard, pulls=pulls, step=event.step, fenced_seq=event.fenced_seq), effects


def _pull_failed(state: State, event: PullFailed) -> tuple[State, tuple[Effect, ...]]:
    at, jitter = event.when.at, event.when.jitter
    effects: tuple[Effect, ...] = ()
    if event.failure is None:
        touched = _heard(state, at)
        effects = (Alarm("unusable_answer", f"{event.name}: {event.detail}"),)
    else:
        touched = _touch(state, event.failure, event.when)
        if isinstance(event.failure, Distrusted):
            effects = (Alarm("forged_answer", f"{event.name}: {event.failure.detail}"),)
            touched = replace(touched, is_genuine=touched.is_genuine and event.name != MARK)
        if isinstance(event.failure, Refused) and event.failure.status in (401, 403):
            effects = (RenewIdentity(), Alarm("not_recognised", event.failure.detail))
    pulls = pulling.pull_failed(touched.pulls, event.name, at, jitter, event.failure)
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
            return replace(
                state,
                link=links.failed(state.link, failure, when.at, when.jitter),
                pulls=pulling.reconnected(state.pulls, when.at),
            )
        case _:
            assert_never(failure)
