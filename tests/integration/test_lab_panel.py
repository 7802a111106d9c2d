"""The lab over HTTP: a real lab process for the whole, the application itself for the details."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from devices.lab.bench import Bench, EmulatedDevice
from devices.lab.gateway_rows import GatewayRows
from devices.lab.web import build_app
from store_forward.gateway.certificates import make_certificates
from tests.fakes.toy_emulator import ToyEmulator

ROOT = Path(__file__).parents[2]


def run(folder: Path, scenario: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with panel(folder) as client:
            await asyncio.wait_for(scenario(client), timeout=15)

    asyncio.run(limited())


@asynccontextmanager
async def panel(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The application over one toy device on a real pty."""
    bench = Bench([EmulatedDevice("toy", "toy/echo", ToyEmulator(), folder / "dev")])
    bench.plug_all()
    turning = asyncio.create_task(bench.run())
    missing = GatewayRows("https://127.0.0.1:9", folder / "ca.pem", folder / "token")
    # Litestar's and httpx's words for the same ASGI types differ.
    transport = httpx.ASGITransport(app=cast(Any, build_app(bench, None, missing)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8800") as client:
        try:
            yield client
        finally:
            turning.cancel()
            await asyncio.gather(turning, return_exceptions=True)
            bench.unplug_all()


async def line_of(fd: int, size: int) -> bytes:
    """Read ``size`` bytes without blocking the loop in which the lab runs."""
    data = b""
    arrived = asyncio.Event()
    asyncio.get_running_loop().add_reader(fd, arrived.set)
    try:
        while len(data) < size:
            await arrived.wait()
            arrived.clear()
            data += os.read(fd, size - len(data))
    finally:
        asyncio.get_running_loop().remove_reader(fd)
    return data


def test_a_device_answers_on_its_port_and_speaks_by_itself(tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        fd = os.open(tmp_path / "dev" / "toy", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            os.write(fd, b"ping")
            assert await line_of(fd, 9) == b"echo ping"
            answer = await client.post("/api/devices/toy/speak", json={"words": "here"})
            assert answer.status_code == 200
            assert await line_of(fd, 4) == b"here"
        finally:
            os.close(fd)

    run(tmp_path, scenario)


def test_the_plug_can_be_pulled_and_put_back_also_elsewhere(tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        link = tmp_path / "dev" / "toy"
        fd = os.open(link, os.O_RDWR | os.O_NOCTTY)
        assert (await client.post("/api/devices/toy/unplug", json={})).status_code == 200
        assert not link.is_symlink()
        with pytest.raises(OSError, match="Input/output error"):
            os.write(fd, b"x")
        os.close(fd)
        assert (await client.post("/api/devices/toy/unplug", json={})).status_code == 409
        other = {"replug_as": "toy9"}
        assert (await client.post("/api/devices/toy/replug", json=other)).status_code == 200
        assert (tmp_path / "dev" / "toy9").is_symlink()
        await client.post("/api/devices/toy/unplug", json={})
        await client.post("/api/devices/toy/replug", json={})
        assert link.is_symlink()
        escape = {"replug_as": "../../x"}
        assert (await client.post("/api/devices/toy/replug", json=escape)).status_code == 422

    run(tmp_path, scenario)


def test_whoever_holds_the_port_can_be_hung(tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        assert (await client.post("/api/devices/toy/hang_worker", json={})).status_code == 409
        program = "import os,sys; os.open(sys.argv[1], os.O_RDWR); print(); sys.stdin.read()"
        holder = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            program,
            str(tmp_path / "dev" / "toy"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert holder.stdout is not None
        await holder.stdout.readline()
        assert (await client.post("/api/devices/toy/hang_worker", json={})).status_code == 200
        _, status = await asyncio.to_thread(os.waitpid, holder.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        holder.kill()
        await holder.communicate()

    run(tmp_path, scenario)


def test_slips_can_be_listed_read_and_seen(tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        await client.post("/api/devices/toy/print", json={"text": "挂号凭条", "copies": 2})
        await client.post("/api/devices/toy/tear", json={})
        await client.post("/api/devices/toy/print", json={"text": "new"})
        slips = (await client.get("/api/slips")).json()
        assert [(slip["number"], slip["torn"]) for slip in slips] == [
            (1, True),
            (2, True),
            (3, False),
        ]
        text = await client.get("/api/slips/1.txt")
        assert text.text == "挂号凭条"
        picture = await client.get("/api/slips/3.png")
        assert picture.content == b"\x89PNGnew"
        assert picture.headers["content-type"] == "image/png"
        for wrong in ("4.png", "1.exe", "x.png", "-1.txt"):
            assert (await client.get(f"/api/slips/{wrong}")).status_code == 404

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("devices/toaster/speak", b"{}", 404, "there are: toy"),
        ("devices/toy/dance", b"{}", 404, "there are: hang_worker, print"),
        ("devices/toy/print", b"{}", 422, "missing a required argument"),
        ("devices/toy/print", b'{"text":1}', 422, "'text'"),
        ("devices/toy/print", b"[]", 400, "object"),
        ("devices/toy/print", b"{", 400, ""),
        ("devices/toy/print", b'{"text":"' + b"x" * 20_000 + b'"}', 413, ""),
        ("network/cut", b"{}", 404, "without --proxy"),
    ],
)
def test_wrong_questions_are_answered_clearly(
    tmp_path: Path, path: str, body: bytes, status: int, words: str
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        headers = {"content-type": "application/json"}
        answer = await client.post(f"/api/{path}", content=body, headers=headers)
        assert answer.status_code == status
        assert words in answer.text

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8800"}, 421),
        ({"host": ""}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"host": "localhost:8800", "origin": "http://localhost:8800"}, 200),
    ],
)
def test_only_this_machines_own_pages_may_ask(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        sent = {"content-type": "application/json", **headers}
        answer = await client.post("/api/devices/toy/speak", content=b"{}", headers=sent)
        assert answer.status_code == status

    run(tmp_path, scenario)


def test_a_gateway_that_is_not_there_is_a_normal_answer(tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        answer = (await client.get("/api/gateway")).json()
        assert not answer["reachable"]
        assert "token" in answer["reason"]

    run(tmp_path, scenario)


@pytest.mark.parametrize(
    ("token", "reachable", "rows"), [("right", True, {"batches": []}), ("wrong", False, None)]
)
def test_the_gateways_rows_are_fetched_with_the_operators_token(
    tmp_path: Path, token: str, reachable: bool, rows: object
) -> None:
    files = make_certificates(tmp_path, datetime.now(UTC))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(files.certificate, files.key)
    token_file = tmp_path / "token"
    token_file.write_text(f"{token}\n")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        is_right = b"GET /console/rows" in asked and b"Bearer right\r\n" in asked
        status, body = ("200 OK", b'{"batches": []}') if is_right else ("401 Unauthorized", b"")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=shown)
        port = server.sockets[0].getsockname()[1]
        gateway = GatewayRows(f"https://127.0.0.1:{port}", files.authority, token_file)
        view = await gateway.fetch()
        server.close()
        await server.wait_closed()
        assert (view.reachable, view.rows) == (reachable, rows)
        assert token not in view.reason

    asyncio.run(scenario())


def test_the_panel_loads_nothing_from_anywhere(tmp_path: Path) -> None:
    async def scenario(client: httpx.AsyncClient) -> None:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "http://" not in page.text
        assert "https://" not in page.text

    run(tmp_path, scenario)


@contextmanager
def lab_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A real lab with the real emulators; yields it and the address of its panel."""
    command = [sys.executable, "-m", "devices.lab", "--run-dir", str(folder), "--proxy", "0:9"]
    for option in (
        "id1=id_reader/samv",
        "cash1=cash_acceptor/ccnet",
        "printer1=receipt_printer/escpos",
    ):
        command += ["--device", option]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 20)
            assert ready, "the lab did not start"
            yield process, process.stdout.readline().removeprefix("panel at ").strip()
        finally:
            process.kill()


def test_a_real_lab_serves_its_devices_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with lab_process(tmp_path) as (process, address):
        with httpx.Client(base_url=address, trust_env=False) as client:
            state = client.get("/api/state").json()
            assert [device["name"] for device in state["devices"]] == ["id1", "cash1", "printer1"]
            answer = client.post("/api/devices/cash1/feed", json={"amount_yuan": 3})
            assert answer.status_code == 422
            assert client.post("/api/network/cut", json={}).json()["line"] == "cut"
        fd = os.open(tmp_path / "dev" / "cash1", os.O_RDWR | os.O_NOCTTY)
        os.write(fd, bytes.fromhex("02030633DA81"))  # CCNET poll
        ready, _, _ = select.select([fd], [], [], 10)
        assert ready
        assert os.read(fd, 100)[:2] == b"\x02\x03"
        os.close(fd)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert list((tmp_path / "dev").iterdir()) == []
