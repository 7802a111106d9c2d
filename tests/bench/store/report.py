"""Targets, and what was measured against them. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from firmware.demo.bench.figures import Figure, Missing, spread
from tests.bench.store.accounting import Account, Ledger, Part
from tests.bench.store.contenders import (
    LITEQUEUE,
    MIRRORED_STORE,
    NAMES,
    OVERWRITE,
    PERSIST_ACK,
    PERSIST_FILE,
    PLAIN_STORE,
    RAW,
    SQLITE,
)
from tests.bench.store.draining import Drained
from tests.bench.store.power_cuts import PowerCuts
from tests.bench.store.queued import Queued
from tests.bench.store.ratios import flat, p50, ratio
from tests.bench.store.turns import Rounds

ENQUEUE = "durable enqueue ÷ raw append + fdatasync, p50"
OURS = ((MIRRORED_STORE, "with mirror"), (PLAIN_STORE, "no mirror"))
SYNC_TARGETS = {"here": {MIRRORED_STORE: 2.0, PLAIN_STORE: 2.0},
                "+5 ms": {MIRRORED_STORE: 1.25, PLAIN_STORE: 1.15}}  # fmt: skip
"""The second where each fsync takes 5 ms longer, as on a slow disk."""

ADDED_MICROSECONDS = 5_000
KILOBYTE = 1024

SYNCS = "fsyncs per 1,000 entries"
UNSAFE = "our entries acknowledged before their fsyncs"
BYTES = "bytes written per 1 KB entry, database"
LENGTH = "enqueue with {long:,} queued ÷ with {short:,}, p50"
DRAIN = "drain, verify, acknowledge at {count:,}: ours ÷ best peer"
REOPEN = "opening the store with {count:,} queued, p50"
CRASHES = "crash states lost, corrupt, unreadable"
DAMAGE = "log flipped, cut, deleted: recovered"


def enqueue(took: dict[str, Rounds], where: str) -> list[Figure]:
    """The cost of an acknowledged entry: ours against the disk, the peers' in the detail."""
    raw = took[RAW]
    others = [name for name in took if name not in (RAW, PLAIN_STORE, MIRRORED_STORE)]
    beside = "; ".join(f"{NAMES[name]} {ratio(took[name], raw)}" for name in others)
    figures = []
    for name, words in OURS:
        found = ratio(took[name], raw)
        figures.append(
            Figure(
                f"{ENQUEUE}, {words}, {where}",
                "×",
                target=SYNC_TARGETS[where][name],
                measured=found.median,
                detail=f"median of {found.rounds} rounds, {found.low:.2f} to {found.high:.2f} in "
                f"nine of ten; {found.quiet:.2f} in the quarter in which the disk was quietest, "
                f"{found.overall:.2f} all puts together; "
                f"{spread([one * 1e3 for one in flat(took[name])], 'ms')}; "
                f"raw {spread([one * 1e3 for one in flat(raw)], 'ms')}"
                + (f". Beside: {beside}" if name == MIRRORED_STORE else ""),
            )
        )
    return figures


def syncs(ledger: Ledger, all_ledgers: Sequence[Ledger]) -> list[Figure]:
    """Fsyncs by part, and whether each came before its acknowledgement, in all that was seen."""
    mirrored = ledger.between_checkpoints(MIRRORED_STORE)
    accounts = ledger.accounts()
    peers = "; ".join(
        f"{NAMES[name]} {_all_syncs(accounts[name]):.2f} an entry, "
        f"{accounts[name].unsafe} of {accounts[name].acks} acknowledged before"
        for name in (SQLITE, LITEQUEUE, PERSIST_ACK, PERSIST_FILE)
        if name in accounts
    )
    counted = f"counted from outside over {mirrored.acks:,} entries, between two checkpoints"
    return [
        Figure(
            f"{SYNCS}, database",
            "",
            target=1_010,
            measured=mirrored.fsyncs_per_ack(Part.LOG, Part.DATABASE) * 1_000,
            detail=f"{counted}, those of the checkpoints included",
        ),
        Figure(
            f"{SYNCS}, mirror",
            "",
            target=1_010,
            measured=mirrored.fsyncs_per_ack(Part.MIRROR) * 1_000,
            detail=f"{counted}; new segments included; at the same time as the database's",
        ),
        unsafe(all_ledgers, f"Beside: {peers}"),
    ]


