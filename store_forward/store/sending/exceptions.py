"""Entries that need a person: not delivered, or delivered and not simply accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from store_forward.contract.resolutions import Verdict
from store_forward.contract.wire import Outcome, Result
from store_forward.store.driver import Connection


class Standing(StrEnum):
    """Where an entry or an order stands at the HIS, as far as this kiosk knows."""

    UNKNOWN = "unknown"
    RECORDED = "recorded"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    CONFLICT = "conflict"
    REVIEW = "review"
    PARKED = "parked"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


ENDED = (Standing.SETTLED, Standing.WITHDRAWN)
"""A person has decided: nothing is open any more."""

SEVERITY = (
    Standing.CONFLICT,
    Standing.REJECTED,
    Standing.REVIEW,
    Standing.PARKED,
    Standing.DEFERRED,
    Standing.WITHDRAWN,
    Standing.SETTLED,
)
"""An order stands where its worst entry stands, in this order."""


class Standout(msgspec.Struct, frozen=True):
    """An entry the HIS did not simply accept, or that could not be delivered (PARKED).

    ``attempts`` counts how often a parked entry was refused; ``reported`` says that the gateway
    has been told of it.
    """

    seq: int
    state: Standing
    code: str | None
    his_ref: str | None
    retryable: bool
    attempts: int = 0
    reported: bool = False


TAKEN = (Outcome.ACCEPTED, Outcome.DUPLICATE)
"""Outcomes of an entry that is no exception."""

DECIDED_BEFORE = "decided_before"
"""Code of a parked entry about which a person had decided, at a gateway that may have lost that.
What it tells may be booked by hand, so it is not offered until somebody decides once more."""

_COLUMNS = "seq, state, code, his_ref, retryable, attempts, reported"


class Exceptions:
    """The exceptions of one store file. Changes are part of the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self) -> list[Standout]:
        """Those that nobody has decided about, oldest first."""
        return self._read("state NOT IN ('settled', 'withdrawn')")

    def parked(self) -> list[Standout]:
        """Those that wait because the gateway refused them, oldest first."""
        return self._read("state = 'parked'")

    def ended(self) -> list[Standout]:
        """Those a person has decided about, oldest first."""
        return self._read("state IN ('settled', 'withdrawn')")

    def park(self, seq: int, code: str) -> None:
        """Note one more refusal of this entry; what was reported stays reported."""
        self._connection.execute(
            "INSERT INTO exception (seq, state, code, retryable, attempts) "
            "VALUES (?, 'parked', ?, 1, 1) ON CONFLICT (seq) DO UPDATE SET "
            "state = 'parked', code = excluded.code, his_ref = NULL, retryable = 1, "
            "reported = CASE state WHEN 'parked' THEN reported ELSE 0 END, "
            "attempts = attempts + 1",
            (seq, code),
        )

    def unpark(self, seq: int) -> None:
        """The entry is offered again like any other. No effect when it is not parked."""
        self._connection.execute("DELETE FROM exception WHERE seq = ? AND state = 'parked'", (seq,))

    def doubt(self, seqs: Iterable[int]) -> None:
        """These decisions may be lost at the gateway: a person must decide again."""
        for seq in seqs:
            self._connection.execute(
                "UPDATE exception SET state = 'parked', code = ?, retryable = 1, reported = 0 "
                "WHERE seq = ?",
                (DECIDED_BEFORE, seq),
            )

    def is_doubted(self, seq: int) -> bool:
        """Whether a decision about this entry may be lost at the gateway."""
        row = self._connection.row(
            "SELECT 1 FROM exception WHERE seq = ? AND state = 'parked' AND code = ?",
            (seq, DECIDED_BEFORE),
        )
        return row is not None

    def note_reported(self, seq: int) -> None:
        """The gateway has been told of this parked entry."""
        self._connection.execute("UPDATE exception SET reported = 1 WHERE seq = ?", (seq,))

    def report_again(self) -> None:
        """The gateway may have forgotten what it was told."""
        self._connection.execute("UPDATE exception SET reported = 0 WHERE state = 'parked'")

    def keep_results(self, results: Sequence[Result]) -> None:
        """Note what the gateway did with entries. What a person has ended stays ended."""
        taken = [each.seq for each in results if each.outcome in TAKEN]
        # A duplicate was accepted before; any other outcome would be told again.
        for seq in {each.seq for each in self.open()}.intersection(taken):
            self._connection.execute("DELETE FROM exception WHERE seq = ?", (seq,))
        for result in results:
            if result.outcome not in TAKEN:
                self._connection.execute(
                    "INSERT INTO exception (seq, state, code, his_ref, retryable) "
                    "VALUES (?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET "
                    "state = excluded.state, code = excluded.code, his_ref = excluded.his_ref, "
                    "retryable = excluded.retryable "
                    "WHERE exception.state NOT IN ('settled', 'withdrawn')",
                    (
                        result.seq,
                        result.outcome.value,
                        result.code,
                        result.his_ref,
                        result.retryable,
                    ),
                )

    def end(self, seq: int, verdict: Verdict, note: str) -> None:
        """A person has decided: settled or withdrawn."""
        self._connection.execute(
            "INSERT INTO exception (seq, state, code, retryable, reported) VALUES (?, ?, ?, 0, 1) "
            "ON CONFLICT (seq) DO UPDATE SET state = excluded.state, code = excluded.code, "
            "retryable = 0, reported = 1",
            (seq, verdict.value, note),
        )

    def worst(self, seqs: list[int]) -> Standing | None:
        """The worst state among these entries; None when none stands out."""
        numbers = ",".join(str(int(seq)) for seq in seqs)
        found = self._connection.rows(
            f"SELECT state FROM exception WHERE seq IN ({numbers})"  # noqa: S608 – integers
        )
        states = {Standing(state) for (state,) in found}
        return next((state for state in SEVERITY if state in states), None)

    def _read(self, condition: str) -> list[Standout]:
        found = self._connection.rows(
            f"SELECT {_COLUMNS} FROM exception WHERE {condition} ORDER BY seq"  # noqa: S608
        )
        return [
            Standout(seq, Standing(state), code, his_ref, bool(retryable), attempts, bool(reported))
            for seq, state, code, his_ref, retryable, attempts, reported in found
        ]
