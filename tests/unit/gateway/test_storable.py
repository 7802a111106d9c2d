"""Entries with texts a database cannot hold are recorded as such and stop nobody."""

from __future__ import annotations

import random
import string
from typing import Any

import msgspec
import pytest

from store_forward.contract.canonical import encode_entry
from store_forward.contract.facts import (
    RESTORED_FROM_BACKUP,
    CaseOpened,
    EntriesLost,
    Fact,
    JournalReplaced,
    NoteCredited,
    NoteEscrowed,
    RegistrationCancelled,
    RegistrationPaid,
)
from store_forward.contract.wire import Outcome
from store_forward.gateway.problems import Refused
from store_forward.gateway.reading import LONGEST_ID_TYPE, LONGEST_TEXT
from tests.fakes.journal_of import JournalOf, entry_of
from tests.unit.gateway.bench import IDENTITY, KIOSK, GatewayBench, OrderStory, codes, outcomes

INCOMPRESSIBLE = "".join(random.Random(1).choices(string.ascii_letters, k=100_000))
RARE = "".join(map(chr, random.Random(1).choices(range(0x20000, 0x2A000), k=LONGEST_TEXT)))
"""The longest text there can be: four bytes for each character, and no two alike."""


@pytest.mark.parametrize("text", ["a\0b", INCOMPRESSIBLE], ids=["nul", "long"])
@pytest.mark.parametrize("fact", [NoteCredited(None, "?", 1000), CaseOpened("?", "?", "?", 0, "?")])
def test_such_an_entry_is_rejected_and_the_next_one_booked(
    bench: GatewayBench, fact: Fact, text: str
) -> None:
    journal = JournalOf(KIOSK)
    match fact:
        case NoteCredited():
            journal.record(NoteCredited(None, text, 1000))
        case CaseOpened():
            journal.record(CaseOpened(text, text, text, 0, text))
    journal.record(NoteCredited(None, "n-1", 1000))
    answer = bench.send(journal)
    assert outcomes(answer) == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert codes(answer)[0] == "text_not_storable"


def registering(bench: GatewayBench, id_type: str, id_number: str) -> JournalOf:
    """A registration of a patient with such a card, and a note behind it."""
    journal = JournalOf(KIOSK)
    identity = msgspec.structs.replace(IDENTITY, id_type=id_type, id_number=id_number)
    OrderStory(journal, bench.lease()[0], "o-1", identity).confirms()
    journal.record(NoteCredited(None, "n-1", 1000))
    return journal


def test_a_patient_whose_card_no_index_can_hold_stops_nobody(bench: GatewayBench) -> None:
    answer = bench.send(registering(bench, RARE, RARE))
    assert outcomes(answer) == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert codes(answer)[0] == "text_not_storable"


def test_the_longest_card_is_booked(bench: GatewayBench) -> None:
    answer = bench.send(registering(bench, RARE[:LONGEST_ID_TYPE], RARE))
    assert outcomes(answer) == [Outcome.ACCEPTED, Outcome.ACCEPTED]


def test_a_kind_with_a_nul_is_only_unknown(bench: GatewayBench) -> None:
    journal = JournalOf(KIOSK)
    journal.append_raw(b'{"id":"x","fact":{"type":"a\\u0000b"},"schema":1}')
    assert codes(bench.send(journal)) == ["unknown_kind"]


@pytest.mark.parametrize("text", ["😀 甲", "龘" * LONGEST_TEXT, "\\u0000", "\ufffe\ue000"])
def test_any_other_text_is_booked(bench: GatewayBench, text: str) -> None:
    journal = JournalOf(KIOSK)
    journal.record(NoteCredited(None, text, 1000))
    journal.record(CaseOpened(text, None, text, 0, text))
    assert outcomes(bench.send(journal)) == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert bench.state_of(text) == "case_open"


NUMBERED: list[Fact] = [
    NoteEscrowed("o-1", "n-0", 1000),
    NoteCredited("o-1", "n-0", 1000),
    RegistrationPaid("o-1", 2000, 2000, 0, "slip"),
    RegistrationCancelled("o-1", "patient", 1000, "slip"),
    CaseOpened("case", None, "note_uncertain", 1000, "slip"),
    JournalReplaced("inc-0", RESTORED_FROM_BACKUP, 5, 0, 1, 4, {"serial": 1}),
    EntriesLost(1, 1, "inc-1"),
]


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**63, -1])
@pytest.mark.parametrize("fact", NUMBERED, ids=lambda fact: type(fact).__name__)
def test_no_number_of_an_entry_stops_the_next_one(
    bench: GatewayBench, fact: Fact, number: int
) -> None:
    journal = JournalOf(KIOSK)
    OrderStory(journal, bench.lease()[0], "o-1").confirms()
    entry: dict[str, Any] = msgspec.json.decode(encode_entry(entry_of(fact)))
    told = entry["fact"]
    entry["fact"] = {
        name: number if isinstance(value, int) else value for name, value in told.items()
    }
    journal.append_raw(msgspec.json.encode(entry))
    journal.record(NoteCredited(None, "n-1", 1000))
    answer = bench.send(journal)
    assert (outcomes(answer)[0], outcomes(answer)[2]) == (Outcome.ACCEPTED, Outcome.ACCEPTED)


@pytest.mark.parametrize("wanted", ["a\0b", "x" * 10_000])
def test_nobody_can_ask_for_what_cannot_be_there(bench: GatewayBench, wanted: str) -> None:
    with pytest.raises(Refused, match="unknown_transaction"):
        bench.state_of(wanted)
