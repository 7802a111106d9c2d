"""A CashCode bill validator with cassette, as bytes on a wire: CCNET, seen from the machine.

Written from the protocol's description alone and sharing nothing with the driver, so that a
mistake in one shows in the other. It keeps its own books (``cassette``, ``returned``): the truth
about the money, against which the kiosk's bookkeeping is checked.
"""

from __future__ import annotations

from collections.abc import Callable

from devices.cash_acceptor.emulated_parts import Fault, Phase, Timing, crc_ccnet
from devices.link.emulated_wire import EmulatedWire

DENOMINATIONS_YUAN = (1, 2, 5, 10, 20, 50, 100)
"""Bill types 0 to 6 of the Chinese bill set."""

_ADDRESS = 0x03
_LONGEST_REQUEST = 250


class CcnetEmulator:
    """The machine. ``receive``/``tick`` take the time; ``actions`` is what hands can do to it.

    ``reports_after_power_up`` False gives the older firmware that settles a note found inside at
    power-up without ever reporting how. ``takes_masks_at_rest_only`` gives one that calls
    ENABLE BILL TYPES illegal while a note is on its way.
    """

    def __init__(
        self,
        timing: Timing | None = None,
        *,
        reports_after_power_up: bool = True,
        takes_masks_at_rest_only: bool = False,
        seed: int = 1,
    ) -> None:
        self.cassette: list[int] = []
        self.returned: list[int] = []
        self._timing = timing or Timing()
        self._reports_after_power_up = reports_after_power_up
        self._takes_masks_at_rest_only = takes_masks_at_rest_only
        self._wire = EmulatedWire(seed)
        self._now = 0.0
        self._buffer = bytearray()
        self._last_answer = b""
        self._phase = Phase.POWER_UP
        self._power_up_code = 0x10
        self._fault: Fault | None = None
        self._ends_at = 0.0
        self._note: int | None = None  # bill type of the note inside, -1 for one it cannot read
        self._after_reset: bytes | None = None
        self._report: bytes | None = None  # told until the host acknowledges it
        self._reported = False
        self._enabled = 0
        self._escrowed = 0
        self._drawn_in_under = (0, 0)  # masks at that moment; a change applies to the next note
        self._off_until = 0.0
        self._last_feed = ""

    # --- the surface a lab or a test drives ---------------------------------------------------

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes from the host; return the bytes that have reached it by ``now``."""
        self._advance(now)
        if not self._wire.is_silent and self._now >= self._off_until:
            self._buffer += data
            self._hear()
        return self._wire.due()

    def tick(self, now: float) -> bytes:
        """Let time pass; return the bytes that have reached the host by ``now``."""
        self._advance(now)
        return self._wire.due()

    def state(self) -> dict[str, object]:
        """What a panel shows. Amounts in yuan."""
        return {
            "phase": self._phase.name.lower(),
            "fault": self._fault.name.lower() if self._fault else None,
            "powered": self._now >= self._off_until,
            "accepts_yuan": [
                yuan for kind, yuan in enumerate(DENOMINATIONS_YUAN) if self._enabled >> kind & 1
            ],
            "last_feed": self._last_feed,
            "note_inside_yuan": self._note_yuan(),
            "cassette_yuan": list(self.cassette),
            "cassette_total_yuan": sum(self.cassette),
            "returned_yuan": list(self.returned),
            **self._wire.state(),
        }

    @property
    def actions(self) -> dict[str, Callable[..., None]]:
        """Everything a patient, a technician or a saboteur can do, by name."""
        return {
            "feed": self.feed,
            "feed_bad": self.feed_bad,
            "jam": self.jam,
            "jam_cassette": lambda: self._break(Fault.JAM_IN_CASSETTE),
            "cheat": lambda: self._break(Fault.CHEATED),
            "pause": lambda: self._break(Fault.PAUSE),
            "break_motor": lambda: self._break(Fault.STACKER_MOTOR),
            "clear": self.clear,
            "cassette_full": lambda: self._break(Fault.CASSETTE_FULL),
            "cassette_out": lambda: self._break(Fault.CASSETTE_OUT),
            "cassette_in": self.cassette_in,
            "power_cycle": self.power_cycle,
            **self._wire.actions(),
        }

    # --- hands --------------------------------------------------------------------------------

    def feed(self, amount_yuan: int) -> None:
        """Put a note to the slot. It is drawn in only when the machine accepts notes."""
        if amount_yuan not in DENOMINATIONS_YUAN:
            raise ValueError(f"there is no note of {amount_yuan} yuan; use {DENOMINATIONS_YUAN}")
        self._draw_in(DENOMINATIONS_YUAN.index(amount_yuan))

    def feed_bad(self) -> None:
        """Put a crumpled or false note to the slot: drawn in, then rejected."""
        self._draw_in(-1)

    def jam(self) -> None:
        """A note sticks in the validator; one inside stays inside."""
        self._break(Fault.JAM_IN_VALIDATOR)

    def clear(self) -> None:
        """A technician opens the machine, hands a stuck note back and closes it: it restarts."""
        if self._fault is None:
            return
        self._fault = None
        self._give_note_back()
        self._phase, self._power_up_code = Phase.POWER_UP, 0x10
        self._enabled = self._escrowed = 0

    def cassette_in(self) -> None:
        """Put an empty cassette in. The books keep what was stacked before."""
        if self._fault in (Fault.CASSETTE_FULL, Fault.CASSETTE_OUT):
            self._fault = None
            self._phase = Phase.DISABLED if self._note is None else self._phase
            self._enabled = self._escrowed = 0

    def power_cycle(self, off_seconds: float = 1.0) -> None:
        """Power goes and comes back. What the mechanics held stays where it is."""
        self._off_until = self._now + off_seconds
        self._wire.drop_all()
        self._buffer.clear()
        self._last_answer = b""
        self._enabled = self._escrowed = 0
        if self._report is not None and self._report[0] == 0x81 and self._note is None:
            # In the cassette already, but not yet told: this firmware remembers to tell.
            self._power_up_code, self._after_reset = 0x12, self._report
        elif self._phase is Phase.STACKING:
            self._power_up_code = 0x12
        elif self._note is not None:
            self._power_up_code = 0x11
        else:
            self._power_up_code = 0x10
        self._report, self._reported = None, False
        self._phase = Phase.POWER_UP

    def _draw_in(self, bill_type: int) -> None:
        if (
            self._phase is Phase.IDLING
            and self._fault is None
            and self._report is None
            and self._now >= self._off_until
        ):
            self._note = bill_type
            self._last_feed = "drawn in"
            self._drawn_in_under = (self._enabled, self._escrowed)
            self._enter(Phase.ACCEPTING, self._timing.accept)
        else:
            self._last_feed = "not drawn in: the acceptor takes no note now"

    def _break(self, fault: Fault) -> None:
        self._fault = fault

    # --- mechanics ----------------------------------------------------------------------------

    def _advance(self, now: float) -> None:
        self._now = max(self._now, now)
        self._wire.at(self._now)
        if self._fault is not None or self._now < self._off_until:
            return
        while self._phase_ends() and self._now >= self._ends_at:
            self._finish_phase()

    def _phase_ends(self) -> bool:
        return self._phase not in (Phase.POWER_UP, Phase.DISABLED, Phase.IDLING)

    def _finish_phase(self) -> None:
        at = self._ends_at
        enabled, escrowed = self._drawn_in_under
        match self._phase:
            case Phase.INITIALIZING:
                self._settle_after_reset()
                self._rest()
            case Phase.ACCEPTING if self._note == -1:
                self._note = None
                self._tell(bytes([0x1C, 0x66]))
                self._rest()
            case Phase.ACCEPTING if self._note is not None and not enabled >> self._note & 1:
                self._note = None
                self._tell(bytes([0x1C, 0x68]))
                self._rest()
            case Phase.ACCEPTING if self._note is not None and escrowed >> self._note & 1:
                self._enter(Phase.ESCROW, self._timing.escrow_hold, at)
            case Phase.ACCEPTING:
                self._enter(Phase.STACKING, self._timing.stack, at)
            case Phase.ESCROW:
                self._enter(Phase.RETURNING, self._timing.give_back, at)
            case Phase.STACKING:
                self._stack_note()
                self._rest()
            case Phase.RETURNING:
                self._tell(bytes([0x82, self._note or 0]))
                self._give_note_back()
                self._rest()
            case _:
                raise AssertionError(f"{self._phase} does not end by itself")

    def _settle_after_reset(self) -> None:
        """A note that was inside at power-up moves on when the machine initialises."""
        if self._note is not None and self._power_up_code == 0x12:
            self._stack_note()
        elif self._note is not None:
            self._tell(bytes([0x82, max(self._note, 0)]))
            self._give_note_back()
        elif self._after_reset is not None:
            self._tell(self._after_reset)
        self._after_reset = None
        self._power_up_code = 0x10
        if not self._reports_after_power_up:
            self._report = None

    def _stack_note(self) -> None:
        if self._note is None:
            return
        self.cassette.append(DENOMINATIONS_YUAN[self._note])
        self._tell(bytes([0x81, self._note]))
        self._note = None

    def _give_note_back(self) -> None:
        if self._note is not None and self._note >= 0:
            self.returned.append(DENOMINATIONS_YUAN[self._note])
        self._note = None

    def _enter(self, phase: Phase, seconds: float, start: float | None = None) -> None:
        self._phase = phase
        self._ends_at = (self._now if start is None else start) + seconds

    def _rest(self) -> None:
        self._phase = Phase.IDLING if self._enabled else Phase.DISABLED

    def _tell(self, report: bytes) -> None:
        self._report, self._reported = report, False

    def _note_yuan(self) -> int | None:
        return None if self._note is None or self._note < 0 else DENOMINATIONS_YUAN[self._note]

    # --- the wire -----------------------------------------------------------------------------

    def _hear(self) -> None:
        """Cut requests out of what has arrived; whatever is no request is skipped."""
        while len(self._buffer) >= 6:
            if self._buffer[0] != 0x02 or self._buffer[1] != _ADDRESS:
                del self._buffer[0]
                continue
            length = self._buffer[2]
            if not 6 <= length <= _LONGEST_REQUEST:
                del self._buffer[0]
                continue
            if len(self._buffer) < length:
                return
            request = bytes(self._buffer[:length])
            if crc_ccnet(request[:-2]) != request[-2:]:
                del self._buffer[0]
                self._answer(b"\xff", remember=False)
                continue
            del self._buffer[:length]
            self._obey(request[3], request[4:-2])
        if len(self._buffer) > _LONGEST_REQUEST:
            self._buffer.clear()

    def _obey(self, command: int, data: bytes) -> None:
        if command not in (0x00, 0x33, 0xFF):
            self._reported = False  # an acknowledgement is for the last answer only
        match command:
            case 0x00:
                if self._report is not None and self._reported:
                    self._report = None
            case 0xFF:
                self._wire.send(self._last_answer)
            case 0x33:
                self._answer(self._poll())
            case 0x30:
                self._answer(b"\x00")
                self._reset()
            case 0x34 if len(data) == 6 and self._takes_masks():
                self._answer(b"\x00")
                self._set_masks(int.from_bytes(data[:3], "big"), int.from_bytes(data[3:], "big"))
            case 0x35 if self._phase is Phase.ESCROW and self._fault is None:
                self._answer(b"\x00")
                self._enter(Phase.STACKING, self._timing.stack)
            case 0x36 if self._phase is Phase.ESCROW and self._fault is None:
                self._answer(b"\x00")
                self._enter(Phase.RETURNING, self._timing.give_back)
            case 0x31:
                self._answer(self._enabled.to_bytes(3, "big") + bytes(3))
            case 0x37:
                self._answer(b"EM-CN10-OUTPOST" + b"000000000001" + bytes(7))
            case 0x41:
                self._answer(self._bill_table())
            case _:
                self._answer(b"\x30")

    def _poll(self) -> bytes:
        if self._fault is Fault.STACKER_MOTOR:
            return bytes([self._fault.value, 0x50])
        if self._fault is not None and not (self._fault is Fault.CASSETTE_FULL and self._report):
            return bytes([self._fault.value])
        if self._report is not None:
            self._reported = True
            return self._report
        match self._phase:
            case Phase.POWER_UP:
                return bytes([self._power_up_code])
            case Phase.INITIALIZING:
                return b"\x13"
            case Phase.DISABLED:
                return b"\x19"
            case Phase.IDLING:
                return b"\x14"
            case Phase.ACCEPTING:
                return b"\x15"
            case Phase.ESCROW:
                return bytes([0x80, self._note or 0])
            case Phase.STACKING:
                return b"\x17"
            case Phase.RETURNING:
                return b"\x18"

    def _reset(self) -> None:
        if self._fault is not None:
            return
        if self._phase is Phase.STACKING:
            self._power_up_code = 0x12
        elif self._phase is not Phase.POWER_UP:
            self._power_up_code = 0x11 if self._note is not None else 0x10
        self._enabled = self._escrowed = 0
        self._enter(Phase.INITIALIZING, self._timing.initialize)

    def _takes_masks(self) -> bool:
        is_at_rest = self._phase in (Phase.IDLING, Phase.DISABLED)
        return is_at_rest or not self._takes_masks_at_rest_only

    def _set_masks(self, enabled: int, escrowed: int) -> None:
        self._enabled, self._escrowed = enabled, escrowed
        if self._phase in (Phase.IDLING, Phase.DISABLED):
            self._rest()

    def _bill_table(self) -> bytes:
        """24 entries of five bytes: leading digits, country, power of ten."""
        table = bytearray()
        for yuan in DENOMINATIONS_YUAN:
            digits, zeros = yuan, 0
            while digits >= 10:
                digits, zeros = digits // 10, zeros + 1
            table += bytes([digits]) + b"CHN" + bytes([zeros])
        return bytes(table.ljust(24 * 5, b"\x00"))

    def _answer(self, payload: bytes, *, remember: bool = True) -> None:
        frame = bytes([0x02, _ADDRESS, len(payload) + 5]) + payload
        frame += crc_ccnet(frame)
        if remember:
            self._last_answer = frame
        self._wire.send(frame)
