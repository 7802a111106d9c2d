"""An HTTPS front before the real gateway that does to requests what networks and servers do."""

from __future__ import annotations

import http.client
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.fakes.running_gateway import RunningGateway


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. ``cut_after``: close the connection after so many bytes of the body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None


class Fault:
    """Passes everything on unchanged; the kinds below do not."""

    reaches_gateway = True

    def on_answer(self, answer: Reply) -> Reply | None:
        """Return what the kiosk gets; None closes the connection without an answer."""
        return answer


class Refuse(Fault):
    """Answers with an error of its own; the gateway sees nothing."""

    reaches_gateway = False

    def __init__(self, status: int, code: str = "", **headers: str) -> None:
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def on_answer(self, answer: Reply) -> Reply:
        problem = {"title": "Refused", "status": self.status, "code": self.code}
        return Reply(self.status, json.dumps(problem).encode(), self.headers)


class LoseRequest(Fault):
    """Closes the connection before the gateway has seen anything."""

    reaches_gateway = False

    def on_answer(self, answer: Reply) -> None:
        return None


class LoseAnswer(Fault):
    """The gateway commits, the kiosk never hears of it."""

    def on_answer(self, answer: Reply) -> None:
        return None


class Truncate(Fault):
    """Half of the answer, then the end of the connection."""

    def on_answer(self, answer: Reply) -> Reply:
        return Reply(answer.status, answer.body, answer.headers, cut_after=len(answer.body) // 2)


class Replace(Fault):
    """Another body in place of the gateway's."""

    def __init__(self, body: bytes, **headers: str) -> None:
        self.body = body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def on_answer(self, answer: Reply) -> Reply:
        return Reply(200, self.body, self.headers)


class Rewrite(Fault):
    """Changes bytes inside the gateway's answer."""

    def __init__(self, old: bytes, new: bytes) -> None:
        self.old = old
        self.new = new

    def on_answer(self, answer: Reply) -> Reply:
        assert self.old in answer.body
        return Reply(answer.status, answer.body.replace(self.old, self.new), answer.headers)


class Close(Fault):
    """The whole answer, then the announced end of the connection."""

    def on_answer(self, answer: Reply) -> Reply:
        return Reply(answer.status, answer.body, {**answer.headers, "connection": "close"})


class Silence(Fault):
    """The gateway commits; the answer comes only when the front is told to go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def on_answer(self, answer: Reply) -> None:
        self.go_on.wait(20)


class FaultyFront:
    """Stands between kiosk and gateway.

    ``faults`` befall the next requests whose path starts with ``victim``, in order. Batches that
    hold ``poison`` anywhere in their bytes are refused, each time. ``usual`` befalls all others.
    """

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.faults: list[Fault] = []
        self.usual = Fault()
        self.victim = "/v1/batches"
        self.poison: set[bytes] = set()
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Let requests through, on the same port as before."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        folder = self.gateway.directory
        context.load_cert_chain(folder / "gateway-cert.pem", folder / "gateway-key.pem")
        self._server = _Server(self, context)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def cut(self) -> None:
        """The network is gone: open connections end, new ones are refused."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()
        self._server = None

    def bodies_to(self, path: str) -> list[bytes]:
        """What the kiosk sent to a path, oldest first."""
        sent = zip(self.requests, self.bodies, strict=True)
        return [body for request, body in sent if request == path]

    def next_fault(self, path: str, body: bytes) -> Fault:
        self.requests.append(path)
        self.bodies.append(body)
        if path == "/v1/batches" and any(each in body for each in self.poison):
            return Refuse(422, "poison")
        is_hit = path.startswith(self.victim) and self.faults
        return self.faults.pop(0) if is_hit else self.usual


@contextmanager
def faulty_front(gateway: RunningGateway) -> Iterator[FaultyFront]:
    front = FaultyFront(gateway)
    front.open()
    try:
        yield front
    finally:
        front.cut()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, front: FaultyFront, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", front.port), FrontHandler)
        self.front = front
        self._context = context
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, object]:
        plain, address = super().get_request()
        # The handshake happens in the handler's thread, at the first read.
        secure = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self._open.add(secure)
        return secure, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        super().shutdown_request(request)
        if isinstance(request, socket.socket):
            self._open.discard(request)

    def end_connections(self) -> None:
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: object, client_address: object) -> None:
        """A kiosk that hangs up, or does not trust us, is no error of this fake."""


class FrontHandler(http.server.BaseHTTPRequestHandler):
    """Serves one connection."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._pass_on()

    def do_POST(self) -> None:
        self._pass_on()

    def log_message(self, format: str, *args: object) -> None:
        """Tests read the kiosk's log, not this one."""

    def _pass_on(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the kiosk hung up in the middle
        front = self.server.front
        fault = front.next_fault(self.path, body)
        answer = Reply(0, b"")
        if fault.reaches_gateway:
            answer = _ask(front.gateway.port, self.command, self.path, dict(self.headers), body)
        reply = fault.on_answer(answer)
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.cut_after])
        if reply.cut_after is not None:
            self.close_connection = True


def _ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=20)
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return Reply(response.status, response.read())
    finally:
        connection.close()
