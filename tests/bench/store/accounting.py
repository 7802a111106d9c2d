"""Counts what each contender wrote and fsynced, from what the recorder saw. Pure.

Nobody's word is taken: a put counts as acknowledged when the benchmark noted so, and as safe when
by then the log it relies on had been written and every byte of it fsynced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from tests.bench.store import contenders
from tests.crash.operations import Kind, Operation


class Part(Enum):
    """What a file is to the contender that writes it."""

    DATABASE = "database"
    LOG = "log"
    MIRROR = "mirror"
    FILE = "file"


RELIES_ON: Mapping[str, frozenset[Part]] = {
    contenders.RAW: frozenset({Part.FILE}),
    contenders.OVERWRITE: frozenset({Part.FILE}),
    contenders.SQLITE: frozenset({Part.LOG}),
    contenders.PLAIN_STORE: frozenset({Part.LOG}),
    contenders.MIRRORED_STORE: frozenset({Part.LOG, Part.MIRROR}),
    contenders.LITEQUEUE: frozenset({Part.LOG}),
    contenders.PERSIST_ACK: frozenset({Part.LOG}),
    contenders.PERSIST_FILE: frozenset({Part.FILE}),
}
"""Which parts must hold an entry durably when it is acknowledged. The main file of a database is
none of them: what is copied into it still stands in the log."""


@dataclass
class Count:
    """Of one part of one contender."""

    writes: int = 0
    written_bytes: int = 0
    fsyncs: int = 0


@dataclass
class Account:
    """Of one contender. ``unsafe`` acknowledgements came before the fsync they needed."""

    acks: int = 0
    unsafe: int = 0
    checkpoints: int = 0
    parts: dict[Part, Count] = field(default_factory=lambda: {part: Count() for part in Part})

    def fsyncs_per_ack(self, *parts: Part) -> float:
        """Fsyncs of these parts for each acknowledged entry."""
        return sum(self.parts[part].fsyncs for part in parts) / self.acks

    def bytes_per_ack(self, *parts: Part) -> float:
        """Bytes written to these parts for each acknowledged entry."""
        return sum(self.parts[part].written_bytes for part in parts) / self.acks

    def minus(self, before: Account) -> Account:
        """What came after ``before``."""
        return Account(
            self.acks - before.acks,
            self.unsafe - before.unsafe,
            self.checkpoints - before.checkpoints,
            {
                part: Count(
                    count.writes - before.parts[part].writes,
                    count.written_bytes - before.parts[part].written_bytes,
                    count.fsyncs - before.parts[part].fsyncs,
                )
                for part, count in self.parts.items()
            },
        )

    def copy(self) -> Account:
        """The account as it stands."""
        return self.minus(Account())


@dataclass
class _State:
    """What of one contender is not durable yet: file → number of its last write."""

    dirty: dict[int, int] = field(default_factory=dict)
    touched: set[Part] = field(default_factory=set)
    account: Account = field(default_factory=Account)
    at_first_ack: Account | None = None
    first_checkpoint: Account | None = None
    last_checkpoint: Account | None = None


class Ledger:
    """Reads operations in order; ``accounts`` and ``between_checkpoints`` tell the result."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}
        self._begun: dict[tuple[int, int], int] = {}
        self._number = 0

    def read(self, operations: Iterable[Operation]) -> None:
        """Take operations into account. A note holds a contender's name."""
        for operation in operations:
            self._number += 1
            if operation.kind is Kind.NOTE:
                for name in operation.data.decode().split():
                    self._acknowledge(name)
            elif "/" in operation.path:
                self._take(operation, operation.path.partition("/")[0])

    def accounts(self) -> dict[str, Account]:
        """All that was counted."""
        return {name: state.account for name, state in self._states.items()}

    def between_checkpoints(self, name: str) -> Account:
        """From the end of a contender's first checkpoint to that of its last: no part of the cost
        of moving its log into the database is left out. From its first entry on, where there were
        not two."""
        state = self._states[name]
        first, last = state.first_checkpoint, state.last_checkpoint
        if first is None or last is None or last.acks == first.acks:
            return state.account.minus(state.at_first_ack or Account())
        return last.minus(first)

    def _take(self, operation: Operation, name: str) -> None:
        state = self._states.setdefault(name, _State())
        part = part_of(operation.path)
        count = state.account.parts[part]
        match operation.kind:
            case Kind.WRITE:
                count.writes += 1
                count.written_bytes += len(operation.data)
                if part in RELIES_ON[name]:
                    state.touched.add(part)
                    if not operation.synchronous:
                        state.dirty[operation.inode] = self._number
            case Kind.SYNC_BEGIN:
                self._begun[operation.thread, operation.inode] = self._number
            case Kind.SYNC_END:
                begun = self._begun.pop((operation.thread, operation.inode))
                if operation.length != 0:
                    return
                count.fsyncs += 1
                if state.dirty.get(operation.inode, begun + 1) < begun:
                    del state.dirty[operation.inode]
                if part is Part.DATABASE:
                    self._note_checkpoint(state)
            case Kind.UNLINK:
                state.dirty.pop(operation.inode, None)
            case _:
                pass

    def _acknowledge(self, name: str) -> None:
        state = self._states.setdefault(name, _State())
        state.account.acks += 1
        if state.dirty or state.touched != RELIES_ON[name]:
            state.account.unsafe += 1
        state.touched = set()
        if state.at_first_ack is None:
            state.at_first_ack = state.account.copy()

    def _note_checkpoint(self, state: _State) -> None:
        state.account.checkpoints += 1
        state.last_checkpoint = state.account.copy()
        if state.first_checkpoint is None:
            state.first_checkpoint = state.last_checkpoint


def part_of(path: str) -> Part:
    """What a file is, by its name."""
    name = path.rpartition("/")[2]
    if name.endswith("-wal"):
        return Part.LOG
    if ".segment" in name:
        return Part.MIRROR
    return Part.DATABASE if name.endswith(".db") else Part.FILE
