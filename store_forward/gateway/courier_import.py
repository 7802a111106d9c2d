"""Imports a bundle into a gateway's directory, whether the gateway runs there or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from store_forward.contract.courier import RECEIPTS_SUFFIX, CourierReceipts
from store_forward.gateway.batches import BatchDesk
from store_forward.gateway.case_desk import CaseDesk
from store_forward.gateway.courier import BundleRefused, CourierDesk
from store_forward.gateway.courier_key import courier_key
from store_forward.gateway.database import open_database
from store_forward.gateway.enrolment import Enrolments
from store_forward.gateway.location import read_location
from store_forward.gateway.receipt_key import PRIVATE, PUBLIC, receipt_key
from store_forward.gateway.serve import DEFAULT_TERMS, RECEIPT_KEY_ID, new_id


@dataclass(frozen=True)
class Taken:
    """A bundle that was applied; its answers lie in ``path`` for the way back."""

    receipts: CourierReceipts
    path: Path


def import_bundle(bundle: Path, directory: Path, out: Path, now: Callable[[], datetime]) -> Taken:
    """Apply ``bundle`` and write the answers beside it into the folder ``out``.

    Answers to the same bundle replace those of before: they say the same and more.

    Raises BundleRefused, BadKeyFile, BadDatabaseUrl, DatabaseUnavailable, OSError.
    """
    if not (directory / PRIVATE).exists() and not (directory / PUBLIC).exists():
        raise BundleRefused(f"{directory} is no gateway's directory: start the gateway there first")
    signing_key = receipt_key(directory)
    opener = courier_key(directory)
    database = open_database(read_location(directory))
    try:
        enrolments = Enrolments(database, directory / "enrolled", now)
        desk = BatchDesk(database, signing_key, RECEIPT_KEY_ID, now, new_id, DEFAULT_TERMS)
        cases = CaseDesk(database, signing_key, RECEIPT_KEY_ID, now, new_id)
        courier = CourierDesk(
            desk, opener, enrolments.find_key, signing_key, RECEIPT_KEY_ID, now, cases
        )
        receipts = courier.take(bundle)
    finally:
        database.close()
    path = out / f"{receipts.device}-{receipts.number:06d}{RECEIPTS_SUFFIX}"
    _write(path, msgspec.json.encode(receipts, order="sorted"))
    return Taken(receipts, path)


def _write(path: Path, content: bytes) -> None:
    """Under its name whole or not at all; the stick may be pulled at any moment."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
