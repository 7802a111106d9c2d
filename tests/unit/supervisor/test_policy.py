"""The restart policy in virtual time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from devices.messages import DeviceState
from firmware.supervisor.policy import (
    Action,
    Begin,
    Close,
    Elapsed,
    Exited,
    Happening,
    Heard,
    Kill,
    LinkGone,
    Misbehaved,
    Phase,
    PolicyState,
    PortAppeared,
    Report,
    RestartLimits,
    Spawn,
    StaffReset,
    step,
)

LIMITS = RestartLimits()


class Story:
    """Feeds the policy and keeps what it decided."""

    def __init__(self, limits: RestartLimits = LIMITS, chance: float = 0.0) -> None:
        self.now = 1000.0
        self.state = PolicyState()
        self.limits = limits
        self.chance = chance
        self.actions: list[Action] = []
        self.processes = 0

    def happens(self, *events: Happening) -> tuple[Action, ...]:
        """Return what the last event led to."""
        actions: tuple[Action, ...] = ()
        for event in events:
            if isinstance(event, Exited):
                self.processes = max(0, self.processes - 1)
            self.state, actions = step(self.state, event, self.now, self.chance, self.limits)
            self.processes += sum(isinstance(action, Spawn) for action in actions)
            self.actions += actions
        return actions

    def waits(self) -> float:
        """Let time pass until the policy wants to be woken; return how long that was."""
        assert self.state.wake_at is not None
        waited = self.state.wake_at - self.now
        self.now = max(self.now, self.state.wake_at)
        self.happens(Elapsed())
        return waited

    def runs(self) -> None:
        """A worker is spawned and shows life."""
        if not self.state.has_process:
            self.waits()
        self.happens(Heard())

    @property
    def reported(self) -> Report:
        return [action for action in self.actions if isinstance(action, Report)][-1]


def started() -> Story:
    story = Story()
    story.happens(Begin(), Heard())
    return story


def out_of_service(reason: str = "exit code 1") -> Story:
    story = started()
    for _ in range(LIMITS.failures_allowed):
        story.runs()
        story.happens(Exited(reason))
    return story


def test_it_starts_a_worker_and_says_so() -> None:
    story = Story()
    assert story.happens(Begin()) == (Spawn(), Report(DeviceState.STARTING, ""))


def test_heartbeats_keep_a_worker_alive() -> None:
    story = started()
    for _ in range(100):
        story.now += LIMITS.hang - 0.1
        story.happens(Elapsed(), Heard())
    assert not any(isinstance(action, Kill) for action in story.actions)


def test_a_worker_without_heartbeat_is_killed_and_replaced_after_its_exit() -> None:
    story = started()
    story.now += LIMITS.hang
    kill, report = story.happens(Elapsed())
    assert kill == Kill("driver stood still for 3 s")
    assert report == Report(DeviceState.OFFLINE, "driver stood still for 3 s")
    assert story.processes == 1
    story.happens(Exited("killed by SIGKILL"))
    assert "stood still" in story.reported.reason
    story.waits()
    assert story.processes == 1
    assert story.state.restarts == 1


def test_a_worker_may_take_longer_to_start_than_to_answer() -> None:
    story = Story()
    story.happens(Begin())
    story.now += LIMITS.start_up - 0.1
    assert story.happens(Elapsed()) == ()
    story.now += 0.1
    assert Kill("no sign of life 10 s after start") in story.happens(Elapsed())


def test_a_process_that_survives_its_kill_is_killed_again_and_never_doubled() -> None:
    story = started()
    story.happens(Misbehaved("floods"))
    for _ in range(5):
        story.waits()
    assert [action for action in story.actions if action == Kill("floods")] == [Kill("floods")] * 6
    assert story.processes == 1


def test_pauses_grow_with_every_failure() -> None:
    story = started()
    pauses = []
    for _ in range(4):
        story.happens(Exited("exit code 1"))
        pauses.append(story.waits())
        story.happens(Heard())
    assert pauses == [0.25, 0.5, 1.0, 2.0]


def test_chance_shortens_pauses_a_little() -> None:
    story = Story(chance=0.999999)
    story.happens(Begin(), Heard(), Exited("exit code 1"))
    assert 0.75 * LIMITS.first_pause <= story.waits() < LIMITS.first_pause


def test_after_too_many_failures_it_is_out_of_service_with_the_reason() -> None:
    story = out_of_service("exit code 1")
    assert story.reported.state is DeviceState.HARDWARE_ERROR
    assert story.reported.reason == "out of service: worker ended: exit code 1"


def test_out_of_service_it_is_still_tried_slowly_without_promising_anything() -> None:
    story = out_of_service()
    for _ in range(10):
        assert story.waits() == LIMITS.slow_pause
        assert story.state.phase is Phase.STARTING
        assert story.reported.state is DeviceState.HARDWARE_ERROR
        story.happens(Exited("exit code 1"))


def test_out_of_service_ends_when_a_worker_has_run_for_long() -> None:
    story = out_of_service()
    story.runs()
    story.now += LIMITS.window
    story.happens(Heard(), Exited("exit code 1"))
    assert story.reported.state is DeviceState.OFFLINE
    assert story.waits() == LIMITS.first_pause


def test_a_port_that_appears_is_tried_at_once_even_when_out_of_service() -> None:
    story = out_of_service()
    story.happens(PortAppeared())
    assert story.state.phase is Phase.STARTING


def test_an_unplugged_device_is_absent_and_one_that_does_not_talk_is_offline() -> None:
    story = started()
    story.happens(LinkGone("gone", port_exists=False))
    assert story.reported == Report(DeviceState.NO_DEVICE, "gone")
    story = started()
    story.happens(LinkGone("i/o error", port_exists=True))
    assert story.reported == Report(DeviceState.OFFLINE, "i/o error")


def test_an_absent_device_stays_absent_in_words_however_long() -> None:
    story = started()
    for _ in range(20):
        story.happens(LinkGone("no such file", port_exists=False), Exited("exit code 69"))
        story.runs()
        assert story.reported.state in (DeviceState.NO_DEVICE, DeviceState.STARTING)


def test_a_port_that_reappears_before_the_exit_is_seen_is_not_forgotten() -> None:
    story = started()
    story.happens(LinkGone("gone", port_exists=False), PortAppeared(), Exited("exit code 69"))
    assert story.waits() == 0.0
    assert story.state.phase is Phase.STARTING


def test_a_flapping_plug_does_not_burn_the_processor() -> None:
    story = started()
    spawned_at_once = 0
    for _ in range(100):
        story.now += 0.1
        story.happens(LinkGone("gone", port_exists=True), Exited("exit code 69"))
        spawned_at_once += Spawn() in story.happens(PortAppeared())
        story.happens(Heard())
    assert spawned_at_once <= LIMITS.appearances_allowed


def test_staff_can_restart_a_running_worker_and_one_out_of_service() -> None:
    story = started()
    assert Kill("reset by staff") in story.happens(StaffReset())
    story.happens(Exited("killed by SIGKILL"))
    assert story.waits() == 0.0
    story = out_of_service()
    assert Spawn() in story.happens(StaffReset())
    assert not story.state.out_of_service


def test_once_closed_nothing_is_spawned_any_more() -> None:
    story = started()
    assert story.happens(Close()) == ()
    for event in (Exited("exit code 0"), PortAppeared(), StaffReset(), Elapsed(), Begin()):
        assert story.happens(event) == ()
    assert not story.state.has_process


happenings = st.one_of(
    st.just(Heard()),
    st.builds(LinkGone, st.just("gone"), st.booleans()),
    st.just(Misbehaved("floods")),
    st.just(Exited("exit code 1")),
    st.just(PortAppeared()),
    st.just(StaffReset()),
    st.just(Elapsed()),
)
histories = st.lists(st.tuples(st.floats(0, 90), happenings), max_size=60)


def live(history: list[tuple[float, Happening]]) -> Story:
    story = Story(replace(LIMITS))
    story.happens(Begin())
    for pause, event in history:
        story.now += pause
        if isinstance(event, Exited | Heard | LinkGone | Misbehaved) and not story.processes:
            continue  # only a process can do that
        story.happens(event)
        assert story.processes <= 1
        assert story.state.has_process == (story.processes == 1)
    return story


@given(histories)
def test_never_two_workers_at_once(history: list[tuple[float, Happening]]) -> None:
    live(history)


@given(histories)
def test_whatever_happened_a_worker_runs_again_within_the_slow_pause(
    history: list[tuple[float, Happening]],
) -> None:
    story = live(history)
    waited = 0.0
    while story.state.phase is not Phase.STARTING or waited == 0.0:
        if story.processes and story.state.phase is Phase.ENDING:
            story.happens(Exited("killed by SIGKILL"))
        waited += max(story.waits(), 0.001)
        assert waited <= LIMITS.slow_pause + LIMITS.start_up + LIMITS.hang + 1


@given(histories)
def test_a_silent_worker_is_always_killed_in_the_end(
    history: list[tuple[float, Happening]],
) -> None:
    story = live(history)
    if not story.processes:
        story.waits()
    before = len(story.actions)
    story.waits()
    assert any(isinstance(action, Kill) for action in story.actions[before:])


@given(histories)
def test_the_report_always_says_why_when_something_is_wrong(
    history: list[tuple[float, Happening]],
) -> None:
    story = live(history)
    for action in story.actions:
        if isinstance(action, Report) and action.state is not DeviceState.STARTING:
            assert action.reason
