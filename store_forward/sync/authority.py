"""TLS towards the gateway: its one configured authority, and plain words for what goes wrong."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

from store_forward.sync.outcomes import Obstacle

# Verification results of OpenSSL, see x509_vfy.h.
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21, 24})
_OUT_OF_DATE: Final = frozenset({9, 10})
_OTHER_HOST: Final = frozenset({62, 64})

_WORDS: Final = {
    Obstacle.WRONG_AUTHORITY: "certificate not from the configured authority",
    Obstacle.WRONG_HOST: "certificate is for another host",
    Obstacle.CERTIFICATE_OUT_OF_DATE: "certificate not valid at the time this kiosk's clock shows",
    Obstacle.TLS_FAILED: "no secure connection",
}


class BadAuthority(Exception):
    """The authority's file cannot be used. The message names the file and the remedy."""


def trust_only(authority: Path) -> ssl.SSLContext:
    """Return a TLS context (1.2 or newer) that trusts this PEM file and nothing else.

    The certificates of the operating system are not consulted: a public authority must not be
    able to vouch for a hospital's gateway. Raises BadAuthority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cafile=authority)
    except ssl.SSLError as error:
        raise BadAuthority(
            f"{authority} holds no certificate in PEM form: provision it again"
        ) from error
    except OSError as error:
        raise BadAuthority(
            f"{authority} cannot be read ({error.strerror}): provision it"
        ) from error
    return context


def obstacle_of(error: BaseException) -> tuple[Obstacle, str] | None:
    """Return what TLS found wrong, from an error and its causes; None when it was not TLS."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return _tls_obstacle(seen)
        seen = seen.__cause__ or seen.__context__
    return None


def _tls_obstacle(error: ssl.SSLError) -> tuple[Obstacle, str]:
    if not isinstance(error, ssl.SSLCertVerificationError):
        # An end of the connection in the middle of TLS says nothing about the other side.
        lost = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        obstacle = Obstacle.CONNECTION_LOST if lost else Obstacle.TLS_FAILED
        return obstacle, f"no secure connection: {error}"
    obstacle = Obstacle.TLS_FAILED
    if error.verify_code in _UNKNOWN_ISSUER:
        obstacle = Obstacle.WRONG_AUTHORITY
    elif error.verify_code in _OUT_OF_DATE:
        obstacle = Obstacle.CERTIFICATE_OUT_OF_DATE
    elif error.verify_code in _OTHER_HOST:
        obstacle = Obstacle.WRONG_HOST
    return obstacle, f"{_WORDS[obstacle]}: {error.verify_message}"
