"""The way from a kiosk to the gateway: real request bytes, which get lost, late, cut and forged."""

from __future__ import annotations

from enum import StrEnum

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from store_forward.contract.marks import StreamMark
from store_forward.contract.resolutions import Resolution, ResolutionPage, Verdict
from store_forward.contract.signing import countersign
from store_forward.contract.spans import spans_of
from store_forward.contract.wire import Batch, BatchAnswer, Outcome, Receipt, Result
from tests.simulation.hospital import GatewayDied, Hospital

FORGER = Ed25519PrivateKey.from_private_bytes(bytes(range(7, 39)))
"""Somebody on the way who is not the gateway."""


class Trouble(StrEnum):
    """What happens to one request."""

    NONE = "none"
    NO_WAY = "no way"
    REQUEST_LOST = "request lost"
    ANSWER_LOST = "answer lost after the commit"
    HELD = "request arrives later, or never"
    TWICE = "request arrives twice"
    REQUEST_CUT = "request cut off"
    REQUEST_FLIPPED = "a byte of the request changed"
    ANSWER_CUT = "answer cut off"
    ANSWER_FLIPPED = "a byte of the answer changed"
    BUSY = "503"
    FAULT = "500"
    TOO_MANY = "429"
    TOO_LARGE = "413"
    UNKNOWN = "401"
    STRANGE = "404"
    FORGED = "answer made up by somebody else"
    RESIGNED = "answer changed and signed by somebody else"


STATUSES = {
    Trouble.BUSY: 503,
    Trouble.FAULT: 500,
    Trouble.TOO_MANY: 429,
    Trouble.TOO_LARGE: 413,
    Trouble.UNKNOWN: 401,
    Trouble.STRANGE: 404,
}

FORGERIES = (Trouble.FORGED, Trouble.RESIGNED)

MOST_KEPT = 30
"""Old requests that can still arrive."""


