"""The gateway's client: signed requests out, checked answers in."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from store_forward.contract.marks import StreamMark
from store_forward.contract.resolutions import ExceptionAnswer, ExceptionReport, ResolutionPage
from store_forward.contract.signing import (
    Countersigned,
    is_countersigned,
    sign_request,
    verify_receipt,
)
from store_forward.contract.spans import spans_of
from store_forward.contract.wire import (
    Batch,
    BatchAnswer,
    HealthAnswer,
    LeaseAnswer,
    LeaseRequest,
    ReferencePage,
)
from store_forward.sync.exchange import CONNECT_SECONDS, NOT_JSON, Answer, Exchange, Request
from store_forward.sync.outcomes import Distrusted, Failure, Unreadable

HEALTH_SECONDS: Final = 3.0
LEASE_SECONDS: Final = 8.0
MARK_SECONDS: Final = 8.0
REFERENCE_SECONDS: Final = 10.0

MAX_HEALTH_BYTES: Final = 65_536
MAX_ANSWER_BYTES: Final = 1_048_576
"""500 results with their references stay under 200 kB."""
MAX_REFERENCE_BYTES: Final = 8_388_608

_batches = msgspec.json.Encoder()
_health = msgspec.json.Decoder(HealthAnswer)
_answers = msgspec.json.Decoder(BatchAnswer)
_pages = msgspec.json.Decoder(ReferencePage)
_leases = msgspec.json.Decoder(LeaseAnswer)
_marks = msgspec.json.Decoder(StreamMark)
_cases = msgspec.json.Decoder(ExceptionAnswer)
_decisions = msgspec.json.Decoder(ResolutionPage)

T = TypeVar("T")


def open_connection(url: str, context: ssl.SSLContext) -> httpx.AsyncClient:
    """Return an HTTP client for the gateway only: no proxies, no redirects, one connection."""
    return httpx.AsyncClient(
        base_url=url,
        verify=context,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        headers={"user-agent": "outpost-sync"},
    )


class GatewayClient:
    """What sync asks of the gateway. Each method returns the answer or why there is none.

    ``load_key`` reads the kiosk's private key; ``receipt_key`` is the gateway's public one.
    ``now`` is this kiosk's time, aware; it goes into signatures as a hint only.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        device: str,
        load_key: Callable[[], Ed25519PrivateKey],
        receipt_key: Ed25519PublicKey,
        now: Callable[[], datetime],
    ) -> None:
        self._exchange = Exchange(http)
        self._device = device
        self._load_key = load_key
        self._receipt_key = receipt_key
        self._now = now
        self._key: Ed25519PrivateKey | None = None

    def renew_identity(self) -> None:
        """Read the key file again. Raises BadKeyFile; then the key before stays in use."""
        self._key = self._load_key()

    def was_disconnected(self) -> bool:
        """Whether the resting connection has ended since the last answer."""
        return self._exchange.was_closed()

    async def close(self) -> None:
        """Close the connection."""
        await self._exchange.close()

    async def health(self) -> HealthAnswer | Failure:
        """Ask for the gateway's time; needs no identity."""
        request = Request("GET", "/v1/health", HEALTH_SECONDS, MAX_HEALTH_BYTES)
        answer = await self._exchange.send(request, self._exchange.build(request, {}))
        return _decoded(answer, _health)

    async def send(self, batch: Batch, seconds: float) -> BatchAnswer | Failure:
        """Hand over a batch. A returned answer is complete, for this batch, and signed."""
        body = _batches.encode(batch)
        request = Request("POST", "/v1/batches", seconds, MAX_ANSWER_BYTES, body=body)
        answer = _decoded(await self._signed(request), _answers)
        if not isinstance(answer, BatchAnswer):
            return answer
        return self._check_receipt(batch, answer)

    async def reference(self, name: str, since: str) -> ReferencePage | Failure:
        """Fetch what changed in a reference set; everything for an empty cursor."""
        query = {"since": since} if since else None
        request = Request(
            "GET", f"/v1/reference/{name}", REFERENCE_SECONDS, MAX_REFERENCE_BYTES, query
        )
        page = _decoded(await self._signed(request), _pages)
        if isinstance(page, ReferencePage) and page.set != name:
            return Unreadable(f"asked for {name}, got {page.set}")
        return page

    async def lease(self, wanted: LeaseRequest) -> LeaseAnswer | Failure:
        """Top up this kiosk's slot leases."""
        body = msgspec.json.encode(wanted)
        request = Request(
            "POST", "/v1/allotments/lease", LEASE_SECONDS, MAX_REFERENCE_BYTES, body=body
        )
        return _decoded(await self._signed(request), _leases)

    async def mark(self, incarnation: str) -> StreamMark | Failure:
        """Ask how far the gateway has this journal. A returned mark is signed."""
        request = Request("GET", f"/v1/streams/{incarnation}", MARK_SECONDS, MAX_ANSWER_BYTES)
        mark = _decoded(await self._signed(request), _marks)
        if isinstance(mark, StreamMark) and not self._is_signed(mark):
            return Distrusted("the mark is not signed with the gateway's receipt key")
        return mark

    async def report(self, report: ExceptionReport) -> ExceptionAnswer | Failure:
        """Tell which entries are parked here."""
        body = msgspec.json.encode(report)
        request = Request("POST", "/v1/exceptions", MARK_SECONDS, MAX_ANSWER_BYTES, body=body)
        return _decoded(await self._signed(request), _cases)

    async def resolutions(self, incarnation: str, since: str) -> ResolutionPage | Failure:
        """Fetch what people decided since a cursor. Every decision in it is signed."""
        query = {"incarnation": incarnation, **({"since": since} if since else {})}
        request = Request("GET", "/v1/resolutions", MARK_SECONDS, MAX_ANSWER_BYTES, query)
        page = _decoded(await self._signed(request), _decisions)
        if isinstance(page, ResolutionPage) and not all(map(self._is_signed, page.resolutions)):
            return Distrusted("a resolution is not signed with the gateway's receipt key")
        return page

    def _is_signed(self, told: Countersigned) -> bool:
        return is_countersigned(told, self._receipt_key)

    async def _signed(self, request: Request) -> Answer | Failure:
        headers = {"content-type": "application/json"} if request.body else {}
        prepared = self._exchange.build(request, headers)
        if self._key is None:
            self._key = self._load_key()
        signed = sign_request(
            prepared.method,
            str(prepared.url),
            dict(prepared.headers),
            request.body,
            key=self._key,
            key_id=self._device,
            created=self._now(),
        )
        prepared.headers.update(signed)
        return await self._exchange.send(request, prepared)

    def _check_receipt(self, batch: Batch, answer: BatchAnswer) -> BatchAnswer | Failure:
        receipt = answer.receipt
        if not verify_receipt(receipt, self._receipt_key):
            return Distrusted("the receipt is not signed with the gateway's receipt key")
        if (receipt.device, receipt.incarnation) != (batch.device, batch.incarnation):
            return Distrusted(f"the receipt is for {receipt.device} {receipt.incarnation}")
        if receipt.spans != spans_of((item.seq, item.hash) for item in batch.items):
            return Distrusted(f"the receipt is for other entries: {receipt.spans}")
        if [result.seq for result in answer.results] != [item.seq for item in batch.items]:
            return Unreadable("the results do not match the entries of the batch")
        return answer


def _decoded(answer: Answer | Failure, decoder: msgspec.json.Decoder[T]) -> T | Failure:
    if not isinstance(answer, Answer):
        return answer
    try:
        return decoder.decode(answer.body)
    except NOT_JSON as error:
        return Unreadable(f"not the answer of the contract: {error}")
