"""When to start, kill and give up on the worker of one peripheral. Pure: no clock, no processes.

The ladder: start again at once with a short pause, then with growing pauses, then out of service
with a reason. Out of service is not the end: the worker is still tried at a slow pace, and at once
when the port appears again or staff ask for it. At no time are two workers of one port alive: a new
one is spawned only after the exit of the old one has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from devices.messages import DeviceState


@dataclass(frozen=True)
class RestartLimits:
    """Times of the ladder, in seconds.

    ``hang``: longest silence of a running worker. ``start_up``: longest time to the first sign of
    life. ``kill_again``: a kill that showed no effect is repeated. ``first_pause`` doubles with
    each failure in ``window`` up to ``longest_pause``; ``failures_allowed`` of them mean out of
    service, tried again every ``slow_pause``. A port may call for an immediate start only
    ``appearances_allowed`` times in ``window``: a flapping plug must not burn the processor.
    ``jitter``: share of each pause that is left to chance, so that kiosks do not march in step.
    """

    hang: float = 3.0
    start_up: float = 10.0
    kill_again: float = 5.0
    first_pause: float = 0.25
    longest_pause: float = 15.0
    window: float = 120.0
    failures_allowed: int = 6
    slow_pause: float = 60.0
    appearances_allowed: int = 10
    jitter: float = 0.25


class Phase(StrEnum):
    """Where the worker process is."""

    WAITING = "waiting"  # no process; one will be spawned at ``wake_at``
    STARTING = "starting"  # spawned, no sign of life yet
    RUNNING = "running"
    ENDING = "ending"  # killed, or has said that its port is gone; exit not yet seen
    CLOSED = "closed"  # the supervisor itself is ending; nothing is spawned any more


@dataclass(frozen=True)
class PolicyState:
    """Everything the policy remembers. ``wake_at``: when ``Elapsed`` is due next."""

    phase: Phase = Phase.WAITING
    wake_at: float | None = None
    failures: tuple[float, ...] = ()
    appearances: tuple[float, ...] = ()
    restarts: int = 0
    has_process: bool = False
    hurry: bool = False
    up_since: float | None = None
    reason: str = ""
    state: DeviceState = DeviceState.STARTING
    out_of_service: bool = False


# --- what happened ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begin:
    """The supervisor starts to look after this peripheral."""


@dataclass(frozen=True)
class Heard:
    """Any sign of life from the worker's loop."""


@dataclass(frozen=True)
class LinkGone:
    """The worker says that its port is gone."""

    reason: str
    port_exists: bool


@dataclass(frozen=True)
class Misbehaved:
    """The worker breaks the rules of its pipe, for example floods it."""

    reason: str


@dataclass(frozen=True)
class Exited:
    """The process has ended and was reaped; ``how`` in words ("exit code 1", "killed by …")."""

    how: str


@dataclass(frozen=True)
class PortAppeared:
    """The device node has come (back)."""


@dataclass(frozen=True)
class StaffReset:
    """Staff want a fresh start now."""


@dataclass(frozen=True)
class Elapsed:
    """``wake_at`` has come (a little early or late is fine)."""


@dataclass(frozen=True)
class Close:
    """The supervisor is ending; it sees to the running process itself."""


Happening = (
    Begin | Heard | LinkGone | Misbehaved | Exited | PortAppeared | StaffReset | Elapsed | Close
)

# --- what to do ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spawn:
    """Start the worker process."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL the worker process."""

    reason: str


@dataclass(frozen=True)
class Report:
    """The peripheral's state as the supervisor sees it; the worker's own words come after it."""

    state: DeviceState
    reason: str


Action = Spawn | Kill | Report
Decision = tuple[PolicyState, tuple[Action, ...]]


def step(
    state: PolicyState, event: Happening, now: float, chance: float, limits: RestartLimits
) -> Decision:
    """Decide what follows from ``event`` at ``now`` (monotonic seconds).

    ``chance`` is a fresh random number in [0, 1); the caller draws it so that this stays pure.
    """
    if state.phase is Phase.CLOSED:
        return (replace(state, has_process=False) if isinstance(event, Exited) else state), ()
    match event:
        case Begin():
            return _spawn(state, now, limits)
        case Heard():
            return _heard(state, now, limits)
        case LinkGone(reason, port_exists):
            return _link_gone(state, reason, port_exists, now, limits)
        case Misbehaved(reason):
            return _kill(state, reason, now, limits)
        case Exited(how):
            return _exited(state, how, now, chance, limits)
        case PortAppeared():
            return _port_appeared(state, now, limits)
        case StaffReset():
            return _staff_reset(state, now, limits)
        case Elapsed():
            return _elapsed(state, now, limits)
        case Close():
            return replace(state, phase=Phase.CLOSED, wake_at=None), ()
        case _:
            assert_never(event)


def _spawn(state: PolicyState, now: float, limits: RestartLimits) -> Decision:
    if state.has_process:
        return state, ()
    after = replace(
        state,
        phase=Phase.STARTING,
        wake_at=now + limits.start_up,
        has_process=True,
        hurry=False,
        up_since=None,
        reason="",
    )
    if state.out_of_service:
        return after, (Spawn(),)  # the reported reason stands until there is a sign of life
    return _reporting(after, DeviceState.STARTING, state.reason, (Spawn(),))


