from __future__ import annotations

import pytest

from firmware.core.book import Book, apply
from firmware.core.slip_codes import SERIALS
from store_forward.contract.facts import EntriesLost, JournalRebuilt, JournalReplaced

DAY = "2026-07-13"
NUMBERS = {"serial": 41, "provisional": 17}
FACTS = [
    JournalRebuilt(base_seq=5, numbers=NUMBERS),
    JournalReplaced("life-1", "older_than_gateway", 8, 9, 6, 7, NUMBERS),
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_numbers_go_on_behind_those_given_before(fact: JournalRebuilt | JournalReplaced) -> None:
    book = apply(Book(b"salt"), fact, DAY)
    assert (book.serial, book.provisional) == (41, 17)
    assert book.numbers == NUMBERS


@pytest.mark.parametrize(
    ("known", "told", "then"),
    [
        (40, 41, 41),
        (45, 41, 45),
        (0, 9999, 9999),
        (3, SERIALS - 2, 3),
        (SERIALS - 2, 3, 3),
        (7, 0, 7),
    ],
)
def test_the_later_serial_counts_also_where_they_begin_anew(
    known: int, told: int, then: int
) -> None:
    fact = JournalRebuilt(base_seq=5, numbers={"serial": told})
    assert apply(Book(b"salt", serial=known), fact, DAY).serial == then


def test_lost_entries_change_no_number() -> None:
    book = Book(b"salt", serial=5, provisional=6)
    assert apply(book, EntriesLost(first_seq=3, last_seq=4), DAY) == book
