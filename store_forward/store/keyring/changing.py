"""Makes envelopes and renews them: first wrapping, new wrappings, a new data key.

Every step leaves files from which the store opens: an envelope is replaced whole, and while the
store is rekeyed its envelope holds the key of before and the key of after.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from store_forward.store.errors import KeyUnusable, StoreBusy
from store_forward.store.keyring.envelope import (
    DataKey,
    EscrowSeal,
    Role,
    described,
    new_data_key,
    new_ring_key,
    seal,
)
from store_forward.store.keyring.escrow import EscrowKey
from store_forward.store.keyring.files import read_envelope, write_envelope
from store_forward.store.keyring.fitting import needed_former, opens
from store_forward.store.keyring.loading import (
    PLAIN_KEY,
    Site,
    current_of,
    next_of,
    open_envelope,
    unseal_of,
)
from store_forward.store.keyring.machine import Machine, Wrapper
from store_forward.store.keyring.rekeying import rekey
from store_forward.store.keys import load_key, sync_directory
from store_forward.store.refusals import refused_by_system

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What was done to an envelope. ``left_plain``: a plain key file that could not be removed."""

    path: Path
    keys: int
    was_plain: bool = False
    left_plain: Path | None = None


def wrap(site: Site, wrapper: Wrapper, escrow: EscrowKey | None, now: Clock) -> Wrapped:
    """Make the envelope of a kiosk: around its plain key, or around a new one on a new kiosk.

    The plain key file goes once the envelope is durable.

    Raises:
        KeyUnusable: there is an envelope already, or a store without its key; nothing was changed.
    """
    with _alone(site.store.parent):
        if site.envelope.exists():
            raise KeyUnusable(
                site.envelope,
                "there is a key envelope already; it was not overwritten",
                "Renew it with outpost keys rotate",
            )
        plain = site.keys / PLAIN_KEY
        was_plain = plain.exists()
        key = _plain_key(site, plain, now) if was_plain else _first_key(site, now)
        _write(site.envelope, site.device, (key,), wrapper, escrow, now, replaces=False)
    left = _remove(plain) if was_plain else None
    return Wrapped(site.envelope, 1, was_plain, left)


def rotate(
    site: Site,
    machine: Machine,
    wrapper: Wrapper,
    now: Clock,
    *,
    escrow: EscrowKey | None = None,
    data: bool = False,
) -> Wrapped:
    """Write the envelope anew: a new ring key, wrapped by the machine as it is now and by the
    hospital. ``escrow`` replaces the hospital's key. With ``data`` the store gets a new key, too.

    Raises:
        KeyUnusable: the envelope does not open here; nothing was changed.
        StoreBusy: with ``data``: core or sync is running.
        StoreError: with ``data``: the store could not be rekeyed. It opens as before.
    """
    with _alone(site.store.parent):
        envelope, found = open_envelope(site.envelope, machine, site.device)
        chosen = escrow or _escrow_of(site.envelope, envelope.escrow)

        def write(keys: tuple[DataKey, ...]) -> None:
            _write(site.envelope, site.device, keys, wrapper, chosen, now, replaces=True)

        if not data:
            kept = _still_needed(site, found)
            write(kept)
            return Wrapped(site.envelope, len(kept))
        return Wrapped(site.envelope, _rotate_data(site, found, write, now))


def recover(
    envelope: Path,
    out: Path,
    ring_key: bytes,
    wrapper: Wrapper,
    now: Clock,
) -> Wrapped:
    """Make from a dead kiosk's envelope one for this machine; the dead one's stays as it is.

    ``ring_key`` is what the hospital's escrow key unwrapped.

    Raises KeyUnusable; nothing was written.
    """
    old = read_envelope(envelope)
    keys = unseal_of(envelope, old, ring_key)
    escrow = _escrow_of(envelope, old.escrow)
    _write(out, old.device, keys, wrapper, escrow, now, replaces=False)
    return Wrapped(out, len(keys))


def _rotate_data(
    site: Site,
    found: tuple[DataKey, ...],
    write: Callable[[tuple[DataKey, ...]], None],
    now: Clock,
) -> int:
    """Returns how many keys the envelope holds afterwards."""
    current, following = current_of(found), next_of(found)
    retired = tuple(one for one in found if one.note.role is Role.RETIRED)
    with rekey(site.store, current.key) as change:
        if following is None:
            following = new_data_key(Role.NEXT, _stamp(now))
            write((current, following, *retired))
        change(following.key)
    kept = _still_needed(site, (_as(following, Role.CURRENT), _as(current, Role.RETIRED), *retired))
    write(kept)
    return len(kept)


def _still_needed(site: Site, found: tuple[DataKey, ...]) -> tuple[DataKey, ...]:
    """Without the retired keys that open nothing any more."""
    former = tuple(one.key.hex_digits for one in found if one.note.role is Role.RETIRED)
    needed = needed_former(site.store, current_of(found).key.hex_digits, former)
    return tuple(
        one for one in found if one.note.role is not Role.RETIRED or one.key.hex_digits in needed
    )


def _write(
    path: Path,
    device: str,
    keys: tuple[DataKey, ...],
    wrapper: Wrapper,
    escrow: EscrowKey | None,
    now: Clock,
    *,
    replaces: bool,
) -> None:
    ring_key = new_ring_key()
    hospital = None if escrow is None else escrow.seal(ring_key)
    made = seal(device, _stamp(now), keys, ring_key, wrapper.wrap(ring_key), hospital)
    write_envelope(path, made, replace=replaces)


def _escrow_of(path: Path, kept: EscrowSeal | None) -> EscrowKey | None:
    if kept is None:
        return None
    try:
        return EscrowKey.of_der(kept.public)
    except ValueError as fault:
        raise KeyUnusable(
            path, f"its escrow key is unfit ({fault})", "Give a new one (--escrow)"
        ) from fault


def _plain_key(site: Site, plain: Path, now: Clock) -> DataKey:
    key = load_key(plain)
    if site.store.exists() and not opens(site.store, key):
        raise KeyUnusable(
            plain, f"this key does not open {site.store}", "Put the store's own key there first"
        )
    with suppress(OSError):
        changed = plain.stat().st_mtime
        return described(key, Role.CURRENT, _stamp(lambda: datetime.fromtimestamp(changed, UTC)))
    return described(key, Role.CURRENT, _stamp(now))


def _first_key(site: Site, now: Clock) -> DataKey:
    """A new key, for a kiosk that has nothing yet."""
    store = site.store
    for trace in (store, Path(f"{store}-wal"), Path(f"{store}.mirror")):
        if trace.exists():
            raise KeyUnusable(
                trace,
                "there is a store and no key of it; a new key would not open it",
                "Put its store.keys or store.key back, or move the store away",
            )
    return new_data_key(Role.CURRENT, _stamp(now))


def _as(key: DataKey, role: Role) -> DataKey:
    return replace(key, note=msgspec.structs.replace(key.note, role=role))


def _remove(plain: Path) -> Path | None:
    """Remove a key file that an envelope has replaced; returns it where that cannot be done."""
    try:
        plain.unlink()
        sync_directory(plain.parent)
    except OSError:
        return plain
    return None


def _stamp(now: Clock) -> str:
    return now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One at a time changes the keys below this folder. Raises StoreBusy, StoreUnavailable."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise refused_by_system(folder, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StoreBusy(
            folder, "another one is changing the keys here", "Wait until it is done"
        ) from None
    finally:
        os.close(descriptor)
