"""The PYNQ driver against a board that is a model: its own packing, the bits of the port table, and golden frames."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.project_designs import ARCHITECTURES, architecture, made, two_and_two

from bitwright.backends.projects import driver as shipped
from bitwright.backends.verilog.ports import pack_tight
from bitwright.backends.verilog.stream.layout import bus as tight
from bitwright.flow import projects
from bitwright.flow.design import Design
from bitwright.flow.projects import described, described_frames
from bitwright.flow.streamed import StreamDesign
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import run
from bitwright.ir.interface import Decoder, FixedEncoder, GridEncoder, Head, LevelEncoder, RoundEncoder
from bitwright.numeric import Ints, Overflow, Rounding, Steps


class Buffer(np.ndarray):
    """What `pynq.allocate` gives: an array that is to be freed."""

    freed: int = 0
    flushed: int = 0
    device_address = 0x2_3450_1000

    def freebuffer(self) -> None:
        Buffer.freed += 1

    def flush(self) -> None:
        Buffer.flushed += 1


class Board:
    """A board whose network is `answer`: codes in, codes out; bits are not laid out by the driver's own code."""

    def __init__(self, block: Any, answer: Callable[[list[Any]], list[Any]], spoil: int | None = None) -> None:
        top = block.streaming
        self.block, self.answer, self.spoil = block, answer, spoil
        self.ins, self.outs = top.inputs, top.outputs
        self.sent: dict[int, Any] = {}
        self.wanted: dict[int, Any] = {}
        self.frames: list[int] = []
        for k in range(max(len(self.ins), len(self.outs))):
            channels = SimpleNamespace(sendchannel=Channel(self, k, True), recvchannel=Channel(self, k, False))
            setattr(self, f"dma_{k}", channels)

    def finish(self) -> None:
        """All inputs are there: compute, and fill what waits."""
        codes = {}
        for k, door in enumerate(self.ins):
            codes |= self.read(door, self.sent[k])
        self.frames.append(len(next(iter(codes.values()))))
        names = [bus.tensor for door in self.outs for bus in door.buses]
        found = dict(zip(names, self.answer(list(codes.values())), strict=True))
        for k, door in enumerate(self.outs):
            self.wanted[k][:] = self.written(door, found)
        if self.spoil is not None:
            self.wanted[0][self.spoil, 0] ^= 1

    def read(self, door: Any, words: Any) -> dict[str, Any]:
        """Bit by bit, with Python's integers."""
        found: dict[str, Any] = {}
        for bus in door.buses:
            rows = []
            for word in words:
                value, low, row = int.from_bytes(word.tobytes(), "little"), bus.low_bit, []
                for lane in bus.words:
                    code = value >> low & (1 << lane.width) - 1
                    row.append(code - (lane.signed and code >> lane.width - 1) * (1 << lane.width))
                    low += lane.width
                rows.append(row)
            found[bus.tensor] = np.array(rows).reshape(-1, *self.block.tensor(bus.tensor).shape)
        return found

    def written(self, door: Any, codes: dict[str, Any]) -> Any:
        """As the streams' own packing does it, each tensor at its place."""
        total = [0] * (len(next(iter(codes.values()))) * door.beats)
        for bus in door.buses:
            packed = pack_tight([codes[bus.tensor].reshape(-1, len(bus.words))], [tight("m", bus.words)])
            words = [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in packed]
            total = [before | word << bus.low_bit for before, word in zip(total, words, strict=True)]
        size = 1 << (-(-door.bits // 8) - 1).bit_length()
        return np.stack([np.frombuffer(value.to_bytes(size, "little"), np.uint8) for value in total])


class Channel:
    def __init__(self, board: Board, number: int, sends: bool) -> None:
        self.board, self.number, self.sends = board, number, sends

    def transfer(self, buffer: Any) -> None:
        if not self.sends:
            self.board.wanted[self.number] = buffer
            return
        assert len(self.board.wanted) == len(self.board.outs), "an answer that nobody waits for is lost"
        self.board.sent[self.number] = np.array(buffer)
        if len(self.board.sent) == len(self.board.ins):
            self.board.finish()

    def wait(self) -> None:
        if self.sends:
            self.board.sent.pop(self.number)
        else:
            self.board.wanted.pop(self.number)


def load(folder: Path, board: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The driver as a file of the project, with a `pynq` that is this board."""
    fake = ModuleType("pynq")
    fake.Overlay = lambda bitfile: board  # type: ignore[attr-defined]
    fake.allocate = lambda shape, dtype: np.zeros(shape, dtype).view(Buffer)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pynq", fake)
    spec = importlib.util.spec_from_file_location("board_driver", folder / "driver.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parts(name: str, tmp_path: Path, vectors: int = 3) -> tuple[Any, Any, Path]:
    kinds = {"two": (Design, "parallel"), "two streams": (StreamDesign, "dataflow")}
    design = made(kinds[name][0], two_and_two(), architecture=kinds[name][1]) if name in kinds else architecture(name)
    folder = design.write(tmp_path, vectors=vectors, projects=["pynq"]) / "projects" / "pynq"
    if isinstance(design, Design):
        return design, described(design, design.emit(axis=True), "about", vectors=vectors), folder
    return design, described_frames(design, design.emit(), vectors=vectors), folder


def same(found: Any, wanted: Any) -> None:
    """One array or several, alike."""
    pair = [list(told) if isinstance(told, list | tuple) else [told] for told in (found, wanted)]
    for one, other in zip(*pair, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", [*ARCHITECTURES, "two", "two streams"])
def test_the_driver_computes_what_the_design_does(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, block, folder = parts(name, tmp_path)
    board = Board(block, lambda codes: run(design.graph, codes))
    network = load(folder, board, monkeypatch).NeuralNetworkOverlay("network.bit", batch=4)
    codes, draws = random_codes(design.graph, 10, seed=7), np.random.default_rng(0)
    same(network.predict_codes(codes), run(design.graph, codes))
    x = [draws.normal(size=(5, *node.type.shape)).astype(np.float32) * 4 for node in design.graph.inputs]
    same(network.predict(x), design.predict(x))
    assert board.frames == [4, 4, 2, 4, 1]
    assert network.self_test() == 3
    assert network.throughput(20) > 0
    assert len(network.predict(x, profile=True)) == 3


def test_buffers_are_freed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, block, folder = parts("parallel", tmp_path)
    Buffer.freed = 0
    network = load(folder, Board(block, lambda codes: run(design.graph, codes)), monkeypatch).NeuralNetworkOverlay("n")
    network.self_test()
    assert Buffer.freed == 2


def test_the_self_test_names_the_first_wrong_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, block, folder = parts("dataflow", tmp_path)
    board = Board(block, lambda codes: run(design.graph, codes), spoil=5)
    network = load(folder, board, monkeypatch).NeuralNetworkOverlay("n")
    beats = block.streaming.outputs[0].beats
    with pytest.raises(RuntimeError, match=f"m_axis, frame {5 // beats}, word {5 % beats}:"):
        network.self_test()


_LEVELS = np.array([[-1.0, np.inf], [0.0, 0.5], [3.0, 4.0]], np.float32)
ENCODERS = (
    RoundEncoder(0, Fraction(1, 8), -20, 19),
    RoundEncoder(0, Fraction(1, 255), 0, 255),
    GridEncoder(0, Steps.of([Fraction(1, 4), Fraction(1, 3), Fraction(2)]), Ints([-8, 0, -2]), Ints([7, 9, 1])),
    LevelEncoder(0, np.array([[-1.0, 0.25, 2.0]], np.float32), np.array([-2]), np.array([1])),
    LevelEncoder(0, _LEVELS, np.array([0, 1, 2]), np.array([1, -1, 1])),
    *(FixedEncoder(0, Ints([3, 2, 4]), Ints([-8, 0, -16]), Ints([7, 15, 15]), r, Overflow.SATURATE) for r in Rounding),
    FixedEncoder(0, Ints(3), Ints(-8), Ints(7), Rounding.FLOOR, Overflow.WRAP),
)  # fmt: skip


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: str(e.describe()["kind"]))
def test_floats_become_the_codes_of_the_models_own_quantizer(encoder: Any, tmp_path: Path) -> None:
    step = [str(s) for s in encoder.step.array.ravel()] if isinstance(encoder, GridEncoder) else ["1"]
    table = shipped.PortTable.__new__(shipped.PortTable)
    table.tensors = {"x": {"shape": [3], "step": step, "meaning": projects._encoded(encoder)}}  # pyright: ignore[reportPrivateUsage]
    ties = np.arange(-64, 65, dtype=np.float32)[:, None] / np.array([16, 8, 32], np.float32)
    x = np.concatenate([ties, np.random.default_rng(1).normal(size=(200, 3)).astype(np.float32) * 3])
    assert np.array_equal(table.encode("x", x), encoder(x))


def test_wrong_inputs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, block, folder = parts("parallel", tmp_path)
    network = load(folder, Board(block, lambda codes: run(design.graph, codes)), monkeypatch).NeuralNetworkOverlay("n")
    with pytest.raises(ValueError, match=r"frames of shape \(3,\) instead of \(2,\)"):
        network.predict(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="NaN"):
        network.predict(np.full((1, 2), np.nan))
    with pytest.raises(ValueError, match="does not fit into 4 bits"):
        network.predict_codes(np.array([[9, 0]]))
    with pytest.raises(ValueError, match="no memory 'fc1': there are none"):
        network.reload({"fc1": [1]})


class Registers:
    """The slave of the control interface: magic, build, and memories that take a word with its last part."""

    def __init__(self, record: dict[str, Any], build: int) -> None:
        self.record, self.build = record, build
        self.waiting: dict[int, int] = {}
        self.words: dict[tuple[str, int], int] = {}

    def read(self, offset: int) -> int:
        return {0: 0x42575254, 4: 1, 8: self.build, 12: 77}[offset]

    def write(self, offset: int, value: int) -> None:
        memory = next(m for m in self.record["memories"] if 0 <= offset - m["offset"] < m["words"] * m["stride"])
        number, within = divmod(offset - memory["offset"], memory["stride"])
        count = -(-memory["bits"] // 32)
        self.waiting[within // 4] = value
        if within // 4 == count - 1:
            parts = [self.waiting.pop(part) for part in range(count)]
            self.words[memory["name"], number] = sum(part << 32 * k for k, part in enumerate(parts))


RECORD = {
    "format": 1, "interface": "s_axil", "address_bits": 16,
    "registers": [
        {"name": "magic", "offset": 0, "access": "ro", "value": "0x42575254", "description": "who"},
        {"name": "map_version", "offset": 4, "access": "ro", "value": "0x00000001", "description": "which map"},
        {"name": "build", "offset": 8, "access": "ro", "value": "0x1234abcd", "description": "which build"},
        {"name": "frames", "offset": 12, "access": "ro", "description": "how many"},
    ],
    "memories": [
        {"name": "fc1.weights", "layer": "fc1", "offset": 4096, "words": 3, "bits": 72, "stride": 16},
        {"name": "fc1.thresholds", "layer": "fc1", "offset": 8192, "words": 4, "bits": 8, "stride": 4},
    ],
}  # fmt: skip


def test_memories_are_written_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    design, block, folder = parts("parallel", tmp_path)
    board: Any = Board(block, lambda codes: run(design.graph, codes))
    board.network = Registers(RECORD, 0x1234ABCD)
    (folder / "registers.json").write_text(json.dumps(RECORD))
    driver = load(folder, board, monkeypatch)
    network = driver.NeuralNetworkOverlay("n")
    assert network.register("frames") == 77
    words = [0x11_22222222_33333333, 1 << 71, 5]
    network.reload({"fc1.weights": words, "fc1.thresholds": [1, 2, 3, 255]})
    assert [board.network.words["fc1.weights", k] for k in range(3)] == words
    assert [board.network.words["fc1.thresholds", k] for k in range(4)] == [1, 2, 3, 255]
    with pytest.raises(ValueError, match="give 3 words of 72 bits"):
        network.reload({"fc1.weights": [1 << 72, 0, 0]})
    board.network.build = 1
    with pytest.raises(RuntimeError, match="of build 0x00000001, the files of 0x1234abcd"):
        driver.NeuralNetworkOverlay("n")


class Begun:
    """The control of a network with memory beside it: what is written, and whether memory has failed."""

    def __init__(self, build: int) -> None:
        self.build, self.fault, self.seen = build, 0, list[tuple[int, int]]()

    def read(self, offset: int) -> int:
        return {0: 0x42575254, 8: self.build, 28: self.fault}[offset]

    def write(self, offset: int, value: int) -> None:
        self.seen.append((offset, value))


def test_weights_in_memory_are_there_before_the_network_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design, block, folder = parts("external", tmp_path)
    board: Any = Board(block, lambda codes: run(design.graph, codes))
    board.network = Begun(int(block.digest[:8], 16))
    Buffer.flushed = 0
    network = load(folder, board, monkeypatch).NeuralNetworkOverlay("n")
    assert board.network.seen == [(24, 0), (16, 0x3450_1000), (20, 2), (24, 1)]
    memory = design.emit().memory
    assert bytes(network._outside[: len(memory.data)]) == memory.data
    assert (len(network._outside), Buffer.flushed) == (len(memory.data) + memory.maps, 1)
    assert network.self_test() == 3
    board.network.fault = 1
    with pytest.raises(RuntimeError, match="memory has answered"):
        network.self_test()


@pytest.mark.parametrize("head", Head)
def test_codes_become_what_the_model_returns(head: Head) -> None:
    codes = np.random.default_rng(3).integers(-40, 40, (50, 3))
    steps = Decoder(Steps.of([Fraction(1, 8), Fraction(1, 3), Fraction(2)]), head)
    values = Decoder(Steps.of(1), head, start=-40, table=tuple(np.linspace(-3, 5, 80)))
    table = shipped.PortTable.__new__(shipped.PortTable)
    for decoder in (steps, values):
        table.tensors = {"y": {"meaning": projects._decoded(decoder)}}  # pyright: ignore[reportPrivateUsage]
        assert np.array_equal(table.decode("y", codes), decoder(codes))
