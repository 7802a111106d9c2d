"""The gateway's HTTP face: who asks, is the body what it claims, then on to the desks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler

from store_forward.contract.signing import BadSignature, verify_request
from store_forward.contract.wire import (
    Batch,
    HealthAnswer,
    LeaseRequest,
    LeaseReturn,
)
from store_forward.gateway import console, console_page
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.database import Database
from store_forward.gateway.enrolment import Enrolments
from store_forward.gateway.lookup import find_transaction
from store_forward.gateway.openapi import openapi_document
from store_forward.gateway.problems import Refused
from store_forward.gateway.times import to_text

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Gateway:
    """What the routes work with. ``token`` is the operator's."""

    database: Database
    enrolments: Enrolments
    desk: BatchDesk
    catalogue: Catalogue
    now: Callable[[], datetime]
    token: str
    software: str


def make_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """The routes of the API and the console."""
    return [
        _post_batches(gateway),
        _post_lease(gateway),
        _post_return(gateway),
        _get_transaction(gateway),
        _get_reference(gateway),
        _get_health(gateway),
        _get_schema(gateway),
        _get_console_rows(gateway),
        *_console_page(),
    ]


def _post_batches(gateway: Gateway) -> HTTPRouteHandler:
    @post("/v1/batches")
    async def post_batch(request: AnyRequest) -> Response[bytes]:
        body = await _whole_body(request)

        def work() -> object:
            device = _authenticate(gateway, request, body)
            batch = _read_body(request, body, Batch)
            _require_own(device, batch.device)
            return gateway.desk.receive(batch)

        return await _answer(work)

    return post_batch


def _post_lease(gateway: Gateway) -> HTTPRouteHandler:
    @post("/v1/allotments/lease")
    async def post_lease(request: AnyRequest) -> Response[bytes]:
        body = await _whole_body(request)

        def work() -> object:
            device = _authenticate(gateway, request, body)
            wish = _read_body(request, body, LeaseRequest)
            _require_own(device, wish.device)
            return gateway.catalogue.lease(wish)

        return await _answer(work)

    return post_lease


def _post_return(gateway: Gateway) -> HTTPRouteHandler:
    @post("/v1/allotments/return")
    async def post_return(request: AnyRequest) -> Response[bytes]:
        body = await _whole_body(request)

        def work() -> object:
            device = _authenticate(gateway, request, body)
            gift = _read_body(request, body, LeaseReturn)
            _require_own(device, gift.device)
            return gateway.catalogue.give_back(gift)

        return await _answer(work)

    return post_return


def _get_transaction(gateway: Gateway) -> HTTPRouteHandler:
    @get("/v1/transactions/{wanted:str}")
    async def get_transaction(request: AnyRequest) -> Response[bytes]:
        body = await _whole_body(request)

        def work() -> object:
            _authenticate(gateway, request, body)
            with gateway.database.read() as connection:
                return find_transaction(connection, request.path_params["wanted"])

        return await _answer(work)

    return get_transaction


def _get_reference(gateway: Gateway) -> HTTPRouteHandler:
    @get("/v1/reference/{set_name:str}")
    async def get_reference(request: AnyRequest) -> Response[bytes]:
        body = await _whole_body(request)
        since = request.query_params.get("since")

        def work() -> object:
            _authenticate(gateway, request, body)
            return gateway.catalogue.page(request.path_params["set_name"], since)

        return await _answer(work)

    return get_reference


def _get_health(gateway: Gateway) -> HTTPRouteHandler:
    @get("/v1/health", sync_to_thread=False)
    def get_health() -> Response[bytes]:
        return _json(HealthAnswer(to_text(gateway.now()), gateway.software))

    return get_health


def _get_schema(gateway: Gateway) -> HTTPRouteHandler:
    document = openapi_document(gateway.software)

    @get("/schema", sync_to_thread=False)
    def get_schema() -> Response[bytes]:
        return _json(document)

    return get_schema


def _get_console_rows(gateway: Gateway) -> HTTPRouteHandler:
    @get("/console/rows")
    async def get_console_rows(request: AnyRequest) -> Response[bytes]:
        if not console.may_look(request.headers.get("authorization"), gateway.token):
            raise Refused(401, "operator_token", "send the operator's bearer token")

        def work() -> object:
            with gateway.database.read() as connection:
                return console.read_rows(connection)

        return await _answer(work)

    return get_console_rows


def _console_page() -> list[HTTPRouteHandler]:
    @get("/console", sync_to_thread=False)
    def get_page() -> Response[str]:
        return Response(
            console_page.HTML, media_type="text/html", headers=dict(console_page.HEADERS)
        )

    @get("/console/console.js", sync_to_thread=False)
    def get_script() -> Response[str]:
        return Response(console_page.SCRIPT, media_type="text/javascript")

    @get("/console/console.css", sync_to_thread=False)
    def get_style() -> Response[str]:
        return Response(console_page.STYLE, media_type="text/css")

    return [get_page, get_script, get_style]


async def _whole_body(request: AnyRequest) -> bytes:
    """Read the body. Raises Refused (400) when the client leaves before its end: no fault here."""
    try:
        return await request.body()
    except InternalServerException as fault:
        raise Refused(400, "incomplete_body", "the connection ended within the body") from fault


def _authenticate(gateway: Gateway, request: AnyRequest, body: bytes) -> str:
    """Return the device that signed the request. Raises Refused (401)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    try:
        return verify_request(
            request.method,
            _url(request, headers.get("host", "")),
            headers,
            body,
            find_key=gateway.enrolments.find_key,
        )
    except BadSignature as fault:
        raise Refused(401, fault.code, fault.detail) from fault


def _url(request: AnyRequest, host: str) -> str:
    """The absolute URL as the kiosk asked for it."""
    raw_path = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    query = request.scope["query_string"]
    path = raw_path.split(b"?", 1)[0].decode("latin-1")
    return f"https://{host}{path}" + (f"?{query.decode('latin-1')}" if query else "")


def _read_body(request: AnyRequest, body: bytes, kind: type[T]) -> T:
    """Read a JSON body. Raises Refused (400, 415, 422)."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(415, "unsupported_media_type", "send application/json")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as fault:
        raise Refused(422, "invalid", str(fault)) from fault
    except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
        raise Refused(400, "malformed_json", str(fault)) from fault


def _require_own(signer: str, named: str) -> None:
    if signer != named:
        raise Refused(403, "other_device", f"signed by {signer}, but $.device is {named}")


async def _answer(work: Callable[[], object]) -> Response[bytes]:
    """Do blocking work (signature, database) in a thread and send its answer."""
    return _json(await sync_to_thread(work))


def _json(answer: object) -> Response[bytes]:
    return Response(
        msgspec.json.encode(answer),
        media_type="application/json",
        status_code=200,
        headers={"Cache-Control": "no-store"},
    )
