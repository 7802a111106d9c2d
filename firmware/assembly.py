"""The only file that names concrete classes: what each process is made of.

Imports stand inside the functions because each process loads only its own part: a worker that
held the store's and the gateway's libraries would cost three times its memory.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from devices.driver import Driver, Link
from devices.stand_ins import stand_ins
from firmware.config.model import Deployment, Device

if TYPE_CHECKING:
    import asyncio

    from store_forward.store.audit.verify import JournalReport
    from store_forward.store.keyring.machine import Machine, Wrapper
    from store_forward.store.keys import StoreKey
    from store_forward.store.recovery.counter import Counter
    from store_forward.store.recovery.report import RecoveryReport


class CannotStart(Exception):
    """A process cannot start: says which file or address is wrong and what to do."""


class UnknownDriver(Exception):
    """The deployment file names a driver that does not exist for this kind of device."""


def build_driver(kind: str, driver: str, name: str, port: str) -> Driver:
    """Open the port and put the driver on it.

    Raises:
        UnknownDriver: no such driver for this kind.
        LinkLost: the port cannot be opened.
    """
    from devices.link.serial_port import SerialLink

    def link(baud: int) -> Link:
        return SerialLink(port, baud=baud)

    match (kind, driver):
        case ("id_reader", "samv"):
            from devices.id_reader.driver import SamvIdReader

            return SamvIdReader(name, link(115200), time.monotonic)
        case ("cash_acceptor", "ccnet"):
            from devices.cash_acceptor.driver import CcnetCashAcceptor

            ids = uuids()
            return CcnetCashAcceptor(name, link(9600), time.monotonic, lambda: next(ids))
        case ("receipt_printer", "escpos"):
            from devices.receipt_printer.driver import EscposPrinter

            return EscposPrinter(name, link(115200), time.monotonic)
        case _:
            raise UnknownDriver(f"no driver {driver!r} for a {kind}")


def worker_command(device: Device) -> list[str]:
    """Return the command line that starts the worker process of a peripheral."""
    return [
        sys.executable,
        "-P",
        "-m",
        "firmware.worker_main",
        *("--kind", device.kind.value),
        *("--driver", device.driver),
        *("--name", device.name),
        *("--port", device.port),
    ]


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


def leave_out_tls() -> None:
    """Call first in a process that talks to nobody by TLS: 6 MB less.

    asyncio and hashlib load OpenSSL where they find it; without it hashlib has its own SHA-2. An
    import that is None in ``sys.modules`` counts as not installed.
    """
    for module in ("ssl", "_hashlib"):
        sys.modules.setdefault(module, None)  # type: ignore[arg-type]


def log_to_stderr() -> None:
    """Write structured log lines (JSON) to standard error, where systemd's journal takes them.

    structlog and httpx load rich where they find it, for colours that no log of ours shows: 4 MB
    in each process. An import that is None in ``sys.modules`` counts as not installed.
    """
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


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


def store_key_of(deployment: Deployment) -> StoreKey:
    """The key of this kiosk's store, from its envelope or from a plain key file.

    Raises KeyUnusable.
    """
    from store_forward.store.keyring.loading import MACHINE_KEY, load_store_key

    keys = Path(deployment.paths.keys)
    store = Path(deployment.paths.state) / "store.db"
    return load_store_key(store, keys, machine_of(keys / MACHINE_KEY), deployment.kiosk.id)


def machine_of(machine_key: Path) -> Machine:
    """What opens the envelope on this machine: its TPM, or a credential in ``machine_key``."""
    from store_forward.store.keyring.machine import Machine, MachineCredential
    from store_forward.store.keyring.tpm import TpmWrapper
    from store_forward.store.keyring.tpm_tools import TpmTools

    return Machine(TpmWrapper(TpmTools()), MachineCredential(machine_key))


def wrapper_of(name: str | None, pcrs: str, machine_key: Path) -> Wrapper:
    """What wraps a key for this machine: ``tpm``, ``credential``, or what there is."""
    from store_forward.store.keyring.machine import MachineCredential
    from store_forward.store.keyring.tpm import TpmWrapper
    from store_forward.store.keyring.tpm_tools import TpmTools

    tools = TpmTools()
    if name == "tpm" or (name is None and tools.is_there):
        return TpmWrapper(tools, pcrs)
    return MachineCredential(machine_key)


def counter_of(deployment: Deployment) -> Counter:
    """The machine's monotonic counter, where its TPM keeps the key; else none is touched."""
    from store_forward.store.keyring.loading import is_sealed_to_tpm
    from store_forward.store.recovery.counter import NoCounter

    if not is_sealed_to_tpm(Path(deployment.paths.state) / "store.db"):
        return NoCounter()
    from store_forward.store.boot_id import boot_id
    from store_forward.store.keyring.counter import TpmCounter
    from store_forward.store.keyring.tpm_tools import TpmTools

    return TpmCounter(TpmTools(), boot_id(), Path(deployment.paths.run) / "counter.boot")


RUN: dict[str, Callable[[Deployment], int]] = {
    "devices": run_devices,
    "core": run_core,
    "sync": run_sync,
}
"""The kiosk's processes without a window."""


