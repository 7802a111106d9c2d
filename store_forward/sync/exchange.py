"""One HTTPS request to the gateway, bounded in time and size, ending in an answer or a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
import msgspec

from store_forward.contract.wire import Problem
from store_forward.sync.authority import obstacle_of
from store_forward.sync.outcomes import (
    Failure,
    Obstacle,
    Refused,
    TimedOut,
    Unreachable,
    Unreadable,
)

CONNECT_SECONDS: Final = 2.0

MAX_PROBLEM_BYTES: Final = 65_536

NOT_JSON: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises on foreign bytes: invalid UTF-8 and endless numbers are a ValueError."""

_problems = msgspec.json.Decoder(Problem)


@dataclass(frozen=True)
class Request:
    """What to ask. ``seconds`` bounds everything: name look-up, connection, answer."""

    method: str
    path: str
    seconds: float
    max_answer_bytes: int
    query: Mapping[str, str] | None = None
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """The body of a 200."""

    body: bytes


class Exchange:
    """Sends requests on one connection that is kept open between them."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._stream: Any = None
        """httpcore's network stream of the last answer: tells whether it has been closed."""
        self._last_stream: Any = None
        """The same, kept to tell whether the next answer comes on it too."""

    def build(self, request: Request, headers: Mapping[str, str]) -> httpx.Request:
        """Return the request as it will go out, so that exactly this can be signed."""
        return self._http.build_request(
            request.method,
            request.path,
            params=request.query,
            content=request.body or None,
            headers={"accept": "application/json", "accept-encoding": "identity", **headers},
        )

    async def send(self, request: Request, prepared: httpx.Request) -> Answer | Failure:
        """Send and read the answer, within the request's bounds."""
        self._stream = None
        try:
            async with asyncio.timeout(request.seconds):
                return await self._exchange(request, prepared)
        except (TimeoutError, httpx.TimeoutException) as error:
            return TimedOut(f"{request.method} {request.path}: {_name(error)}")
        except httpx.RequestError as error:
            return _unreachable(error)

    def was_closed(self) -> bool:
        """Whether the resting connection was closed by the other side or the network.

        Also true when the gateway said something unasked, which HTTP/1.1 does not know.
        """
        if self._stream is None:
            return False
        is_closed = bool(self._stream.get_extra_info("is_readable"))
        if is_closed:
            self._stream = None
        return is_closed

    async def close(self) -> None:
        """Close the connection."""
        self._stream = None
        await self._http.aclose()

    async def _exchange(self, request: Request, prepared: httpx.Request) -> Answer | Failure:
        response = await self._http.send(prepared, stream=True)
        try:
            is_ok = response.status_code == httpx.codes.OK
            limit = request.max_answer_bytes if is_ok else MAX_PROBLEM_BYTES
            body = await _read(response, limit)
            if not is_ok:
                return _refused(response, body)
            if body is None:
                return Unreadable(f"{request.path}: the answer is encoded or too large")
            stream = response.extensions.get("network_stream")
            is_first, self._last_stream = stream is not self._last_stream, stream
            # A server, or a proxy before it, that gives each answer a connection of its own tells
            # nothing by its end. One that ends a connection it had kept may be stopping.
            is_usual = is_first and _is_last_on_connection(response)
            self._stream = None if is_usual else stream
            return Answer(body)
        finally:
            await response.aclose()


def _is_last_on_connection(response: httpx.Response) -> bool:
    """Whether the server says that it closes the connection (RFC 9112 section 9.6)."""
    options = response.headers.get("connection", "").lower().split(",")
    return response.http_version == "HTTP/1.0" or "close" in {each.strip() for each in options}


async def _read(response: httpx.Response, limit: int) -> bytes | None:
    """Return the body; None when it is longer than ``limit`` or encoded, which we did not ask."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _refused(response: httpx.Response, body: bytes | None) -> Refused:
    try:
        problem = _problems.decode(body or b"")
    except NOT_JSON:
        problem = Problem(title="", status=response.status_code, code="")
    return Refused(
        status=response.status_code,
        code=problem.code,
        detail=problem.detail or problem.title,
        retry_after_seconds=retry_after_seconds(response.headers),
    )


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3), in seconds or as a date; None when unusable.

    A date is taken against the answer's own Date: this kiosk's clock is only a hint.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    until, now = _http_date(text), _http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _unreachable(error: httpx.RequestError) -> Unreachable | Unreadable:
    tls = obstacle_of(error)
    if tls is not None:
        return Unreachable(*tls)
    if isinstance(error, httpx.ConnectError):
        return Unreachable(Obstacle.NO_CONNECTION, _name(error))
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return Unreadable(_name(error))
    return Unreachable(Obstacle.CONNECTION_LOST, _name(error))


def _name(error: BaseException) -> str:
    return f"{type(error).__name__} {error}".strip()
