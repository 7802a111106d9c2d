"""``outpost backup``: a sealed copy of the store, and a spare machine from it."""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from firmware.assembly.keys import store_key_of
from firmware.assembly.process import CannotStart, uuids
from firmware.commands.deployments import deployment_at, key_file, store_of

if TYPE_CHECKING:
    from firmware.config.model import Deployment
    from store_forward.contract.facts import Entry, Fact
    from store_forward.contract.sealed import Lock, Opener, Verify
    from store_forward.store.archive.restore import Backup

NUMBERS_SKIPPED = 1_000
"""Slip and patient numbers left out: the old machine may have given some after the backup. More
than a kiosk gives in the days between two backups."""


def register(commands: Any) -> None:
    """Register the command."""
    backup = commands.add_parser(
        "backup",
        help="back the store up; restore it onto a fresh or spare machine",
        description="A backup is one file that only the hospital's escrow key opens.",
    )
    actions = backup.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser(
        "create",
        help="write a backup of this kiosk's store; it may go on meanwhile",
        description="Writes a consistent, encrypted, signed copy of the store: whole or not at "
        "all, and never over a file that is there.",
    )
    create.add_argument("--deployment", type=Path, required=True, metavar="FILE")
    create.add_argument("--out", type=Path, required=True, metavar="FILE")
    create.add_argument(
        "--escrow",
        type=Path,
        metavar="FILE",
        help="the hospital's public escrow key (default: the one in the store's key envelope)",
    )
    create.set_defaults(handler=create_backup)
    restore = actions.add_parser(
        "restore",
        help="make this machine the kiosk that the backup is of",
        description="Begins a new journal on a machine that has none: it names the old one, which "
        "the gateway refuses from then on, and sends once more what the backup does not know to "
        "be acknowledged; what the gateway has already it books no second time. What the old "
        "machine recorded after the backup and never sent is lost with it.",
    )
    restore.add_argument("file", type=Path, metavar="BACKUP")
    restore.add_argument("--onto", type=Path, required=True, metavar="DEPLOYMENT")
    restore.add_argument(
        "--escrow-key", type=Path, required=True, metavar="FILE", help="the private escrow key"
    )
    restore.add_argument(
        "--device-key",
        type=Path,
        metavar="FILE",
        help="the old machine's public key (the gateway has it in enrolled/): proves who made it",
    )
    restore.set_defaults(handler=restore_backup)


def create_backup(asked: argparse.Namespace) -> int:
    """Write a backup. Raises CannotStart."""
    from store_forward.contract.keys import BadKeyFile, load_private_key
    from store_forward.contract.sealed import signer_text
    from store_forward.store.archive import backup
    from store_forward.store.errors import StoreError

    deployment = deployment_at(asked.deployment)
    try:
        device_key = load_private_key(key_file(deployment, "device.pem"))
        report = backup.create_backup(
            store_of(deployment),
            store_key_of(deployment),
            deployment.kiosk.id,
            asked.out,
            lock=_lock(deployment, asked.escrow),
            sign=device_key.sign,
            signer=signer_text(device_key.public_key()),
            now=lambda: datetime.now(UTC),
            progress=_progress(),
        )
    except (BadKeyFile, StoreError) as fault:
        raise CannotStart(str(fault)) from fault
    header = report.header
    print(
        f"wrote      {report.path} ({report.size} bytes)\n"
        f"kiosk      {header.device}, journal {header.incarnation}, backup {header.number}\n"
        f"holds      entries {header.first_seq} to {header.last_seq}, "
        f"{report.waiting} of them not acknowledged\n"
        f"opens with escrow key {header.recipient} only"
    )
    return 0


