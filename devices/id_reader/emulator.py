"""A resident identity card reader (SAM-V module) and its cards, as bytes on a wire.

Written from the protocol's description alone and sharing nothing with the driver. The cards are
made up; their numbers are the published test numbers of GB 11643.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from devices.link.emulated_wire import EmulatedWire

_START = b"\xaa\xaa\xaa\x96\x69"
_LONGEST_REQUEST_BODY = 64
_SWAP_SECONDS = 2.0


@dataclass(frozen=True)
class EmulatedCard:
    """What is stored on a card: the fields of GA/T 490 as the card holds them.

    ``type_mark`` stands at byte 248: blank for residents, ``I`` for foreign permanent residents.
    """

    name: str
    sex: str
    ethnic: str
    birth: str
    address: str
    number: str
    issuer: str
    valid_from: str
    valid_to: str
    type_mark: str = ""

    def text_block(self) -> bytes:
        """The 256 bytes of text: UTF-16LE fields of fixed length, padded with spaces."""
        widths = (
            (self.name, 30),
            (self.sex, 2),
            (self.ethnic, 4),
            (self.birth, 16),
            (self.address, 70),
            (self.number, 36),
            (self.issuer, 30),
            (self.valid_from, 16),
            (self.valid_to, 16),
            ("", 28),
            (self.type_mark, 2),
            ("", 6),
        )
        blanks = " ".encode("utf-16-le") * 128
        return b"".join((value.encode("utf-16-le") + blanks)[:width] for value, width in widths)


PRESET_CARDS: dict[str, EmulatedCard] = {
    "test_a": EmulatedCard(
        name="测试甲",
        sex="2",
        ethnic="01",
        birth="19491231",
        address="北京市朝阳区测试路1号院2号楼303室",
        number="11010519491231002X",
        issuer="测试市公安局样例分局",
        valid_from="20160501",
        valid_to="长期",
    ),
    "zhang": EmulatedCard(
        name="张测试",
        sex="1",
        ethnic="01",
        birth="18800101",
        address="广东省汕头市测试区样例街道8号",
        number="440524188001010014",
        issuer="测试县公安局",
        valid_from="20200101",
        valid_to="20400101",
    ),
    "expired": EmulatedCard(
        name="测试乙",
        sex="2",
        ethnic="03",
        birth="19491231",
        address="北京市朝阳区测试路1号院",
        number="11010519491231002X",
        issuer="测试市公安局样例分局",
        valid_from="20000101",
        valid_to="20200101",
    ),
    "wrong_checksum": EmulatedCard(
        name="测试丙",
        sex="1",
        ethnic="01",
        birth="19491231",
        address="北京市朝阳区测试路1号院",
        number="110105194912310021",
        issuer="测试市公安局样例分局",
        valid_from="20160501",
        valid_to="20360501",
    ),
}


class SamvEmulator:
    """The reader. ``finds_again`` False gives the module that will not find a card twice.

    Such a module answers "no card" to a search once the card has been selected, until it is
    lifted; reading it again works. ``read_seconds`` is what the radio takes for one card.
    """

    def __init__(
        self, *, finds_again: bool = True, read_seconds: float = 0.8, seed: int = 1
    ) -> None:
        self._finds_again = finds_again
        self._read_seconds = read_seconds
        self._wire = EmulatedWire(seed)
        self._now = 0.0
        self._buffer = bytearray()
        self._card: EmulatedCard | None = None
        self._next_card: EmulatedCard | None = None
        self._next_card_at = 0.0
        self._is_damaged = False
        self._is_found = False
        self._is_selected = False
        self._has_fault = False
        self._off_until = 0.0
        self._reads = 0

    # --- the surface a lab or a test drives ---------------------------------------------------

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes from the host; return the bytes that have reached it by ``now``."""
        self._at(now)
        if not self._wire.is_silent and self._now >= self._off_until:
            self._buffer += data
            self._hear()
        return self._wire.due()

    def tick(self, now: float) -> bytes:
        """Let time pass; return the bytes that have reached the host by ``now``."""
        self._at(now)
        return self._wire.due()

    def state(self) -> dict[str, object]:
        """What a panel shows."""
        return {
            "card": asdict(self._card) if self._card else None,
            "damaged": self._is_damaged,
            "selected": self._is_selected,
            "module_fault": self._has_fault,
            "powered": self._now >= self._off_until,
            "times_read": self._reads,
            "presets": sorted(PRESET_CARDS),
            **self._wire.state(),
        }

    @property
    def actions(self) -> dict[str, Callable[..., None]]:
        """Everything a patient, a technician or a saboteur can do, by name."""
        return {
            "lay_card": self.lay_card,
            "lift_card": self.lift_card,
            "damage_card": self.damage_card,
            "break_module": self.break_module,
            "repair_module": self.repair_module,
            "power_cycle": self.power_cycle,
            **self._wire.actions(),
        }

    # --- hands --------------------------------------------------------------------------------

    def lay_card(self, preset: str = "test_a", **fields: str) -> None:
        """Lay a card on the reader: a preset, with any field of it changed."""
        if preset not in PRESET_CARDS:
            raise ValueError(f"no card called {preset!r}; there are {sorted(PRESET_CARDS)}")
        card = asdict(PRESET_CARDS[preset])
        unknown = sorted(set(fields) - set(card))
        if unknown:
            raise ValueError(f"a card has no field {unknown[0]!r}; it has {sorted(card)}")
        self._lay(EmulatedCard(**{**card, **fields}))

    def _lay(self, card: EmulatedCard) -> None:
        if self._card is not None:
            # One hand, two cards: the old one is lifted first.
            self.lift_card()
            self._next_card, self._next_card_at = card, self._now + _SWAP_SECONDS
            return
        self._card = card
        self._is_damaged = self._is_found = self._is_selected = False

    def lift_card(self) -> None:
        """Take the card away."""
        self._card = self._next_card = None
        self._is_damaged = self._is_found = self._is_selected = False

    def damage_card(self) -> None:
        """The card lying there can be found but no longer read."""
        self._is_damaged = True

    def break_module(self) -> None:
        """The security module fails its self-test from now on."""
        self._has_fault = True

    def repair_module(self) -> None:
        """The security module works again."""
        self._has_fault = False

    def power_cycle(self, off_seconds: float = 1.0) -> None:
        """Power goes and comes back; a card lying there must be found anew."""
        self._off_until = self._now + off_seconds
        self._wire.drop_all()
        self._buffer.clear()
        self._is_found = self._is_selected = False

    # --- the wire -----------------------------------------------------------------------------

    def _at(self, now: float) -> None:
        self._now = max(self._now, now)
        self._wire.at(self._now)
        if self._next_card is not None and self._now >= self._next_card_at:
            self._card, self._next_card = self._next_card, None

    def _hear(self) -> None:
        while True:
            start = self._buffer.find(_START)
            if start < 0:
                del self._buffer[: max(0, len(self._buffer) - len(_START) + 1)]
                return
            del self._buffer[:start]
            if len(self._buffer) < 7:
                return
            length = int.from_bytes(self._buffer[5:7], "big")
            if not 3 <= length <= _LONGEST_REQUEST_BODY:
                del self._buffer[:1]
                self._answer(0x11)
                continue
            if len(self._buffer) < 7 + length:
                return
            body = bytes(self._buffer[5 : 7 + length])
            del self._buffer[: 7 + length]
            if _xor(body) != 0:
                self._answer(0x10)
                continue
            self._obey(body[2], body[3])

    def _obey(self, command: int, parameter: int) -> None:
        if self._has_fault:
            self._answer(0x60)
            return
        match command, parameter:
            case 0x11, 0xFF:
                self._answer(0x90)
            case 0x12, 0xFF:
                self._answer(0x90, bytes.fromhex("050001008a6e380107000000b1c2d305"))
            case 0x20, 0x01:
                self._find()
            case 0x20, 0x02:
                self._select()
            case 0x30, 0x01:
                self._read(b"")
            case 0x30, 0x10:
                self._read(bytes(1024))
            case _:
                self._answer(0x21)

    def _find(self) -> None:
        hidden = self._is_selected and not self._finds_again
        if self._card is None or hidden:
            self._answer(0x80)
            return
        self._is_found, self._is_selected = True, False
        self._answer(0x9F, bytes(4))

    def _select(self) -> None:
        if self._card is None or not self._is_found:
            self._answer(0x81)
            return
        self._is_found, self._is_selected = False, True
        self._answer(0x90, bytes(8))

    def _read(self, fingerprint: bytes) -> None:
        if self._card is None or not self._is_selected or self._is_damaged:
            self._answer(0x41)
            return
        self._reads += 1
        photo = bytes((i * 7 + 3) & 0xFF for i in range(1024))
        lengths = (256).to_bytes(2, "big") + (1024).to_bytes(2, "big")
        if fingerprint:
            lengths += len(fingerprint).to_bytes(2, "big")
        payload = lengths + self._card.text_block() + photo + fingerprint
        self._answer(0x90, payload, after_seconds=self._read_seconds)

    def _answer(self, status: int, data: bytes = b"", *, after_seconds: float = 0.0) -> None:
        body = bytes([0x00, 0x00, status]) + data
        body = (len(body) + 1).to_bytes(2, "big") + body
        self._wire.send(_START + body + bytes([_xor(body)]), after_seconds)


def _xor(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result
