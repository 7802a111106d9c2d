"""The gateway's HTTP face: who asks, is the body what it claims, then on to the desks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.exceptions import InternalServerException
from litestar.handlers import HTTPRouteHandler

from store_forward.contract.marks import FenceRequest
from store_forward.contract.resolutions import CaseVerdict, ExceptionReport
from store_forward.contract.signing import BadSignature, verify_request
from store_forward.contract.wire import Batch, HealthAnswer, LeaseRequest, LeaseReturn, Name
from store_forward.gateway import console, console_page
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.database import Database
from store_forward.gateway.enrolment import Enrolments
from store_forward.gateway.journals import JournalId
from store_forward.gateway.lookup import find_transaction
from store_forward.gateway.openapi import openapi_document
from store_forward.gateway.problems import Refused
from store_forward.gateway.stream_desk import StreamDesk
from store_forward.gateway.times import to_text

AnyRequest = Request[Any, Any, Any]
T = TypeVar("T")
OfDevice = TypeVar("OfDevice", Batch, LeaseRequest, LeaseReturn, ExceptionReport)
"""What a kiosk sends and names itself in."""


@dataclass(frozen=True)
class Gateway:
    """What the routes work with. ``token`` is the operator's."""

    database: Database
    enrolments: Enrolments
    desk: BatchDesk
    streams: StreamDesk
    cases: CaseDesk
    catalogue: Catalogue
    now: Callable[[], datetime]
    token: str
    software: str


def make_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """The routes of the API and the console."""
    return [
        *_kiosk_posts(gateway),
        *_kiosk_gets(gateway),
        _post_fence(gateway),
        _post_verdict(gateway),
        _get_health(gateway),
        _get_schema(gateway),
        _get_console_rows(gateway),
        *_console_page(),
    ]


def _kiosk_posts(gateway: Gateway) -> list[HTTPRouteHandler]:
    """What a kiosk sends about itself, signed."""

    def route(
        path: str, kind: type[OfDevice], act: Callable[[OfDevice], object]
    ) -> HTTPRouteHandler:
        @post(path)
        async def handle(request: AnyRequest) -> Response[bytes]:
            body = await _whole_body(request)

            def work() -> object:
                device = _authenticate(gateway, request, body)
                told = _read_body(request, body, kind)
                _require_own(device, told.device)
                return act(told)

            return await _answer(work)

        return handle

    return [
        route("/v1/batches", Batch, gateway.desk.receive),
        route("/v1/allotments/lease", LeaseRequest, gateway.catalogue.lease),
        route("/v1/allotments/return", LeaseReturn, gateway.catalogue.give_back),
        route("/v1/exceptions", ExceptionReport, gateway.cases.report),
    ]


def _kiosk_gets(gateway: Gateway) -> list[HTTPRouteHandler]:
    """What a kiosk asks, signed."""

    def route(path: str, act: Callable[[AnyRequest, str], object]) -> HTTPRouteHandler:
        @get(path)
        async def handle(request: AnyRequest) -> Response[bytes]:
            body = await _whole_body(request)

            def work() -> object:
                return act(request, _authenticate(gateway, request, body))

            return await _answer(work)

        return handle

    def transaction(request: AnyRequest, _device: str) -> object:
        with gateway.database.read() as connection:
            return find_transaction(connection, request.path_params["wanted"])

    def reference(request: AnyRequest, _device: str) -> object:
        since = request.query_params.get("since")
        return gateway.catalogue.page(request.path_params["set_name"], since)

    def mark(request: AnyRequest, device: str) -> object:
        return gateway.streams.mark(JournalId(device, _incarnation(request.path_params)))

    def resolutions(request: AnyRequest, device: str) -> object:
        journal = JournalId(device, _incarnation(request.query_params))
        return gateway.cases.decisions(journal, request.query_params.get("since", ""))

    return [
        route("/v1/transactions/{wanted:str}", transaction),
        route("/v1/reference/{set_name:str}", reference),
        route("/v1/streams/{incarnation:str}", mark),
        route("/v1/resolutions", resolutions),
    ]


def _incarnation(parameters: Mapping[str, Any]) -> str:
    """The journal asked for. Raises Refused (422)."""
    try:
        return msgspec.convert(parameters.get("incarnation"), Name)
    except msgspec.ValidationError as fault:
        raise Refused(422, "invalid", f"incarnation: {fault}") from fault


def _post_fence(gateway: Gateway) -> HTTPRouteHandler:
    @post("/v1/streams/{incarnation:str}/fence")
    async def post_fence(request: AnyRequest) -> Response[bytes]:
        body = await _whole_body(request)

        def work() -> object:
            is_operator = console.may_look(request.headers.get("authorization"), gateway.token)
            device = None if is_operator else _authenticate(gateway, request, body)
            asked = _read_body(request, body, FenceRequest)
            if device is not None:
                _require_own(device, asked.device)
            journal = JournalId(asked.device, _incarnation(request.path_params))
            return gateway.streams.fence(journal, asked)

        return await _answer(work)

    return post_fence


def _post_verdict(gateway: Gateway) -> HTTPRouteHandler:
    @post("/v1/cases/{case_id:str}/resolve")
    async def post_verdict(request: AnyRequest) -> Response[bytes]:
        _require_operator(gateway, request)
        body = await _whole_body(request)

        def work() -> object:
            told = _read_body(request, body, CaseVerdict)
            return gateway.cases.resolve(request.path_params["case_id"], told)

        return await _answer(work)

    return post_verdict


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
        _require_operator(gateway, request)

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


def _require_operator(gateway: Gateway, request: AnyRequest) -> None:
    if not console.may_look(request.headers.get("authorization"), gateway.token):
        raise Refused(401, "operator_token", "send the operator's bearer token")


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
