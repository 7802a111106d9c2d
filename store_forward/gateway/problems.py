"""Refusals of the gateway: one exception, one stable code each (RFC 9457)."""

from __future__ import annotations

from store_forward.contract.wire import Problem

TITLES = {
    400: "Malformed request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Contradiction",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid content",
    500: "Fault in the gateway",
    503: "Not available now",
}


class Refused(Exception):
    """A request the gateway does not carry out. Nothing was changed.

    ``alarm``: the contradiction must not happen and is recorded for a person.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        alarm: bool = False,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.problem = Problem(
            title=TITLES.get(status, "Refused"),
            status=status,
            code=code,
            detail=detail,
        )
        self.alarm = alarm
        self.retry_after_seconds = retry_after_seconds
