"""The kiosk's processes without a window: what devices, core and sync are made of."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from firmware.assembly.drivers import worker_command
from firmware.assembly.keys import counter_of, store_key_of
from firmware.assembly.process import CannotStart, leave_out_tls, log_to_stderr, uids_of, uuids
from firmware.config.model import Deployment

if TYPE_CHECKING:
    import asyncio

    from store_forward.store.recovery.report import RecoveryReport


def start(name: str, deployment: Deployment) -> int:
    """Run the process ``name`` (a key of ``RUN``) until SIGTERM; returns its exit code.

    Raises:
        CannotStart: a key, the store or another file it needs cannot be used.
    """
    if name != "sync":
        leave_out_tls()
    log_to_stderr()
    if name == "devices":  # has no key and no store, so it does not load their libraries
        return run_devices(deployment)
    from store_forward.contract.keys import BadKeyFile
    from store_forward.store.errors import StoreError

    try:
        return RUN[name](deployment)
    except (BadKeyFile, StoreError) as fault:
        raise CannotStart(str(fault)) from fault


def run_devices(deployment: Deployment) -> int:
    """Run the supervisor of the peripherals until SIGTERM."""
    from firmware.supervisor.service import DevicesService
    from firmware.systemd_notify import watchdog_interval_seconds

    service = DevicesService(
        deployment.device,
        Path(deployment.paths.run) / "devices.sock",
        worker_command=worker_command,
        boot=next(uuids()),
        allowed_uids=uids_of("outpost-core"),
        watchdog_seconds=watchdog_interval_seconds(),
    )
    return _run_until_stopped(service.run)


def run_core(deployment: Deployment) -> int:
    """Run the patient session until SIGTERM."""
    from datetime import UTC, datetime

    from firmware.core.clocks import Clock
    from firmware.core.service import CoreService
    from firmware.core.upkeep import Upkeep
    from firmware.systemd_notify import watchdog_interval_seconds
    from store_forward.contract.keys import load_private_key
    from store_forward.contract.sealed import signer_text
    from store_forward.contract.vouchers import voucher_text
    from store_forward.store.archive.anchors import Signer
    from store_forward.store.archive.purge import Terms
    from store_forward.store.room import Ballast, on_any_disk
    from store_forward.store.store import Store

    keys, run = Path(deployment.paths.keys), Path(deployment.paths.run)
    device_key = load_private_key(keys / "device.pem")
    path = Path(deployment.paths.state) / "store.db"

    def open_store() -> Store:
        return Store.open(
            path,
            store_key_of(deployment),
            device=deployment.kiosk.id,
            create=True,
            counter=counter_of(deployment),
        )

    with on_any_disk(Ballast(path), open_store) as store:
        _tell_recovery(store.recovery)
        clock = Clock(time.monotonic, lambda: datetime.now(UTC))
        key_id = signer_text(device_key.public_key())
        terms = Terms(deployment.limits.retention_days)
        service = CoreService(
            store,
            devices_socket=run / "devices.sock",
            ui_socket=run / "core.sock",
            deployment=deployment,
            sign_voucher=lambda payload: voucher_text(payload, device_key),
            upkeep=lambda boot: Upkeep(store, Signer(device_key.sign, key_id, boot), terms, clock),
            clock=clock,
            ids=uuids(),
            devices_uids=uids_of("outpost-devices"),
            screen_uids=uids_of("outpost-ui"),
            ui_socket_mode=0o660,
            watchdog_seconds=watchdog_interval_seconds(),
        )
        return _run_until_stopped(service.run)


def _tell_recovery(report: RecoveryReport | None) -> None:
    """Say once, to the log and to whoever watches, what had to be mended in the journal."""
    if report is None or not report.is_worth_telling:
        return
    import structlog

    log = structlog.get_logger(__name__)
    say = log.error if report.lost or report.replaced else log.warning
    say("journal mended", **report.summary())
    print(report.render(), end="", file=sys.stderr)


def run_sync(deployment: Deployment) -> int:
    """Drain the journal to the gateway until SIGTERM."""
    from datetime import UTC, datetime

    from firmware.systemd_notify import notify
    from store_forward.contract.keys import load_private_key, load_public_key
    from store_forward.store.store import Role, Store
    from store_forward.sync.authority import BadAuthority, trust_only
    from store_forward.sync.client import GatewayClient, open_connection
    from store_forward.sync.service import Surroundings, SyncService, run_service

    keys = Path(deployment.paths.keys)

    def now() -> datetime:
        return datetime.now(UTC)

    ids = uuids()
    with Store.open(
        Path(deployment.paths.state) / "store.db",
        store_key_of(deployment),
        device=deployment.kiosk.id,
        role=Role.GUEST,
    ) as store:
        try:
            trusted = trust_only(keys / deployment.gateway.ca)
        except BadAuthority as fault:
            raise CannotStart(str(fault)) from fault
        client = GatewayClient(
            open_connection(deployment.gateway.url, trusted),
            deployment.kiosk.id,
            lambda: load_private_key(keys / "device.pem"),
            load_public_key(keys / deployment.gateway.receipt_key),
            now,
        )
        around = Surroundings(time.monotonic, now, random.random, lambda: next(ids), notify)
        run_service(SyncService(store, client, around, deployment.limits.leased_slots_per_doctor))
    return 0


RUN: dict[str, Callable[[Deployment], int]] = {
    "devices": run_devices,
    "core": run_core,
    "sync": run_sync,
}
"""The kiosk's processes without a window."""


def _run_until_stopped(run: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    import asyncio  # 9 MB, which the workers do without

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(stop)

    asyncio.run(serve())
    return 0
