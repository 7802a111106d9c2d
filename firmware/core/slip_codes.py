"""Codes on slips that a patient can read aloud and staff can look up: ``A-0713-0042-K``.

Kiosk prefix, month and day, a running number of this kiosk, and a check letter over all of it.
Inside the numbers only digits occur and the check letter is never I, O or Z, so nothing is taken
for 1, 0 or 2.
"""

from __future__ import annotations

from datetime import date

CHECK_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXY"
"""23 letters: the modulus is prime, so every single error and every swap of neighbours shows."""

SERIALS = 10_000
"""The running number has four digits and is not reset at midnight: the date is only a hint."""


class BadSlipCode(ValueError):
    """The text is no slip code, or was misread."""


def make_slip_code(prefix: str, day: date, serial: int) -> str:
    """Return the code of this kiosk's slip number ``serial``."""
    body = f"{prefix}-{day:%m%d}-{serial % SERIALS:04d}"
    return f"{body}-{_check_letter(body)}"


def serial_of(code: str) -> int:
    """Return the running number in a code. Raises BadSlipCode when the check letter is wrong."""
    body, _, letter = code.rpartition("-")
    serial = body.rpartition("-")[2]
    if not serial.isascii() or not serial.isdigit() or letter != _check_letter(body):
        raise BadSlipCode(f"{code!r} is no slip code: read it again, letter by letter")
    return int(serial)


def _check_letter(body: str) -> str:
    total = sum(
        weight * _value(character) for weight, character in enumerate(body.replace("-", ""), 1)
    )
    return CHECK_LETTERS[total % len(CHECK_LETTERS)]


def _value(character: str) -> int:
    return int(character, 36) if character.isascii() and character.isalnum() else 0
