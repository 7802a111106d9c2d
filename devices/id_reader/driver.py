"""SAM-V resident identity card reader on a serial link."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devices.driver import Link
from devices.id_reader.protocol import ReplyParser
from devices.id_reader.reading_script import ReadingScript
from devices.link.dialogue import Dialogue
from devices.messages import Command, Event, StartCardReading, StopCardReading
from devices.remarks import remark


class SamvIdReader:
    """Driver of a SAM-V reader. Never logs what is on a card; forgets it with the event."""

    def __init__(self, name: str, link: Link, clock: Callable[[], float]) -> None:
        self._name = name
        self._link = link
        self._script = ReadingScript(name)
        self._dialogue = Dialogue(self._script.run(), link, clock, ReplyParser())

    def execute(self, command: Command) -> Sequence[Event]:
        """Start or stop looking for cards; other commands are ignored with a warning."""
        match command:
            case StartCardReading():
                self._script.is_wanted = True
            case StopCardReading():
                self._script.is_wanted = False
            case _:
                remark("command_not_for_reader", device=self._name, command=type(command).__name__)
                return ()
        self._dialogue.wake()
        return ()

    def run_once(self) -> Sequence[Event]:
        """Do one slice of the conversation. Raises LinkLost when the port is gone."""
        self._dialogue.run_once()
        events = tuple(self._script.events)
        self._script.events.clear()
        return events

    def close(self) -> None:
        """Close the link; the reader holds no state worth leaving tidy."""
        self._link.close()
