"""What the engine asks of the shell, what the shell tells it, and what there is to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store_forward.store.sending.marks import Step
from store_forward.store.sending.outbox import Waiting
from store_forward.sync.outcomes import Failure
from store_forward.sync.outgoing import Sent

# --- what the shell can be asked to do ----------------------------------------------------------


@dataclass(frozen=True)
class Probe:
    """Ask for the gateway's health."""


@dataclass(frozen=True)
class SendBatch:
    """Send these entries. ``is_offer``: a parked one, alone."""

    seqs: tuple[int, ...]
    time_out_seconds: float
    is_offer: bool = False


@dataclass(frozen=True)
class PullReference:
    """Fetch the next page of a reference set."""

    name: str


@dataclass(frozen=True)
class RenewLeases:
    """Top up the slot leases."""


@dataclass(frozen=True)
class AskMark:
    """Ask how far the gateway has our journal."""


@dataclass(frozen=True)
class ReportExceptions:
    """Tell which entries are parked here."""


@dataclass(frozen=True)
class FetchResolutions:
    """Fetch what people at the HIS have decided."""


@dataclass(frozen=True)
class Wait:
    """Nothing is due before ``until``."""

    until: float


Pulling = PullReference | RenewLeases | AskMark | ReportExceptions | FetchResolutions
Action = Probe | SendBatch | Pulling | Wait


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
    """The receipt was verified and is durable here. ``acked_seq``: where our store stands now.

    ``has_fallen_back``: the gateway has less than it had, and those entries wait again.
    """

    when: Moment
    sent: Sent
    acked_seq: int
    has_fallen_back: bool
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
    """What was pulled (reference page, leases, decisions) is stored, or the report taken.

    ``is_complete`` False: another page waits.
    """

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
class MarkTaken:
    """The gateway's mark is stored; ``step`` says how our journal stands to it.

    ``fenced_seq``: the gateway takes nothing beyond it, None where it takes all.
    """

    when: Moment
    step: Step
    detail: str
    has_fallen_back: bool = False
    fenced_seq: int | None = None


@dataclass(frozen=True)
class Stirred:
    """The resting connection was closed by the other side, or by the network; or entries were
    acknowledged by another way (a courier). Behind either may be another state of the gateway."""

    when: Moment


Event = (
    Probed | BatchRecorded | BatchFailed | NotRecorded | Pulled | PullFailed | MarkTaken | Stirred
)


# --- what there is to do -------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """A parked entry, how often it was refused, and when last (monotonic seconds)."""

    entry: Waiting
    attempts: int
    refused_at: float


@dataclass(frozen=True)
class Work:
    """What there is to hand over: entries that may go, ascending, and parked ones to be offered.

    ``undecided`` wait for a person at the HIS; ``unreported`` are parked ones it does not know yet.
    """

    waiting: Sequence[Waiting] = ()
    offers: Sequence[Offer] = ()
    undecided: int = 0
    unreported: int = 0
