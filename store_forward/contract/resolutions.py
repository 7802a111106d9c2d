"""Entries that cannot be handed over: how a kiosk tells, and how a person ends it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from store_forward.contract.wire import Hex32, Name, Seq

MAX_REPORTED = 500
"""Parked entries in one report."""

MOST_ATTEMPTS = 2**31 - 1
"""What a database's integer holds."""

LaneName = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[^\x00]*$")]
EntryId = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[^\x00]*$")]
"""Empty for an entry that has none."""


class ParkedEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry the gateway would not take, without its content.

    ``hash`` and ``previous`` are its place in the chain; ``code`` is the refusal's word,
    ``attempts`` how often it was offered.
    """

    seq: Seq
    hash: Hex32
    previous: Hex32
    entry_id: EntryId
    lane: LaneName
    kind: Name
    code: Name
    attempts: Annotated[int, msgspec.Meta(ge=0, le=MOST_ATTEMPTS)]


class ExceptionReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/exceptions: what a kiosk holds parked. The same report again changes nothing."""

    device: Name
    incarnation: Name
    parked: tuple[ParkedEntry, ...]


class KnownCase(msgspec.Struct, frozen=True):
    """The case of one parked entry. ``state``: ``open``, ``closed``, or ``recorded`` for an entry
    that is at the gateway already."""

    seq: int
    case_id: str
    state: str


class ExceptionAnswer(msgspec.Struct, frozen=True):
    """200 answer to POST /v1/exceptions, one case per entry."""

    cases: tuple[KnownCase, ...]


class Verdict(StrEnum):
    """What a person decided about an entry."""

    SETTLED = "settled"
    """What it tells is booked in the HIS in another way; what follows from it goes on."""
    WITHDRAWN = "withdrawn"
    """It counts for nothing; what follows from it is deferred."""
    RESEND = "resend"
    """The cause is mended: the kiosk offers it again at once."""


class CaseVerdict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/cases/{id}/resolve, by staff. ``note`` is a code word, ``by`` the staff's id."""

    device: Name
    verdict: Verdict
    by: Name
    note: Name


class Resolution(msgspec.Struct, frozen=True, tag="resolution", tag_field="type"):
    """A person's decision about one journal entry, countersigned by the gateway.

    ``number`` grows with each decision of this gateway.
    """

    number: int
    device: str
    incarnation: str
    seq: int
    entry_id: str
    verdict: Verdict
    note: str
    by: str
    at: str
    key_id: str
    signature: str


class ResolutionPage(msgspec.Struct, frozen=True):
    """GET /v1/resolutions?incarnation=…&since=cursor: decisions after the cursor, oldest first."""

    cursor: str
    resolutions: tuple[Resolution, ...]
    complete: bool = True
