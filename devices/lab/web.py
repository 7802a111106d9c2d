"""The lab's panel and its HTTP interface, for loopback only."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, JSONBody
from litestar.response import Response as PlainResponse

from devices.lab.actions import NotPossible, UnknownAction, WrongArguments, call
from devices.lab.bench import Bench, DeviceView, SlipView, UnknownDevice, UnknownSlip
from devices.lab.gateway_rows import GatewayRows, GatewayView
from devices.lab.kiosk_window import KioskWindow
from devices.lab.network import Network, NetworkView

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST_BODY_BYTES = 16_384

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


class LabView(msgspec.Struct, frozen=True):
    """Everything the panel shows, except pictures and the gateway's rows."""

    devices: list[DeviceView]
    network: NetworkView | None
    slips: list[SlipView]
    screen: bool


def _is_loopback(netloc: str) -> bool:
    try:
        return urlsplit(f"//{netloc}").hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def refuse_strangers(request: Request[Any, Any, Any]) -> Response[dict[str, str]] | None:
    """Answer only who asks this machine by its own name: a web page elsewhere must not."""
    if not _is_loopback(request.headers.get("host", "")):
        return Response({"detail": "Host is not loopback"}, status_code=421)
    origin = request.headers.get("origin")
    if origin is not None and not _is_loopback(urlsplit(origin).netloc):
        return Response({"detail": "Origin is not loopback"}, status_code=403)
    if request.method == "POST" and request.content_type[0] != "application/json":
        return Response({"detail": "send a JSON object as application/json"}, status_code=415)
    return None


def explain(status_code: int) -> Callable[[Request[Any, Any, Any], Exception], Response[Any]]:
    """Answer an expected failure with its own words."""

    def handler(_request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        return Response({"detail": str(error)}, status_code=status_code)

    return handler


def build_app(
    bench: Bench,
    network: Network | None,
    gateway: GatewayRows | None,
    screen: KioskWindow | None = None,
) -> Litestar:
    """The panel over a running bench."""
    panel = (Path(__file__).parent / "panel.html").read_text(encoding="utf-8")

    @lru_cache(maxsize=32)
    def picture(number: int) -> bytes:
        return bench.slip(number).render_png()

    @get("/", media_type=MediaType.HTML, sync_to_thread=False)
    def show_panel() -> PlainResponse[str]:
        headers = {
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return PlainResponse(panel, headers=headers, media_type=MediaType.HTML)

    @get("/api/state", sync_to_thread=False)
    def state() -> LabView:
        view = network.view() if network is not None else None
        return LabView(
            devices=bench.views(), network=view, slips=bench.slips(), screen=screen is not None
        )

    @post("/api/devices/{device:str}/{action:str}", status_code=200, sync_to_thread=False)
    def act(
        device: FromPath[str], action: FromPath[str], data: JSONBody[dict[str, Any]]
    ) -> list[DeviceView]:
        bench.act(device, action, data)
        return bench.views()

    @post("/api/network/{action:str}", status_code=200, sync_to_thread=False)
    def act_on_network(action: FromPath[str], data: JSONBody[dict[str, Any]]) -> NetworkView:
        if network is None:
            raise HTTPException("the lab was started without --proxy", status_code=404)
        call(network.actions(), action, data)
        return network.view()

    @get("/api/slips", sync_to_thread=False)
    def slips() -> list[SlipView]:
        return bench.slips()

    @get("/api/slips/{name:str}", sync_to_thread=True)
    def slip(name: FromPath[str]) -> PlainResponse[bytes]:
        number, _, form = name.partition(".")
        if not number.isdecimal() or form not in ("png", "txt"):
            raise HTTPException("ask for NUMBER.png or NUMBER.txt", status_code=404)
        if form == "txt":
            text = bench.slip(int(number)).text.encode()
            return PlainResponse(text, media_type="text/plain; charset=utf-8")
        return PlainResponse(picture(int(number)), media_type="image/png")

    @get("/api/screen.jpg", sync_to_thread=True)
    def show_screen() -> PlainResponse[bytes]:
        if screen is None:
            raise HTTPException("the lab was started without --display", status_code=404)
        return PlainResponse(
            screen.picture(), media_type="image/jpeg", headers={"Cache-Control": "no-store"}
        )

    @post("/api/screen/touch", status_code=204, sync_to_thread=True)
    def touch_screen(data: JSONBody[dict[str, Any]]) -> None:
        if screen is None:
            raise HTTPException("the lab was started without --display", status_code=404)
        call({"touch": screen.touch}, "touch", data)

    @get("/api/gateway")
    async def gateway_rows() -> GatewayView:
        if gateway is None:
            return GatewayView(reachable=False, reason="the lab was started without --gateway-url")
        return await gateway.fetch()

    failures: dict[type[Exception], int] = {
        UnknownDevice: 404,
        UnknownAction: 404,
        UnknownSlip: 404,
        WrongArguments: 422,
        NotPossible: 409,
    }
    return Litestar(
        [
            show_panel,
            state,
            act,
            act_on_network,
            slips,
            slip,
            show_screen,
            touch_screen,
            gateway_rows,
        ],
        before_request=cast(Any, refuse_strangers),
        exception_handlers={kind: explain(code) for kind, code in failures.items()},
        request_max_body_size=LARGEST_BODY_BYTES,
        openapi_config=None,
    )
