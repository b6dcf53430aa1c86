"""Messages byte for byte: framing, checksums, and finding replies in whatever a line delivers."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue
from bitwright.host import Fault, Kind, Message, Replies, crc16, request
from bitwright.host.protocol import reply

MESSAGES = st.builds(Message, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=40))


def test_the_checksum_is_the_published_one() -> None:
    assert crc16(b"123456789") == 0x29B1
    assert crc16(b"123456789" + (0x29B1).to_bytes(2, "big")) == 0


def test_a_request_is_magic_kind_number_length_body_and_checksum() -> None:
    made = request(Message(Kind.FRAME, 9, b"\x01\x02\x03"))
    assert made[:8].hex(" ") == "b7 02 09 03 00 01 02 03"
    assert int.from_bytes(made[8:], "big") == crc16(made[1:8])


def test_a_body_that_no_length_can_say_is_refused() -> None:
    with pytest.raises(InvalidValue, match="65536 bytes"):
        request(Message(Kind.FRAME, 0, bytes(1 << 16)))


@given(st.lists(MESSAGES, max_size=4), st.lists(st.integers(1, 9), min_size=1, max_size=50))
def test_replies_are_found_in_pieces_of_any_size(messages: list[Message], pieces: list[int]) -> None:
    stream, replies, found, place = b"".join(reply(m) for m in messages), Replies(), [], 0
    while place < len(stream):
        size = pieces[place % len(pieces)]
        found += replies.feed(stream[place : place + size])
        place += size
    assert found == messages


@given(MESSAGES, st.binary(max_size=12), st.data())
def test_a_reply_is_found_behind_noise_and_a_spoiled_one_is_passed_over(
    message: Message, noise: bytes, data: st.DataObject
) -> None:
    spoiled = bytearray(reply(message))
    place = data.draw(st.integers(1, len(spoiled) - 1).filter(lambda p: p not in (3, 4)))
    spoiled[place] ^= 1 << data.draw(st.integers(0, 7))
    before = bytes(b for b in noise if b != 0x7B) + bytes(spoiled)
    # A byte that looks like a beginning may claim a long body: the next request makes the host forget it.
    assume(before.count(0x7B) == 1)
    last = Message(Kind.WHO, 77, bytes(64))
    assert Replies().feed(before + reply(last)) == [last]


def test_missing_never_asks_for_more_than_the_reply_has() -> None:
    told, replies = reply(Message(Kind.FRAME, 3, b"abcdef")), Replies()
    taken = 0
    while taken < len(told):
        step = replies.missing
        assert 0 < step <= len(told) - taken
        found = replies.feed(told[taken : taken + step])
        taken += step
    assert found == [Message(Kind.FRAME, 3, b"abcdef")]


def test_faults_that_pass_are_those_of_the_line_and_of_time() -> None:
    assert [fault for fault in Fault if fault.passes] == [Fault.CORRUPT, Fault.BUSY, Fault.SILENCE]
