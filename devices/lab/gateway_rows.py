"""Asks the gateway for its rows, to lay them next to what the devices really did."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx
import msgspec

ANSWER_SECONDS = 3.0


class GatewayView(msgspec.Struct, frozen=True):
    """The gateway's rows, or why they cannot be had."""

    reachable: bool
    reason: str
    rows: Any = None


class GatewayRows:
    """Where the rows are and with which token. Files are read at each question."""

    def __init__(self, url: str, authority: Path, token_file: Path) -> None:
        self._url = url
        self._authority = authority
        self._token_file = token_file

    async def fetch(self) -> GatewayView:
        """Ask now. A gateway that is not there is a normal answer."""
        try:
            token = self._token_file.read_text(encoding="utf-8").strip()
            trust = ssl.create_default_context(cafile=str(self._authority))
        except (OSError, ssl.SSLError) as error:
            return GatewayView(reachable=False, reason=f"token or CA file: {error}")
        try:
            async with httpx.AsyncClient(
                verify=trust, timeout=ANSWER_SECONDS, trust_env=False
            ) as client:
                answer = await client.get(
                    f"{self._url}/console/rows", headers={"Authorization": f"Bearer {token}"}
                )
            answer.raise_for_status()
            return GatewayView(reachable=True, reason="", rows=answer.json())
        except (httpx.HTTPError, ValueError) as error:
            words = str(error) or type(error).__name__
            return GatewayView(reachable=False, reason=f"not reachable: {words}")
