"""The gateway as an ASGI application; every failure leaves as application/problem+json."""

from __future__ import annotations

from traceback import format_exception

import msgspec
import structlog
from litestar import Litestar, Response
from litestar.config.app import AppConfig
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from store_forward.contract.wire import MAX_BATCH_BYTES, Problem
from store_forward.gateway.api import AnyRequest, Gateway, make_routes
from store_forward.gateway.database import DatabaseUnavailable
from store_forward.gateway.problems import TITLES, Refused

RETRY_AFTER_SECONDS = 2
"""A locked database is free again soon; a full disk takes a person, and asking costs little."""

CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
"""Codes of what the web framework itself refuses."""

log = structlog.get_logger()


def create_app(gateway: Gateway) -> Litestar:
    """Put the application together."""
    handlers: ExceptionHandlersMap = {
        Refused: _refused,
        DatabaseUnavailable: _unavailable,
        HTTPException: _framework,
        Exception: _fault,
    }
    return Litestar.from_config(
        AppConfig(
            route_handlers=list(make_routes(gateway)),
            exception_handlers=handlers,
            openapi_config=None,
            logging_config=None,
            request_max_body_size=MAX_BATCH_BYTES,
            debug=False,
        )
    )


def _refused(request: AnyRequest, fault: Refused) -> Response[bytes]:
    problem = fault.problem
    write = log.error if fault.alarm else log.info
    write("refused", path=_path(request), status=problem.status, code=problem.code)
    return _problem(problem, fault.retry_after_seconds)


def _unavailable(request: AnyRequest, fault: DatabaseUnavailable) -> Response[bytes]:
    log.error("database_unavailable", path=_path(request), reason=str(fault))
    return _problem(_plain(503, "database_unavailable"), RETRY_AFTER_SECONDS)


def _framework(request: AnyRequest, fault: HTTPException) -> Response[bytes]:
    status = fault.status_code
    if status >= 500:
        return _fault(request, fault)
    log.info("refused", path=_path(request), status=status)
    return _problem(_plain(status, CODES.get(status, "bad_request")))


def _fault(request: AnyRequest, fault: Exception) -> Response[bytes]:
    # As text: a renderer that shows local variables would put patient data into the log.
    log.error("fault", path=_path(request), stack="".join(format_exception(fault)))
    return _problem(_plain(500, "internal"))


def _path(request: AnyRequest) -> str:
    # Not its URL: a Host header with a port that is none would raise here, in place of an answer.
    return str(request.scope["path"])


def _plain(status: int, code: str) -> Problem:
    return Problem(title=TITLES.get(status, "Refused"), status=status, code=code)


def _problem(problem: Problem, retry_after_seconds: int | None = None) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"}
    if retry_after_seconds is not None:
        headers["Retry-After"] = str(retry_after_seconds)
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )
