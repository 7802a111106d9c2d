"""How long a thousand orders taken without network need until the HIS has acknowledged them all."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from firmware.demo.bench.figures import CouldNotMeasure, Figure
from firmware.demo.bench.orders import ENTRIES_PER_ORDER, Orders
from firmware.demo.kiosk import CLINIC, outpost_command
from firmware.demo.processes import Processes
from firmware.demo.workspace import KIOSK_ID, Workspace, prepare, trust_gateway
from store_forward.store.keys import load_key
from store_forward.store.store import Store

METRIC = "queued orders, start of sync → all acknowledged"
ORDERS = 1000
TARGET_SECONDS = 10.0

_MOST_SLOTS_PER_DOCTOR = "\n[limits]\nleased_slots_per_doctor = 50\n"
_PATIENCE_SECONDS = 120.0
_LOOK_SECONDS = 0.02


def backlog(root: Path, say: Callable[[str], None], orders: int = ORDERS) -> Figure:
    """Lease slots, sell them without network, then start sync and wait for the last receipt.

    Sync and gateway are real processes on loopback with TLS, signatures and an SQLite ledger.

    Raises:
        CouldNotMeasure: too few slots, or the gateway did not accept every entry.
        ProcessFailed: a process did not come up.
    """
    space = prepare(root, width_px=1080, height_px=1920)
    with space.deployment.open("a") as deployment:
        deployment.write(_MOST_SLOTS_PER_DOCTOR)
    processes = Processes(space.logs, lambda name, code: say(f"{name} ended with {code}"))
    try:
        with _open_store(space) as store:
            _start_gateway(space, processes)
            say("gateway up; the kiosk leases slots")
            _start_sync(space, processes)
            _wait(processes, say, "slots and doctors", lambda: _can_sell(store, orders))
            processes.stop("sync")
            _sell(store, orders)
            say(f"{orders} orders queued; sync starts")
            took = _drain(space, processes, say, store)
            _require_all_accepted(store)
            batches = len(store.outbox.receipts())
    finally:
        processes.stop_all()
    entries = orders * ENTRIES_PER_ORDER
    return Figure(
        f"{orders:,} {METRIC}",
        "s",
        target=TARGET_SECONDS * orders / ORDERS,
        measured=took,
        detail=f"an order is {ENTRIES_PER_ORDER} entries: {entries:,} entries in {batches} signed "
        f"batches over TLS, {orders / took:.0f} orders/s; the start of the process is included",
    )


def _open_store(space: Workspace) -> Store:
    key = load_key(space.keys / "store.key")
    return Store.open(space.state / "store.db", key, device=KIOSK_ID, create=True)


def _start_gateway(space: Workspace, processes: Processes) -> None:
    port_file = space.gateway / "port"
    processes.start(
        "gateway",
        outpost_command(
            *("gateway", "--dir", str(space.gateway), "--reference", str(CLINIC)),
            *("--listen", f"127.0.0.1:{space.proxy_port}", "--port-file", str(port_file)),
        ),
    )
    processes.wait_until("the HIS gateway", "gateway", port_file.exists, 40)
    trust_gateway(space, space.gateway / "gateway-ca.pem", space.gateway / "gateway-receipt.pem")


def _start_sync(space: Workspace, processes: Processes) -> None:
    processes.start("sync", outpost_command("sync", "--deployment", str(space.deployment)))


def _can_sell(store: Store, orders: int) -> bool:
    return len(store.allotments.unsold()) >= orders and bool(store.reference.load_doctors())


def _sell(store: Store, orders: int) -> None:
    maker = Orders(KIOSK_ID, prefix="A")
    doctors = {doctor.code: doctor for doctor in store.reference.load_doctors()}
    entries = [
        entry
        for number, lease in enumerate(store.allotments.unsold()[:orders])
        for entry in maker.paid_order(number, lease, doctors[lease.doctor_code])
    ]
    for first in range(0, len(entries), 200):  # at once: the disk is not what is measured here
        store.journal.append(entries[first : first + 200])


def _drain(
    space: Workspace, processes: Processes, say: Callable[[str], None], store: Store
) -> float:
    head = store.journal.head().seq
    began = time.monotonic()
    _start_sync(space, processes)
    _wait(processes, say, "acknowledged entries", lambda: store.outbox.acked_seq() >= head)
    return time.monotonic() - began


def _require_all_accepted(store: Store) -> None:
    standouts = store.outbox.exceptions()
    if standouts:
        first = standouts[0]
        raise CouldNotMeasure(
            f"{len(standouts)} entries were not simply accepted, the first is {first.seq}: "
            f"{first.state} {first.code}"
        )


def _wait(
    processes: Processes, say: Callable[[str], None], what: str, holds: Callable[[], bool]
) -> None:
    began = spoken = time.monotonic()
    while not holds():
        now = time.monotonic()
        if now - began > _PATIENCE_SECONDS:
            raise CouldNotMeasure(f"{what}: not in {now - began:.0f} s\n{processes.tail('sync')}")
        if now - spoken > 4:
            spoken = now
            say(f"… {what}: {now - began:.0f} s")
        time.sleep(_LOOK_SECONDS)
