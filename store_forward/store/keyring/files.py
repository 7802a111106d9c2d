"""The envelope's file: found beside the store, read with care, written whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.envelope import (
    LONGEST_FILE,
    Envelope,
    NotAnEnvelope,
    TooNew,
    decode,
    encode,
)
from store_forward.store.keys import sync_directory
from store_forward.store.whole_file import FileInTheWay, whole_file

MODE = 0o640
"""The envelope is no secret: core and sync, of one group, read it; a third has no use for it."""

_RESTORE = (
    "Put back the copy you keep of it, or make a new one with the hospital's escrow key "
    "(outpost keys recover)"
)


def envelope_of(store: Path) -> Path:
    """Where the envelope of the store at this path lies."""
    return store.with_suffix(".keys")


def read_envelope(path: Path, device: str | None = None) -> Envelope:
    """Read the envelope; of another kiosk than ``device`` it is refused.

    Raises:
        KeyUnusable: missing, unreadable, damaged, too new or foreign. Nothing was changed.
    """
    try:
        envelope = decode(_content(path))
    except TooNew as fault:
        raise KeyUnusable(
            path, f"the key envelope cannot be used: {fault}", "Install the version that wrote it"
        ) from fault
    except NotAnEnvelope as fault:
        raise KeyUnusable(path, f"the key envelope cannot be used: {fault}", _RESTORE) from fault
    if device is not None and envelope.device != device:
        raise KeyUnusable(
            path,
            f"the key envelope belongs to kiosk {envelope.device}, this is {device}",
            "Correct the kiosk id in the deployment file, or put the right disk in",
        )
    return envelope


def write_envelope(path: Path, envelope: Envelope, *, replace: bool) -> None:
    """Make the file durable under its name; the one before it stays until then.

    Raises:
        KeyUnusable: there is a file and it was not to be replaced, or the disk refuses.
        StoreFull, StoreUnavailable: the disk refuses a new file.

    What was there is there.
    """
    if not replace:
        _write_new(path, encode(envelope))
        return
    draft = path.with_name(f".{path.name}.new")
    try:
        with suppress(FileNotFoundError):
            draft.unlink()
        _write(draft, encode(envelope), path)
        draft.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise KeyUnusable(
            path,
            f"the key envelope cannot be written ({error.strerror})",
            "The one before it or the new one is there, and both open the store. Check the disk",
        ) from error


def _write_new(path: Path, data: bytes) -> None:
    """Also on a stick's file system, which has no links."""
    try:
        with whole_file(path) as file:
            os.fchmod(file.fileno(), MODE)
            file.write(data)
    except FileInTheWay as fault:
        raise KeyUnusable(
            path, "there is a file already; it was not overwritten", "Name another place"
        ) from fault


def _write(draft: Path, data: bytes, path: Path) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, MODE)
        _hand_over(descriptor, path)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _hand_over(descriptor: int, path: Path) -> None:
    """Root writes it for the services: it stays with whom it was with."""
    if os.geteuid() == 0 and path.exists():
        before = path.stat()
        os.fchown(descriptor, before.st_uid, before.st_gid)


def _content(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyUnusable(path, "the key envelope is missing", _RESTORE) from None
    except OSError as error:
        raise KeyUnusable(
            path,
            f"the key envelope cannot be read ({error.strerror})",
            "Give the kiosk's user the right to read it",
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise KeyUnusable(path, "the key envelope is not a regular file", _RESTORE)
        try:
            data = file.read(LONGEST_FILE + 1)
        except OSError as error:
            raise KeyUnusable(
                path, f"the key envelope cannot be read ({error.strerror})", _RESTORE
            ) from None
    if len(data) > LONGEST_FILE:
        raise KeyUnusable(path, "the file is too long for a key envelope", _RESTORE)
    return data
