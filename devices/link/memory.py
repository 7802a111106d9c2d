"""Links that never leave the process, for tests and simulation: nothing waits in real time."""

from __future__ import annotations

from typing import Protocol

from devices.driver import LinkLost

_SHORTEST_STEP_SECONDS = 1e-6


class SteppedClock:
    """Seconds that pass only when somebody waits. Call it to read it."""

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds


class Machine(Protocol):
    """The peripheral's side: what every emulator is."""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes from the host; return what has reached it by ``now``."""
        ...

    def tick(self, now: float) -> bytes:
        """Let time pass; return what has reached the host by ``now``."""
        ...


class EmulatedLink:
    """A link straight into an emulated machine. Waiting advances the clock in small steps."""

    def __init__(
        self, machine: Machine, clock: SteppedClock, *, step_seconds: float = 0.01
    ) -> None:
        self._machine = machine
        self._clock = clock
        self._step_seconds = step_seconds
        self._arrived = bytearray()
        self._is_closed = False

    def read(self, wait_seconds: float) -> bytes:
        """Return what has arrived, letting up to ``wait_seconds`` pass on the clock."""
        self._check_open()
        ends_at = self._clock() + wait_seconds
        self._arrived += self._machine.tick(self._clock())
        while not self._arrived and (left := ends_at - self._clock()) > 0:
            # A floor, because a wait too short for a float to show would never end.
            self._clock.advance(max(min(self._step_seconds, left), _SHORTEST_STEP_SECONDS))
            self._arrived += self._machine.tick(self._clock())
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def write(self, data: bytes) -> None:
        """Hand ``data`` to the machine."""
        self._check_open()
        self._arrived += self._machine.receive(data, self._clock())

    def close(self) -> None:
        """Let go of the machine."""
        self._is_closed = True

    def _check_open(self) -> None:
        if self._is_closed:
            raise LinkLost("memory: the link has been closed")
