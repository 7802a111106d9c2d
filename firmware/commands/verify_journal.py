"""``outpost verify-journal``: an audit with none of the code that writes the journal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firmware.assembly.keys import key_of_file
from firmware.assembly.process import CannotStart

if TYPE_CHECKING:
    from store_forward.contract.sealed import Header
    from store_forward.store.audit.verify import SignatureCheck


def register(commands: Any) -> None:
    """Add the command."""
    verify = commands.add_parser(
        "verify-journal",
        help="check a kiosk's journal, offline",
        description="Reads the encrypted store read-only with code of its own (not the writer's) "
        "and checks every byte of database, log and mirror, sequence, hash chain, checkpoints and "
        "receipts; names damaged bytes by file and place, missing entries by number. PATH may be "
        "a backup or a courier's bundle, too: it is checked without being opened. Exit code 1 if "
        "anything is wrong, 2 if it cannot be looked at.",
    )
    verify.add_argument(
        "path", type=Path, metavar="PATH", help="store.db, or a backup, or a bundle"
    )
    verify.add_argument(
        "--key",
        type=Path,
        default=Path("/etc/outpost/keys/store.key"),
        metavar="FILE",
        help="the store's key in plain (default: %(default)s); where there is none, store.keys "
        "beside the store is opened",
    )
    verify.add_argument(
        "--gateway-key",
        type=Path,
        metavar="FILE",
        help="gateway-receipt.pem, to check the receipts' signatures too",
    )
    verify.add_argument(
        "--device-key",
        type=Path,
        metavar="FILE",
        help="the kiosk's public key (the gateway's enrolled/<kiosk>.pem), to check those of its "
        "checkpoints, backups and bundles",
    )
    verify.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a backup or bundle of this journal, to be checked and compared with it; repeatable",
    )
    verify.set_defaults(handler=run)


def run(asked: argparse.Namespace) -> int:
    """Check and print. Raises CannotStart."""
    from store_forward.contract.keys import BadKeyFile
    from store_forward.store.audit.sealed import is_sealed
    from store_forward.store.errors import StoreError

    try:
        headers, all_ok = _check_sealed(asked)
        if not is_sealed(asked.path):
            all_ok &= _check_journal(asked, headers)
    except (StoreError, BadKeyFile) as fault:
        raise CannotStart(str(fault)) from fault
    return 0 if all_ok else 1


def _check_sealed(asked: argparse.Namespace) -> tuple[list[Header], bool]:
    from store_forward.contract.keys import load_public_key
    from store_forward.contract.sealed import signer_text
    from store_forward.store.audit.sealed import is_sealed, verify_sealed

    device_key = asked.device_key
    signer = signer_text(load_public_key(device_key)) if device_key is not None else None
    files = [*asked.also, *([asked.path] if is_sealed(asked.path) else [])]
    reports = [verify_sealed(path, signer) for path in files]
    for report in reports:
        print(report.render(), end="")
    return [one.header for one in reports if one.header], all(one.ok for one in reports)


def _check_journal(asked: argparse.Namespace, headers: list[Header]) -> bool:
    from store_forward.store.audit.verify import verify_journal

    report = verify_journal(
        asked.path,
        key_of_file(asked.path, asked.key),
        _check_with(asked.gateway_key),
        is_device=_check_with(asked.device_key),
        beside=headers,
    )
    print(report.render(), end="")
    return report.ok


def _check_with(path: Path | None) -> SignatureCheck | None:
    if path is None:
        return None
    from store_forward.contract.keys import load_public_key
    from store_forward.contract.signing import is_signature

    key = load_public_key(path)
    return lambda signature, told: is_signature(signature, told, key)
