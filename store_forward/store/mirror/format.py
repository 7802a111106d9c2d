"""Bytes of a mirror segment. Pure.

A segment is one file that one run of one process writes, front to back, into room that holds zeros
before. All numbers are big endian.

====== ===== =======================================================================================
offset bytes meaning
====== ===== =======================================================================================
0      8     ``OUTPMIRR``
8      4     version of this layout: 1
12     8     number of the segment; a later segment has a greater one
20     32    salt: random, so each segment has a key of its own
52     12    zeros
64     …     records, one behind the other
====== ===== =======================================================================================

====== ===== =======================================================================================
record bytes meaning
====== ===== =======================================================================================
0      4     ``n``: how many sealed bytes follow. Zero, or the end of the file, ends the segment;
             behind it there are zeros only
4      n     sealed: ChaCha20-Poly1305 (RFC 8439), the last 16 bytes are its tag
====== ===== =======================================================================================

The key is HKDF-SHA256 (RFC 5869) of the store's data key with the segment's salt. The nonce of a
segment's record ``k`` (from 0) is ``k``, so it never repeats under a key: no segment is continued
by another run, and nothing is written over. Authenticated beside the sealed bytes: the first 64
bytes of the file, ``k``, the record's offset and ``n`` (8, 8 and 4 bytes). So no record can be
moved, repeated, shortened or taken from another segment without being noticed.

What is sealed begins with one byte:

====== ==========================================================================================
byte   what follows
====== ==========================================================================================
0      the header, record 0 and no other: ``Header`` as JSON
1      a group, the entries of one append: first seq (8), number of entries (4), chain hash before
       them (32) and of the last (32); then each entry: length (4) and its canonical bytes
2      an abort, the group it names was refused by the database: segment (8), record (8)
====== ==========================================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store_forward.contract.canonical import GENESIS, chain_hash
from store_forward.contract.facts import Redacted
from store_forward.store.keys import StoreKey

MAGIC = b"OUTPMIRR"
VERSION = 1
SALT_BYTES = 32
HASH_BYTES = len(GENESIS)
PREFIX_BYTES = 64
TAG_BYTES = 16
LENGTH_BYTES = 4
_NONCE_BYTES = 12
LONGEST_RECORD = 64 * 1024 * 1024
"""Bytes of a record's sealed part; a greater length is damage."""

_PREFIX = struct.Struct(">8sIQ32s12x")
_PLACE = struct.Struct(f">{PREFIX_BYTES}sQQI")
_LENGTH = struct.Struct(">I")
_GROUP = struct.Struct(">BQI32s32s")
_ABORT = struct.Struct(">BQQ")
_HEADER_TAG, _GROUP_TAG, _ABORT_TAG = 0, 1, 2
_INFO = b"outpost mirror segment 1"

ENTRY_OVERHEAD = _LENGTH.size
RECORD_OVERHEAD = _LENGTH.size + _GROUP.size + TAG_BYTES


class Damaged(ValueError):
    """These bytes are no record of this place in this segment under this key."""


class Prefix(msgspec.Struct, frozen=True):
    """The open first bytes of a segment."""

    number: int
    salt: bytes


class Header(msgspec.Struct, frozen=True):
    """Record 0: where this segment stands in the journal and among the other segments.

    ``base_seq`` and ``base_hash`` are the journal's head when it was begun. Everything up to
    ``acked_seq`` was acknowledged by the gateway and in the database's main file then, and no
    segment before ``first_kept`` was needed any more. ``last_seq`` is set in a segment that was
    filled from the database and takes no appends: the journal's newest entry then, which may stand
    in another one. ``counter`` is what the machine's
    monotonic counter stood at, None where there is none. ``numbers`` are the last ones that core
    had given to slips and patients, by name.
    """

    number: int
    device: str
    incarnation: str
    base_seq: int
    base_hash: bytes
    acked_seq: int
    first_kept: int
    last_seq: int | None = None
    counter: int | None = None
    numbers: dict[str, int] = {}

    def kept_from(self, number: int) -> Header:
        """The same with another ``first_kept``."""
        return msgspec.structs.replace(self, first_kept=number)


class Group(Redacted, frozen=True):
    """The entries of one append: all of them count, or none."""

    first_seq: int
    previous_hash: bytes
    head_hash: bytes
    bodies: tuple[bytes, ...]

    @property
    def last_seq(self) -> int:
        """Sequence number of the last entry."""
        return self.first_seq + len(self.bodies) - 1

    def hashes(self) -> list[bytes]:
        """The chain hash of each entry."""
        found, previous = [], self.previous_hash
        for seq, body in enumerate(self.bodies, self.first_seq):
            previous = chain_hash(previous, seq, body)
            found.append(previous)
        return found


class Outline(Redacted, frozen=True, gc=False):
    """A group as its own first bytes tell it; ``content`` is all of them."""

    first_seq: int
    last_seq: int
    previous_hash: bytes
    head_hash: bytes
    content: bytes

    def read(self) -> Group:
        """Its entries. Raises Damaged: they do not agree with the hashes."""
        found = decode_content(self.content)
        if not isinstance(found, Group):
            raise Damaged("this is no group")
        return found


class Abort(msgspec.Struct, frozen=True):
    """The group in record ``record`` of segment ``number`` was refused and does not count."""

    number: int
    record: int


Content = Header | Group | Abort


