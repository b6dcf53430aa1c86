"""Frames as bytes: what the host packs is what the Verilog's buses hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.backends.verilog import PortBits, pack
from bitwright.core.errors import InvalidValue, Mismatch, StorageError
from bitwright.host import Accelerator, FramePort, Layout, Link, connect
from bitwright.host.protocol import Kind, Message, reply
from bitwright.ir.netlist import Word
from bitwright.numeric import Steps

RANGES = st.tuples(st.integers(-300, 300), st.integers(0, 600)).map(lambda p: (p[0], p[0] + p[1]))


def port(name: str, ranges: list[tuple[int, int]], beats: int = 1, step: str = "") -> FramePort:
    low, high = zip(*ranges, strict=True)
    return FramePort(name, (beats * len(ranges),), beats, low, high, step)


def drawn(data: st.DataObject, ranges: list[tuple[int, int]], rows: int) -> np.ndarray:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    return np.stack([rng.integers(low, high + 1, rows) for low, high in ranges], axis=1)


@given(st.lists(RANGES, min_size=1, max_size=9), st.data())
def test_a_beat_holds_the_bits_of_the_bus(ranges: list[tuple[int, int]], data: st.DataObject) -> None:
    words = tuple(Word(low, high) for low, high in ranges)
    codes = drawn(data, ranges, 5)
    bus = pack([codes], [PortBits("x", "input", (len(ranges),), words, Steps.of(1))])
    found = port("x", ranges)
    assert found.widths == tuple(word.width for word in words)
    wanted = [row.tobytes()[: found.beat_bytes] for row in bus.astype("<u4")]
    assert [row.tobytes() for row in found.pack(codes)] == wanted


@given(st.lists(RANGES, min_size=1, max_size=5), st.integers(1, 4), st.data())
def test_unpacking_undoes_packing(ranges: list[tuple[int, int]], beats: int, data: st.DataObject) -> None:
    found = port("x", ranges, beats)
    codes = drawn(data, ranges * beats, 3)
    assert (found.unpack(found.pack(codes)) == codes).all()


def test_a_code_out_of_its_range_is_named_even_where_its_bits_would_hold_it() -> None:
    with pytest.raises(InvalidValue, match=r"code 6 is not within 0\.\.5") as caught:
        port("x", [(-1, 1), (0, 5)], 2).pack(np.array([[0, 0, 0, 5], [0, 0, 1, 6]]))
    assert "frame 1, word 1, element 1" in caught.value.where


def test_floats_and_wrong_shapes_are_no_codes() -> None:
    for given_ in (np.zeros((2, 3)), np.zeros((2, 4), dtype=np.int64)):
        with pytest.raises(InvalidValue, match="is not int64"):
            port("x", [(0, 1)] * 3).pack(given_)


LAYOUT = Layout(
    "net", "00000000000000ff", 1_000_000, (port("a", [(-4, 3)], step="1/2"), port("b", [(0, 9), (0, 1)])),
    (port("y", [(-8, 7), (-8, 7)], step="1/4"),),
)  # fmt: skip


def test_ports_follow_each_other_in_whole_bytes() -> None:
    a, b = np.array([[-1]]), np.array([[9, 1]])
    assert LAYOUT.pack([a, b]) == [bytes((0x07, 0x19))]
    assert (LAYOUT.frame_bytes, LAYOUT.result_bytes) == (2, 1)
    assert LAYOUT.unpack([bytes((0x8F,))])[0].tolist() == [[-1, -8]]
    with pytest.raises(InvalidValue, match="1 arrays"):
        LAYOUT.pack([a])


def test_a_layout_survives_its_text(tmp_path: Path) -> None:
    assert Layout.of_json(LAYOUT.to_json()) == LAYOUT
    (tmp_path / "layout.json").write_text(LAYOUT.to_json())
    assert Layout.read(tmp_path) == LAYOUT
    with pytest.raises(InvalidValue, match="no layout"):
        Layout.of_json('{"name": "x"}')
    with pytest.raises(StorageError, match="no layout can be read"):
        Layout.read(tmp_path / "elsewhere.json")


class Echo:
    """A board of LAYOUT whose result is the first byte of the frame."""

    def __init__(self, design: str = LAYOUT.identity) -> None:
        self.design, self.waiting = design, b""

    def write(self, data: bytes) -> int:
        told = bytes((1,)) + bytes.fromhex(self.design)[::-1] + bytes((2, 0, 1, 0))
        self.waiting += reply(Message(data[1], data[2], told if data[1] == Kind.WHO else data[5:6]))
        return len(data)

    def read(self, size: int) -> bytes:
        found, self.waiting = self.waiting[:size], self.waiting[size:]
        return found


def test_a_board_with_another_design_is_refused() -> None:
    with pytest.raises(Mismatch, match="holds design 0000000000000001"):
        connect(LAYOUT, Echo("0000000000000001"))


def test_codes_and_values_go_through_an_accelerator(tmp_path: Path) -> None:
    (tmp_path / "layout.json").write_text(LAYOUT.to_json())
    found = connect(tmp_path, Echo())
    assert found.run([np.array([[-1], [2]]), np.array([[0, 0], [9, 1]])])[0].tolist() == [[7, 0], [2, 0]]
    plain = Accelerator(LAYOUT, Link(Echo()), encode=lambda x: [x, np.array([[0, 0]] * len(x))])
    assert plain.predict(np.array([[-1]])).tolist() == [[7 / 4, 0.0]]


def test_floats_are_rounded_to_even_and_saturate_at_the_ranges_of_the_elements() -> None:
    layout = Layout("net", LAYOUT.identity, 1, (port("x", [(-3, 3)], step=str(Fraction(1, 2))),), LAYOUT.outputs)
    seen: list[bytes] = []

    class Spy(Echo):
        def write(self, data: bytes) -> int:
            seen.append(data[5:-2])
            return super().write(data)

    Accelerator(layout, Link(Spy())).predict_codes(np.array([[0.25], [0.75], [9.0], [-9.0]], dtype=np.float32))
    assert [int(b[0]) for b in seen] == [0, 2, 3, 5]
    with pytest.raises(InvalidValue, match="NaN"):
        Accelerator(layout, Link(Spy())).predict_codes(np.array([[np.nan]]))


def test_an_input_whose_elements_have_steps_of_their_own_wants_codes() -> None:
    with pytest.raises(InvalidValue, match="steps of their own") as caught:
        Accelerator(LAYOUT, Link(Echo())).predict([np.zeros((1, 1)), np.zeros((1, 2))])
    assert "run()" in caught.value.remedy