def ui_command(
    deployment: Deployment, *, probe: Path | None, core_uids: Iterable[int]
) -> list[str]:
    """Return the command line of the patient screen, which knows nothing but its socket, its
    measures, and which users besides its own core may run as."""
    screen = deployment.screen
    words = [
        *("--socket", str(Path(deployment.paths.run) / "core.sock")),
        *("--width-px", str(screen.width_px), "--height-px", str(screen.height_px)),
        *("--width-mm", str(screen.width_mm), "--height-mm", str(screen.height_mm)),
    ]
    for uid in sorted(core_uids):
        words += ["--core-uid", str(uid)]
    if not screen.fullscreen:
        words.append("--windowed")
    if probe is not None:
        words += ["--probe", str(probe)]
    return [sys.executable, "-P", "-m", "ui", *words]


def replace_by_ui(deployment: Deployment, *, probe: Path | None) -> NoReturn:
    """Become the patient screen.

    Raises:
        CannotStart: there is nothing to draw on.
    """
    if not has_display(os.environ, Path("/dev/dri")):
        raise CannotStart(
            "nothing to draw on: no DISPLAY, no WAYLAND_DISPLAY, no /dev/dri; "
            "start it in a desktop session, or set SDL_VIDEODRIVER"
        )
    command = ui_command(deployment, probe=probe, core_uids=uids_of("outpost-core"))
    os.execv(command[0], command)


def has_display(environment: Mapping[str, str], graphics: Path) -> bool:
    """Whether a window can open at all: without one SDL waits for ever and says nothing.

    ``graphics`` is where the kernel shows graphics cards. A chosen SDL_VIDEODRIVER is believed.
    """
    names = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    return any(environment.get(name) for name in names) or graphics.exists()


def replace_by_lab(arguments: list[str]) -> NoReturn:
    """Become the hardware lab, a program of its own that no kiosk carries."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", "devices.lab", *arguments])


def run_gateway(
    *,
    directory: Path,
    reference: Path,
    listen: tuple[str, int],
    port_file: Path | None,
    beyond_loopback: bool,
) -> int:
    """Run the HIS side until SIGTERM."""
    from store_forward.contract.keys import BadKeyFile
    from store_forward.gateway.clinic_file import BadClinicFile
    from store_forward.gateway.database import DatabaseUnavailable
    from store_forward.gateway.location import BadDatabaseUrl
    from store_forward.gateway.serve import GatewayFailed, GatewayOptions, serve

    log_to_stderr()
    options = GatewayOptions(
        directory=directory,
        reference=reference,
        host=listen[0],
        port=listen[1],
        port_file=port_file,
        allow_remote=beyond_loopback,
    )
    try:
        serve(options)
    except (
        BadClinicFile,
        BadDatabaseUrl,
        BadKeyFile,
        DatabaseUnavailable,
        GatewayFailed,
    ) as fault:
        raise CannotStart(str(fault)) from fault
    except OSError as fault:
        raise CannotStart(
            f"{fault.filename or directory} cannot be used ({fault.strerror}): "
            "give a directory that this user may write"
        ) from fault
    return 0


def verify_journal(path: Path, key: Path, gateway_key: Path | None) -> JournalReport:
    """Check a journal with the independent verifier, receipts' signatures too if a key is given.

    Raises:
        CannotStart: the store or a key file cannot be read at all.
    """
    from store_forward.contract.keys import BadKeyFile, load_public_key
    from store_forward.contract.signing import is_signature
    from store_forward.store.audit import verify
    from store_forward.store.errors import StoreError

    try:
        signer = load_public_key(gateway_key) if gateway_key is not None else None
        store_key = key_of_file(path, key)
        if signer is None:
            return verify.verify_journal(path, store_key)
        return verify.verify_journal(
            path, store_key, lambda signature, told: is_signature(signature, told, signer)
        )
    except (StoreError, BadKeyFile) as fault:
        raise CannotStart(str(fault)) from fault


def key_of_file(store: Path, key: Path) -> StoreKey:
    """The key in a plain file; where that is missing, from the envelope beside the store.

    Raises KeyUnusable.
    """
    from store_forward.store.keyring.files import envelope_of
    from store_forward.store.keyring.fitting import require_fit
    from store_forward.store.keyring.loading import MACHINE_KEY, load_store_key
    from store_forward.store.keys import load_key

    if key.exists() or not envelope_of(store).exists():
        plain = load_key(key)
        require_fit(key, store, plain)
        return plain
    return load_store_key(store, key.parent, machine_of(key.parent / MACHINE_KEY))


def uids_of(*users: str) -> frozenset[int]:
    """Uids of those users that exist: in the image every service has its own, at a desk none."""
    import pwd

    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    return frozenset(known[user] for user in users if user in known)


def uuids() -> Iterator[str]:
    """Yield UUIDv7 strings for ever."""
    with stand_ins({"importlib.metadata": {"version": str}}):
        from uuid6 import uuid7

    while True:
        yield str(uuid7())


def _run_until_stopped(run: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    import asyncio  # 9 MB, which the workers do without

    async def serve() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(stop)

    asyncio.run(serve())
    return 0
