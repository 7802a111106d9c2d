"""Whatever the network and the gateway do: every entry is recorded once, in order, and acked."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from store_forward.sync.engine import (
    BatchFailed,
    BatchRecorded,
    Event,
    Moment,
    Probe,
    Probed,
    Pulled,
    PullFailed,
    PullReference,
    RenewLeases,
    SendBatch,
    State,
    Wait,
    Work,
    decide,
    learn,
)
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


class Gateway:
    """The HIS side's rules, reduced to numbers: in order, without gaps, repeats change nothing."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.applied: list[int] = []
        self.most_items = 500
        self.poison: int | None = None

    def receive(self, sent: Sent) -> Failure | int:
        if sent.count > self.most_items:
            return Refused(413)
        if self.poison is not None and sent.first_seq <= self.poison <= sent.last_seq:
            return Refused(422, "bad")
        if sent.first_seq > len(self.recorded) + 1:
            return Refused(409, "gap", expected_seq=len(self.recorded) + 1)
        for seq in range(len(self.recorded) + 1, sent.last_seq + 1):
            self.recorded.append(seq)
            self.applied.append(seq)
        return len(self.recorded)


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.gateway = Gateway()
        self.state = State()
        self.now = 0.0
        self.head = 0
        self.acked = 0
        self.acks: list[int] = []
        self.parked: set[int] = set()
        self.late: Sent | None = None

    @rule(count=st.integers(1, 120))
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

    @rule(limit=st.sampled_from([1, 7, 100, 500]))
    def the_gateway_takes_only_so_much(self, limit: int) -> None:
        self.gateway.most_items = limit

    @precondition(lambda self: self.head > len(self.gateway.recorded))
    @rule(data=st.data())
    def one_entry_is_refused(self, data: st.DataObject) -> None:
        self.gateway.poison = data.draw(st.integers(len(self.gateway.recorded) + 1, self.head))

    @rule(data=st.data())
    def the_gateway_is_restored_from_a_backup(self, data: st.DataObject) -> None:
        keep = data.draw(st.integers(0, len(self.gateway.recorded)))
        self.gateway.recorded = self.gateway.recorded[:keep]
        self.gateway.applied = self.gateway.applied[:keep]

    def step(self, weather: Weather, jitter: float) -> None:
        action = decide(self.state, self.now, Work(self.acked, self.head))
        if isinstance(action, Wait):
            assert action.until > self.now, "waiting must let time pass"
            self.now = action.until
            return
        self.now += 0.05
        moment = Moment(self.now, jitter)
        event = self.perform(action, weather, moment)
        self.state, effects = learn(self.state, event)
        self.parked |= {effect.seq for effect in effects if isinstance(effect, Park)}

    def perform(
        self, action: Probe | SendBatch | PullReference | RenewLeases, weather: Weather, at: Moment
    ) -> Event:
        match action:
            case Probe():
                unseen = (Weather.NO_WAY, Weather.LOST_BEFORE, Weather.LOST_AFTER)
                return Probed(at, _failure(weather) if weather in unseen else None)
            case PullReference(name):
                failure = _failure(weather)
                return PullFailed(at, name, failure) if failure else Pulled(at, name)
            case RenewLeases():
                failure = _failure(weather)
                return PullFailed(at, "leases", failure) if failure else Pulled(at, "leases")
            case SendBatch():
                return self.send(action, weather, at)

    def send(self, action: SendBatch, weather: Weather, at: Moment) -> Event:
        if self.late is not None:
            self.gateway.receive(self.late)
            self.late = None
        assert 1 <= action.first_seq <= self.head
        assert action.max_items >= 1
        last = min(self.head, action.first_seq + action.max_items - 1)
        sent = Sent(action.first_seq, last, 800 * (last - action.first_seq + 1))
        failure = _failure(weather)
        if failure is not None and weather not in (Weather.LOST_AFTER, Weather.GARBAGE):
            return BatchFailed(at, sent, failure)
        if weather is Weather.TWICE:
            self.gateway.receive(sent)
        if weather is Weather.LATE_COPY:
            self.late = sent
        said = self.gateway.receive(sent)
        if failure is not None:
            return BatchFailed(at, sent, failure)
        if not isinstance(said, int):
            return BatchFailed(at, sent, said)
        self.acked = max(self.acked, min(said, sent.last_seq))
        self.acks.append(self.acked)
        return BatchRecorded(at, sent, said, self.acked, 0.05)

    @invariant()
    def the_gateway_has_every_entry_once_and_in_order(self) -> None:
        assert self.gateway.applied == list(range(1, len(self.gateway.applied) + 1))

    @invariant()
    def acknowledgements_only_move_forward_and_never_beyond_the_journal(self) -> None:
        assert self.acks == sorted(self.acks)
        assert self.acked <= self.head

    def teardown(self) -> None:
        """When the network is well again, everything arrives, however bad the past was.

        Only a refused entry holds up what follows it, until it is mended.
        """
        self.head += 1
        poison = self.gateway.poison
        if poison is not None:
            self.run_until(
                lambda: poison in self.parked and len(self.gateway.recorded) == poison - 1
            )
            self.gateway.poison = None
        self.run_until(lambda: self.acked == len(self.gateway.recorded) == self.head)
        assert self.gateway.applied == list(range(1, self.head + 1))

    def run_until(self, is_reached: Callable[[], bool]) -> None:
        deadline = self.now + 7200.0
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
