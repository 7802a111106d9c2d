"""What is said to a card reader, in order: find, select, read, then watch the card lie. Pure.

Whether a card still lies there cannot be asked. Some modules find a lying card again and again;
others never find a card twice until it was lifted, but read it again. So presence is: found
again, else readable again. On a module of the second kind "found" means a card newly laid.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from devices.id_reader import protocol
from devices.id_reader.card_text import CardTextInvalid, parse_card
from devices.id_reader.protocol import Reply, StatusWord
from devices.link.dialogue import Say
from devices.messages import (
    CardRead,
    CardRemoved,
    CardUnreadable,
    DeviceKind,
    DeviceState,
    DeviceStatus,
    Event,
    IdentityCard,
)

FIND_EVERY_SECONDS = 0.3
"""SAM-V: the field needs 300 ms between two searches."""

_WATCH_EVERY_SECONDS = 0.5
_CHECK_MODULE_EVERY_SECONDS = 5.0
_ANSWER_SECONDS = 1.0
_READ_SECONDS = 3.0
_READ_ATTEMPTS = 3
_MISSES_UNTIL_LIFTED = 2

_BROKEN = {
    StatusWord.SELF_TEST_FAILED: "security module fails its self-test: replace the reader",
    StatusWord.NOT_AUTHORISED: "security module is not authorised: replace the reader",
}

Script = Generator[Say, list[Reply], None]
Asking = Generator[Say, list[Reply], Reply | None]


@dataclass(slots=True)
class ReadingScript:
    """One reader's conversation. ``events`` is emptied by the driver."""

    device: str
    is_wanted: bool = False
    events: list[Event] = field(default_factory=list)
    _told: tuple[DeviceState, str] | None = None
    _is_module_ready: bool = False
    _finds_again: bool | None = None  # learned from the first card that lies long enough

    def run(self) -> Script:
        """The whole conversation; never ends."""
        self._tell(DeviceState.STARTING, "reader is starting")
        while True:
            if not self._is_module_ready or not self.is_wanted:
                yield from self._check_module()
                yield _pause(_CHECK_MODULE_EVERY_SECONDS if self._is_module_ready else 1.0)
                continue
            reply = yield from self._ask(protocol.FIND_CARD, _ANSWER_SECONDS)
            if reply is None:
                self._is_module_ready = False
            elif reply.status == StatusWord.CARD_FOUND:
                yield from self._card_found()
            else:
                self._check_broken(reply)
                yield _pause(FIND_EVERY_SECONDS)

    def _check_module(self) -> Script:
        reply = yield from self._ask(protocol.MODULE_STATUS, _ANSWER_SECONDS)
        self._is_module_ready = reply is not None and reply.status == StatusWord.DONE
        if reply is None:
            self._tell(DeviceState.OFFLINE, "reader does not answer: check its cable and power")
        elif self._is_module_ready:
            self._tell(DeviceState.ONLINE, "")
        elif not self._check_broken(reply):
            self._tell(DeviceState.HARDWARE_ERROR, f"reader reports {reply.status:02X} at start")

    def _check_broken(self, reply: Reply) -> bool:
        for status, reason in _BROKEN.items():
            if reply.status == status:
                self._is_module_ready = False
                self._tell(DeviceState.HARDWARE_ERROR, reason)
                return True
        return False

    # --- one card -----------------------------------------------------------------------------

    def _card_found(self) -> Script:
        """Read the card that was found, then watch until it is lifted."""
        card: IdentityCard | None = None
        reason = "card could not be read"
        is_selected = False
        for attempt in range(_READ_ATTEMPTS):
            if attempt and not is_selected:
                yield _pause(FIND_EVERY_SECONDS)
                again = yield from self._ask(protocol.FIND_CARD, _ANSWER_SECONDS)
                if again is None or again.status != StatusWord.CARD_FOUND:
                    if self._finds_again is False:
                        break  # this module would not find a lying card either
                    self._tell_if_wanted(CardRemoved(self.device))
                    return
            data = yield from self._select_and_read(is_selected=is_selected)
            is_selected = data is not None  # reading again needs no search
            if data is None:
                continue
            try:
                card = parse_card(data)
                break
            except CardTextInvalid as error:
                reason = str(error)
        self._tell_if_wanted(
            CardUnreadable(self.device, reason) if card is None else CardRead(self.device, card)
        )
        yield from self._watch()

    def _tell_if_wanted(self, event: Event) -> None:
        """When reading was stopped meanwhile, nobody is to learn of the card."""
        if self.is_wanted:
            self.events.append(event)

    def _select_and_read(self, *, is_selected: bool) -> Generator[Say, list[Reply], bytes | None]:
        if not is_selected:
            selected = yield from self._ask(protocol.SELECT_CARD, _ANSWER_SECONDS)
            if selected is None or selected.status != StatusWord.DONE:
                return None
        read = yield from self._ask(protocol.READ_CARD, _READ_SECONDS)
        return read.data if read is not None and read.status == StatusWord.DONE else None

    def _watch(self) -> Script:
        """Stay until the card has been lifted, another was laid, or reading is stopped."""
        misses, was_read_again = 0, False
        while self.is_wanted and misses < _MISSES_UNTIL_LIFTED:
            yield _pause(_WATCH_EVERY_SECONDS)
            found = yield from self._ask(protocol.FIND_CARD, _ANSWER_SECONDS)
            if found is None:
                self._is_module_ready = False
                return
            if found.status == StatusWord.CARD_FOUND:
                if was_read_again:
                    break  # this module would not find the old card: it was lifted, this is new
                misses, self._finds_again = 0, True
                continue
            read = yield from self._ask(protocol.READ_CARD, _READ_SECONDS)
            if read is not None and read.status == StatusWord.DONE:
                misses, was_read_again, self._finds_again = 0, True, False
            else:
                misses += 1
        self._tell_if_wanted(CardRemoved(self.device))

    # --- asking and telling -------------------------------------------------------------------

    def _ask(self, request: bytes, wait_seconds: float) -> Asking:
        """Ask once more after silence or a request that arrived spoilt; None when in vain."""
        for _ in range(2):
            replies = yield Say(request, wait_seconds)
            for reply in replies:
                if reply.status not in (StatusWord.BAD_CHECKSUM, StatusWord.BAD_LENGTH):
                    return reply
        return None

    def _tell(self, state: DeviceState, reason: str) -> None:
        if self._told == (state, reason):
            return
        self._told = (state, reason)
        self.events.append(DeviceStatus(self.device, DeviceKind.ID_READER, state, reason))


def _pause(seconds: float) -> Say:
    return Say(b"", seconds, is_fresh=False, can_be_woken=True)
