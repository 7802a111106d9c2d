"""An ESC/POS receipt printer for 80 mm paper, as bytes on a wire.

The machine: receive buffer, paper, cover, knife, sensors, real-time status. What the bytes mean
on paper is the interpreter's (``paper_interpreter``). Shares nothing with driver or encoder.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.link.emulated_wire import EmulatedWire
from devices.receipt_printer.paper import Row
from devices.receipt_printer.paper_interpreter import Outcome, PaperInterpreter
from devices.receipt_printer.printed_slip import PrintedSlip

_BUFFER_BYTES = 65_536
_CLEAR_BUFFERS = bytes((0x10, 0x14, 0x08, 0x01, 0x03, 0x14, 0x01, 0x06, 0x02, 0x08))
_KEPT_SLIPS = 200
_KEPT_NOTES = 50


class EscposEmulator:
    """The machine. ``slips`` is what came out of it, oldest first.

    ``answers_process_id`` False gives the cheap printer that does not know ``GS ( H``;
    ``dots_per_second``: 150 mm/s is 1200.
    """

    def __init__(
        self,
        *,
        dots_per_second: float = 1200.0,
        answers_process_id: bool = True,
        seed: int = 1,
    ) -> None:
        self.slips: list[PrintedSlip] = []
        self._dots_per_second = dots_per_second
        self._answers_process_id = answers_process_id
        self._wire = EmulatedWire(seed)
        self._now = 0.0
        self._busy_until = 0.0
        self._off_until = 0.0
        self._buffer = bytearray()
        self._realtime = bytearray()
        self._interpreter = PaperInterpreter()
        self._rows: list[Row] = []
        self._notes: list[str] = []
        self._slip_count = 0
        self._has_paper = True
        self._is_low = False
        self._is_covered = True
        self._is_jammed = False
        self._runs_out_after_dots: int | None = None
        self._automatic_mask = 0
        self._last_automatic = b""

    # --- the surface a lab or a test drives ---------------------------------------------------

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes from the host; return the bytes that have reached it by ``now``."""
        self._advance(now)
        if not self._wire.is_silent and self._now >= self._off_until:
            self._obey_realtime(data)
            if not self._buffer:
                self._busy_until = max(self._busy_until, self._now)
            self._buffer += data[: _BUFFER_BYTES - len(self._buffer)]
            self._print()
        return self._wire.due()

    def tick(self, now: float) -> bytes:
        """Let time pass; return the bytes that have reached the host by ``now``."""
        self._advance(now)
        return self._wire.due()

    def state(self) -> dict[str, object]:
        """What a panel shows."""
        return {
            "paper": "out" if not self._has_paper else "low" if self._is_low else "full",
            "cover": "closed" if self._is_covered else "open",
            "jammed": self._is_jammed,
            "powered": self._now >= self._off_until,
            "printing": self._now < self._busy_until or bool(self._buffer),
            "slips": len(self.slips),
            "slips_waiting": sum(not slip.is_torn for slip in self.slips),
            "notes": list(self._notes),
            **self._wire.state(),
        }

    @property
    def actions(self) -> dict[str, Callable[..., None]]:
        """Everything a patient, a technician or a saboteur can do, by name."""
        return {
            "paper_out": self.paper_out,
            "paper_out_after": self.paper_out_after,
            "paper_low": self.paper_low,
            "paper_load": self.paper_load,
            "cover_open": self.cover_open,
            "cover_close": self.cover_close,
            "tear": self.tear,
            "jam": self.jam,
            "clear": self.clear,
            "power_cycle": self.power_cycle,
            **self._wire.actions(),
        }

    # --- hands --------------------------------------------------------------------------------

    def paper_out(self) -> None:
        """The roll is at its end."""
        self._has_paper, self._is_low = False, True
        self._runs_out_after_dots = None
        self._sensors_changed()

    def paper_out_after(self, millimetres: int = 40) -> None:
        """The roll will end after so much more paper: in the middle of a slip, for instance."""
        self._runs_out_after_dots = millimetres * 8
        self._is_low = True
        self._sensors_changed()

    def paper_low(self) -> None:
        """The near-end sensor sees the core of the roll."""
        self._is_low = True
        self._sensors_changed()

    def paper_load(self) -> None:
        """A new roll. Printing that was waiting goes on, as on the real machine."""
        self._has_paper, self._is_low = True, False
        self._runs_out_after_dots = None
        self._sensors_changed()

    def cover_open(self) -> None:
        """Somebody opens the cover."""
        self._is_covered = False
        self._sensors_changed()

    def cover_close(self) -> None:
        """Somebody closes the cover."""
        self._is_covered = True
        self._sensors_changed()

    def tear(self) -> None:
        """The patient takes what has come out."""
        for slip in self.slips:
            slip.is_torn = True

    def jam(self) -> None:
        """Paper jams at the knife."""
        self._is_jammed = True
        self._sensors_changed()

    def clear(self) -> None:
        """A technician clears the knife."""
        self._is_jammed = False
        self._sensors_changed()

    def power_cycle(self, off_seconds: float = 1.0) -> None:
        """Power goes and comes back: buffers are empty, modes are forgotten."""
        self._off_until = self._now + off_seconds
        self._wire.drop_all()
        self._realtime.clear()
        self._automatic_mask = 0
        self._break_off()
        self._interpreter = PaperInterpreter()

    # --- the machine --------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)
        self._wire.at(self._now)
        self._print()

    @property
    def _can_print(self) -> bool:
        ready = self._has_paper and self._is_covered and not self._is_jammed
        return ready and self._now >= self._off_until and not self._wire.is_silent

    def _print(self) -> None:
        """Print what time allows: ``_busy_until`` is how far the mechanics have come."""
        if not self._can_print:
            self._busy_until = max(self._busy_until, self._now)
        while self._buffer and self._can_print and self._busy_until <= self._now:
            outcome = self._interpreter.next_element(bytes(self._buffer[:8192]))
            if outcome is None:
                return
            del self._buffer[: outcome.consumed]
            self._carry_out(outcome)

    def _carry_out(self, outcome: Outcome) -> None:
        for row in outcome.rows:
            self._rows.append(row)
            self._busy_until += row.advance_dots / self._dots_per_second
            self._use_paper(row.advance_dots)
        if outcome.note:
            self._notes = [*self._notes, outcome.note][-_KEPT_NOTES:]
        if outcome.cuts:
            self._cut(is_complete=True)
        if outcome.process_id is not None and self._answers_process_id:
            done_in = max(0.0, self._busy_until - self._now)
            self._wire.send(b"\x37\x22" + outcome.process_id + b"\x00", done_in)
        if outcome.transmits in (1, 49):
            self._wire.send(bytes([(0x03 if self._is_low else 0)]))
        if outcome.automatic_status is not None:
            self._automatic_mask = outcome.automatic_status
            self._sensors_changed(is_forced=True)

    def _use_paper(self, dots: int) -> None:
        if self._runs_out_after_dots is None:
            return
        self._runs_out_after_dots -= dots
        if self._runs_out_after_dots <= 0:
            self.paper_out()

    def _cut(self, *, is_complete: bool) -> None:
        if not self._rows:
            return
        self._slip_count += 1
        slip = PrintedSlip(self._slip_count, self._rows, is_complete, notes=self._notes)
        self._rows, self._notes = [], []
        self.slips.append(slip)
        del self.slips[:-_KEPT_SLIPS]

    def _break_off(self) -> None:
        """Buffers are gone; what is on the paper already comes out as an incomplete slip."""
        self._buffer.clear()
        self._interpreter.left_on_paper()
        self._cut(is_complete=False)

    # --- status -------------------------------------------------------------------------------

    def _obey_realtime(self, data: bytes) -> None:
        """Real-time commands are obeyed on arrival, wherever in the stream they stand."""
        self._realtime += data
        while True:
            start = self._realtime.find(0x10)
            if start < 0:
                self._realtime.clear()
                return
            del self._realtime[:start]
            if len(self._realtime) < 3:
                return
            match self._realtime[1], self._realtime[2]:
                case 0x04, 1 | 2 | 3 | 4:
                    self._wire.send(bytes([self._status(self._realtime[2])]))
                    del self._realtime[:3]
                case 0x14, 0x08:
                    if len(self._realtime) < len(_CLEAR_BUFFERS):
                        return
                    if self._realtime.startswith(_CLEAR_BUFFERS):
                        self._break_off()
                        self._wire.send(b"\x37\x25\x00")
                    del self._realtime[: len(_CLEAR_BUFFERS)]
                case _:
                    del self._realtime[:1]

    def _status(self, kind: int) -> int:
        is_offline = not (self._has_paper and self._is_covered and not self._is_jammed)
        match kind:
            case 1:
                return 0x12 | (0x08 if is_offline else 0)
            case 2:
                return (
                    0x12
                    | (0 if self._is_covered else 0x04)
                    | (0 if self._has_paper else 0x20)
                    | (0x40 if self._is_jammed else 0)
                )
            case 3:
                return 0x12 | (0x08 if self._is_jammed else 0)
            case _:
                return 0x7E if not self._has_paper else 0x1E if self._is_low else 0x12

    def _sensors_changed(self, *, is_forced: bool = False) -> None:
        if not self._automatic_mask or self._now < self._off_until:
            return
        is_offline = not (self._has_paper and self._is_covered and not self._is_jammed)
        status = bytes(
            [
                0x10 | (0x08 if is_offline else 0) | (0 if self._is_covered else 0x20),
                0x08 if self._is_jammed else 0,
                (0x03 if self._is_low else 0) | (0 if self._has_paper else 0x0C),
                0,
            ]
        )
        if is_forced or status != self._last_automatic:
            self._last_automatic = status
            self._wire.send(status)