class RestingConnection:
    """What is kept open after an answer. A gateway that starts anew has closed it."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self._starts = hospital.starts

    def get_extra_info(self, _name: str) -> bool:
        """Asked for ``is_readable``: whether the other side has closed the connection."""
        return self._starts != self._hospital.starts


class Line(httpx.AsyncBaseTransport):
    """A kiosk's way to the gateway.

    ``troubles`` happen to the next requests whose path begins with ``victim``, one to each.

    ``suffered`` is what happened to the newest request; ``spot`` says where bytes change.
    """

    def __init__(self, hospital: Hospital) -> None:
        self._hospital = hospital
        self.troubles: list[Trouble] = []
        self.victim = ""
        self.spot = 0
        self.is_cut = False
        self.old_requests: list[httpx.Request] = []
        self.suffered = Trouble.NONE
        self.asked = ""
        self.status = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        self.asked, self.status = request.url.path, 0
        self.suffered = trouble = Trouble.NO_WAY if self.is_cut else self._next_trouble()
        if trouble is Trouble.NO_WAY:
            raise httpx.ConnectError("refused", request=request)
        if trouble is Trouble.REQUEST_LOST:
            raise httpx.ReadTimeout("no answer", request=request)
        if trouble in STATUSES:
            return self._said(_problem(STATUSES[trouble]))
        self.old_requests = [*self.old_requests[1 - MOST_KEPT :], request]
        if trouble is Trouble.HELD:
            raise httpx.ReadTimeout("no answer", request=request)
        if trouble is Trouble.REQUEST_CUT:
            request = _with(request, content[: self.spot % (len(content) or 1)])
        if trouble is Trouble.REQUEST_FLIPPED:
            request = _with(request, self._flipped(content))
        if trouble is Trouble.FORGED and request.url.path == "/v1/batches":
            return self._said(_receipt_for(content))
        if trouble is Trouble.TWICE:
            await self._ask(request)
        answer = await self._ask(request)
        if trouble is Trouble.ANSWER_LOST:
            raise httpx.ReadTimeout("no answer", request=request)
        return self._said(self._changed(trouble, request, answer))

    async def deliver_late(self, index: int) -> None:
        """An old request arrives, whether for the first time or again; nobody hears the answer."""
        if self.old_requests:
            request = self.old_requests[index % len(self.old_requests)]
            try:
                await self._hospital.answer(request)
            except GatewayDied:
                return

    def _next_trouble(self) -> Trouble:
        is_hit = self.troubles and self.asked.startswith(self.victim)
        return self.troubles.pop(0) if is_hit else Trouble.NONE

    def _said(self, answer: httpx.Response) -> httpx.Response:
        """What the kiosk will read: a body that has not been read yet."""
        self.status = answer.status_code
        headers = [(k, v) for k, v in answer.headers.items() if k.lower() != "content-length"]
        return httpx.Response(
            answer.status_code,
            headers=headers,
            stream=httpx.ByteStream(answer.content),
            extensions={"network_stream": RestingConnection(self._hospital)},
        )

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._hospital.answer(request)
        except GatewayDied as death:
            self.suffered = Trouble.ANSWER_LOST
            raise httpx.ReadError("connection reset", request=request) from death

    def _changed(
        self, trouble: Trouble, request: httpx.Request, answer: httpx.Response
    ) -> httpx.Response:
        if trouble in FORGERIES and answer.status_code != 200:
            # Refusals are not signed: nothing in them can be forged, and they are believed.
            self.suffered = Trouble.NONE
            return answer
        content = answer.content
        if trouble is Trouble.ANSWER_CUT:
            content = content[: self.spot % (len(content) or 1)]
        elif trouble is Trouble.ANSWER_FLIPPED:
            content = self._flipped(content)
        elif trouble in FORGERIES:
            content = _forged(request, content)
        else:
            return answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)

    def _flipped(self, content: bytes) -> bytes:
        if not content:
            return content
        at = self.spot % len(content)
        return content[:at] + bytes([content[at] ^ (1 << self.spot % 7)]) + content[at + 1 :]


def _with(request: httpx.Request, content: bytes) -> httpx.Request:
    headers = [(k, v) for k, v in request.headers.items() if k.lower() != "content-length"]
    return httpx.Request(request.method, request.url, headers=headers, content=content)


def _problem(status: int) -> httpx.Response:
    return httpx.Response(status, json={"title": "Refused", "status": status, "code": "no"})


def _receipt_for(content: bytes) -> httpx.Response:
    """All is accepted, says somebody who has passed nothing on."""
    batch = msgspec.json.decode(content, type=Batch)
    receipt = Receipt(
        batch_id="made-up",
        device=batch.device,
        incarnation=batch.incarnation,
        spans=spans_of((item.seq, item.hash) for item in batch.items),
        ack_seq=batch.items[-1].seq,
        received_at="2026-03-02T01:00:00.000Z",
        key_id="gateway-1",
        signature="",
    )
    results = tuple(Result(item.seq, "", Outcome.ACCEPTED) for item in batch.items)
    answer = BatchAnswer(results, countersign(receipt, FORGER))
    return httpx.Response(200, content=msgspec.json.encode(answer))


def _forged(request: httpx.Request, content: bytes) -> bytes:
    """A true answer that says a little more than the gateway said, signed by somebody else."""
    path = request.url.path
    if path == "/v1/batches":
        answer = msgspec.json.decode(content, type=BatchAnswer)
        changed = msgspec.structs.replace(answer.receipt, ack_seq=answer.receipt.ack_seq + 1)
        return msgspec.json.encode(
            msgspec.structs.replace(answer, receipt=countersign(changed, FORGER))
        )
    if path.startswith("/v1/streams/"):
        mark = msgspec.json.decode(content, type=StreamMark)
        lower = msgspec.structs.replace(mark, high_water=mark.high_water // 2, ahead=())
        return msgspec.json.encode(countersign(lower, FORGER))
    if path == "/v1/resolutions":
        page = msgspec.json.decode(content, type=ResolutionPage)
        made_up = tuple(
            countersign(msgspec.structs.replace(each, verdict=Verdict.SETTLED), FORGER)
            for each in page.resolutions or (_made_up_resolution(),)
        )
        return msgspec.json.encode(msgspec.structs.replace(page, resolutions=made_up))
    return content


def _made_up_resolution() -> Resolution:
    return Resolution(
        number=1,
        device="K1",
        incarnation="unknown",
        seq=1,
        entry_id="",
        verdict=Verdict.SETTLED,
        note="no",
        by="nobody",
        at="2026-03-02T01:00:00.000Z",
        key_id="gateway-1",
        signature="",
    )
