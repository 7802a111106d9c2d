"""Cards laid, lifted, swapped and broken, on both kinds of module; vendors' bytes."""

from __future__ import annotations

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.id_reader import protocol
from devices.id_reader.card_text import CardTextInvalid, parse_card
from devices.id_reader.emulator import PRESET_CARDS, EmulatedCard, SamvEmulator
from devices.id_reader.protocol import Reply, ReplyParser
from devices.messages import (
    CardRead,
    CardRemoved,
    CardUnreadable,
    DeviceState,
    DeviceStatus,
    StartCardReading,
    StopCardReading,
)
from tests.fakes.hostile_links import WrappedLink
from tests.unit.devices.bench_of_devices import ReaderBench

both_modules = pytest.mark.parametrize("finds_again", [True, False])


def bench_of(finds_again: bool = True) -> ReaderBench:
    bench = ReaderBench(SamvEmulator(finds_again=finds_again))
    bench.run(1.0)
    bench.tell(StartCardReading("id1"))
    bench.run(1.0)
    return bench


def payload_of(card: EmulatedCard) -> bytes:
    return b"\x01\x00\x04\x00" + card.text_block() + bytes(1024)


def changed(**fields: str) -> EmulatedCard:
    card = PRESET_CARDS["test_a"]
    names = card.__dataclass_fields__
    return EmulatedCard(**{name: fields.get(name, getattr(card, name)) for name in names})


@both_modules
def test_a_card_lying_still_is_read_once_and_missed_when_lifted(finds_again: bool) -> None:
    bench = bench_of(finds_again)
    bench.machine.lay_card()
    bench.run(10.0)
    (read,) = bench.said(CardRead)
    assert read.card.id_number == "11010519491231002X"
    assert (read.card.name, read.card.sex, read.card.ethnic_group) == ("测试甲", "女", "汉")
    assert (read.card.birth_date, read.card.valid_from) == ("1949-12-31", "2016-05-01")
    assert read.card.valid_until is None
    assert bench.said(CardRemoved) == []
    bench.machine.lift_card()
    bench.run(3.0)
    assert len(bench.said(CardRemoved)) == 1


@both_modules
def test_another_card_is_read_after_the_first(finds_again: bool) -> None:
    bench = bench_of(finds_again)
    bench.machine.lay_card("test_a")
    bench.run(5.0)
    bench.machine.lay_card("zhang")
    bench.run(6.0)
    assert [read.card.name for read in bench.said(CardRead)] == ["测试甲", "张测试"]
    assert len(bench.said(CardRemoved)) == 1


@both_modules
@pytest.mark.parametrize("moment", [0.05, 0.3, 0.6])
def test_a_card_lifted_too_soon_is_removed_never_read(finds_again: bool, moment: float) -> None:
    bench = ReaderBench(SamvEmulator(finds_again=finds_again))
    bench.run(2.0)
    bench.tell(StartCardReading("id1"))
    bench.machine.lay_card()
    bench.machine.damage_card()
    bench.run(moment)
    bench.machine.lift_card()
    bench.run(5.0)
    assert bench.said(CardRead) == []
    assert len(bench.said(CardRemoved)) == 1


def test_a_card_with_a_wrong_checksum_is_unreadable_and_says_why() -> None:
    bench = bench_of()
    bench.machine.lay_card("wrong_checksum")
    bench.run(8.0)
    assert bench.said(CardUnreadable) == [CardUnreadable("id1", "number fails its checksum")]
    assert bench.said(CardRead) == []


def test_a_damaged_card_is_unreadable_once_until_it_is_lifted() -> None:
    bench = bench_of()
    bench.machine.lay_card()
    bench.machine.damage_card()
    bench.run(10.0)
    assert len(bench.said(CardUnreadable)) == 1
    bench.machine.lift_card()
    bench.run(3.0)
    assert len(bench.said(CardRemoved)) == 1


def test_no_card_is_looked_at_before_reading_starts_or_after_it_stops() -> None:
    bench = ReaderBench()
    bench.machine.lay_card()
    bench.run(8.0)
    assert bench.machine.state()["times_read"] == 0
    bench.tell(StartCardReading("id1"))
    bench.run(3.0)
    assert len(bench.said(CardRead)) == 1
    bench.tell(StopCardReading("id1"))
    bench.run(1.5)
    times = bench.machine.state()["times_read"]
    bench.run(8.0)
    assert bench.machine.state()["times_read"] == times


def test_reading_starts_at_once_even_while_the_reader_is_being_checked() -> None:
    bench = ReaderBench()
    bench.take(bench.driver.run_once())
    bench.tell(StartCardReading("id1"))
    bench.machine.lay_card()
    bench.run(2.0)
    assert len(bench.said(CardRead)) == 1


def test_the_reader_comes_online_goes_silent_breaks_and_recovers_in_words() -> None:
    bench = bench_of()
    bench.machine.actions["silence"](seconds=8.0)
    bench.run(6.0)
    assert bench.last(DeviceStatus).state is DeviceState.OFFLINE
    bench.run(6.0)
    bench.machine.break_module()
    bench.run(4.0)
    assert bench.last(DeviceStatus).state is DeviceState.HARDWARE_ERROR
    bench.machine.repair_module()
    bench.run(4.0)
    assert bench.last(DeviceStatus).state is DeviceState.ONLINE


