"""Masks names and id numbers for screen and paper, where a bystander may read them.

The rule is the usual one of Chinese hospitals' paper: the family name (first character) stays,
every further character becomes ``*``; of an id number the first six (the region) and the last
four digits stay.
"""

from __future__ import annotations

MASK = "*"
ID_HEAD = 6
ID_TAIL = 4


def mask_name(name: str) -> str:
    """Return ``张**`` for ``张测试``; a one-character name is masked altogether."""
    plain = name.strip()
    if len(plain) <= 1:
        return MASK
    return plain[0] + MASK * (len(plain) - 1)


def mask_id_number(number: str) -> str:
    """Return ``110105********002X`` for an 18-digit number; short numbers keep nothing."""
    plain = number.strip()
    hidden = len(plain) - ID_HEAD - ID_TAIL
    if hidden < 4:
        return MASK * max(len(plain), 1)
    return plain[:ID_HEAD] + MASK * hidden + plain[-ID_TAIL:]
