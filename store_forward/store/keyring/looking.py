"""Looks how a kiosk's key is held, without changing anything."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from store_forward.store.errors import KeyUnusable
from store_forward.store.keyring.files import read_envelope
from store_forward.store.keyring.fitting import opens
from store_forward.store.keyring.loading import PLAIN_KEY, Site, fitting_key, unseal_of
from store_forward.store.keyring.machine import Machine
from store_forward.store.keyring.report import KeyReport, describe, describe_plain
from store_forward.store.keys import StoreKey, load_key


def report_on(site: Site, machine: Machine, now: datetime) -> KeyReport:
    """Say how the key is held, and try whether it opens here.

    Raises KeyUnusable: there is neither an envelope nor a plain key, or the envelope is damaged.
    """
    plain = site.keys / PLAIN_KEY
    if not site.envelope.exists():
        return describe_plain(site.store, plain, _fault(site, load_key(plain), plain))
    envelope = read_envelope(site.envelope, site.device)
    try:
        ring_key = machine.unwrap(envelope.machine)
        found = unseal_of(site.envelope, envelope, ring_key)
        broken = _fault(site, fitting_key(site.store, found), site.envelope)
    except KeyUnusable as fault:
        broken = str(fault)
    beside = plain if plain.exists() else None
    return describe(site.store, envelope, broken=broken, plain_beside=beside, now=now)


def _fault(site: Site, key: StoreKey, source: Path) -> str | None:
    if site.store.exists() and not opens(site.store, key):
        return (
            f"{site.store} does not open with the key in {source}: one of the two is damaged or "
            "another's. Put back the copy you keep of the key; if that is the right one, start "
            "core, which mends the store from its mirror"
        )
    return None
