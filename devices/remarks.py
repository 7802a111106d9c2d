"""What a driver has to say to staff: one structured line on standard error.

The supervisor puts a worker's words into the log. A logging library in each worker would cost
14 MB of the kiosk's memory three times over, for lines that are hardly ever written.
"""

from __future__ import annotations

import sys

import msgspec


def remark(event: str, **details: str) -> None:
    """Say what happened. ``details`` must hold nothing of a patient."""
    line = msgspec.json.encode({"event": event, **details}).decode()
    print(line, file=sys.stderr, flush=True)
