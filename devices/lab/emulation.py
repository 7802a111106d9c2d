"""What the lab needs of an emulated peripheral, and which ones there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Protocol, cast, runtime_checkable


class Emulator(Protocol):
    """A peripheral as bytes on a wire. ``now`` is monotonic seconds."""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes from the kiosk; return what has reached it by ``now``."""
        ...

    def tick(self, now: float) -> bytes:
        """Let time pass; return what has reached the kiosk by ``now``."""
        ...

    def state(self) -> dict[str, object]:
        """What a panel shows, as JSON."""
        ...

    @property
    def actions(self) -> Mapping[str, Callable[..., None]]:
        """What hands can do to it, by name. A wrong value raises ValueError with the reason."""
        ...


class Slip(Protocol):
    """A piece of paper that came out of a printer."""

    number: int
    is_torn: bool
    is_complete: bool

    @property
    def text(self) -> str:
        """The words on it."""
        ...

    def render_png(self) -> bytes:
        """A picture of it."""
        ...


@runtime_checkable
class SlipPrinter(Protocol):
    """An emulator that makes paper."""

    slips: Sequence[Slip]


EMULATORS = {
    "cash_acceptor/ccnet": "devices.cash_acceptor.emulator:CcnetEmulator",
    "receipt_printer/escpos": "devices.receipt_printer.emulator:EscposEmulator",
    "id_reader/samv": "devices.id_reader.emulator:SamvEmulator",
}
"""Kind and driver as in the deployment file, and the class that plays the device."""


class UnknownEmulator(Exception):
    """No emulator plays this kind of device with this protocol."""


def build_emulator(kind: str) -> Emulator:
    """Make the emulator for ``kind``, such as ``cash_acceptor/ccnet``."""
    where = EMULATORS.get(kind)
    if where is None:
        raise UnknownEmulator(f"no emulator for {kind!r}; there are: {', '.join(EMULATORS)}")
    module, _, name = where.partition(":")
    return cast(Emulator, getattr(import_module(module), name)())