class SegmentCipher:
    """Seals and opens the records of one segment; one of before a change of the data key, too."""

    def __init__(self, key: StoreKey, prefix: Prefix) -> None:
        self._aead = _aead(key.hex_digits, prefix)
        self._former = [_aead(digits, prefix) for digits in key.former]
        self._prefix = encode_prefix(prefix)

    def seal(self, record: int, offset: int, content: bytes) -> bytes:
        """The whole record, its length first, for this place of the segment."""
        length = len(content) + TAG_BYTES
        place = _PLACE.pack(self._prefix, record, offset, length)
        sealed = self._aead.encrypt(_nonce(record), content, place)
        return _LENGTH.pack(length) + sealed

    def open(self, record: int, offset: int, sealed: bytes) -> bytes:
        """What a record holds. Raises Damaged when it was not sealed for this place."""
        place = _PLACE.pack(self._prefix, record, offset, len(sealed))
        nonce = record.to_bytes(_NONCE_BYTES, "big")
        try:
            return self._aead.decrypt(nonce, sealed, place)
        except InvalidTag:
            pass
        for aead in self._former:
            try:
                content = aead.decrypt(nonce, sealed, place)
            except InvalidTag:
                continue
            self._aead, self._former = aead, []  # a segment has one key
            return content
        raise Damaged(f"record {record} at byte {offset} is not what was sealed")


def encode_prefix(prefix: Prefix) -> bytes:
    """The first bytes of a segment file."""
    return _PREFIX.pack(MAGIC, VERSION, prefix.number, prefix.salt)


def decode_prefix(data: bytes) -> Prefix:
    """Read the first bytes of a segment file. Raises Damaged."""
    if len(data) < PREFIX_BYTES:
        raise Damaged(f"{len(data)} bytes are fewer than the first {PREFIX_BYTES} of a segment")
    magic, version, number, salt = _PREFIX.unpack_from(data)
    prefix = Prefix(number, salt)
    if magic != MAGIC or version != VERSION or encode_prefix(prefix) != data[:PREFIX_BYTES]:
        raise Damaged("these are not the first bytes of a segment of this version")
    return prefix


def record_length(data: bytes, offset: int) -> int:
    """Sealed bytes of the record at ``offset``; 0 where the segment ends. Raises Damaged."""
    size = len(data)
    if offset == size:
        return 0
    if offset + LENGTH_BYTES > size:
        raise Damaged(f"the segment ends within the length at byte {offset}")
    (length,) = _LENGTH.unpack_from(data, offset)
    if TAG_BYTES < length <= LONGEST_RECORD and offset + LENGTH_BYTES + length <= size:
        return int(length)
    if length == 0:
        return 0
    raise Damaged(f"no record is {length} bytes long at byte {offset}")


def encode_content(content: Content) -> bytes:
    """The bytes to seal."""
    match content:
        case Header():
            return bytes([_HEADER_TAG]) + msgspec.json.encode(content)
        case Group():
            return encode_group(
                content.first_seq, content.previous_hash, content.head_hash, content.bodies
            )
        case Abort():
            return _ABORT.pack(_ABORT_TAG, content.number, content.record)


def encode_group(
    first_seq: int, previous_hash: bytes, head_hash: bytes, bodies: Sequence[bytes]
) -> bytes:
    """The bytes to seal of a group."""
    parts = [_GROUP.pack(_GROUP_TAG, first_seq, len(bodies), previous_hash, head_hash)]
    for body in bodies:
        parts.append(_LENGTH.pack(len(body)))
        parts.append(body)
    return b"".join(parts)


def decode_content(data: bytes) -> Content:
    """Read what was sealed. Raises Damaged; a group's hashes are checked."""
    try:
        match data[0]:
            case 0:
                return msgspec.json.decode(data[1:], type=Header)
            case 1:
                return _decode_group(data)
            case 2:
                _, number, record = _ABORT.unpack(data)
                return Abort(number, record)
            case tag:
                raise Damaged(f"unknown kind of record {tag}")
    except (IndexError, struct.error, msgspec.MsgspecError) as error:
        raise Damaged("a record holds what this version cannot read") from error


def outline_content(data: bytes) -> Header | Outline | Abort:
    """Read what was sealed, of a group no more than its first bytes. Raises Damaged.

    The seal says that all of it is as it was written; whether the writer's entries and hashes
    agree, ``Outline.read`` says.
    """
    if data[0] == _GROUP_TAG and len(data) > _GROUP.size:
        _, first_seq, count, previous_hash, head_hash = _GROUP.unpack_from(data)
        return Outline(first_seq, first_seq + count - 1, previous_hash, head_hash, data)
    content = decode_content(data)
    if isinstance(content, Group):
        raise Damaged("a group without entries")
    return content


def _decode_group(data: bytes) -> Group:
    _, first_seq, count, previous_hash, head_hash = _GROUP.unpack_from(data)
    bodies, offset = [], _GROUP.size
    for _ in range(count):
        (length,) = _LENGTH.unpack_from(data, offset)
        offset += _LENGTH.size
        bodies.append(data[offset : offset + length])
        offset += length
    group = Group(first_seq, previous_hash, head_hash, tuple(bodies))
    if offset != len(data) or not bodies or group.hashes()[-1] != head_hash:
        raise Damaged(f"the group from entry {first_seq} on does not agree with its own hashes")
    return group


def group_bytes(bodies: Sequence[bytes]) -> int:
    """Bytes that a group of these bodies takes in a segment."""
    return RECORD_OVERHEAD + sum(map(len, bodies)) + ENTRY_OVERHEAD * len(bodies)


def _aead(digits: str, prefix: Prefix) -> ChaCha20Poly1305:
    derived = HKDF(SHA256(), 32, salt=prefix.salt, info=_INFO).derive(bytes.fromhex(digits))
    return ChaCha20Poly1305(derived)


def _nonce(record: int) -> bytes:
    return record.to_bytes(_NONCE_BYTES, "big")
