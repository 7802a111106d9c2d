"""A small emulated device for tests of the lab: answers every line with itself, and prints it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class ToySlip:
    number: int
    text: str
    is_torn: bool = False
    is_complete: bool = True

    def render_png(self) -> bytes:
        return b"\x89PNG" + self.text.encode()


class ToyEmulator:
    def __init__(self) -> None:
        self.slips: list[ToySlip] = []
        self._unsolicited = b""

    def receive(self, data: bytes, now: float) -> bytes:
        return b"echo " + data

    def tick(self, now: float) -> bytes:
        data, self._unsolicited = self._unsolicited, b""
        return data

    def state(self) -> dict[str, object]:
        return {"slips": len(self.slips)}

    @property
    def actions(self) -> dict[str, Callable[..., None]]:
        return {"print": self.print_slip, "speak": self.speak, "tear": self.tear}

    def print_slip(self, text: str, copies: int = 1, **marks: str) -> None:
        if copies < 1:
            raise ValueError("copies must be positive")
        for _ in range(copies):
            marked = text + "".join(f" {key}={value}" for key, value in marks.items())
            self.slips.append(ToySlip(len(self.slips) + 1, marked))

    def speak(self, words: str = "hello") -> None:
        self._unsolicited += words.encode()

    def tear(self) -> None:
        for slip in self.slips:
            slip.is_torn = True
