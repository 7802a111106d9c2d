"""Links that misbehave the way cables, adapters and cheap firmware do. Each wraps another link."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from devices.driver import Link, LinkLost


class WrappedLink:
    """Passes everything through; the others change one thing."""

    def __init__(self, inner: Link) -> None:
        self._inner = inner

    def read(self, wait_seconds: float) -> bytes:
        return self._inner.read(wait_seconds)

    def write(self, data: bytes) -> None:
        self._inner.write(data)

    def close(self) -> None:
        self._inner.close()


class BytewiseLink(WrappedLink):
    """Hands over one byte a read and writes one byte at a time."""

    def __init__(self, inner: Link) -> None:
        super().__init__(inner)
        self._waiting: deque[int] = deque()

    def read(self, wait_seconds: float) -> bytes:
        if not self._waiting:
            self._waiting.extend(self._inner.read(wait_seconds))
        return bytes([self._waiting.popleft()]) if self._waiting else b""

    def write(self, data: bytes) -> None:
        for byte in data:
            self._inner.write(bytes([byte]))


class LossyLink(WrappedLink):
    """Loses single bytes in both directions."""

    def __init__(self, inner: Link, chance: random.Random, rate: float = 0.01) -> None:
        super().__init__(inner)
        self._chance = chance
        self._rate = rate

    def read(self, wait_seconds: float) -> bytes:
        return self._thin(self._inner.read(wait_seconds))

    def write(self, data: bytes) -> None:
        self._inner.write(self._thin(data))

    def _thin(self, data: bytes) -> bytes:
        return bytes(byte for byte in data if self._chance.random() >= self._rate)


class NoisyLink(WrappedLink):
    """Flips bits and lets line noise arrive between answers."""

    def __init__(self, inner: Link, chance: random.Random, rate: float = 0.01) -> None:
        super().__init__(inner)
        self._chance = chance
        self._rate = rate

    def read(self, wait_seconds: float) -> bytes:
        data = bytes(
            byte ^ (1 << self._chance.randrange(8)) if self._chance.random() < self._rate else byte
            for byte in self._inner.read(wait_seconds)
        )
        if self._chance.random() < self._rate * 5:
            data = self._chance.randbytes(self._chance.randrange(1, 12)) + data
        return data


class DelayedLink(WrappedLink):
    """Answers arrive ``delay_seconds`` late, in order."""

    def __init__(self, inner: Link, clock: Callable[[], float], delay_seconds: float) -> None:
        super().__init__(inner)
        self._clock = clock
        self._delay_seconds = delay_seconds
        self._under_way: deque[tuple[float, bytes]] = deque()

    def read(self, wait_seconds: float) -> bytes:
        ends_at = self._clock() + wait_seconds
        while True:
            arrived = b""
            while self._under_way and self._under_way[0][0] <= self._clock() + 1e-9:
                arrived += self._under_way.popleft()[1]
            left = ends_at - self._clock()
            if arrived or left <= 1e-9:
                return arrived
            wait = min(left, self._under_way[0][0] - self._clock()) if self._under_way else left
            data = self._inner.read(max(0.0, wait))
            if data:
                self._under_way.append((self._clock() + self._delay_seconds, data))


class DuplicatingLink(WrappedLink):
    """Now and then delivers the same bytes twice."""

    def __init__(self, inner: Link, chance: random.Random, rate: float = 0.2) -> None:
        super().__init__(inner)
        self._chance = chance
        self._rate = rate

    def read(self, wait_seconds: float) -> bytes:
        data = self._inner.read(wait_seconds)
        return data * 2 if self._chance.random() < self._rate else data


class UnpluggedLink(WrappedLink):
    """The plug is pulled after ``after_bytes`` in both directions together."""

    def __init__(self, inner: Link, after_bytes: int) -> None:
        super().__init__(inner)
        self._bytes_left = after_bytes

    def read(self, wait_seconds: float) -> bytes:
        return self._pass(self._inner.read(wait_seconds))

    def write(self, data: bytes) -> None:
        passed = data[: max(0, self._bytes_left)]
        if passed:
            self._inner.write(passed)
        self._bytes_left -= len(data)
        self._check()

    def _pass(self, data: bytes) -> bytes:
        self._check()
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            return data[: self._bytes_left]
        return data

    def _check(self) -> None:
        if self._bytes_left < 0:
            raise LinkLost("test port: unplugged")
