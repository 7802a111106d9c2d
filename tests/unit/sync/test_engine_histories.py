"""Whatever the network and the gateway do: every entry is recorded once, its lane in order.

Lanes here are the remainders of a small division; some entries follow from one of another lane.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from store_forward.store.sending.marks import Step
from store_forward.store.sending.outbox import Waiting
from store_forward.sync.engine import State, decide, learn
from store_forward.sync.lanes import WaitingRoom
from store_forward.sync.outcomes import (
    Distrusted,
    Failure,
    Obstacle,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)
from store_forward.sync.outgoing import Park, Sent
from store_forward.sync.steps import (
    Action,
    AskMark,
    BatchFailed,
    BatchRecorded,
    Event,
    FetchResolutions,
    MarkTaken,
    Moment,
    Offer,
    Probe,
    Probed,
    Pulled,
    PullFailed,
    RenewLeases,
    SendBatch,
    Stirred,
    Wait,
    Work,
)


class Weather(Enum):
    """What befalls one request."""

    FINE = "fine"
    NO_WAY = "no way"
    LOST_BEFORE = "lost before the gateway saw it"
    LOST_AFTER = "time-out after the gateway committed"
    TWICE = "delivered twice"
    LATE_COPY = "delivered, and once more before the next request"
    BUSY = "503"
    BUSY_LONG = "503 with Retry-After"
    UNKNOWN_KIOSK = "401"
    GARBAGE = "answer unreadable after the gateway committed"
    FORGED = "receipt not signed"


LANES = 5


def waiting(seq: int) -> Waiting:
    """Every seventh entry follows from the one two before it, which is of another lane."""
    parents = (f"e-{seq - 2}",) if seq % 7 == 0 else ()
    kind = "note_credited" if seq % 11 == 0 else "kiosk_started"
    return Waiting(seq, f"e-{seq}", f"lane {seq % LANES}", kind, 800, parents)


class Gateway:
    """The HIS side's rules, reduced to numbers: each entry once, repeats change nothing."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.most_items = 500
        self.poison: set[int] = set()

    def receive(self, sent: Sent) -> Failure | None:
        if sent.count > self.most_items:
            return Refused(413)
        if self.poison.intersection(sent.seqs):
            return Refused(422, "bad")
        for seq in sent.seqs:
            if seq not in self.recorded:
                self.recorded.append(seq)
        return None


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.gateway = Gateway()
        self.state = State()
        self.now = 0.0
        self.head = 0
        self.covered: set[int] = set()
        self.parked: dict[int, tuple[int, float]] = {}
        """Attempts and the time of the last refusal."""
        self.late: Sent | None = None

    @rule(count=st.integers(1, 40))
    def facts_happen(self, count: int) -> None:
        self.head += count

    @rule(
        weather=st.lists(st.sampled_from(Weather), min_size=1, max_size=8), jitter=st.floats(0, 1)
    )
    def time_passes(self, weather: list[Weather], jitter: float) -> None:
        for each in weather:
            self.step(each, jitter)

    @rule()
    def the_kiosk_restarts(self) -> None:
        self.state = State()
        self.now += 3.0
        self.parked = {seq: (attempts, self.now) for seq, (attempts, _) in self.parked.items()}

    @rule(limit=st.sampled_from([1, 7, 100, 500]))
    def the_gateway_takes_only_so_much(self, limit: int) -> None:
        self.gateway.most_items = limit

    @precondition(lambda self: self.head > len(self.gateway.recorded))
    @rule(data=st.data())
    def one_entry_is_refused(self, data: st.DataObject) -> None:
        left = [seq for seq in range(1, self.head + 1) if seq not in self.gateway.recorded]
        self.gateway.poison.add(data.draw(st.sampled_from(left)))

    @rule()
    def what_was_refused_is_mended(self) -> None:
        self.gateway.poison.clear()

    @rule(data=st.data())
    def the_gateway_is_restored_from_a_backup(self, data: st.DataObject) -> None:
        keep = data.draw(st.integers(0, len(self.gateway.recorded)))
        self.gateway.recorded = self.gateway.recorded[:keep]
        self.late = None
        self.state, _ = learn(self.state, Stirred(Moment(self.now, 0.5)))

    def room(self) -> WaitingRoom:
        room = WaitingRoom(self.parked)
        room.admit(waiting(seq) for seq in range(1, self.head + 1) if seq not in self.covered)
        return room

    def work(self) -> Work:
        room = self.room()
        offers = [Offer(each, *self.parked[each.seq]) for each in room.offerable()]
        return Work(room.open(), offers, len(self.parked), 0)

    def step(self, weather: Weather, jitter: float) -> None:
        action = decide(self.state, self.now, self.work())
        if isinstance(action, Wait):
            assert action.until > self.now, "waiting must let time pass"
            self.now = action.until
            return
        self.now += 0.05
        moment = Moment(self.now, jitter)
        event = self.perform(action, weather, moment)
        self.state, effects = learn(self.state, event)
        for effect in effects:
            if isinstance(effect, Park):
                attempts, _ = self.parked.get(effect.seq, (0, 0.0))
                self.parked[effect.seq] = (attempts + 1, self.now)

    def perform(self, action: Action, weather: Weather, at: Moment) -> Event:
        match action:
            case SendBatch():
                return self.send(action, weather, at)
            case Probe():
                unseen = (Weather.NO_WAY, Weather.LOST_BEFORE, Weather.LOST_AFTER)
                return Probed(at, _failure(weather) if weather in unseen else None)
            case AskMark():
                return self.ask_mark(weather, at)
            case _:
                names = {RenewLeases: "leases", FetchResolutions: "resolutions"}
                name = getattr(action, "name", names.get(type(action), "exceptions"))
                failure = _failure(weather)
                return PullFailed(at, name, failure) if failure else Pulled(at, name)

    def ask_mark(self, weather: Weather, at: Moment) -> Event:
        failure = _failure(weather)
        if failure is not None:
            return PullFailed(at, "mark", failure)
        before = set(self.covered)
        self.covered &= set(self.gateway.recorded)
        return MarkTaken(at, Step.IN_STEP, "", before != self.covered)

    def send(self, action: SendBatch, weather: Weather, at: Moment) -> Event:
        if self.late is not None:
            self.gateway.receive(self.late)
            self.late = None
        assert action.seqs
        assert set(action.seqs) <= set(range(1, self.head + 1))
        sent = Sent(action.seqs, 800 * len(action.seqs), action.is_offer)
        failure = _failure(weather)
        if failure is not None and weather not in (Weather.LOST_AFTER, Weather.GARBAGE):
            return BatchFailed(at, sent, failure)
        if weather is Weather.TWICE:
            self.gateway.receive(sent)
        if weather is Weather.LATE_COPY:
            self.late = sent
        failure = self.gateway.receive(sent) or failure
        if failure is not None:
            return BatchFailed(at, sent, failure)
        self.covered |= set(sent.seqs)
        for seq in sent.seqs:
            self.parked.pop(seq, None)
        return BatchRecorded(at, sent, len(self.covered), False, 0.05)

    @invariant()
    def every_lane_is_recorded_in_order(self) -> None:
        for lane in range(LANES):
            seqs = [seq for seq in self.gateway.recorded if seq % LANES == lane]
            assert seqs == sorted(seqs)

    @invariant()
    def no_entry_is_recorded_before_what_it_follows_from(self) -> None:
        place = {seq: at for at, seq in enumerate(self.gateway.recorded)}
        for seq, at in place.items():
            if seq % 7 == 0 and seq - 2 > 0:
                assert place.get(seq - 2, self.head) < at

    def teardown(self) -> None:
        """When the network is well again everything arrives, but what a refused entry holds up.

        When that is mended, the rest arrives as well.
        """
        self.head += 1
        held = self.held_up()
        everything = set(range(1, self.head + 1))
        self.run_until(lambda: set(self.gateway.recorded) >= everything - held)
        assert not held.intersection(self.gateway.recorded)
        self.gateway.poison.clear()
        self.run_until(lambda: self.covered == set(self.gateway.recorded) == everything)
        assert len(self.gateway.recorded) == self.head
        assert self.parked == {}

    def held_up(self) -> set[int]:
        """What is refused, and what comes after it in its lane or follows from such an entry."""
        held: set[int] = set()
        blocked: set[int] = set()
        for seq in range(1, self.head + 1):
            if seq in self.gateway.recorded:
                continue
            follows = seq % 7 == 0 and seq - 2 in held
            if seq in self.gateway.poison or seq % LANES in blocked or follows:
                held.add(seq)
                blocked.add(seq % LANES)
        return held

    def run_until(self, is_reached: Callable[[], bool]) -> None:
        deadline = self.now + 40_000.0
        while not is_reached():
            self.step(Weather.FINE, 0.5)
            assert self.now < deadline, "the queue did not drain"


def _failure(weather: Weather) -> Failure | None:
    match weather:
        case Weather.FINE | Weather.TWICE | Weather.LATE_COPY:
            return None
        case Weather.NO_WAY:
            return Unreachable(Obstacle.NO_CONNECTION, "")
        case Weather.LOST_BEFORE | Weather.LOST_AFTER:
            return TimedOut("")
        case Weather.BUSY:
            return Refused(503)
        case Weather.BUSY_LONG:
            return Refused(503, retry_after_seconds=30.0)
        case Weather.UNKNOWN_KIOSK:
            return Refused(401, "unknown_device")
        case Weather.GARBAGE:
            return Unreadable("?")
        case Weather.FORGED:
            return Distrusted("?")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
