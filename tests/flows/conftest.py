"""Fixtures of the flows' tests."""

from __future__ import annotations

import pytest

from tests.flows.kiosk import Kiosk


@pytest.fixture
def kiosk() -> Kiosk:
    """A kiosk at rest, with everything in order."""
    return Kiosk()
