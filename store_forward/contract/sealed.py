"""Sealed files: what leaves a kiosk on a disk or a stick. Signed, encrypted, whole or refused.

A sealed file is readable for one recipient only and signed by its maker (Ed25519). All numbers are
big endian.

======== ===== ===================================================================================
offset   bytes meaning
======== ===== ===================================================================================
0        8     ``OUTPSEAL``
8        4     ``n``: bytes of the header
12       n     ``Header`` as canonical JSON; open to everybody
12 + n   …     chunks: 65,536 bytes of content and a tag of 16 each; the last may hold less
end - t  32    SHA-256 of all before the first chunk
         32    SHA-256 of each chunk, one behind the other
         8     ``k``: number of chunks, at least one
         64    Ed25519 signature over ``outpost sealed file 1``, the hashes and ``k``
======== ===== ===================================================================================

A chunk is sealed by ChaCha20-Poly1305 (RFC 8439); its nonce is its number (11 bytes) and 1 for the
last chunk, else 0 (the STREAM construction), so none can be moved, repeated or left off. The key is
HKDF-SHA256 (RFC 5869) of 32 random bytes for the hash of all before the first chunk; the header
carries these bytes wrapped for the recipient, in the way of the recipient's kind of key.

The hashes of the chunks let anybody with the maker's public key name the bytes that were changed,
without being able to read one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import msgspec
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"OUTPSEAL"
CHUNK_BYTES = 65_536
TAG_BYTES = 16
HASH_BYTES = 32
SIGNATURE_BYTES = 64
LONGEST_HEADER = 16_384
SIGNED_AS = b"outpost sealed file 1\n"
_SECRET_BYTES = 32
_SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
_LENGTH = struct.Struct(">I")
_COUNT = struct.Struct(">Q")
_START_BYTES = len(MAGIC) + _LENGTH.size

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]
"""Whether the signature (first) over the bytes (second) is the maker's."""


class Lock(Protocol):
    """The recipient's public key. ``key_id`` names it."""

    @property
    def key_id(self) -> str: ...

    def wrap_secret(self, secret: bytes) -> bytes:
        """Wrap 32 secret bytes so that only the recipient gets them back."""
        ...


class Opener(Protocol):
    """The recipient's private key."""

    @property
    def key_id(self) -> str: ...

    def unwrap_secret(self, wrapped: bytes) -> bytes:
        """Return what was wrapped. Raises ValueError when it was not for this key."""
        ...


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What everybody may know of a sealed file.

    ``kind`` is ``backup`` or ``courier``; ``number`` counts the files of a kind that this
    incarnation made; ``first_seq`` to ``last_seq`` are the journal entries in it, ``last_hash`` the
    chain hash of the last (0, 0 and empty where it holds none). ``made_at`` is RFC 3339 UTC by the
    maker's clock. ``recipient`` is the id of the key that opens it, ``wrapped`` what it unwraps
    (base64). ``signer`` is the maker's public key (``signer_text``): whether that is the key of the
    device is for the reader to know.
    """

    kind: str
    device: str
    incarnation: str
    number: int
    made_at: str
    first_seq: int
    last_seq: int
    last_hash: str
    signer: str
    recipient: str = ""
    wrapped: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class BadBytes:
    """Bytes of a sealed file that are not what its maker wrote."""

    offset: int
    length: int
    why: str


class NotSealed(Exception):
    """The file is not what its maker wrote, or not for this key. ``places`` names bad bytes."""

    def __init__(self, why: str, places: tuple[BadBytes, ...] = ()) -> None:
        super().__init__(why)
        self.places = places


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a sealed file lie. ``start`` is where the first chunk begins."""

    header: Header
    start: int
    chunk_count: int
    size: int

    @property
    def end(self) -> int:
        """Where the last chunk ends."""
        return self.size - _trailer_bytes(self.chunk_count)

    def chunk(self, number: int) -> tuple[int, int]:
        """Offset and length of a chunk."""
        offset = self.start + number * _SEALED_CHUNK
        return offset, min(_SEALED_CHUNK, self.end - offset)


