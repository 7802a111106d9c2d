"""How a request to the gateway can end, other than with the answer that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Obstacle(StrEnum):
    """Why there is no way to the gateway. The words are stable: status and log carry them."""

    NO_CONNECTION = "no_connection"
    CONNECTION_LOST = "connection_lost"
    WRONG_AUTHORITY = "wrong_authority"
    WRONG_HOST = "wrong_host"
    CERTIFICATE_OUT_OF_DATE = "certificate_out_of_date"
    TLS_FAILED = "tls_failed"

    @property
    def is_certain(self) -> bool:
        """Whether one such failure already proves that the gateway cannot be reached."""
        return self is not Obstacle.CONNECTION_LOST


@dataclass(frozen=True)
class Unreachable:
    """The request did not arrive, or the way broke off. It may still have been carried out."""

    obstacle: Obstacle
    detail: str


@dataclass(frozen=True)
class TimedOut:
    """No answer in time. The request may have been carried out."""

    detail: str


@dataclass(frozen=True)
class Refused:
    """The gateway answered with another status than 200."""

    status: int
    code: str = ""
    detail: str = ""
    retry_after_seconds: float | None = None


@dataclass(frozen=True)
class Unreadable:
    """An answer came and is not what the contract says: cut off, too large, not JSON."""

    detail: str


@dataclass(frozen=True)
class Distrusted:
    """An answer came with a receipt that the gateway did not sign, or not for this batch."""

    detail: str


Failure = Unreachable | TimedOut | Refused | Unreadable | Distrusted
