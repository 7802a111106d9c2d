"""The HIS side: the real gateway application over a real database, which can die and go back."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from litestar import Litestar
from sqlalchemy import event, select
from uuid6 import uuid7

from store_forward.contract.courier import CourierReceipts
from store_forward.contract.keys import public_pem
from store_forward.contract.recipients import RecipientsKey
from store_forward.contract.wire import Batch, BatchAnswer
from store_forward.gateway.api import Gateway
from store_forward.gateway.app import create_app
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.catalogue import Catalogue
from store_forward.gateway.courier import CourierDesk
from store_forward.gateway.database import open_database
from store_forward.gateway.enrolment import Enrolments
from store_forward.gateway.problems import Refused
from store_forward.gateway.reference import set_epoch
from store_forward.gateway.stream_desk import StreamDesk
from store_forward.gateway.tables import inbox, resolution, stream
from tests.postgres.places import Place
from tests.unit.gateway.bench import RECEIPT_KEY, TERMS, small_clinic

HOST = "https://gateway.test"

TOKEN = "an operator's token"

COURIER_KEY = RecipientsKey(X25519PrivateKey.from_private_bytes(bytes(range(3, 35))))
"""What opens the bundles that are carried here."""

Seat = tuple[str, str, int]
"""An entry's place: device, incarnation, sequence number."""

Link = tuple[str, str, int, str]
"""An entry's place and chain hash: clones of a disk write different entries to the same place."""


_BEYOND_AN_END = select(inbox.c.device, inbox.c.incarnation, inbox.c.seq).join(
    stream,
    (inbox.c.device == stream.c.device)
    & (inbox.c.incarnation == stream.c.incarnation)
    & (inbox.c.seq > stream.c.fenced_seq),
)


class GatewayDied(Exception):
    """The process was killed in the middle of a transaction."""


@dataclass(frozen=True)
class Arrival:
    """An entry as the gateway recorded it, and during which request it came."""

    body: bytes
    entry_id: str
    during: int


