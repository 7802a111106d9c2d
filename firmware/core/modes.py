"""What the acceptor and the reader should be doing follows from the state alone.

So no flow starts or stops them: whatever path led here, notes are drawn in exactly while a payment
wants them.
"""

from __future__ import annotations

from devices.messages import (
    DeviceKind,
    EndCashIn,
    StartCardReading,
    StartCashIn,
    StopCardReading,
)
from firmware.core.effects import Effect, Tell
from firmware.core.events import DevicesCaughtUp, Happening
from firmware.core.flows.identify import wants_card
from firmware.core.flows.pay_cash import takes_notes
from firmware.core.state import State
from firmware.core.world import World


def mode_changes(before: State, after: State, event: Happening, world: World) -> tuple[Effect, ...]:
    """Return the commands that bring the peripherals from one state to the next.

    After a reconnect all are given: the devices process may have forgotten, or never known.
    """
    if not world.devices_connected:
        return ()
    anew = isinstance(event, DevicesCaughtUp)
    effects: list[Effect] = []
    acceptor = world.device_name(DeviceKind.CASH_ACCEPTOR)
    if acceptor is not None and (anew or takes_notes(before) != takes_notes(after)):
        accept_fen = world.profile.limits.accept_fen
        starting = StartCashIn(acceptor, accept_fen)
        effects.append(Tell(starting if takes_notes(after) else EndCashIn(acceptor)))
    reader = world.device_name(DeviceKind.ID_READER)
    if reader is not None and (anew or wants_card(before) != wants_card(after)):
        looks = wants_card(after)
        effects.append(Tell(StartCardReading(reader) if looks else StopCardReading(reader)))
    return tuple(effects)
