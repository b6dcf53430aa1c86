"""Asking a board: what is sent again, what is given up, and what is said then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from bitwright.core.errors import InvalidValue, Mismatch, StorageError, ToolFailed, ToolMissing, ToolTimeout
from bitwright.host import Fault, Kind, Link, Message, open_serial
from bitwright.host.protocol import crc16, reply

SELF = bytes((1,)) + bytes.fromhex("efcdab8967452301") + (4).to_bytes(2, "little") + (300).to_bytes(2, "little")


class Board:
    """A port whose other end answers each request by a function of it; None is silence."""

    def __init__(self, answer: Callable[[Message], bytes | None]) -> None:
        self.answer, self.asked, self.waiting = answer, [], b""

    def write(self, data: bytes) -> int:
        assert data[0] == 0xB7
        assert crc16(data[1:]) == 0
        message = Message(data[1], data[2], data[5:-2])
        self.asked.append(message)
        self.waiting += self.answer(message) or b""
        return len(data)

    def read(self, size: int) -> bytes:
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        return found


def error(message: Message, fault: int) -> bytes:
    return reply(Message(Kind.ERROR, message.number, bytes((fault,))))


def test_a_board_says_which_design_it_holds() -> None:
    found = Link(Board(lambda m: reply(Message(Kind.WHO, m.number, SELF)))).identify()
    assert (found.design, found.frame_bytes, found.result_bytes) == ("0123456789abcdef", 4, 300)


def test_another_version_of_the_protocol_is_refused() -> None:
    board = Board(lambda m: reply(Message(Kind.WHO, m.number, b"\x02" + SELF[1:])))
    with pytest.raises(Mismatch, match="version 2"):
        Link(board).identify()


def test_a_request_is_sent_again_after_silence_and_after_faults_that_pass() -> None:
    turns = iter([lambda m: None, lambda m: error(m, Fault.CORRUPT), lambda m: reply(Message(2, m.number, b"ok"))])
    board = Board(lambda m: next(turns)(m))
    link = Link(board)
    assert link.ask(Kind.FRAME, b"abcd") == b"ok"
    assert [m.body for m in board.asked] == [b"abcd"] * 3
    assert len({m.number for m in board.asked}) == 3
    assert link.resent == 2


def test_a_late_reply_to_another_request_is_not_taken_for_this_one() -> None:
    late = reply(Message(Kind.FRAME, 200, b"old"))
    board = Board(lambda m: late + reply(Message(Kind.FRAME, m.number, b"new")))
    assert Link(board).ask(Kind.FRAME) == b"new"


def test_silence_ends_after_the_last_try_and_says_what_to_check() -> None:
    board = Board(lambda m: None)
    with pytest.raises(ToolTimeout, match="no reply to 2 requests") as caught:
        Link(board, tries=2).identify()
    assert "baud" in caught.value.remedy
    assert len(board.asked) == 2


@pytest.mark.parametrize(("fault", "words"), [(Fault.LENGTH, "another network"), (Fault.UNKNOWN, "build the")])
def test_a_fault_that_stays_is_raised_at_once(fault: Fault, words: str) -> None:
    board = Board(lambda m: error(m, fault))
    with pytest.raises(ToolFailed, match=fault.name.lower()) as caught:
        Link(board).ask(Kind.FRAME)
    assert words in caught.value.remedy
    assert len(board.asked) == 1


def test_a_board_that_stays_busy_is_told_to_start_again() -> None:
    board = Board(lambda m: error(m, Fault.BUSY))
    with pytest.raises(ToolFailed, match="busy") as caught:
        Link(board).ask(Kind.FRAME)
    assert "start_again" in caught.value.remedy
    assert len(board.asked) == 3


def test_no_tries_are_refused() -> None:
    with pytest.raises(InvalidValue, match="0 tries"):
        Link(Board(lambda m: None), tries=0)


def test_a_port_without_pyserial_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(ToolMissing, match="not installed") as caught:
        open_serial("/dev/ttyUSB1", 1_000_000)
    assert "bitwright[boards]" in caught.value.remedy


def test_a_port_is_opened_at_the_rate_of_the_link_and_its_errors_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def serial(name: str, baud: int, timeout: float, write_timeout: float) -> object:
        asked.append((name, baud, timeout))
        if name == "gone":
            raise OSError("no such device")
        return "port"

    module = ModuleType("serial")
    module.__dict__["Serial"] = serial
    monkeypatch.setitem(sys.modules, "serial", module)
    assert open_serial("COM3", 115_200, timeout_s=0.5) == "port"
    assert asked == [("COM3", 115_200, 0.5)]
    with pytest.raises(StorageError, match="cannot be opened"):
        open_serial("gone", 1)
