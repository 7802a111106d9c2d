"""The data key: 256 random bits in a file of 64 hexadecimal digits that only its user may read."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from store_forward.contract.credentials import is_credential
from store_forward.store.errors import KeyUnusable

_DIGITS = re.compile(r"[0-9a-f]{64}")
_KEY_TEXT = re.compile(r"[0-9A-Fa-f]{64}\n?")
_LONGEST_KEY_FILE = 66
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, repr=False)
class StoreKey:
    """The raw data key as 64 hexadecimal digits. Its repr and str show nothing.

    ``former`` are keys of the store's past: what was sealed with one and still lies beside the
    store is read with it; nothing is written with them.
    """

    hex_digits: str
    former: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for digits in (self.hex_digits, *self.former):
            if not _DIGITS.fullmatch(digits):
                raise ValueError("a store key is 64 lower-case hexadecimal digits")

    def __repr__(self) -> str:
        return "StoreKey(…)"


def load_key(path: Path, name: str = "store key") -> StoreKey:
    """Read the key file. ``name`` is what an error calls it.

    Raises:
        KeyUnusable: missing, not a regular file, readable by others, owned by someone else, or
            not 64 hexadecimal digits.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyUnusable(
            path, f"the {name} is missing", "Restore it, or provision this kiosk anew"
        ) from None
    except OSError as error:
        raise KeyUnusable(
            path,
            f"the {name} cannot be read ({error.strerror})",
            "Give the kiosk's user the right to read it",
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        _check_guarded(path, os.fstat(descriptor), name)
        try:
            text = file.read(_LONGEST_KEY_FILE).decode("ascii", errors="replace")
        except OSError as error:
            raise KeyUnusable(
                path, f"the {name} cannot be read ({error.strerror})", "Check the disk"
            ) from None
    if not _KEY_TEXT.fullmatch(text):
        raise KeyUnusable(
            path,
            f"the {name} is not 64 hexadecimal digits",
            "Restore the file; a new key cannot open an existing store",
        )
    return StoreKey(text.strip().lower())


def create_key(path: Path) -> StoreKey:
    """Make a new random key file, durable and readable by its user only.

    Raises:
        KeyUnusable: there is a file already (it may be the only way into a store), or the
            directory cannot be written.
    """
    key = StoreKey(secrets.token_hex(32))
    # Half a key file would look like the only way into a store: it gets its name when it is whole.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.hex_digits + "\n")
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
        sync_directory(path.parent)
    except FileExistsError:
        raise KeyUnusable(
            path,
            "a store key exists already and was not overwritten",
            "Remove it only when no store needs it any more",
        ) from None
    except OSError as error:
        raise KeyUnusable(
            path,
            f"the store key cannot be written ({error.strerror})",
            "Check the key directory: it must exist and be writable",
        ) from None
    finally:
        with suppress(OSError):
            draft.unlink()
    return key


def sync_directory(path: Path) -> None:
    """Make file names created or changed in this directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_guarded(path: Path, status: os.stat_result, name: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyUnusable(path, f"the {name} is not a regular file", "Put the key file there")
    if is_credential(path, status):
        return
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise KeyUnusable(
            path,
            f"the {name} can be read or changed by others (mode {mode:04o})",
            f"Run: chmod 0600 {path}",
        )
    # A key placed by the system (root) and handed to this user alone is fine.
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyUnusable(
            path,
            f"the {name} belongs to user {status.st_uid}, not to {os.geteuid()}",
            f"Run: chown {os.geteuid()} {path}",
        )
