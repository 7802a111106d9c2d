"""ESC/POS receipt printer on a serial link."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devices.driver import Link
from devices.link.dialogue import Dialogue
from devices.messages import Command, Event, PrintSlip
from devices.receipt_printer.job_script import JobScript
from devices.receipt_printer.protocol import ReplyParser
from devices.remarks import remark


class EscposPrinter:
    """Driver of an 80 mm ESC/POS printer. ``clock`` gives monotonic seconds."""

    def __init__(self, name: str, link: Link, clock: Callable[[], float]) -> None:
        self._name = name
        self._link = link
        # Process ids differ between worker runs: a late one of a predecessor proves nothing.
        self._script = JobScript(name, first_process_number=int(clock() * 100))
        self._dialogue = Dialogue(self._script.run(), link, clock, ReplyParser())

    def execute(self, command: Command) -> Sequence[Event]:
        """Take a print job; commands for other devices are ignored with a warning."""
        if isinstance(command, PrintSlip):
            self._script.add(command)
            self._dialogue.wake()
            return self._news()
        remark("command_not_for_printer", device=self._name, command=type(command).__name__)
        return ()

    def run_once(self) -> Sequence[Event]:
        """Do one slice of the conversation. Raises LinkLost when the port is gone."""
        self._dialogue.run_once()
        return self._news()

    def close(self) -> None:
        """Close the link. A slip under way is the printer's alone now."""
        self._link.close()

    def _news(self) -> Sequence[Event]:
        events = tuple(self._script.events)
        self._script.events.clear()
        return events