def _heard(state: PolicyState, now: float, limits: RestartLimits) -> Decision:
    if state.phase not in (Phase.STARTING, Phase.RUNNING):
        return state, ()
    up_since = now if state.up_since is None else state.up_since
    after = replace(state, phase=Phase.RUNNING, wake_at=now + limits.hang, up_since=up_since)
    return after, ()


def _link_gone(
    state: PolicyState, reason: str, port_exists: bool, now: float, limits: RestartLimits
) -> Decision:
    if state.phase not in (Phase.STARTING, Phase.RUNNING):
        return state, ()
    # Absent and unreachable are different calls for staff: plug it in, or look at it.
    word = DeviceState.OFFLINE if port_exists else DeviceState.NO_DEVICE
    after = replace(state, phase=Phase.ENDING, wake_at=now + limits.hang, reason=reason)
    return _reporting(after, word, reason)


def _kill(state: PolicyState, reason: str, now: float, limits: RestartLimits) -> Decision:
    if not state.has_process or state.phase is Phase.ENDING:
        return state, ()
    after = replace(state, phase=Phase.ENDING, wake_at=now + limits.kill_again, reason=reason)
    return _reporting(after, DeviceState.OFFLINE, reason, (Kill(reason),))


def _exited(
    state: PolicyState, how: str, now: float, chance: float, limits: RestartLimits
) -> Decision:
    if not state.has_process:
        return state, ()
    reason = state.reason or f"worker ended: {how}"
    failures = (*_recent(state.failures, now, limits), now)[-limits.failures_allowed :]
    was_stable = state.up_since is not None and now - state.up_since >= limits.window
    out = len(failures) >= limits.failures_allowed or (state.out_of_service and not was_stable)
    is_absent = state.phase is Phase.ENDING and state.state is DeviceState.NO_DEVICE
    word = DeviceState.NO_DEVICE if is_absent else DeviceState.OFFLINE
    if out:
        word = DeviceState.NO_DEVICE if is_absent else DeviceState.HARDWARE_ERROR
        reason = f"out of service: {reason}"
    pause = 0.0 if state.hurry else _pause(len(failures), is_absent, out, chance, limits)
    after = replace(
        state,
        phase=Phase.WAITING,
        wake_at=now + pause,
        failures=failures,
        restarts=state.restarts + 1,
        has_process=False,
        hurry=False,
        reason=reason,
        out_of_service=out,
    )
    return _reporting(after, word, reason)


def _port_appeared(state: PolicyState, now: float, limits: RestartLimits) -> Decision:
    appearances = (*_recent(state.appearances, now, limits), now)[
        -(limits.appearances_allowed + 1) :
    ]
    after = replace(state, appearances=appearances)
    if len(appearances) > limits.appearances_allowed:
        return after, ()  # flapping: the back-off decides, not the plug
    match state.phase:
        case Phase.WAITING:
            return _spawn(after, now, limits)
        case Phase.ENDING:
            return replace(after, hurry=True), ()
        case Phase.STARTING | Phase.RUNNING | Phase.CLOSED:
            return after, ()
        case _:
            assert_never(state.phase)


def _staff_reset(state: PolicyState, now: float, limits: RestartLimits) -> Decision:
    fresh = replace(state, failures=(), appearances=(), out_of_service=False)
    if not state.has_process:
        return _spawn(fresh, now, limits)
    fresh = replace(fresh, hurry=True)
    if state.phase is Phase.ENDING:
        return fresh, ()
    return _kill(fresh, "reset by staff", now, limits)


def _elapsed(state: PolicyState, now: float, limits: RestartLimits) -> Decision:
    if state.wake_at is None or now < state.wake_at:
        return state, ()
    match state.phase:
        case Phase.WAITING:
            return _spawn(state, now, limits)
        case Phase.STARTING:
            return _kill(state, f"no sign of life {limits.start_up:g} s after start", now, limits)
        case Phase.RUNNING:
            return _kill(state, f"driver stood still for {limits.hang:g} s", now, limits)
        case Phase.ENDING:
            # A process in uninterruptible sleep cannot be killed; its port stays taken till then.
            after = replace(state, wake_at=now + limits.kill_again)
            return after, (Kill(state.reason),)
        case Phase.CLOSED:
            return state, ()
        case _:
            assert_never(state.phase)


def _reporting(
    state: PolicyState, word: DeviceState, reason: str, actions: tuple[Action, ...] = ()
) -> Decision:
    return replace(state, state=word), (*actions, Report(word, reason))


def _recent(times: tuple[float, ...], now: float, limits: RestartLimits) -> tuple[float, ...]:
    return tuple(time for time in times if now - time < limits.window)


def _pause(
    failures: int, is_absent: bool, out: bool, chance: float, limits: RestartLimits
) -> float:
    if out:
        full = limits.slow_pause
    elif is_absent:
        full = limits.longest_pause  # its coming back is noticed at once; this is for a deaf watch
    else:
        full = min(limits.longest_pause, limits.first_pause * 2.0 ** (failures - 1))
    return full * (1.0 - limits.jitter * chance)
