"""``outpost courier``: what a kiosk without a network sends by a person with a stick."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firmware.assembly.keys import store_key_of
from firmware.assembly.process import CannotStart
from firmware.commands.deployments import deployment_at, key_file, store_of

COURIER_KEY = "gateway-courier.pem"
"""The gateway's public courier key, in the key directory."""

TEXT = "carry what waits to the gateway on a stick, and its receipts and decisions back"

DECIDED = {"settled": "settled", "withdrawn": "withdrawn", "resend": "to be sent again"}
"""What staff at the kiosk call a verdict."""


def register(commands: Any) -> None:
    """Register the command."""
    courier = commands.add_parser(
        "courier",
        help="carry what waits by USB stick",
        description=f"outpost courier: {TEXT}. export writes a bundle that only the gateway can "
        "read; 'outpost gateway courier import' applies it there, once however often it is "
        "brought, opens cases about what is refused, and writes the receipts and people's "
        "decisions that import takes back here. Kiosk and gateway may run meanwhile, and the "
        "network may come back: nothing is booked twice.",
    )
    actions = courier.add_subparsers(dest="action", required=True, metavar="ACTION")
    export = actions.add_parser(
        "export", help="write a bundle of what waits or is parked into a folder"
    )
    export.add_argument("--deployment", type=Path, required=True, metavar="FILE")
    export.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder, on the stick"
    )
    export.set_defaults(handler=export_bundle)
    back = actions.add_parser("import", help="take the gateway's receipts and people's decisions")
    back.add_argument("file", type=Path, metavar="FILE")
    back.add_argument("--deployment", type=Path, required=True, metavar="FILE")
    back.set_defaults(handler=import_receipts)


def export_bundle(asked: argparse.Namespace) -> int:
    """Write a bundle. Raises CannotStart."""
    from store_forward.contract.keys import BadKeyFile, load_private_key
    from store_forward.contract.recipients import load_recipient
    from store_forward.contract.sealed import signer_text
    from store_forward.store.archive import courier
    from store_forward.store.errors import StoreError

    deployment = deployment_at(asked.deployment)
    try:
        device_key = load_private_key(key_file(deployment, "device.pem"))
        exported = courier.export_bundle(
            store_of(deployment),
            store_key_of(deployment),
            deployment.kiosk.id,
            asked.out,
            lock=load_recipient(key_file(deployment, COURIER_KEY)),
            sign=device_key.sign,
            signer=signer_text(device_key.public_key()),
            now=lambda: datetime.now(UTC),
        )
    except courier.NothingToCarry:
        print("nothing to carry: all is acknowledged, and nobody has to decide")
        return 0
    except (BadKeyFile, StoreError) as fault:
        raise CannotStart(str(fault)) from fault
    header = exported.header
    holds = f"{exported.count} entries, {header.first_seq} to {header.last_seq}"
    print(
        f"wrote      {exported.path}\n"
        f"holds      {holds if exported.count else 'no entries: it asks what was decided'}\n"
        f"tells      of {exported.parked_count} that are parked here (outpost outbox list)\n"
        f"next       at the gateway: outpost gateway courier import {exported.path.name} --dir …\n"
        "           then bring the .receipts file back: outpost courier import …"
    )
    return 0


def import_receipts(asked: argparse.Namespace) -> int:
    """Take receipts. Raises CannotStart."""
    from store_forward.contract.keys import BadKeyFile, load_public_key
    from store_forward.store.archive import courier
    from store_forward.store.errors import StoreError

    deployment = deployment_at(asked.deployment)
    receipt_key = key_file(deployment, deployment.gateway.receipt_key)
    try:
        imported = courier.import_receipts(
            asked.file,
            store_of(deployment),
            store_key_of(deployment),
            deployment.kiosk.id,
            load_public_key(receipt_key),
        )
    except courier.NotTheGateways as fault:
        raise CannotStart(
            f"{fault}; if it is the answer of your gateway, {receipt_key} is damaged or another's: "
            "copy gateway-receipt.pem from the gateway's directory again"
        ) from fault
    except (BadKeyFile, StoreError) as fault:
        raise CannotStart(str(fault)) from fault
    print(f"acknowledged up to entry {imported.acked_seq}")
    if imported.decided:
        told = (
            f"entry {each.seq} {DECIDED[each.verdict]} ({each.note})" for each in imported.decided
        )
        print(f"decided at the gateway: {', '.join(told)}")
    if not imported.receipts.decided.complete:
        print("more was decided than one file carries: export and carry a bundle again")
    if imported.parked:
        numbers = ", ".join(map(str, imported.parked))
        print(f"not taken by the gateway, kept here for staff: {numbers}", file=sys.stderr)
    return 0
