"""The staff's code as the deployment file holds it: salted and slow to try, never the code itself.

A code of six digits can be found by whoever has the file and a day: it keeps patients out of a page
that says nothing of patients, no more.
"""

from __future__ import annotations

import hashlib
import hmac
import re

FORM = r"^scrypt:[0-9a-f]{32}:[0-9a-f]{64}$"
"""How a hashed code is written: scheme, salt and hash in hexadecimal digits."""

DIGITS = re.compile(r"[0-9]{6,12}")
"""What may be a code: it is typed on a pad of digits."""

SALT_BYTES = 16
_COST, _BLOCK, _LANES = 2**14, 8, 1
"""scrypt's N, r, p (RFC 7914, section 2): 16 MiB and about 50 ms a try."""


class NoCode(ValueError):
    """This cannot be a code."""


def hash_code(code: str, salt: bytes) -> str:
    """Return the code as the deployment file holds it. Raises NoCode."""
    if not DIGITS.fullmatch(code):
        raise NoCode("a code has 6 to 12 digits and nothing else")
    return f"scrypt:{salt.hex()}:{_digest(code, salt).hex()}"


def is_code(code: str, hashed: str) -> bool:
    """Whether this is the code; never where ``hashed`` is empty."""
    if not re.fullmatch(FORM, hashed) or not DIGITS.fullmatch(code):
        return False
    _, salt, wanted = hashed.split(":")
    return hmac.compare_digest(_digest(code, bytes.fromhex(salt)), bytes.fromhex(wanted))


def _digest(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=32)
