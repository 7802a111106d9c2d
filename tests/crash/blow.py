"""What befalls a disk, and so what may follow from it."""

from __future__ import annotations

from enum import Enum


class Blow(Enum):
    """POWER_CUT: everything is to be there, and no file to be set aside. DAMAGE to one of the two
    copies: every entry is to be there; receipts and marks may be older, the gateway tells them
    again. DAMAGE_TO_ALL: what is gone is named to the sequence number.
    """

    POWER_CUT = "power cut"
    DAMAGE = "damage"
    DAMAGE_TO_ALL = "damage to all"
