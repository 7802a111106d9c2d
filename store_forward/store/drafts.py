"""Stores in the making: their names, and what a cut left of them."""

from __future__ import annotations

import glob
import re
import secrets
from contextlib import suppress
from pathlib import Path

SUFFIXES = ("", "-wal", "-shm", "-journal")
"""Of the files that SQLite makes for one database."""

_DRAFT = re.compile(r"\.[0-9a-f]{16}\.new(|-wal|-shm|-journal)")


def draft_of(path: Path) -> Path:
    """A free name beside the store at ``path``."""
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")


def remove_drafts(path: Path) -> None:
    """Remove what a cut while a store was made left behind: each may be as large as the store.

    Only for who keeps the journal: another one's may be in the making.
    """
    with suppress(OSError):  # they harm nobody
        for draft in path.parent.glob(f"{glob.escape(path.name)}.*.new*"):
            if _DRAFT.fullmatch(draft.name.removeprefix(path.name)):
                draft.unlink()
