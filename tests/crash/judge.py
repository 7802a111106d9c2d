"""Starts from a state of the disk as a kiosk does, and compares with what had been promised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from store_forward.store import Row, Store, StoreKey
from store_forward.store.audit.verify import verify_journal
from store_forward.store.sending.outbox import Standing
from tests.crash.blow import Blow
from tests.crash.kiosk import STORE, Kiosk
from tests.crash.notebook import Note, read_notes
from tests.crash.promises import Promise, Promises, promises
from tests.unit.store.builders import entry


class Harm(StrEnum):
    """What must not have happened."""

    LOST = "lost"
    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Verdict:
    """``harm`` is None when every promise was kept."""

    harm: Harm | None = None
    detail: str = ""


KEPT = Verdict()

Look = Callable[[Path, Sequence[Note]], str]
"""Says what is wrong with the files beside a store, "" for nothing."""


class _Broken(Exception):
    def __init__(self, harm: Harm, detail: str) -> None:
        super().__init__(detail)
        self.verdict = Verdict(harm, detail)


def judge(
    folder: Path,
    notes: Iterable[bytes],
    kiosk: Kiosk,
    blow: Blow = Blow.POWER_CUT,
    *,
    look: Look | None = None,
    twice: bool = False,
) -> Verdict:
    """Start from what lies in the folder, and say whether every promise was kept.

    ``look`` looks at the folder before that and says what is wrong with other files in it.

    ``twice``: then lose the database, start again and compare again. After a power cut the mirror
    must be whole for that; a blow after another one may cost entries, and they must be named.
    """
    read = read_notes(notes)
    promised = promises(read)
    wrong = look(folder, read) if look is not None else ""
    if wrong:
        return Verdict(Harm.CORRUPT, wrong)
    try:
        acked = _judge_start(folder, promised, kiosk, blow)
        if twice:
            for name in (STORE, f"{STORE}-wal", f"{STORE}-shm"):
                (folder / name).unlink(missing_ok=True)
            promised = replace(promised, acked_seq=max(acked, promised.acked_seq))
            second = Blow.DAMAGE if blow is Blow.POWER_CUT else Blow.DAMAGE_TO_ALL
            _judge_start(folder, promised, kiosk, second, more=True)
    except _Broken as broken:
        return broken.verdict
    return KEPT


def _judge_start(
    folder: Path, promised: Promises, kiosk: Kiosk, blow: Blow, *, more: bool = False
) -> int:
    """Start once; returns what the gateway has acknowledged. ``more``: an entry came afterwards."""
    try:
        store = kiosk.boot(folder)
    except Exception as error:  # whatever it is, a kiosk that does not start is the finding
        raise _Broken(Harm.UNREADABLE, f"{type(error).__name__}: {error}") from error
    with store:
        try:
            _check_recovery(store, blow)
            _compare(store, promised, blow, more=more)
            _check_outbox(store, promised, blow)
            # The journal must also go on from here, with numbers that nobody was told before.
            given = store.journal.append([entry(999_999_999)]).first_seq
            if given <= promised.last_certain:
                raise _Broken(Harm.CORRUPT, f"number {given} is given a second time")
            acked = store.outbox.acked_seq()
        except _Broken:
            raise
        except Exception as error:
            raise _Broken(Harm.CORRUPT, f"{type(error).__name__}: {error}") from error
        if blow is not Blow.POWER_CUT:
            broken = store.journal.verify()
            if broken is not None:
                raise _Broken(Harm.CORRUPT, f"entry {broken.seq}: {broken.reason}")
            return acked
        key = kiosk.key_in(folder)
        former = [StoreKey(digits) for digits in key.former]
        report = verify_journal(store.path, key, retired=former)
    # The audit names the bytes of a write that the power interrupted, at the end of the log or of a
    # segment. That is no harm: an entry that ought to be there and is not is a problem of its own.
    unfinished = {str(place) for place in report.places if place.path != store.path}
    if set(report.problems) - unfinished:
        raise _Broken(Harm.CORRUPT, report.render())
    return acked


def _check_recovery(store: Store, blow: Blow) -> None:
    """A power cut is no reason to set anything aside; damage is none to begin a new journal."""
    report = store.recovery
    if report is None:
        return
    if report.replaced:
        raise _Broken(Harm.CORRUPT, f"the journal was replaced: {report.render()}")
    if blow is Blow.POWER_CUT and report.set_aside:
        raise _Broken(Harm.CORRUPT, f"files were set aside: {report.render()}")
    if blow is not Blow.DAMAGE_TO_ALL and report.lost:
        raise _Broken(Harm.LOST, report.render())


def _compare(store: Store, promised: Promises, blow: Blow, *, more: bool) -> None:
    """Every certain group is there in order, an uncertain one whole or not at all, nothing else."""
    rows = {row.seq: row for row in store.journal.read(0, 1_000_000)}
    excused = _excused(store, promised, blow)
    last = 0
    for group in promised.groups:
        seqs = range(last + 1, last + 1 + len(group.bodies))
        if _is_there(rows, seqs, group, excused):
            last = seqs[-1]
        elif group.certain:
            seq = next(_wrong(rows, seqs, group, excused))
            raise _Broken(
                Harm.CORRUPT if seq in rows else Harm.LOST,
                f"entry {seq} was acknowledged; the journal holds {_span(rows)}"
                + (" and another one there" if seq in rows else ""),
            )
    beyond = [row for seq, row in rows.items() if seq > last and not _is_of_recovery(row)]
    if len(beyond) > more:
        raise _Broken(
            Harm.CORRUPT,
            f"the journal holds {_span(rows)}; up to {last} were acknowledged or on their way",
        )


def _excused(store: Store, promised: Promises, blow: Blow) -> frozenset[int]:
    """Entries that need not be here: purged, or the gateway has them, or the loss was named."""
    needless = promised.may_go if blow is Blow.POWER_CUT else promised.acked_seq
    settled = frozenset(range(1, min(store.journal.base().seq, needless) + 1))
    if blow is Blow.POWER_CUT or store.recovery is None:
        return settled
    named = [range(one.first, one.last + 1) for one in store.recovery.lost]
    return settled.union(*named)


def _wrong(
    rows: dict[int, Row], seqs: range, group: Promise, excused: frozenset[int]
) -> Iterator[int]:
    for seq, body in zip(seqs, group.bodies, strict=True):
        row = rows.get(seq)
        if row is None and seq in excused:
            continue
        if row is None or row.body != body:
            yield seq


def _is_there(rows: dict[int, Row], seqs: range, group: Promise, excused: frozenset[int]) -> bool:
    return not any(_wrong(rows, seqs, group, excused))


def _is_of_recovery(row: Row) -> bool:
    """Whether a start wrote this entry to tell what it had to mend."""
    return row.entry().boot == "recovery"


def _span(rows: dict[int, Row]) -> str:
    return f"entries {min(rows)} to {max(rows)}" if rows else "no entry"


def _check_outbox(store: Store, promised: Promises, blow: Blow) -> None:
    acked, head = store.outbox.acked_seq(), store.journal.head().seq
    if acked > head:
        raise _Broken(Harm.CORRUPT, f"acknowledged {acked} entries of {head}")
    if blow is not Blow.POWER_CUT:
        return
    if acked < promised.acked_seq:
        raise _Broken(Harm.LOST, f"answered up to {promised.acked_seq}, the store says {acked}")
    states = {one.seq: one.state for one in store.outbox.exceptions()}
    lost = sorted(seq for seq in promised.parked if states.get(seq) is not Standing.PARKED)
    if lost:
        raise _Broken(Harm.LOST, f"entries {lost} had been parked")
