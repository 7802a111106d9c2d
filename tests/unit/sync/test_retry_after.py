"""Retry-After in both of its forms, against the gateway's clock."""

from __future__ import annotations

import pytest

from store_forward.sync.exchange import retry_after_seconds

DATE = "Mon, 02 Mar 2026 01:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("99999999999999999999", 999_999_999.0),
        ("Mon, 02 Mar 2026 01:02:00 GMT", 120.0),
        ("Mon, 02 Mar 2026 00:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Mon, 99 Mar 2026 99:00:00 GMT", None),
        ("٧", None),
    ],
)
def test_seconds_and_dates_are_read_and_nonsense_is_ignored(
    value: str, seconds: float | None
) -> None:
    assert retry_after_seconds({"retry-after": value, "date": DATE}) == seconds


def test_a_date_needs_the_gateways_own_date_because_our_clock_is_a_hint() -> None:
    assert retry_after_seconds({"retry-after": "Mon, 02 Mar 2026 01:02:00 GMT"}) is None


def test_no_header_is_no_wish() -> None:
    assert retry_after_seconds({"date": DATE}) is None
