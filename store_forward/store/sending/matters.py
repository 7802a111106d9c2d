"""What staff should look at: entries the HIS did not simply take, and cases in themselves.

Says nothing of patients: what is told of an entry is its kind, its money and its slip's code.
"""

from __future__ import annotations

from typing import Any

import msgspec

from store_forward.contract.facts import CaseOpened
from store_forward.store.driver import Connection
from store_forward.store.identity import Identity
from store_forward.store.sending.coverage import Coverage
from store_forward.store.sending.exceptions import ENDED, Standing

CASE_KIND = str(CaseOpened.__struct_config__.tag)

PURGED = "purged"
"""Kind and lane of an entry that went when its time was over."""


class Matter(msgspec.Struct, frozen=True):
    """An entry that needs a person, or needed one: then its ``state`` is SETTLED or WITHDRAWN.

    What is a case in itself is in REVIEW until a person has decided: uncertain money, entries that
    were lost, a journal that took the place of another one.
    ``code`` is a machine word for the reason, ``case_id`` the name of its open case at the gateway.
    ``amount_fen`` is what it is about, 0 for no money; ``slip_code`` what the patient may hold,
    empty for no slip. ``attempts`` counts the refusals of a parked entry, ``is_reported`` says
    that the gateway knows of it.
    """

    seq: int
    state: Standing
    code: str
    kind: str
    lane: str
    case_id: str
    amount_fen: int = 0
    slip_code: str = ""
    occurred_at: str = ""
    attempts: int = 0
    is_reported: bool = True

    @property
    def is_open(self) -> bool:
        """Whether nobody has decided yet."""
        return self.state not in ENDED


class _Fact(msgspec.Struct):
    reason: str = ""
    case_id: str = ""
    amount_fen: int = 0
    owed_fen: int = 0
    collected_fen: int = 0
    fee_fen: int = 0
    slip_code: str | None = None


class _Body(msgspec.Struct):
    id: str = ""
    occurred_at: str = ""
    fact: _Fact = msgspec.field(default_factory=_Fact)


_SEQS = (
    "SELECT seq, state, code, attempts, reported FROM exception {} UNION ALL "
    "SELECT seq, 'review', NULL, 0, 0 FROM event INDEXED BY event_case "
    "WHERE kind IN ('case_opened', 'entries_lost', 'journal_replaced') "
    "AND seq NOT IN (SELECT seq FROM exception)"
)
"""Exceptions, and entries of this kiosk that are cases in themselves, undecided."""

_OPEN = "WHERE state NOT IN ('settled', 'withdrawn')"


class Matters:
    """Reads the matters of one store file."""

    def __init__(self, connection: Connection, identity: Identity) -> None:
        self._connection = connection
        self._identity = identity
        self._coverage = Coverage(connection)

    def count_open(self) -> int:
        """How many wait for a person's decision."""
        row = self._connection.row(f"SELECT count(*) FROM ({_SEQS.format(_OPEN)})")  # noqa: S608
        return int(row[0]) if row else 0

    def newest_open(self, limit: int) -> list[Matter]:
        """Those that wait for a person's decision, newest first, at most ``limit``."""
        found = self._connection.rows(
            f"SELECT found.*, lane, kind, body FROM (SELECT * FROM ({_SEQS.format(_OPEN)}) "  # noqa: S608
            "ORDER BY seq DESC LIMIT ?) AS found LEFT JOIN event USING (seq) ORDER BY seq DESC",
            (limit,),
        )
        return [self._matter(*row) for row in found]

    def all(self) -> list[Matter]:
        """Open and ended ones, oldest first."""
        found = self._connection.rows(
            f"SELECT found.*, lane, kind, body FROM ({_SEQS.format('')}) AS found "  # noqa: S608
            "LEFT JOIN event USING (seq) ORDER BY seq"
        )
        return [self._matter(*row) for row in found]

    def _matter(
        self,
        seq: int,
        state: str,
        code: str | None,
        attempts: int,
        reported: int,
        lane: str | None,
        kind: str | None,
        body: bytes | None,
    ) -> Matter:
        told = _read(body)
        fact = told.fact
        standing = Standing(state)
        return Matter(
            seq=seq,
            state=standing,
            code=code or fact.reason or kind or PURGED,
            kind=kind or PURGED,
            lane=lane or PURGED,
            case_id=self._case_id(seq, standing, kind, told),
            amount_fen=fact.collected_fen or fact.owed_fen or fact.amount_fen or fact.fee_fen,
            slip_code=fact.slip_code or "",
            occurred_at=told.occurred_at,
            attempts=attempts,
            is_reported=self._is_reported(seq, standing, bool(reported)),
        )

    def _is_reported(self, seq: int, state: Standing, is_told: bool) -> bool:
        """What was answered is known there; what was opened here once it is handed over."""
        return is_told if state is Standing.PARKED else self._coverage.covers(seq)

    def _case_id(self, seq: int, state: Standing, kind: str | None, told: _Body) -> str:
        """The name of the case as the gateway makes it: cases.py and rules.py there."""
        if state in ENDED:
            return ""
        if state is not Standing.REVIEW:
            origin = "parked" if state is Standing.PARKED else "gw"
            return f"{origin}:{self._identity.incarnation}:{seq}"
        return told.fact.case_id if kind == CASE_KIND else f"gw:{told.id}"


def _read(body: Any) -> _Body:
    """What an entry tells of itself; nothing for one that is gone or that nobody can read."""
    if body is None:
        return _Body()
    try:
        return msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Body()
