"""The wire between an emulated peripheral and its host, with every fault a wire can have.

Emulators hand their answers to an ``EmulatedWire`` instead of returning them; what the faults
leave of them comes out when it is due. Times are seconds of the ``now`` the emulator is given.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

_BYTE_GAP_SECONDS = 0.002
_QUEUE_LIMIT_BYTES = 65_536  # nobody listens: keep the newest, do not grow


class EmulatedWire:
    """Delays, spoils, repeats or swallows the answers of an emulator as its faults say."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable line noise, not security
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued_bytes = 0
        self._now = 0.0
        self._silent_until = 0.0
        self._slow_until = 0.0
        self._delay_seconds = 0.0
        self._bytewise_until = 0.0
        self._spoil: dict[str, int] = {"garbage": 0, "bad_crc": 0, "duplicate": 0, "stale": 0}
        self._earlier: deque[bytes] = deque(maxlen=8)

    def at(self, now: float) -> None:
        """Tell the time; answers and faults that follow count from here."""
        self._now = max(self._now, now)

    @property
    def is_silent(self) -> bool:
        """Whether the peripheral neither hears nor speaks."""
        return self._now < self._silent_until

    def send(self, answer: bytes, after_seconds: float = 0.0) -> None:
        """Put one whole answer on the wire, once the machine has taken its time for it."""
        if not answer or self.is_silent:
            return
        for piece in self._after_faults(answer):
            start = self._now + after_seconds
            start += self._delay_seconds if self._now < self._slow_until else 0.0
            if self._queue:
                start = max(start, self._queue[-1][0])  # a wire keeps the order
            if self._now < self._bytewise_until:
                for index in range(len(piece)):
                    due = start + index * _BYTE_GAP_SECONDS
                    self._push(due, piece[index : index + 1])
            else:
                self._push(start, piece)
        self._earlier.append(answer)

    def due(self) -> bytes:
        """Return the bytes that have reached the host by now."""
        arrived = bytearray()
        while self._queue and self._queue[0][0] <= self._now:
            _, data = self._queue.popleft()
            self._queued_bytes -= len(data)
            arrived += data
        return b"" if self.is_silent else bytes(arrived)

    def drop_all(self) -> None:
        """Forget what is under way, as when the power goes."""
        self._queue.clear()
        self._queued_bytes = 0

    def _push(self, due: float, data: bytes) -> None:
        self._queue.append((due, data))
        self._queued_bytes += len(data)
        while self._queued_bytes > _QUEUE_LIMIT_BYTES:
            _, lost = self._queue.popleft()
            self._queued_bytes -= len(lost)

    def _after_faults(self, answer: bytes) -> list[bytes]:
        if self._take("garbage"):
            return [self._random.randbytes(max(4, len(answer)))]
        if self._take("bad_crc"):
            return [answer[:-1] + bytes([answer[-1] ^ 0x55])]
        if self._take("duplicate"):
            return [answer, answer]
        if self._earlier and self._take("stale"):
            return [self._earlier[0]]
        return [answer]

    def _take(self, fault: str) -> bool:
        if self._spoil[fault] <= 0:
            return False
        self._spoil[fault] -= 1
        return True

    # --- the fault menu -----------------------------------------------------------------------

    def silence(self, seconds: float = 5.0) -> None:
        """Neither hear nor answer for a while."""
        self._silent_until = self._now + seconds
        self.drop_all()

    def slow(self, seconds: float = 10.0, delay_seconds: float = 0.25) -> None:
        """Answer late for a while."""
        self._slow_until = self._now + seconds
        self._delay_seconds = delay_seconds

    def bytewise(self, seconds: float = 10.0) -> None:
        """Let answers trickle in byte by byte for a while."""
        self._bytewise_until = self._now + seconds

    def garbage(self, answers: int = 3) -> None:
        """Turn the next answers into line noise."""
        self._spoil["garbage"] = answers

    def bad_crc(self, answers: int = 1) -> None:
        """Flip bits in the last byte of the next answers."""
        self._spoil["bad_crc"] = answers

    def duplicate_answer(self, answers: int = 1) -> None:
        """Send the next answers twice."""
        self._spoil["duplicate"] = answers

    def stale_answer(self, answers: int = 1) -> None:
        """Send old answers in place of the next ones."""
        self._spoil["stale"] = answers

    def actions(self) -> dict[str, Callable[..., None]]:
        """The menu by name, for a panel or a script."""
        return {
            "silence": self.silence,
            "slow": self.slow,
            "bytewise": self.bytewise,
            "garbage": self.garbage,
            "bad_crc": self.bad_crc,
            "duplicate_answer": self.duplicate_answer,
            "stale_answer": self.stale_answer,
        }

    def state(self) -> dict[str, object]:
        """Which faults are on, for the panel."""
        active = [name for name, left in self._spoil.items() if left > 0]
        active += ["silence"] if self.is_silent else []
        active += ["slow"] if self._now < self._slow_until else []
        active += ["bytewise"] if self._now < self._bytewise_until else []
        return {"faults": active}