def unsafe(ledgers: Sequence[Ledger], beside: str = "") -> Figure:
    """How many entries our store acknowledged too early; more than none fails the benchmark."""
    ours = [
        account
        for ledger in ledgers
        for name, account in ledger.accounts().items()
        if name in (PLAIN_STORE, MIRRORED_STORE)
    ]
    return Figure(
        UNSAFE,
        "",
        target=0,
        measured=sum(account.unsafe for account in ours),
        detail=f"of {sum(account.acks for account in ours):,}; safe: every byte of the log, and of "
        f"the mirror, was fsynced before the acknowledgement, as the recorder saw it. {beside}",
    )


def written(ledger: Ledger) -> Figure:
    """Bytes of an entry of 1 KB, by part."""
    mirrored = ledger.between_checkpoints(MIRRORED_STORE)
    beside = "; ".join(
        f"{NAMES[name]} {_all_bytes(ledger.between_checkpoints(name)) / KILOBYTE:.1f} KB"
        for name in (SQLITE, LITEQUEUE, PERSIST_ACK, PERSIST_FILE, RAW, OVERWRITE)
        if name in ledger.accounts()
    )
    log, database, mirror = (
        mirrored.bytes_per_ack(part) / KILOBYTE for part in (Part.LOG, Part.DATABASE, Part.MIRROR)
    )
    return Figure(
        BYTES,
        "KB",
        target=9,
        measured=log + database,
        detail=f"log {log:.2f} KB, main file {database:.2f} KB; mirror {mirror:.2f} KB more, "
        f"zeros written ahead included. Beside: {beside}",
    )


def length(queued: Queued, short: int, long: int) -> list[Figure]:
    """What a long queue costs at its end and at start."""
    found = ratio(queued.took["many"], queued.took["few"])
    clean, killed = queued.openings.clean, queued.openings.killed
    both = clean + killed
    return [
        Figure(
            LENGTH.format(long=long, short=short),
            "×",
            target=1.10,
            measured=found.median,
            detail=f"rounds {found.low:.2f} to {found.high:.2f}, all puts together "
            f"{found.overall:.2f}; p50 {p50(queued.took['many']) * 1e3:.3g} ms and "
            f"{p50(queued.took['few']) * 1e3:.3g} ms, with mirror",
        ),
        Figure(
            REOPEN.format(count=long),
            "ms",
            target=10,
            measured=statistics.median(both) * 1e3,
            detail="as core opens it, recovery's look at database and mirror included; "
            f"after a clean end {statistics.median(clean) * 1e3:.3g} ms, after a sudden one "
            f"{statistics.median(killed) * 1e3:.3g} ms; "
            f"{spread([one * 1e3 for one in both], 'ms')}",
        ),
    ]


def drained(ours: Drained, peers: Sequence[Drained], target: float) -> Figure:
    """How many times faster our queue empties than the best of the others."""
    best = min(peers, key=lambda peer: peer.seconds_per_item)
    return Figure(
        DRAIN.format(count=ours.items),
        "×",
        target=target,
        measured=best.seconds_per_item / ours.seconds_per_item,
        more_is_better=True,
        detail="; ".join(str(one) for one in (ours, *peers)) + ". Ours in batches, chain and "
        "receipts' signatures checked; theirs got and acknowledged one by one, as they offer it; "
        "litequeue's acknowledgements are not durable",
    )


def power_cuts(found: PowerCuts) -> Figure:
    """What 'outpost test --crash' found when it was run last."""
    missed = f", NOT caught: {', '.join(found.missed_controls)}" if found.missed_controls else ""
    return Figure(
        CRASHES,
        "",
        target=0,
        measured=found.harmed,
        detail=f"of {found.states:,} states of {found.workloads} workloads; {found.controls} "
        f"controls that must be harmed{missed}; from the file given, not measured now",
    )


def elsewhere(cuts: PowerCuts | None) -> list[Missing]:
    """Rows of the targets that another command takes."""
    how = "see 'outpost test --crash'; --crash-results FILE shows what it printed"
    damage = Missing(DAMAGE, "see the tests of the store's recovery, and 'outpost test --crash'")
    return [damage] if cuts is not None else [Missing(CRASHES, how), damage]


def _all_syncs(account: Account) -> float:
    return account.fsyncs_per_ack(*Part)


def _all_bytes(account: Account) -> float:
    return account.bytes_per_ack(*Part)