class Hospital:
    """A gateway that can be restarted, killed and restored from an older copy.

    ``arrivals``, ``outcomes`` and ``decided`` remember what was ever recorded,
    also what a restore took back.
    """

    def __init__(
        self,
        folder: Path,
        place: Place,
        now: Callable[[], datetime],
        desk_type: type[BatchDesk] = BatchDesk,
    ) -> None:
        self._enrolled = folder / "enrolled"
        self._enrolled.mkdir(parents=True)
        self._place = place
        self._now = now
        self._desk_type = desk_type
        self.starts = 0
        self._statements_left: int | None = None
        self._is_serving = False
        self.requests = 0
        self.deaths = 0
        self.poison: dict[bytes, int] = {}
        """Bytes of entries refused at the edge, and with which status."""
        self.arrivals: dict[Link, Arrival] = {}
        self.outcomes: dict[Link, set[str]] = {}
        self.decided: dict[Seat, set[str]] = {}
        self.beyond_when_ended: dict[tuple[str, str], set[int]] = {}
        """What of an ended journal was here beyond its end when it was ended."""
        self.restores = 0
        """How often it went back: until the kiosks know, it may lack what they let go."""
        self.changes = 0
        """Grows whenever the database may have changed."""
        self._statements: dict[Any, Any] = {}
        self.database = open_database(place)
        engine = self.database._access.engine
        event.listen(engine, "before_cursor_execute", self._count_down)
        event.listen(engine, "commit", self._count_down)
        self._desks: dict[str, object]
        self.start()

    def start(self) -> None:
        """Put the gateway together over its database, as its process does at a start.

        Connections are new; that the file is migrated once more is left out to save time.
        """
        database = self.database
        self.changes += 1
        self.starts += 1
        database.transact(lambda connection: set_epoch(connection, f"epoch-{self.starts}"))
        terms = RECEIPT_KEY, "gateway-1", self._now, _new_id
        catalogue = Catalogue(database, small_clinic(), self._now, _new_id, TERMS)
        catalogue.publish_today()
        enrolments = Enrolments(database, self._enrolled, self._now)
        enrolments.read_folder()
        self._desks = {
            "database": database,
            "enrolments": enrolments,
            "desk": self._desk_type(database, *terms, TERMS),
            "streams": StreamDesk(database, *terms),
            "cases": CaseDesk(database, *terms),
            "catalogue": catalogue,
        }

    def stop(self) -> None:
        self.database.close()

    def restart(self) -> None:
        self.stop()
        self._statements_left = None
        self.start()

    def enrol(self, device: str, key: Ed25519PrivateKey) -> None:
        (self._enrolled / f"{device}.pem").write_bytes(public_pem(key.public_key()))

    def die_after(self, statements: int) -> None:
        """Be killed before one of the next statements, or the commit, of any transaction."""
        self._statements_left = statements

    def die_never(self) -> None:
        """Take that back."""
        self._statements_left = None

    def copy(self, to: Path) -> None:
        """A backup of the database file, as an administrator makes it."""
        assert isinstance(self._place, Path)
        with sqlite3.connect(self._place) as source, sqlite3.connect(to) as target:
            source.backup(target)
        source.close()
        target.close()

    def restore(self, copy: Path) -> None:
        """Go on from an older copy."""
        assert isinstance(self._place, Path)
        self.stop()
        self.restores += 1
        for each in self._place.parent.glob(f"{self._place.name}*"):
            each.unlink()
        self._place.write_bytes(copy.read_bytes())
        self._statements_left = None
        self.start()

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, as the server would. Raises GatewayDied."""
        self.requests += 1
        self.changes += 1
        content = await request.aread()
        refusal = self._refusal(request, content)
        if refusal is not None:
            return refusal
        deaths = self.deaths
        _OPEN.hospital = self
        application: Any = _the_application()
        transport = httpx.ASGITransport(application)
        self._is_serving = True
        try:
            response = await transport.handle_async_request(_again(request, content))
            body = await response.aread()
        finally:
            self._is_serving = False
        if self.deaths > deaths:
            self.restart()
            raise GatewayDied
        if request.method == "POST":
            self.look()
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def take_bundle(self, path: Path) -> CourierReceipts:
        """Apply a bundle that was carried here. Raises BundleRefused, GatewayDied."""
        enrolments: Any = self._desks["enrolments"]
        cases: Any = self._desks["cases"]
        desk = CourierDesk(
            self, COURIER_KEY, enrolments.find_key, RECEIPT_KEY, "gateway-1", self._now, cases
        )
        self._is_serving = True
        try:
            return desk.take(path)
        except GatewayDied:
            self._is_serving = False
            self.restart()
            raise
        finally:
            self._is_serving = False
            self.look()

    def receive(self, arrived: Batch) -> BatchAnswer:
        """A batch out of a bundle, which meets the same faults as one by network. Raises Refused,
        GatewayDied."""
        self.requests += 1
        self.changes += 1
        for poison, status in self.poison.items():
            if any(poison in bytes(item.entry) for item in arrived.items):
                raise Refused(status, "poison", "refused at the edge")
        desk: Any = self._desks["desk"]
        answer: BatchAnswer = desk.receive(arrived)
        self.look()
        return answer

    async def ask_as_operator(self, path: str, told: msgspec.Struct) -> None:
        """Post what staff decide. Who sees the gateway die asks again another day."""
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        body = msgspec.json.encode(told)
        with contextlib.suppress(GatewayDied):
            await self.answer(httpx.Request("POST", f"{HOST}{path}", headers=headers, content=body))

    def rows(self, query: Any) -> list[Any]:
        """What the database says."""
        with self.database.read() as connection:
            connection = connection.execution_options(compiled_cache=self._statements)
            return list(connection.execute(query).all())

    def look(self) -> None:
        """Remember what has been recorded since the last look."""
        for row in self.rows(select(inbox)):
            link = (row.device, row.incarnation, row.seq, row.hash)
            arrival = Arrival(bytes(row.body), row.entry_id, self.requests)
            self.arrivals.setdefault(link, arrival)
            self.outcomes.setdefault(link, set()).add(row.outcome)
        for row in self.rows(select(resolution)):
            seat = (row.device, row.incarnation, row.seq)
            self.decided.setdefault(seat, set()).add(row.verdict)
        now = self.beyond_the_ends()
        self.beyond_when_ended = {key: self.beyond_when_ended.get(key, now[key]) for key in now}

    def beyond_the_ends(self) -> dict[tuple[str, str], set[int]]:
        """Of each ended journal (device, incarnation) what is here beyond its end."""
        ended = select(stream).where(stream.c.fenced_at.is_not(None))
        found: dict[tuple[str, str], set[int]] = {
            (row.device, row.incarnation): set() for row in self.rows(ended)
        }
        for row in self.rows(_BEYOND_AN_END):
            found[row.device, row.incarnation].add(row.seq)
        return found

    def _refusal(self, request: httpx.Request, content: bytes) -> httpx.Response | None:
        """A fault of the gateway that has to do with what is in some entries."""
        if request.url.path != "/v1/batches":
            return None
        for poison, status in self.poison.items():
            if poison in content:
                problem = {"title": "Refused", "status": status, "code": "poison"}
                return httpx.Response(status, json=problem)
        return None

    def _count_down(self, *_: object) -> None:
        if self._statements_left is None or not self._is_serving:
            return
        self._statements_left -= 1
        if self._statements_left < 0:
            self._statements_left = None
            self.deaths += 1
            raise GatewayDied


def _new_id() -> str:
    return str(uuid7())


def _again(request: httpx.Request, content: bytes) -> httpx.Request:
    return httpx.Request(request.method, request.url, headers=request.headers, content=content)


class _Open:
    """The hospital whose request is being answered."""

    hospital: Hospital


_OPEN = _Open()


class _Desk:
    """Stands where a desk stands in the application and sends everybody to the open hospital's."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, what: str) -> Callable[..., object]:
        def ask(*told: object) -> object:
            answer: object = getattr(_OPEN.hospital._desks[self._name], what)(*told)
            return answer

        return ask


@cache
def _the_application() -> Litestar:
    """One application for all stories: putting it together costs more than a whole story."""
    desks: Any = {
        name: _Desk(name)
        for name in ("database", "enrolments", "desk", "streams", "cases", "catalogue")
    }
    return create_app(
        Gateway(
            **desks,
            now=lambda: _OPEN.hospital._now(),
            token=TOKEN,
            software="gateway of a test",
        )
    )
