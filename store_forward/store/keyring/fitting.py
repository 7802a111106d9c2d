"""Which keys open which files: the store, the segments of its mirror, what was set aside."""

from __future__ import annotations

import glob
from pathlib import Path

from store_forward.store import driver
from store_forward.store.driver import Access
from store_forward.store.errors import KeyUnusable, StoreBusy, StoreError, StoreUnavailable
from store_forward.store.keys import StoreKey
from store_forward.store.mirror.format import Damaged
from store_forward.store.mirror.reader import read_header
from store_forward.store.mirror.segment import list_segments
from store_forward.store.readable import require_readable
from store_forward.store.refusals import refused_by_system


def mirror_beside(store: Path) -> Path:
    """The directory of the store's sealed segments."""
    return store.with_name(store.name + ".mirror")


def opens(store: Path, key: StoreKey) -> bool:
    """Whether the store's first page opens with this key; False where that page is damaged, too.

    Raises StoreUnavailable, StoreBusy: it cannot be said. Another key must not be taken then.
    """
    if _opens(store, key):
        return True
    require_readable(store)
    return _opens(store, key)


def _opens(store: Path, key: StoreKey) -> bool:
    try:
        driver.open_connection(store, key, Access.READ).close()
    except (StoreUnavailable, StoreBusy):
        raise
    except StoreError:
        return False
    return True


def require_fit(source: Path, store: Path, key: StoreKey) -> None:
    """Refuse keys that neither open the store nor the newest segment of its mirror.

    ``source`` is the file they came from. Else an older copy of the envelope, or a plain key with a
    changed digit, would make a sound store look damaged, and recovery would put the state of older
    segments, which these keys do open, in its place.

    Raises KeyUnusable, StoreUnavailable; nothing was touched.
    """
    if not store.exists() or opens(store, key):
        return
    newest = list_segments(mirror_beside(store))[-1:]
    if newest and not _is_sealed_with(*newest[0], key):
        raise KeyUnusable(
            source,
            f"no key in it opens {store.name} or the newest segment of its mirror, so it is an "
            "older copy, another store's, or damaged",
            "Put back the newest copy of this file; nothing was changed",
        )


def needed_former(store: Path, current: str, former: tuple[str, ...]) -> frozenset[str]:
    """Those former keys that still open a segment; all of them while recovery has set files aside.

    A segment whose header is damaged counts as one of each.

    Raises StoreUnavailable: it cannot be said. A key that is still needed must not go.
    """
    mirror = mirror_beside(store)
    segments = list_segments(mirror)
    try:
        set_aside = (
            *store.parent.glob(f"{glob.escape(store.name)}.quarantined-*"),
            *mirror.glob("*.quarantined-*"),
        )
    except OSError as error:
        raise refused_by_system(store.parent, error) from error
    known = StoreKey(current, former)
    if set_aside or not all(_is_sealed_with(*segment, known) for segment in segments):
        return frozenset(former)
    return frozenset(
        digits
        for digits in former
        if any(_is_sealed_with(*segment, StoreKey(digits)) for segment in segments)
    )


def _is_sealed_with(number: int, path: Path, key: StoreKey) -> bool:
    try:
        read_header(number, path, key)
    except Damaged:
        return False
    return True
