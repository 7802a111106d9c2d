"""The desk of a card reader: remembers only whether core wants cards to be read."""

from __future__ import annotations

from collections.abc import Sequence

from devices.messages import (
    Command,
    Event,
    StartCardReading,
    StopCardReading,
)
from firmware.supervisor.desk import ForCore, ForWorker, Saying


class ReaderDesk:
    """Keeps a reader reading across restarts of its worker, and silent while core is away."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._reading = False
        self._up = False

    @property
    def wake_at(self) -> float | None:
        return None

    def execute(self, command: Command, now: float) -> Sequence[Saying]:
        match command:
            case StartCardReading():
                self._reading = True
            case StopCardReading():
                self._reading = False
            case _:
                return ()
        return (ForWorker(command),) if self._up else ()

    def heard(self, event: Event, now: float) -> Sequence[Saying]:
        return (ForCore(event),)

    def worker_up(self, now: float) -> Sequence[Saying]:
        self._up = True
        return (ForWorker(StartCardReading(device=self._device)),) if self._reading else ()

    def worker_gone(self, reason: str, now: float) -> Sequence[Saying]:
        self._up = False
        return ()

    def core_gone(self, now: float) -> Sequence[Saying]:
        was_reading, self._reading = self._reading, False
        if was_reading and self._up:
            return (ForWorker(StopCardReading(device=self._device)),)
        return ()

    def elapsed(self, now: float) -> Sequence[Saying]:
        return ()
