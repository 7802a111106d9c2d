"""How far the gateway has a kiosk's journal, and where a journal ends for good."""

from __future__ import annotations

from typing import Annotated

import msgspec

from store_forward.contract.wire import LARGEST_SEQ, Hex32, Name, Span

MAX_SPANS_AHEAD = 1_000
"""Spans ahead in one mark, the oldest. What is left out is sent again and found to be there."""


class StreamMark(msgspec.Struct, frozen=True, tag="stream_mark", tag_field="type"):
    """GET /v1/streams/{incarnation}: what the gateway has of one journal, countersigned.

    Every entry up to ``high_water`` is recorded or settled; ``head_hash`` is its chain hash (32
    zero bytes for an empty journal). ``ahead`` are entries recorded beyond it, ascending.
    ``fenced_at``: this journal has ended, by RFC 3339 time; entries beyond ``fenced_seq`` are
    taken no more. ``at`` is the gateway's time.
    """

    device: str
    incarnation: str
    high_water: int
    head_hash: str
    ahead: tuple[Span, ...]
    fenced_at: str | None
    fenced_seq: int | None
    at: str
    key_id: str
    signature: str


class FenceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /v1/streams/{incarnation}/fence: this journal ends at ``head_seq`` for good.

    Sent for a journal that a machine has from a backup before that machine begins one of its own:
    what the backup holds may still come, by whomever, once; what the old machine goes on to
    write may not. ``head_hash`` is the chain hash of ``head_seq``, 32 zero bytes for 0.
    """

    device: Name
    head_seq: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_SEQ)]
    head_hash: Hex32
