"""Reads a mirror as its documented format says, with none of the code that writes it.

The format is that of ``store_forward/store/mirror/format.py``, its first lines. Of each segment it
yields what is good and names the bytes that are not.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store_forward.store.audit.pages import BadPlace

_PREFIX = 64
_INFO = b"outpost mirror segment 1"


@dataclass(slots=True)
class MirrorFinding:
    """What the segments hold: body by number; the incarnations named; bytes that are not good."""

    hashes: dict[int, bytes] = field(default_factory=dict)
    bad: list[BadPlace] = field(default_factory=list)
    contradictions: list[int] = field(default_factory=list)
    segments: int = 0
    foreign: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    segment: int
    record: int
    first_seq: int
    hashes: list[bytes]


def read_mirror(
    directory: Path, keys: Sequence[str], device: str, incarnation: str
) -> MirrorFinding:
    """Read all segments. ``keys`` are data keys (hex) that may have sealed them.

    Segments of other journals are named in ``foreign``. Raises OSError.
    """
    found = MirrorFinding()
    groups: list[_Group] = []
    aborted: set[tuple[int, int]] = set()
    for path in sorted(directory.glob("*.segment")):
        found.segments += 1
        header: dict[str, Any] = {}
        for number, record, content in _records(path, keys, found.bad):
            match content[:1]:
                case b"\x00":
                    header = json.loads(content[1:])
                case b"\x01":
                    groups.append(_group(number, record, content))
                case b"\x02":
                    segment, aborted_record = struct.unpack(">QQ", content[1:17])
                    aborted.add((segment, aborted_record))
        if header and (header.get("device"), header.get("incarnation")) != (device, incarnation):
            found.foreign.append(path)
            groups = [one for one in groups if one.segment != header.get("number")]
    for group in groups:
        if (group.segment, group.record) not in aborted:
            for seq, digest in enumerate(group.hashes, group.first_seq):
                if found.hashes.setdefault(seq, digest) != digest:
                    found.contradictions.append(seq)
    return found


def is_readable(directory: Path, keys: Sequence[str]) -> bool:
    """Whether a record of any segment opens with one of these keys. Raises OSError."""
    for path in sorted(directory.glob("*.segment")):
        for _ in _records(path, keys, []):
            return True
    return False


def _records(
    path: Path, keys: Sequence[str], bad: list[BadPlace]
) -> Iterator[tuple[int, int, bytes]]:
    """Segment, record and content of each good record; what is not good is added to ``bad``."""
    data = path.read_bytes()
    if len(data) < _PREFIX or data[:12] != b"OUTPMIRR\x00\x00\x00\x01" or any(data[52:_PREFIX]):
        bad.append(BadPlace(path, 0, min(len(data), _PREFIX), "no first bytes of a segment"))
        return
    number = int.from_bytes(data[12:20], "big")
    if path.name != f"{number:012d}.segment":
        bad.append(BadPlace(path, 12, 8, f"segment {number} under another name"))
        return
    ciphers = [ChaCha20Poly1305(_derive(key, data[20:52])) for key in keys]
    offset, record, skipped = _PREFIX, 0, 0
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        if length == 0 and data[offset:] == bytes(len(data) - offset):
            return
        end = offset + 4 + length
        if length <= 16 or end > len(data):
            bad.append(BadPlace(path, offset, len(data) - offset, "no record begins here"))
            return
        content = _open(ciphers, data, record, offset, length)
        if content is None:
            # The first bytes of the file are authenticated with each record.
            start = offset if record else 0
            bad.append(BadPlace(path, start, end - start, f"record {record} does not open"))
            skipped += 1
            if skipped == 2:  # the lengths cannot be trusted any more
                return
        else:
            skipped = 0
            try:
                _check(content)
            except (ValueError, struct.error):
                bad.append(BadPlace(path, offset, end - offset, f"record {record} has no meaning"))
            else:
                yield number, record, content
        offset, record = end, record + 1


def _open(
    ciphers: Sequence[ChaCha20Poly1305], data: bytes, record: int, offset: int, length: int
) -> bytes | None:
    beside = data[:_PREFIX] + struct.pack(">QQI", record, offset, length)
    sealed = data[offset + 4 : offset + 4 + length]
    for cipher in ciphers:
        try:
            return cipher.decrypt(record.to_bytes(12, "big"), sealed, beside)
        except InvalidTag:
            continue
    return None


def _check(content: bytes) -> None:
    match content[:1]:
        case b"\x00":
            json.loads(content[1:])
        case b"\x01":
            group = _group(0, 0, content)
            if group.hashes[-1] != content[45:77]:
                raise ValueError("the last hash does not follow")
        case b"\x02" if len(content) == 17:
            pass
        case _:
            raise ValueError("unknown kind")


def _group(number: int, record: int, content: bytes) -> _Group:
    first_seq, count = struct.unpack(">QI", content[1:13])
    previous, offset = content[13:45], 77
    hashes = []
    for seq in range(first_seq, first_seq + count):
        (length,) = struct.unpack_from(">I", content, offset)
        body = content[offset + 4 : offset + 4 + length]
        offset += 4 + length
        previous = hashlib.sha256(previous + seq.to_bytes(8, "big") + body).digest()
        hashes.append(previous)
    if not hashes or offset != len(content):
        raise ValueError("a group is not whole")
    return _Group(number, record, first_seq, hashes)


def _derive(key: str, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=salt, info=_INFO).derive(bytes.fromhex(key))