def test_searches_keep_the_pause_the_radio_needs() -> None:
    searches: list[float] = []

    class Watched(WrappedLink):
        def write(self, data: bytes) -> None:
            if data == protocol.FIND_CARD:
                searches.append(bench.clock())
            super().write(data)

    bench = ReaderBench(wrap=lambda link, clock: Watched(link))
    bench.tell(StartCardReading("id1"))
    bench.run(5.0)
    gaps = [later - earlier for earlier, later in pairwise(searches)]
    assert len(gaps) > 10
    assert min(gaps) >= 0.299


def test_nothing_of_the_card_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = bench_of()
    bench.machine.lay_card()
    bench.run(3.0)
    shown = caplog.text + repr(bench.events)
    assert "测试甲" not in shown
    assert "11010519491231002X" not in shown


# --- card text ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"number": "110105194912310021"}, "checksum"),
        ({"number": "1101051949123100"}, "checksum"),
        ({"birth": "19491230"}, "birth date differs"),
        ({"birth": "19491331"}, "birth date is not"),
        ({"valid_to": "20161301"}, "end of validity"),
        ({"valid_from": "soon"}, "start of validity"),
        ({"sex": "7"}, "sex"),
        ({"ethnic": "88"}, "ethnic group"),
        ({"name": ""}, "name"),
        ({"type_mark": "I"}, "counter"),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_name_without_its_content(
    fields: dict[str, str], words: str
) -> None:
    with pytest.raises(CardTextInvalid, match=words) as refusal:
        parse_card(payload_of(changed(**fields)))
    assert "1949" not in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["王\U00020bb7", "\U00020bb7\U00020bb7", "王\ue863", "𰻞王", "王\U0003134a"]
)
def test_names_with_rare_characters_are_names(name: str) -> None:
    card = parse_card(payload_of(changed(name=name)))
    assert card.name == name
    assert (card.sex, card.id_number) == ("女", "11010519491231002X")


@pytest.mark.parametrize(
    "name", ["王\n小", "王\u200f小", "王\u2028", "\x1b[2J", "王\uffff", "王\U0002fffe"]
)
def test_what_is_no_writing_is_no_name(name: str) -> None:
    with pytest.raises(CardTextInvalid, match="name"):
        parse_card(payload_of(changed(name=name)))


def test_half_a_character_is_blamed_on_the_field_it_stands_in() -> None:
    payload = bytearray(payload_of(changed()))
    payload[4 + 158 : 4 + 160] = b"\x00\xd8"
    with pytest.raises(CardTextInvalid, match="issuer is not UTF-16"):
        parse_card(bytes(payload))


@given(st.binary(max_size=1400))
def test_any_payload_is_a_card_or_a_refusal(payload: bytes) -> None:
    with pytest.raises(CardTextInvalid):
        parse_card(payload)


def test_residence_permits_of_hong_kong_macao_and_taiwan_have_no_ethnic_group() -> None:
    assert parse_card(payload_of(changed(type_mark="J", ethnic="  "))).ethnic_group == ""


# --- frames ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (protocol.FIND_CARD, "AAAAAA96690003200122"),
        (protocol.SELECT_CARD, "AAAAAA96690003200221"),
        (protocol.READ_CARD, "AAAAAA96690003300132"),
        (protocol.MODULE_STATUS, "AAAAAA9669000311FFED"),
        (protocol.MODULE_ID, "AAAAAA9669000312FFEE"),
    ],
)
def test_requests_are_the_vendors_bytes(request_: bytes, wire: str) -> None:
    assert request_ == bytes.fromhex(wire)


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        ("AAAAAA9669000800009F0000000097", Reply(0x9F, bytes(4))),
        ("AAAAAA9669000400008084", Reply(0x80, b"")),
        ("AAAAAA9669000C00009000000000000000009C", Reply(0x90, bytes(8))),
        ("AAAAAA9669000400008185", Reply(0x81, b"")),
        ("AAAAAA9669000400004145", Reply(0x41, b"")),
    ],
)
def test_replies_are_read_from_the_vendors_bytes(wire: str, reply: Reply) -> None:
    assert ReplyParser().feed(bytes.fromhex(wire)) == [reply]
    parser = ReplyParser()
    assert [r for byte in bytes.fromhex(wire) for r in parser.feed(bytes([byte]))] == [reply]


@given(st.binary(max_size=300))
def test_after_garbage_the_next_reply_is_found_within_the_longest_one(garbage: bytes) -> None:
    parser = ReplyParser()
    parser.feed(garbage)
    good = bytes.fromhex("AAAAAA9669000400008084")
    assert parser.feed(b"\0" * 2400 + good)[-1] == Reply(0x80, b"")


def test_100_kilobytes_of_noise_leave_at_most_one_reply_in_memory() -> None:
    parser = ReplyParser()
    for _ in range(100):
        parser.feed(bytes.fromhex("AAAAAA9669") * 200)
    assert len(parser._buffer) < 2400