def seal(
    file: BinaryIO, header: Header, content: Iterable[bytes], lock: Lock, sign: Sign
) -> Layout:
    """Write a sealed file from where ``file`` stands, which is its beginning.

    ``content`` comes in pieces of any length.
    """
    secret = secrets.token_bytes(_SECRET_BYTES)
    wrapped = base64.b64encode(lock.wrap_secret(secret)).decode()
    header = msgspec.structs.replace(header, recipient=lock.key_id, wrapped=wrapped)
    text = _header_text(header)
    start = MAGIC + _LENGTH.pack(len(text)) + text
    digest = hashlib.sha256(start).digest()
    aead = _cipher(secret, digest)
    file.write(start)
    hashes, count, size = [digest], 0, len(start)
    for chunk, is_last in _chunks(content):
        sealed = aead.encrypt(_nonce(count, is_last), chunk, None)
        file.write(sealed)
        hashes.append(hashlib.sha256(sealed).digest())
        count, size = count + 1, size + len(sealed)
    signed = b"".join(hashes) + _COUNT.pack(count)
    file.write(signed + sign(SIGNED_AS + signed))
    return Layout(header, len(start), count, size + _trailer_bytes(count))


def signer_text(key: Ed25519PublicKey) -> str:
    """The maker's public key as it stands in the header: base64 of its 32 bytes."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def signed_by(signer: str) -> Verify:
    """What checks signatures of this maker; it says no to all where the text is no key."""

    def verify(signature: bytes, data: bytes) -> bool:
        try:
            raw = base64.b64decode(signer, validate=True)
            Ed25519PublicKey.from_public_bytes(raw).verify(signature, data)
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True

    return verify


def read_layout(file: BinaryIO) -> Layout:
    """Read header and extent, which nothing vouches for yet. Raises NotSealed."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(_START_BYTES)
    if len(start) < _START_BYTES or not start.startswith(MAGIC):
        raise NotSealed("this is no sealed file", (BadBytes(0, min(size, _START_BYTES), "start"),))
    (length,) = _LENGTH.unpack_from(start, len(MAGIC))
    text = file.read(length) if length <= LONGEST_HEADER else b""
    try:
        header = msgspec.json.decode(text, type=Header)
    except (msgspec.MsgspecError, ValueError) as error:
        place = BadBytes(0, min(size, _START_BYTES + min(length, LONGEST_HEADER)), "header")
        raise NotSealed("the header of this sealed file is damaged", (place,)) from error
    if header.version != 1:
        raise NotSealed(f"this software cannot read sealed files of version {header.version}")
    begins = _START_BYTES + length
    return Layout(header, begins, _count(file, begins, size), size)


def _header_text(header: Header) -> bytes:
    return msgspec.json.encode(header, order="sorted")


def _count(file: BinaryIO, begins: int, size: int) -> int:
    """The number of chunks, which must agree with the size. Raises NotSealed."""
    fixed = HASH_BYTES + _COUNT.size + SIGNATURE_BYTES
    room = size - begins - fixed
    # Each chunk but the last is full, and each has one hash behind.
    count, rest = divmod(room, _SEALED_CHUNK + HASH_BYTES)
    count += 1 if rest else 0
    if room < TAG_BYTES + HASH_BYTES or (rest and rest < TAG_BYTES + HASH_BYTES):
        raise NotSealed(
            f"this sealed file was cut off: {size} bytes are no whole chunks",
            (BadBytes(begins, max(size - begins, 0), "cut off"),),
        )
    file.seek(size - SIGNATURE_BYTES - _COUNT.size)
    (told,) = _COUNT.unpack(file.read(_COUNT.size))
    if told != count:
        place = BadBytes(begins, size - begins, "cut off, or the count of chunks was changed")
        raise NotSealed("this sealed file was cut off or changed", (place,))
    return count


def find_damage(file: BinaryIO, layout: Layout, verify: Verify) -> list[BadBytes]:
    """Compare every byte with what the maker signed; needs no key to open it."""
    return _damage(file, layout, verify, _trailer(file, layout))