def restore_backup(asked: argparse.Namespace) -> int:
    """Make a new journal from a backup. Raises CannotStart."""
    from store_forward.contract.keys import BadKeyFile
    from store_forward.store.archive import restore
    from store_forward.store.errors import StoreError

    deployment = deployment_at(asked.onto)
    store = store_of(deployment)
    try:
        key = store_key_of(deployment)
        restore.require_vacant(store)
        verify, signer = _maker(asked.file, asked.device_key)
        opener = _opener(asked.escrow_key)
        with restore.opened_backup(
            asked.file, opener, verify, deployment.kiosk.id, store.parent, _progress()
        ) as backup:
            identity, count = restore.begin_anew(
                store,
                key,
                backup,
                entry_of_restore(replaced_by_restore(backup)),
                restore.carried_over(backup),
                (),
            )
            print(
                f"restored   kiosk {identity.device}, journal {identity.incarnation}, "
                f"in place of {backup.identity.incarnation}\n"
                f"goes out   {count} entries; the gateway books those it lacks, once\n"
                f"LOST       whatever the old machine recorded after entry {backup.head.seq} "
                f"({backup.header.made_at}) and had not sent: the gateway opens a case\n"
                f"signed by  {signer}\n"
                "next       start core and sync; the old disk is refused from the first contact on"
            )
    except (BadKeyFile, StoreError) as fault:
        raise CannotStart(str(fault)) from fault
    except msgspec.MsgspecError as fault:
        raise CannotStart(
            f"{asked.file}: an entry in it cannot be read by this software version; install the "
            "version that wrote it, nothing was changed"
        ) from fault
    return 0


def replaced_by_restore(backup: Backup) -> Fact:
    """The fact with which the new journal begins: whose place it takes, and where that one ended.

    Numbers of slips and patients go on behind those that the old machine may have given.
    """
    from firmware.core.recovery import remember
    from firmware.core.slip_codes import SERIALS
    from store_forward.contract.facts import RESTORED_FROM_BACKUP, JournalReplaced

    numbers = remember(backup.entries(), secrets.token_bytes(32)).book.numbers
    numbers = {name: number + NUMBERS_SKIPPED for name, number in numbers.items()}
    numbers["serial"] %= SERIALS
    first, last = backup.acked_seq + 1, backup.head.seq
    return JournalReplaced(
        previous_incarnation=backup.identity.incarnation,
        reason=RESTORED_FROM_BACKUP,
        first_lost=backup.head.seq + 1,
        last_lost=0,
        first_unsent=first if first <= last else 0,
        last_unsent=last if first <= last else 0,
        numbers=numbers,
    )


def entry_of_restore(fact: Fact) -> Entry:
    """A fact that the person at the console tells; order comes from the journal, not the clock."""
    from store_forward.contract.facts import ClockTrust, Entry

    now = datetime.now(UTC)
    return Entry(
        id=next(uuids()),
        lane="kiosk",
        occurred_at=now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        clock=ClockTrust.UNSYNCHRONISED,
        boot="restore",
        business_date=now.date().isoformat(),
        offline=True,
        fact=fact,
    )


def _lock(deployment: Deployment, escrow: Path | None) -> Lock:
    from store_forward.store.archive.backup_keys import escrow_lock, escrow_lock_of

    return escrow_lock(escrow) if escrow is not None else escrow_lock_of(store_of(deployment))


def _opener(escrow_key: Path) -> Opener:
    from store_forward.store.archive.backup_keys import escrow_opener

    return escrow_opener(escrow_key)


def _maker(path: Path, device_key: Path | None) -> tuple[Verify, str]:
    """What checks the backup's signature, and how sure that is. Raises BadKeyFile, StoreError."""
    from store_forward.contract.keys import load_public_key
    from store_forward.contract.sealed import signed_by, signer_text
    from store_forward.store.archive.restore import read_header

    header = read_header(path)
    if device_key is None:
        return signed_by(header.signer), f"{header.signer} (nobody vouched for it: --device-key)"
    expected = signer_text(load_public_key(device_key))
    return signed_by(expected), f"the key in {device_key}"


def _progress() -> Callable[[str, int, int], None]:
    """A line on a terminal that is written over; nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _what, _done, _total: None

    def show(what: str, done: int, total: int) -> None:
        end = "\n" if done >= total else ""
        print(f"\r{what} {done // 1_000_000} of {total // 1_000_000} MB", end=end, file=sys.stderr)

    return show
