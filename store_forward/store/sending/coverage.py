"""Which entries the gateway has: all up to a sequence number, and ranges ahead of it."""

from __future__ import annotations

from collections.abc import Iterable

from store_forward.contract.spans import Range, merged
from store_forward.store.driver import Connection


class Coverage:
    """What is covered in one store file. Changes are part of the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acked_seq(self) -> int:
        """Every entry up to this one is covered."""
        row = self._connection.row("SELECT acked_seq FROM stream WHERE name = 'gateway'")
        return int(row[0]) if row else 0

    def ahead(self) -> tuple[Range, ...]:
        """What is covered beyond ``acked_seq``, ascending, with gaps between."""
        found = self._connection.rows("SELECT first_seq, last_seq FROM ahead ORDER BY first_seq")
        return tuple(Range(*row) for row in found)

    def covers(self, seq: int) -> bool:
        """Whether this entry is covered."""
        if seq <= self.acked_seq():
            return True
        row = self._connection.row(
            "SELECT last_seq FROM ahead WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1",
            (seq,),
        )
        return row is not None and seq <= int(row[0])

    def lost(self, after: int, until: int) -> tuple[Range, ...]:
        """What this journal has lost for good: ranges that end beyond ``after``, up to ``until``.

        Behind such a gap stands an anchor in place of the entry: recovery made it.
        """
        found = self._connection.rows(
            "SELECT 1 + max(ifnull((SELECT max(seq) FROM event WHERE seq < gap.seq), 0), "
            "ifnull((SELECT max(seq) FROM anchor WHERE seq < gap.seq), 0)), seq "
            "FROM anchor AS gap WHERE reason = 'lost' AND seq > ?1 AND seq <= ?2 "
            "AND NOT EXISTS (SELECT 1 FROM event WHERE event.seq = gap.seq)",
            (after, until),
        )
        return merged(Range(*row) for row in found)

    def add(self, ranges: Iterable[Range]) -> int:
        """Cover these entries too; return the new ``acked_seq``."""
        before = acked = self.acked_seq()
        for each in merged(ranges):
            if each.first > acked + 1:
                self._keep_ahead(each)
            else:
                acked = max(acked, each.last)
        acked = self._absorb(acked)
        if acked != before:
            self._set(acked)
        return acked

    def fall_back(self, acked_seq: int, ahead: Iterable[Range]) -> int:
        """Believe only this from now on; return the new ``acked_seq``."""
        self._connection.execute("DELETE FROM ahead")
        self._set(acked_seq)
        return self.add(ahead)

    def _keep_ahead(self, new: Range) -> None:
        """Add a range beyond the gap, joined with those it touches."""
        touching = [
            Range(*row)
            for row in self._connection.rows(
                "SELECT first_seq, last_seq FROM ahead WHERE first_seq <= ? AND last_seq >= ?",
                (new.last + 1, new.first - 1),
            )
        ]
        for each in touching:
            self._connection.execute("DELETE FROM ahead WHERE first_seq = ?", (each.first,))
        joined = merged([new, *touching])[0]
        self._connection.execute("INSERT INTO ahead (first_seq, last_seq) VALUES (?, ?)", joined)

    def _absorb(self, acked: int) -> int:
        """Take in the ranges that ``acked`` has reached."""
        while True:
            row = self._connection.row(
                "SELECT first_seq, last_seq FROM ahead ORDER BY first_seq LIMIT 1"
            )
            if row is None or row[0] > acked + 1:
                return acked
            acked = max(acked, int(row[1]))
            self._connection.execute("DELETE FROM ahead WHERE first_seq = ?", (row[0],))

    def _set(self, acked: int) -> None:
        self._connection.execute("UPDATE stream SET acked_seq = ? WHERE name = 'gateway'", (acked,))
