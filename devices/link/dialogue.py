"""Runs a protocol script (a generator of ``Say``) against a link in bounded slices.

The script is the pure part: it yields what to send and how long to wait, and is resumed with the
parsed replies. It never sees the link or the clock, so it reads top to bottom like the manual.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from devices.driver import Link

_SLICE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Say:
    """Send ``data`` (if any), then wait for a reply for at most ``wait_seconds``.

    ``is_fresh`` drops what arrived before: late answers to earlier questions. A pause with
    ``can_be_woken`` ends early when the driver gets work.
    """

    data: bytes
    wait_seconds: float
    is_fresh: bool = True
    can_be_woken: bool = False


Reply = TypeVar("Reply")


class Parser(Protocol[Reply]):
    """Bytes to replies, incrementally."""

    def feed(self, data: bytes) -> list[Reply]:
        """Return what is complete."""
        ...

    def reset(self) -> None:
        """Forget an unfinished reply."""
        ...


class Dialogue(Generic[Reply]):
    """One script on one link."""

    def __init__(
        self,
        script: Generator[Say, list[Reply], None],
        link: Link,
        clock: Callable[[], float],
        parser: Parser[Reply],
    ) -> None:
        self._script = script
        self._link = link
        self._clock = clock
        self._parser = parser
        self._said: Say | None = None
        self._until = 0.0
        self._is_woken = False

    def wake(self) -> None:
        """There is work: end a pause now."""
        self._is_woken = True

    def run_once(self) -> None:
        """Send or listen for one slice of at most 0.2 s. Raises LinkLost."""
        if self._said is None:
            self._say(next(self._script))
        said = self._said
        if said is None:
            return
        if self._is_woken and said.can_be_woken:
            self._answer([])
            return
        wait = min(max(0.0, self._until - self._clock()), _SLICE_SECONDS)
        # A pure send still looks at what has arrived: the peripheral may speak unasked.
        replies = self._parser.feed(self._link.read(wait))
        if replies or self._clock() >= self._until:
            self._answer(replies)

    def _answer(self, replies: list[Reply]) -> None:
        if self._said is not None and self._said.can_be_woken:
            self._is_woken = False  # work that came during an exchange still ends the next pause
        self._say(self._script.send(replies))

    def _say(self, said: Say) -> None:
        if said.is_fresh:
            self._link.read(0)
            self._parser.reset()
        self._said = said
        if said.data:
            self._link.write(said.data)
        self._until = self._clock() + said.wait_seconds
