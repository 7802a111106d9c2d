"""Hands for the scripted demo: uses the hardware lab as a person at its panel would."""

from __future__ import annotations

from typing import Any

import httpx


class LabClient:
    """The lab's HTTP interface on loopback."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=10)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def is_up(self) -> bool:
        """Tell whether the panel answers."""
        try:
            return self._http.get("/api/state").is_success
        except httpx.HTTPError:
            return False

    def state(self) -> dict[str, Any]:
        """Return everything the panel shows."""
        return self._json("/api/state")

    def device(self, name: str) -> dict[str, Any]:
        """Return one device's state."""
        return next(
            dict(device["state"]) for device in self.state()["devices"] if device["name"] == name
        )

    def act(self, device: str, action: str, **arguments: object) -> None:
        """Do something to a device."""
        self._post(f"/api/devices/{device}/{action}", arguments)

    def network(self, action: str, **arguments: object) -> None:
        """Cut, restore or spoil the network."""
        self._post(f"/api/network/{action}", arguments)

    def slips(self) -> list[dict[str, Any]]:
        """Return all slips printed so far."""
        answer = self._http.get("/api/slips")
        answer.raise_for_status()
        return list(answer.json())

    def slip_picture(self, number: int) -> bytes:
        """Return a slip as it looks on paper, PNG."""
        answer = self._http.get(f"/api/slips/{number}.png")
        answer.raise_for_status()
        return answer.content

    def gateway_rows(self) -> dict[str, Any]:
        """Return what the gateway's operator sees."""
        return self._json("/api/gateway")

    def _json(self, path: str) -> dict[str, Any]:
        answer = self._http.get(path)
        answer.raise_for_status()
        return dict(answer.json())

    def _post(self, path: str, arguments: dict[str, object]) -> None:
        answer = self._http.post(path, json=arguments)
        if not answer.is_success:
            raise RuntimeError(f"lab: {path}: {answer.text}")
