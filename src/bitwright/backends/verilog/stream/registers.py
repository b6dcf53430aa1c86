"""The address map of a design whose memories can be written: `registers.json`, and words packed for its memories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bitwright.backends.verilog.ports import pack_tight
from bitwright.backends.verilog.stream.layout import bits_of, bus
from bitwright.core.errors import InvalidValue
from bitwright.ir.dataflow import Dataflow, Stream
from bitwright.ir.dataflow.ops import Actor, MatVec
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints

__all__ = ["NO_CONTROL", "ControlMap", "WritableMemory", "control_map", "memories_of", "rows_of", "weight_rows"]

_REGION = 4096
"""Bytes that a memory's region has at least; the first is that of the registers."""
_FEWEST_BITS = 16
_REGISTERS = (
    ("magic", "0x42575254", "the letters BWRT"),
    ("map_version", "0x00000001", "of this map"),
    ("build", "", "first 32 bits of the hash of the program, whatever its memories hold"),
    ("frames", None, "frames that left since reset (wraps)"),
)


@dataclass(frozen=True, slots=True)
class WritableMemory:
    """A memory of the actor at `position`: `kind` is weights or thresholds, `lanes` the numbers of a word, from below.

    A word lies at `offset` + its number * `stride` (bytes) in as many registers of 32 bits as it takes.
    """

    name: str
    layer: str
    kind: str
    position: int
    offset: int
    words: int
    lanes: tuple[Word, ...]
    description: str

    @property
    def bits(self) -> int:
        """Bits of a word."""
        return bits_of(self.lanes)

    @property
    def parts(self) -> int:
        """Registers of a word."""
        return -(-self.bits // 32)

    @property
    def stride(self) -> int:
        """Bytes from word to word: a power of two."""
        return 4 << (self.parts - 1).bit_length()

    @property
    def region(self) -> int:
        """Bytes that belong to it: a power of two; `offset` is a multiple."""
        return max(_REGION, self.stride << (self.words - 1).bit_length())

    def pack(self, rows: IntArray) -> list[int]:
        """Rows of numbers as the memory's words; raises `InvalidValue` where one does not fit."""
        low, high = (np.array([getattr(w, end) for w in self.lanes]) for end in ("low", "high"))
        outside = (rows < low) | (rows > high)
        if outside.any():
            row, lane = (int(i[0]) for i in np.nonzero(outside))
            word = self.lanes[lane]
            raise InvalidValue(
                f"{int(rows[row, lane])} outside {word.low}..{word.high}", where=f"layer '{self.layer}', {self.name}",
                remedy="quantize to the declared format",
            )  # fmt: skip
        found = pack_tight([rows], [bus(self.name, self.lanes)])
        return [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in found]

    def writes(self, words: Sequence[int]) -> list[tuple[int, int]]:
        """(address, 32-bit value) of every register to write, in order."""
        mask = (1 << 32) - 1
        return [
            (self.offset + number * self.stride + 4 * part, word >> 32 * part & mask)
            for number, word in enumerate(words)
            for part in range(self.parts)
        ]


@dataclass(frozen=True, slots=True)
class ControlMap:
    """What lies where behind the AXI4-Lite slave; no memories: there is no slave."""

    memories: tuple[WritableMemory, ...] = ()
    build: int = 0

    @property
    def address_bits(self) -> int:
        """Bits of a byte address."""
        return max(_FEWEST_BITS, max((m.offset + m.region - 1).bit_length() for m in self.memories))

    def record(self) -> dict[str, Any]:
        """As `registers.json` holds it."""
        registers: list[dict[str, Any]] = []
        for number, (name, value, description) in enumerate(_REGISTERS):
            entry: dict[str, Any] = {"name": name, "offset": 4 * number, "access": "ro"}
            if value is not None:
                entry["value"] = value or f"0x{self.build:08x}"
            registers.append(entry | {"description": description})
        memories = [
            {
                "name": m.name, "layer": m.layer, "kind": m.kind, "offset": m.offset, "words": m.words, "bits": m.bits,
                "stride": m.stride, "description": m.description,
            }
            for m in self.memories
        ]  # fmt: skip
        return {
            "format": 1, "interface": "s_axil", "address_bits": self.address_bits, "registers": registers,
            "memories": memories,
        }  # fmt: skip

    def of(self, position: int) -> list[WritableMemory]:
        """The memories of an actor."""
        return [m for m in self.memories if m.position == position]


NO_CONTROL = ControlMap()
"""Of a design in which nothing can be written."""


def control_map(program: Dataflow) -> ControlMap:
    """The memories of `program` that can be written, each in a region of its own."""
    memories: list[WritableMemory] = []
    free = _REGION
    for position, node in enumerate(program.nodes):
        for made in memories_of(node, program.args_of(node)[0].type.lanes if node.args else 1):
            offset = -(-free // made.region) * made.region
            free = offset + made.region
            memories.append(replace(made, position=position, offset=offset))
    return ControlMap(tuple(memories), _build(program) if memories else 0)


def memories_of(node: Node[Actor, Stream], lanes: int) -> list[WritableMemory]:
    """The memories of an actor that can be written, at no place yet; its argument has words of `lanes`."""
    op, layer = node.op, node.origin.layer or node.name
    if not isinstance(op, MatVec) or op.stored is None:
        return []
    (weight, *_) = _port(op.dot, "w")
    count, width = op.weights.array.size // (op.units * lanes), f"{op.units} units x {lanes} lanes x {weight.width}"
    about = f"{width} bits, unit 0 lane 0 lowest; words go through (group, block, fold), the fold fastest"
    words = (weight,) * (op.units * lanes)
    found = [WritableMemory(f"{node.name}.weights", layer, "weights", 0, 0, count, words, about)]
    if op.constants is not None and op.tail is not None:
        ports = tuple(_port(op.tail, "c"))
        fields = " + ".join(str(w.width) for w in ports[: len(ports) // op.units])
        about = f"{op.units} units x ({fields}) bits, unit 0 lowest; words go through (group, block)"
        count = op.constants.shape[0]
        found.append(WritableMemory(f"{node.name}.thresholds", layer, "thresholds", 0, 0, count, ports, about))
    return found


def rows_of(op: MatVec, lanes: int, kind: str) -> IntArray:
    """What a memory of `op` holds now, (words, numbers of a word)."""
    if kind == "weights" or op.constants is None:
        return weight_rows(op, lanes)
    return op.constants.array


def _port(netlist: Netlist, name: str) -> list[Word]:
    return [netlist.nodes[w].type for port in netlist.inputs if port.name == name for w in port.words]


def _build(program: Dataflow) -> int:
    """What the hardware is, whatever its memories hold."""
    nodes = [
        replace(node, op=replace(node.op, weights=Ints(0 * node.op.weights.array), constants=None))
        if isinstance(node.op, MatVec) and node.op.stored is not None
        else node
        for node in program.nodes
    ]
    return int(replace(program, nodes=tuple(nodes)).digest()[:8], 16)


def weight_rows(op: MatVec, lanes: int) -> IntArray:
    """The words of weights (groups * blocks * folds, units * lanes) in the order of steps."""
    groups, inputs, outputs = op.weights.shape
    parts = op.weights.array.reshape(groups, inputs // lanes, lanes, outputs // op.units, op.units)
    return np.ascontiguousarray(parts.transpose(0, 3, 1, 4, 2)).reshape(-1, op.units * lanes)
