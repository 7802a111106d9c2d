"""A number of the machine that only grows: an old disk put back cannot turn it back."""

from __future__ import annotations

from typing import Protocol


class Counter(Protocol):
    """A monotonic counter outside the disk (a TPM's NV counter)."""

    def read(self) -> int | None:
        """What it stands at; None where the machine has none or it cannot be read now."""
        ...

    def advance(self) -> int:
        """Add one for ever; returns what it stands at now."""
        ...


class NoCounter:
    """A machine without one."""

    def read(self) -> int | None:
        """See ``Counter``."""
        return None

    def advance(self) -> int:
        """See ``Counter``."""
        return 0
