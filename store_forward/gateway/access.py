"""What differs between databases when a transaction begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine


@dataclass(frozen=True)
class Access:
    """The way to one database.

    ``writers`` is held around every transaction that may write. ``check`` looks, once and within
    a transaction, whether the database is fit for money.
    """

    engine: Engine
    read_options: Mapping[str, Any]
    write_options: Mapping[str, Any]
    writers: AbstractContextManager[object]
    check: Callable[[Connection], None]
