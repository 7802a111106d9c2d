from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store_forward.contract.canonical import GENESIS, chain_hash, decode_entry, encode_entry
from store_forward.contract.facts import ClockTrust, Entry, NoteEscrowed
from tests.unit.store.builders import confirmed, entry

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_canonical_bytes_are_sorted_compact_utf8_json() -> None:
    fact = NoteEscrowed(order_id="o1", note_id="n1", amount_fen=2000)
    assert encode_entry(entry(1, fact, "order:o1")) == (
        b'{"boot":"boot-1","business_date":"2026-07-13","clock":"synchronised","depends_on":[],'
        b'"fact":{"amount_fen":2000,"note_id":"n1","order_id":"o1","type":"note_escrowed"},'
        b'"id":"entry-1","lane":"order:o1","occurred_at":"2026-07-13T01:00:01.000Z",'
        b'"offline":false,"schema":1}'
    )


def test_chain_hash_of_a_known_entry_never_changes() -> None:
    # (head -c 32 /dev/zero; printf '\0\0\0\0\0\0\0\001{}') | sha256sum
    expected = "1bad765d926feacace97a8ddcd329a1f4254c208affc1ba86b3c7d59e8fba83e"
    assert chain_hash(GENESIS, 1, b"{}").hex() == expected


def test_a_previous_hash_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        chain_hash(bytes(31), 1, b"{}")


@given(lane=texts, software=texts, depends=st.lists(texts, max_size=3))
def test_every_entry_survives_encoding_and_is_canonical(
    lane: str, software: str, depends: list[str]
) -> None:
    original = msgspec.structs.replace(
        entry(1), lane=lane, boot=software, depends_on=tuple(depends)
    )
    body = encode_entry(original)
    assert decode_entry(body) == original
    # RFC 8785 for what our types can hold: an independent encoder gives the same bytes.
    independent = json.dumps(
        json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert body == independent.encode()


def test_foreign_bytes_are_refused() -> None:
    for body in (b"", b"{", b"[]", b'{"id":1}', encode_entry(entry(1))[:-1]):
        with pytest.raises(msgspec.MsgspecError):
            decode_entry(body)


def test_an_entry_shows_no_patient_when_printed() -> None:
    assert repr(confirmed(1, "o1", "s1")) == "Entry(…)"


def test_text_without_utf8_form_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        encode_entry(Entry("e", "\ud800", "t", ClockTrust.INVALID, "b", "d", True, entry(1).fact))
