"""Whatever call the disk refuses: acknowledged is kept, refused is gone, the kiosk goes on."""

from __future__ import annotations

import pytest

from tests.faults.campaign import run_sweep

ORDINARY = [
    ("append", "full"),
    ("append", "full-within-a-write"),
    ("append", "input-output"),
    ("append", "fsync"),
    ("append", "unreadable-once"),
    ("append", "unreadable-database"),
    ("roll-over", "full-once"),
    ("go-on", "fsync"),
    ("create", "fsync"),
    ("answer", "full-once"),
    ("answer", "input-output"),
    ("news", "fsync"),
    ("envelope", "input-output"),
    ("backup", "fsync"),
    ("purge", "full"),
    ("rotate-keys", "fsync"),
    ("half-rotated", "unreadable-once"),
    ("restore", "fsync"),
    ("receipts", "input-output"),
    ("courier", "full"),
    ("key", "full"),
    ("key", "dying"),
    ("whole-file", "input-output"),
    ("ballast", "full"),
    ("session", "full"),
    ("session", "input-output"),
]
"""The quick and the telling; ``python -m tests.faults`` does all."""


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("exercise", "trouble"), ORDINARY)
def test_every_call_that_fails_leaves_what_was_promised(exercise: str, trouble: str) -> None:
    swept = run_sweep(exercise, trouble)
    assert not swept.complaints, "\n".join(swept.complaints)
    assert swept.tried > 0
