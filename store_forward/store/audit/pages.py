"""Which bytes of a database and its log are not what was written: no SQLite in it. Pure.

Reads the files as their formats say, so that damage is named by place even where SQLite would stop
at it, or, in the log, silently leave off all that follows.

* SQLCipher 4 page: ciphertext, then 16 bytes of IV and 32 of HMAC-SHA256 over both and the page's
  number (4 bytes, little endian). The HMAC key is PBKDF2-HMAC-SHA512, 2 rounds, of the data key,
  salted with the file's first 16 bytes, each XOR 0x3a; these bytes are not part of page 1.
* SQLite's write-ahead log (https://www.sqlite.org/fileformat2.html, section 4): 32 bytes of header,
  then frames of 24 bytes and a page. A frame counts while its salts are those of the header and its
  running checksum is right; frames of an earlier round may lie behind.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PAGE = 4096
SALT = 16
IV = 16
MAC = 32
WAL_HEADER = 32
FRAME_HEADER = 24
MAGIC = 0x377F0682
"""With the lowest bit set, checksums are made of big-endian words."""

_WORDS = struct.Struct(">IIIIIIII")
_FRAME = struct.Struct(">IIIIII")
_FRAME_BYTES = FRAME_HEADER + PAGE


@dataclass(frozen=True, slots=True)
class BadPlace:
    """Bytes of a file that are not what was written there."""

    path: Path
    offset: int
    length: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}: bytes {self.offset} to {self.offset + self.length}: {self.why}"


@dataclass(slots=True)
class LogFinding:
    """What a log holds. ``pages`` are those of whole transactions.

    ``open_end`` is a bad frame behind which no transaction ends: what a power cut in the middle of
    a write leaves, unless entries are missing elsewhere.
    """

    bad: list[BadPlace] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)
    open_end: BadPlace | None = None


class PageCheck:
    """Says whether a page is as SQLCipher wrote it."""

    def __init__(self, key_hex: str, salt: bytes) -> None:
        masked = bytes(byte ^ 0x3A for byte in salt)
        self._key = hashlib.pbkdf2_hmac("sha512", bytes.fromhex(key_hex), masked, 2, 32)

    def holds(self, page: bytes, number: int) -> bool:
        """Whether these bytes were written as page ``number``."""
        start = SALT if number == 1 else 0
        digest = hmac.new(self._key, page[start : PAGE - MAC], hashlib.sha256)
        digest.update(number.to_bytes(4, "little"))
        return hmac.compare_digest(digest.digest(), page[PAGE - MAC :])


def check_database(
    path: Path, data: Callable[[], bytes], key_hex: str, logged: set[int]
) -> list[BadPlace]:
    """The bad pages of a main file. ``data`` reads it; ``logged`` pages have a newer copy.

    A file in use is read again where a page does not hold: it may be written at this moment.
    """
    bad = _bad_pages(path, data(), key_hex, logged)
    return bad and _bad_pages(path, data(), key_hex, logged)


def _bad_pages(path: Path, data: bytes, key_hex: str, logged: set[int]) -> list[BadPlace]:
    check = PageCheck(key_hex, data[:SALT])
    bad = []
    count, rest = divmod(len(data), PAGE)
    for index in range(count):
        page = data[index * PAGE : (index + 1) * PAGE]
        number = index + 1
        if not check.holds(page, number):
            why = f"page {number} is not what was written"
            if number in logged:
                why += "; the log holds a newer copy of it"
            bad.append(BadPlace(path, index * PAGE, PAGE, why))
    if count and len(bad) == count:
        why = "no page holds: the first 16 bytes were changed, or the key is another one"
        return [BadPlace(path, 0, SALT, why)]
    if rest and count + 1 not in logged:
        bad.append(BadPlace(path, count * PAGE, rest, f"{rest} bytes are no whole page"))
    return bad


def check_log(path: Path, data: bytes, key_hex: str, salt: bytes) -> LogFinding:
    """What of a log counts, and which bytes break it. ``salt`` begins the main file."""
    found = LogFinding()
    if not data:
        return found
    if len(data) < WAL_HEADER:
        found.bad.append(BadPlace(path, 0, len(data), "the log's header is cut off"))
        return found
    words = _WORDS.unpack_from(data)
    adds_up = _checksum(words[0] & 1, (0, 0), data[:24])
    if words[0] & ~1 != MAGIC or adds_up != words[6:8] or words[2] != PAGE:
        why = "the log's header is damaged: SQLite leaves all of it off"
        found.bad.append(BadPlace(path, 0, WAL_HEADER, why))
        return found
    _check_frames(found, path, data, words, PageCheck(key_hex, salt))
    return found


def _check_frames(
    found: LogFinding, path: Path, data: bytes, words: tuple[int, ...], check: PageCheck
) -> None:
    salts, running = words[4:6], (words[6], words[7])
    waiting: set[int] = set()
    for offset, frame in _frames(data):
        number, size, *rest = _FRAME.unpack_from(frame)
        told_salts, told_sum = tuple(rest[:2]), tuple(rest[2:])
        if told_salts != salts and not _is_damage(told_salts, salts, data, offset):
            return  # the rest of an earlier round
        running = _checksum(words[0] & 1, running, frame[:8] + frame[FRAME_HEADER:])
        if (
            told_salts != salts
            or running != told_sum
            or not check.holds(frame[FRAME_HEADER:], number)
        ):
            why = "a frame of the log is damaged: SQLite leaves it and all behind it off"
            place = BadPlace(path, offset, len(frame), why)
            if _ends_a_transaction(data, offset + _FRAME_BYTES, salts):
                found.bad.append(place)
            else:
                found.open_end = place
            return
        waiting.add(number)
        if size:
            found.pages |= waiting
            waiting = set()


def _frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    for offset in range(WAL_HEADER, len(data) - _FRAME_BYTES + 1, _FRAME_BYTES):
        yield offset, data[offset : offset + _FRAME_BYTES]


def _ends_a_transaction(data: bytes, start: int, salts: tuple[int, ...]) -> bool:
    """Whether any frame of this round from ``start`` on says that a transaction ends with it."""
    for offset in range(start, len(data) - FRAME_HEADER + 1, _FRAME_BYTES):
        _, size, *rest = _FRAME.unpack_from(data, offset)
        if size and tuple(rest[:2]) == salts:
            return True
    return False


def _is_damage(told: tuple[int, ...], salts: tuple[int, ...], data: bytes, offset: int) -> bool:
    """Whether a frame with other salts was one of this round: one of them fits, or a later one."""
    if told[0] == salts[0] or told[1] == salts[1]:
        return True
    following = data[offset + _FRAME_BYTES : offset + _FRAME_BYTES + FRAME_HEADER]
    return len(following) == FRAME_HEADER and _FRAME.unpack(following)[2:4] == salts


def _checksum(is_big: int, start: tuple[int, int], data: bytes) -> tuple[int, int]:
    first, second = start
    words = struct.unpack(f"{'>' if is_big else '<'}{len(data) // 4}I", data)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & 0xFFFFFFFF
        second = (second + words[index + 1] + first) & 0xFFFFFFFF
    return first, second