def _damage(file: BinaryIO, layout: Layout, verify: Verify, trailer: bytes) -> list[BadBytes]:
    signed, signature = trailer[:-SIGNATURE_BYTES], trailer[-SIGNATURE_BYTES:]
    found = []
    if hashlib.sha256(_read_at(file, 0, layout.start)).digest() != signed[:HASH_BYTES]:
        found.append(BadBytes(0, layout.start, "the header is not what was signed"))
    for number in range(layout.chunk_count):
        offset, length = layout.chunk(number)
        place = (number + 1) * HASH_BYTES
        digest = hashlib.sha256(_read_at(file, offset, length)).digest()
        if digest != signed[place : place + HASH_BYTES]:
            found.append(BadBytes(offset, length, f"chunk {number} is not what was signed"))
    if not verify(signature, SIGNED_AS + signed):
        why = "the signature is not that of the maker named, or the hashes were changed"
        found.append(BadBytes(layout.end, len(trailer), why))
    return found


def open_sealed(file: BinaryIO, layout: Layout, opener: Opener, verify: Verify) -> Iterator[bytes]:
    """Yield the content. Before the first byte all of the file was compared with the signature.

    And each part again when it is used: whoever holds the disk or the share can change it between.

    Raises NotSealed.
    """
    header, trailer = layout.header, _trailer(file, layout)
    damage = _damage(file, layout, verify, trailer)
    if damage:
        raise NotSealed(f"it is not what its maker wrote ({damage[0].why})", tuple(damage))
    if header.recipient != opener.key_id:
        raise NotSealed(f"it was sealed for key {header.recipient}, this is key {opener.key_id}")
    try:
        secret = opener.unwrap_secret(base64.b64decode(header.wrapped, validate=True))
    except (binascii.Error, ValueError) as error:
        raise NotSealed("the key in its header does not open with this key") from error
    return _content(file, layout, secret, trailer)


def _content(file: BinaryIO, layout: Layout, secret: bytes, signed: bytes) -> Iterator[bytes]:
    start = _read_signed(file, 0, layout.start, signed[:HASH_BYTES])
    if start[_START_BYTES:] != _header_text(layout.header):
        raise NotSealed(_CHANGED, (BadBytes(0, layout.start, "the header was another one before"),))
    aead = _cipher(secret, signed[:HASH_BYTES])
    for number in range(layout.chunk_count):
        offset, length = layout.chunk(number)
        digest = signed[(number + 1) * HASH_BYTES :][:HASH_BYTES]
        sealed = _read_signed(file, offset, length, digest)
        nonce = _nonce(number, number == layout.chunk_count - 1)
        try:
            yield aead.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            place = BadBytes(offset, length, f"chunk {number} does not open")
            raise NotSealed(f"chunk {number} does not open with this key", (place,)) from error


def _chunks(content: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The content in whole chunks; the last is marked, and may be empty only when all is."""
    held = bytearray()
    for piece in content:
        held += piece
        while len(held) > CHUNK_BYTES:
            yield bytes(held[:CHUNK_BYTES]), False
            del held[:CHUNK_BYTES]
    yield bytes(held), True


def _cipher(secret: bytes, digest: bytes) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(HKDF(SHA256(), 32, salt=None, info=SIGNED_AS + digest).derive(secret))


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _trailer_bytes(chunk_count: int) -> int:
    return HASH_BYTES * (chunk_count + 1) + _COUNT.size + SIGNATURE_BYTES


_CHANGED = "it was changed while it was read: copy it from there and try again"


def _read_signed(file: BinaryIO, offset: int, length: int, digest: bytes) -> bytes:
    """Read bytes that must still be those whose hash was signed. Raises NotSealed."""
    data = _read_at(file, offset, length)
    if hashlib.sha256(data).digest() != digest:
        raise NotSealed(_CHANGED, (BadBytes(offset, length, "not what it was before"),))
    return data


def _trailer(file: BinaryIO, layout: Layout) -> bytes:
    """The hashes and the signature."""
    return _read_at(file, layout.end, layout.size - layout.end)


def _read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    file.seek(offset)
    return file.read(length)
