"""Frames that lie about themselves: bad checksum, length nought, a length beyond all frames.

Whatever came before it, the good frame behind is understood, and nothing else is.
"""

from __future__ import annotations

import pytest

from devices.cash_acceptor.protocol import Frame, FrameParser
from devices.id_reader.protocol import Reply, ReplyParser

IDLING = bytes.fromhex("0203061467D4")
CARD_FOUND = bytes.fromhex("AAAAAA9669000800009F0000000097")
"""Answers as vendors print them."""

CCNET_LIES = {
    "bad CRC": "0203061467D5",
    "length 0": "020300",
    "length below the shortest": "0203051467",
    "length beyond the longest": "0203FB1467",
    "the greatest length": "0203FF1467",
    "an address of another machine": "0204061467D4",
}

SAMV_LIES = {
    "bad checksum": "AAAAAA9669000800009F0000000096",
    "length 0": "AAAAAA96690000",
    "length below the shortest": "AAAAAA966900039F9C",
    "length beyond the longest": "AAAAAA9669091100009F",
    "the greatest length": "AAAAAA9669FFFF00009F",
}


@pytest.mark.parametrize("name", CCNET_LIES)
def test_an_acceptors_frame_that_lies_is_not_believed(name: str) -> None:
    found = FrameParser().feed(bytes.fromhex(CCNET_LIES[name]) + IDLING)
    assert [each for each in found if isinstance(each, Frame)] == [Frame(b"\x14")]


@pytest.mark.parametrize("name", SAMV_LIES)
def test_a_card_readers_reply_that_lies_is_not_believed(name: str) -> None:
    found = ReplyParser().feed(bytes.fromhex(SAMV_LIES[name]) + CARD_FOUND)
    assert found == [Reply(0x9F, bytes(4))]
