"""Which kiosk a store belongs to, and which life of it."""

from __future__ import annotations

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """``incarnation`` is random, made with the file: sequence numbers count within it.

    A store made anew has another one, so the gateway never takes its numbers for those of the
    store before.
    """

    device: str
    incarnation: str
