"""A place in the hash chain."""

from __future__ import annotations

import msgspec

from store_forward.contract.canonical import GENESIS


class Head(msgspec.Struct, frozen=True):
    """An entry's number and chain hash; 0 and the genesis hash before the first entry."""

    seq: int
    hash: bytes


START = Head(0, GENESIS)
"""Before the first entry of an incarnation."""
