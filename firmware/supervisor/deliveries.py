"""Events on their way to core; those about money and paper are kept until core has them.

Pure book-keeping. Memory is bounded: what need not be kept is not, and a kept queue that grows
past its limit is a fault, since commands and notes come at a human pace. No event is dropped then;
whoever fills the queue is stopped instead.
"""

from __future__ import annotations

from collections import OrderedDict

from devices.messages import (
    Delivery,
    Event,
    NoteInEscrow,
    NoteLocated,
    NoteReturned,
    NoteStacked,
    PrintFinished,
)

MUST_ACKNOWLEDGE = (NoteInEscrow, NoteStacked, NoteReturned, NoteLocated, PrintFinished)

MOST_KEPT = 2_000
"""More than a day's notes of a busy kiosk."""


class Deliveries:
    """Numbers events of one run of the devices process and keeps what core must not miss."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._number = 0
        self._kept: OrderedDict[int, Delivery] = OrderedDict()

    @property
    def boot(self) -> str:
        """Names this run."""
        return self._boot

    def add(self, event: Event) -> Delivery:
        """Number an event and keep it if it must be acknowledged."""
        must = isinstance(event, MUST_ACKNOWLEDGE)
        self._number += 1
        delivery = Delivery(
            boot=self._boot, number=self._number, event=event, must_acknowledge=must
        )
        if must:
            self._kept[delivery.number] = delivery
        return delivery

    def acknowledge(self, boot: str, number: int) -> bool:
        """Core has made it durable. False for another run's or an unknown number."""
        return boot == self._boot and self._kept.pop(number, None) is not None

    @property
    def is_full(self) -> bool:
        """Too much waits for core: its source has to stop."""
        return len(self._kept) >= MOST_KEPT

    def kept(self) -> tuple[Delivery, ...]:
        """What core has not acknowledged, in order."""
        return tuple(self._kept.values())
