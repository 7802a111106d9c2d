"""CCNET framing against bytes recorded by others, and against noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.cash_acceptor.emulated_parts import crc_ccnet
from devices.cash_acceptor.emulator import CcnetEmulator
from devices.cash_acceptor.protocol import (
    Damaged,
    Frame,
    FrameParser,
    Request,
    State,
    Status,
    crc16,
    encode,
    encode_enable,
    parse_bill_table,
    parse_status,
)

IDENTIFICATION = bytes.fromhex(
    "020327464C532D455531302D36393336333930374B49343141533734383275ED8DC8033F7B35DA"
)


def frame_of(payload: bytes) -> bytes:
    head = bytes((2, 3, len(payload) + 5)) + payload
    return head + crc_ccnet(head)


@pytest.mark.parametrize(
    ("request_", "wire"), [(Request.POLL, "02030633DA81"), (Request.RESET, "0203063041B3")]
)
def test_requests_are_the_vendors_bytes(request_: Request, wire: str) -> None:
    assert encode(request_) == bytes.fromhex(wire)


def test_idling_is_read_from_the_vendors_bytes() -> None:
    (frame,) = FrameParser().feed(bytes.fromhex("0203061467D4"))
    assert isinstance(frame, Frame)
    assert parse_status(frame.payload) == Status(State.IDLING)


def test_identification_is_one_frame_of_34_bytes() -> None:
    (frame,) = FrameParser().feed(IDENTIFICATION)
    assert isinstance(frame, Frame)
    assert frame.payload.startswith(b"FLS-EU10-6936")
    assert len(frame.payload) == 34


def test_masks_are_sent_highest_bill_type_first_and_with_escrow_for_each() -> None:
    assert encode_enable(0b1111000)[4:10] == bytes.fromhex("000078000078")


def test_chinese_bill_table_gives_amounts_in_fen() -> None:
    machine = CcnetEmulator()
    (frame,) = FrameParser().feed(machine.receive(encode(Request.GET_BILL_TABLE), 0.0))
    assert isinstance(frame, Frame)
    assert parse_bill_table(frame.payload) == {
        0: 100, 1: 200, 2: 500, 3: 1000, 4: 2000, 5: 5000, 6: 10000,
    }  # fmt: skip


def test_notes_of_other_countries_are_not_in_the_table() -> None:
    table = (b"\x05USA\x01" + b"\x01CHN\x02").ljust(120, b"\0")
    assert parse_bill_table(table) == {1: 10000}


@given(st.binary(min_size=1, max_size=200))
def test_both_checksums_agree_though_written_apart(data: bytes) -> None:
    assert crc16(data).to_bytes(2, "little") == crc_ccnet(data)


@given(st.lists(st.binary(min_size=1, max_size=120), max_size=5), st.integers(1, 9))
def test_frames_survive_any_chopping(payloads: list[bytes], step: int) -> None:
    stream = b"".join(map(frame_of, payloads))
    parser = FrameParser()
    found = [
        item for i in range(0, len(stream), step) for item in parser.feed(stream[i : i + step])
    ]
    assert found == [Frame(payload) for payload in payloads]


@given(st.binary(max_size=600))
def test_after_any_garbage_a_frame_is_understood_within_one_frame_length(garbage: bytes) -> None:
    parser = FrameParser()
    parser.feed(garbage)
    found = parser.feed(b"\0" * 250 + encode(Request.POLL))
    assert found[-1] == Frame(b"\x33")


def test_length_zero_does_not_wedge_the_parser() -> None:
    assert FrameParser().feed(bytes((2, 3, 0)) + encode(Request.POLL)) == [Frame(b"\x33")]


def test_a_flipped_bit_is_reported_not_believed() -> None:
    spoilt = bytearray(encode(Request.POLL))
    spoilt[3] ^= 1
    (found,) = FrameParser().feed(bytes(spoilt))
    assert isinstance(found, Damaged)


def test_100_kilobytes_of_noise_leave_at_most_one_frame_in_memory() -> None:
    parser = FrameParser()
    for _ in range(100):
        parser.feed(bytes((2, 3, 249)) * 341)
    assert len(parser._buffer) <= 250


@given(st.binary(max_size=40))
def test_any_payload_is_a_status_or_none(payload: bytes) -> None:
    status = parse_status(payload)
    assert status is None or payload[0] == status.state
