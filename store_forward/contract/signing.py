"""Signatures between kiosk and gateway.

Requests carry an HTTP Message Signature (RFC 9421, Ed25519) over method, authority, path, query
and the body's Content-Digest (RFC 9530, sha-256). What the gateway countersigns (receipts, marks,
resolutions) carries a plain Ed25519 signature over its ``signed_bytes``.

Time: ``created`` must be there and is evidence only. A kiosk whose clock battery is dead must
still be able to hand over money facts, so an old or future ``created`` is no reason to refuse.
A replayed request does no harm: batches are idempotent on (device, incarnation, seq), leases on
their request id, returns name their lease, and reads change nothing.

Authority: what is signed is the Host header as sent. A plain TCP relay between kiosk and gateway
leaves it alone, so the port the kiosk dialled may differ from the port the gateway listens on.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature as InvalidEd25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519

from store_forward.contract.keys import load_private_key as load_private_key
from store_forward.contract.keys import load_public_key as load_public_key
from store_forward.contract.marks import StreamMark
from store_forward.contract.resolutions import Resolution
from store_forward.contract.wire import Receipt, signed_bytes

Countersigned = Receipt | StreamMark | Resolution
"""What the gateway signs with its receipt key. No two of them share all member names, so the
signature of one is never that of another."""

T = TypeVar("T", Receipt, StreamMark, Resolution)

TAG = "outpost"
"""Application tag (RFC 9421 section 2.3): a signature made for another purpose never counts."""

LABEL = "kiosk"
"""Label of our signature in the Signature headers; not signed, only a name."""

COMPONENTS = ("@method", "@authority", "@path", "@query", "content-digest")
"""Covered by every request."""

BODY_COMPONENTS = (*COMPONENTS, "content-type")
"""Covered by a request with a body."""


class SignatureFault(StrEnum):
    """Why a request was not believed. The words are stable: they go into ``Problem.code``."""

    UNSIGNED = "unsigned"
    UNKNOWN_DEVICE = "unknown_device"
    BAD_SIGNATURE = "bad_signature"
    BAD_DIGEST = "bad_digest"


class BadSignature(Exception):
    """A request cannot be attributed to a kiosk. ``code`` says why, in a stable word."""

    def __init__(self, code: SignatureFault, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class _Message:
    """What the signature library looks at."""

    method: str
    url: str
    headers: dict[str, str]


def sign_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key: Ed25519PrivateKey,
    key_id: str,
    created: datetime,
    nonce: str | None = None,
) -> dict[str, str]:
    """Return ``headers`` with Content-Digest, Signature-Input and Signature added.

    ``url`` is the absolute, encoded URL that will be requested; ``key_id`` the device id;
    ``created`` an aware time. A request with a body must already have its Content-Type.
    Raises ValueError when it has not.
    """
    if body and not any(name.lower() == "content-type" for name in headers):
        raise ValueError("a request with a body needs a Content-Type before it is signed")
    message = _Message(method.upper(), url, dict(headers))
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: key}),
    )
    signer.sign(
        message,
        key_id=key_id,
        created=created,
        nonce=nonce,
        label=LABEL,
        tag=TAG,
        covered_component_ids=BODY_COMPONENTS if body else COMPONENTS,
        body=body,
    )
    return message.headers


def verify_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    find_key: Callable[[str], Ed25519PublicKey | None],
) -> str:
    """Return the id of the device that signed the request.

    ``url`` is built from the Host header as received and the raw path and query. ``find_key``
    gives an enrolled device's public key, or None. Raises BadSignature.
    """
    present = {name.lower() for name in headers}
    if not present & {"signature", "signature-input"}:
        raise BadSignature(SignatureFault.UNSIGNED, "the request carries no signature")
    if "#" in url:  # no client sends a fragment: a Host header would hide the true path in one
        raise BadSignature(SignatureFault.BAD_SIGNATURE, "the request's URL has a fragment")
    keys = _EnrolledKeys(find_key)
    verifier = _Verifier(signature_algorithm=ED25519, key_resolver=keys)
    message = _Message(method.upper(), url, dict(headers))
    try:
        results = verifier.verify(
            message,
            max_age=None,
            expect_tag=TAG,
            require_components=BODY_COMPONENTS if body else COMPONENTS,
        )
    except Exception as fault:
        # The library wraps what it foresees in InvalidSignature; anything else that strange
        # header bytes provoke in it means the same: this request is not believed.
        if keys.unknown is not None:
            raise BadSignature(
                SignatureFault.UNKNOWN_DEVICE, f"{keys.unknown!r} is not enrolled here"
            ) from fault
        raise BadSignature(SignatureFault.BAD_SIGNATURE, str(fault)) from fault
    if len(results) != 1:
        raise BadSignature(SignatureFault.BAD_SIGNATURE, "more than one signature")
    try:
        verifier.verify_body(message, results, body)
    except InvalidSignature as fault:
        raise BadSignature(SignatureFault.BAD_DIGEST, str(fault)) from fault
    return str(results[0].parameters["keyid"])


class _EnrolledKeys(HTTPSignatureKeyResolver):
    """Looks keys up and remembers which one was not found."""

    def __init__(self, find_key: Callable[[str], Ed25519PublicKey | None]) -> None:
        self._find_key = find_key
        self.unknown: str | None = None

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        key = self._find_key(key_id)
        if key is None:
            self.unknown = key_id
        return key


class _Verifier(HTTPMessageVerifier):
    """Asks for ``created`` and does not judge it: the kiosk's clock is a hint (see above)."""

    def validate_created_and_expires(
        self, sig_input: Any, max_age: timedelta | None = None
    ) -> None:
        if "created" not in sig_input.params:
            raise InvalidSignature('Signature is missing a required "created" parameter')


def sign_receipt(receipt: Receipt, key: Ed25519PrivateKey) -> Receipt:
    """Return the receipt with its signature filled in."""
    return countersign(receipt, key)


def verify_receipt(receipt: Receipt, public_key: Ed25519PublicKey) -> bool:
    """Say whether the gateway signed exactly this receipt."""
    return is_countersigned(receipt, public_key)


def countersign(told: T, key: Ed25519PrivateKey) -> T:
    """Return what the gateway tells with its signature filled in."""
    signature = base64.b64encode(key.sign(signed_bytes(told))).decode()
    return msgspec.structs.replace(told, signature=signature)


def is_countersigned(told: Countersigned, public_key: Ed25519PublicKey) -> bool:
    """Say whether the gateway signed exactly this."""
    return is_signature(told.signature, signed_bytes(told), public_key)


def is_signature(signature: str, content: bytes, public_key: Ed25519PublicKey) -> bool:
    """Say whether the base64 text is this key's Ed25519 signature over the content."""
    try:
        public_key.verify(base64.b64decode(signature, validate=True), content)
    except (binascii.Error, ValueError, InvalidEd25519):
        return False
    return True
