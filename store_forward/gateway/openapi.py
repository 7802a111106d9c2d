"""The OpenAPI 3.1 document, made from the very types that read and write the bodies.

Its schemas are JSON Schema 2020-12 as msgspec makes it, which OpenAPI 3.1 takes as it is. The
web framework's own generator does not know ``msgspec.Raw`` and would describe entries wrongly.
"""

from __future__ import annotations

from typing import Any

import msgspec

from store_forward.contract.facts import Entry
from store_forward.contract.marks import FenceRequest, StreamMark
from store_forward.contract.resolutions import (
    CaseVerdict,
    ExceptionAnswer,
    ExceptionReport,
    Resolution,
    ResolutionPage,
)
from store_forward.contract.wire import (
    Batch,
    BatchAnswer,
    HealthAnswer,
    LeaseAnswer,
    LeaseRequest,
    LeaseReturn,
    Problem,
    ReferencePage,
    TransactionStatus,
)
from store_forward.gateway.reference import SETS

TYPES = (
    Batch, BatchAnswer, CaseVerdict, Entry, ExceptionAnswer, ExceptionReport, FenceRequest,
    HealthAnswer, LeaseAnswer, LeaseRequest, LeaseReturn, Problem, ReferencePage, Resolution,
    ResolutionPage, StreamMark, TransactionStatus,
)  # fmt: skip

SIGNATURE = (
    "RFC 9421 HTTP message signature, Ed25519, tag `outpost`, keyid = device id, over `@method`, "
    "`@authority`, `@path`, `@query`, `content-digest` (RFC 9530, sha-256) and, with a body, "
    "`content-type`. `created` must be present and is not judged."
)


def openapi_document(version: str) -> dict[str, Any]:
    """Return the document as plain JSON values."""
    _, schemas = msgspec.json.schema_components(TYPES, ref_template="#/components/schemas/{name}")
    schemas["Item"]["properties"]["entry"] = {
        "$ref": "#/components/schemas/Entry",
        "description": "Canonical JSON, byte for byte as it was hashed.",
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Outpost gateway", "version": version},
        "paths": _paths(),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Signature",
                    "description": SIGNATURE,
                },
                "operator": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"signature": []}],
    }


def _paths() -> dict[str, Any]:
    reference = [
        _parameter("set", "path", {"enum": list(SETS)}),
        _parameter("since", "query", {"type": "string"}),
    ]
    wanted = [_parameter("id", "path", {"type": "string"})]
    stream = [_parameter("incarnation", "path", {"type": "string"})]
    return {
        "/v1/batches": {
            "post": _operation("postBatch", BatchAnswer, Batch, also=(409,)),
        },
        "/v1/transactions/{id}": {
            "get": _operation("getTransaction", TransactionStatus, parameters=wanted, also=(404,)),
        },
        "/v1/reference/{set}": {
            "get": _operation("getReference", ReferencePage, parameters=reference, also=(404,)),
        },
        "/v1/allotments/lease": {
            "post": _operation("leaseSlots", LeaseAnswer, LeaseRequest, also=(409,)),
        },
        "/v1/allotments/return": {
            "post": _operation("returnSlots", LeaseAnswer, LeaseReturn),
        },
        "/v1/exceptions": {
            "post": _operation("postExceptions", ExceptionAnswer, ExceptionReport, also=(409,)),
        },
        "/v1/resolutions": {
            "get": _operation(
                "getResolutions",
                ResolutionPage,
                parameters=[
                    _parameter("incarnation", "query", {"type": "string"}, required=True),
                    _parameter("since", "query", {"type": "string"}),
                ],
            ),
        },
        "/v1/streams/{incarnation}": {
            "get": _operation("getStream", StreamMark, parameters=stream),
        },
        "/v1/streams/{incarnation}/fence": {
            "post": {
                **_operation(
                    "fenceStream", StreamMark, FenceRequest, parameters=stream, also=(409,)
                ),
                "security": [{"signature": []}, {"operator": []}],
            },
        },
        "/v1/cases/{id}/resolve": {
            "post": {
                **_operation(
                    "resolveCase", Resolution, CaseVerdict, parameters=wanted, also=(404, 409)
                ),
                "security": [{"operator": []}],
            },
        },
        "/v1/health": {"get": {**_operation("getHealth", HealthAnswer), "security": []}},
    }


def _operation(
    operation_id: str,
    answer: type,
    body: type | None = None,
    *,
    parameters: list[dict[str, Any]] | None = None,
    also: tuple[int, ...] = (),
) -> dict[str, Any]:
    of_body = () if body is None else (400, 403, 413, 415)
    refusals = (401, 422, 503, *of_body, *also)
    operation: dict[str, Any] = {
        "operationId": operation_id,
        "responses": {
            "200": {"description": "Done", "content": {"application/json": _schema(answer)}},
            **{str(status): _refusal() for status in sorted(refusals)},
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": _schema(body)},
        }
    return operation


def _refusal() -> dict[str, Any]:
    return {"description": "Refused", "content": {"application/problem+json": _schema(Problem)}}


def _schema(kind: type) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{kind.__name__}"}}


def _parameter(
    name: str, where: str, schema: dict[str, Any], *, required: bool = False
) -> dict[str, Any]:
    return {"name": name, "in": where, "required": required or where == "path", "schema": schema}
