"""Library modules of streams beside their actors: one module that holds many, and what each must do in every cycle.

A case drives a front by two patterns, one bit a cycle: a word is there, a place is free. `Schedule` follows the
actor's processes literally and says when it must step; words are numbered and mixed from their number, in Verilog
(`feed`) and here (`mixed`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.ir.dataflow import Stream, evaluate, infer, schedule
from bitwright.ir.dataflow.ops import Actor, Apply, Convert, Digits, Interleave, Rearrange, Reduce, Reduction, Window
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.toolchain import Ports

__all__ = ["FEED", "Case", "Driven", "mixed", "stream"]

Bits = NDArray[np.bool_]

FEED = """
// Word after word: the number of those popped, mixed.
module feed #(parameter WIDTH = 8, parameter SALT = 0) (
    input wire clk, input wire rst, input wire pop, output wire [WIDTH-1:0] head
);
    reg [31:0] number;
    always @(posedge clk) if (rst) number <= 0; else if (pop) number <= number + 1;
    genvar k;
    generate
        for (k = 0; k < (WIDTH + 31) / 32; k = k + 1) begin : g_part
            localparam BITS = WIDTH - 32 * k > 32 ? 32 : WIDTH - 32 * k;
            wire [31:0] a = (number + SALT) * 32'd2654435761 + 32'd2246822519 * (k + 1);
            wire [31:0] b = (a ^ (a >> 15)) * 32'd3266489917;
            wire [31:0] c = b ^ (b >> 13);
            assign head[32*k+:BITS] = c[BITS-1:0];
        end
    endgenerate
endmodule
"""


def mixed(count: int, width: int, salt: int = 0) -> list[int]:
    """The first `count` words of `feed`."""
    number = np.arange(count, dtype=np.uint64) + np.uint64(salt)
    mask, found = np.uint64(0xFFFFFFFF), [0] * count
    for k in range(-(-width // 32)):
        a = (number * np.uint64(2654435761) + np.uint64(2246822519 * (k + 1))) & mask
        b = ((a ^ (a >> np.uint64(15))) * np.uint64(3266489917)) & mask
        c = b ^ (b >> np.uint64(13))
        found = [f | int(part) << 32 * k for f, part in zip(found, c, strict=True)]
    return [f & ((1 << width) - 1) for f in found]


def stream(shape: tuple[int, ...], lanes: int, bits: int) -> Stream:
    """Signed elements of `bits` bits each."""
    return Stream(shape, lanes, Ints(-(1 << (bits - 1))), Ints((1 << (bits - 1)) - 1), Steps.of(1))


@dataclass(frozen=True)
class Case:
    """A front: the actor, its arguments, and the memory it is told to use."""

    op: Any
    args: tuple[Stream, ...]
    lanes: int = 0
    block: int = 0

    @cached_property
    def result(self) -> Stream:
        """What the actor yields."""
        return infer(self.op, self.args, lanes=self.lanes or None)

    @property
    def bits(self) -> int:
        """Bits of an element of the arguments."""
        return self.args[0].lane_words()[0].width

    @property
    def out_bits(self) -> int:
        """Bits of an element of x."""
        return self.result.lane_words()[0].width

    @property
    def latency(self) -> int:
        """From a writing step to its word."""
        return schedule(self.op, self.result, list(self.args))[1]

    def words(self, frames: int) -> list[int]:
        """The packed words of the result."""
        given = [self._given(port, frames) for port in range(len(self.args))]
        found = evaluate(self.op, self.result, given).reshape(-1, self.result.lanes)
        mask = (1 << self.out_bits) - 1
        return [sum((int(v) & mask) << i * self.out_bits for i, v in enumerate(word)) for word in found]

    def _given(self, port: int, frames: int) -> IntArray:
        arg = self.args[port]
        packed = mixed(frames * arg.words, arg.lanes * self.bits, 1000 * port)
        half, mask = 1 << (self.bits - 1), (1 << self.bits) - 1
        lanes = [[((w >> i * self.bits & mask) ^ half) - half for i in range(arg.lanes)] for w in packed]
        return np.array(lanes, dtype=np.int64).reshape(frames, arg.words, arg.lanes)

    def verilog(self, name: str) -> str:
        """The module with what feeds it."""
        ports, width, out = len(self.args), self.args[0].lanes * self.bits, self.result.lanes * self.out_bits
        feeds = "".join(
            f"    feed #(.WIDTH({width}), .SALT({1000 * p})) u_feed{p} "
            f"(.clk(clk), .rst(rst), .pop(popped[{p}]), .head(head[{p * width}+:{width}]));\n"
            for p in range(ports)
        )
        module, parameters = _parameters(self)
        told = ", ".join(f".{key}({value})" for key, value in parameters.items())
        return f"""
module {name} (
    input wire clk, input wire rst, input wire [{ports - 1}:0] there, input wire free,
    output wire [{ports - 1}:0] popped, output wire taken, output wire go, output wire [{out - 1}:0] x
);
    wire [{ports * width - 1}:0] head;
{feeds}    {module} #({told}) dut (
        .clk(clk), .rst(rst), .in_valid(there), .in_head(head), .in_pop(popped),
        .out_ready(free), .out_take(taken), .x(x), .go(go)
    );
endmodule
"""

    @property
    def ports(self) -> Ports:
        """Of the module that `verilog` gives."""
        count, out = len(self.args), self.result.lanes * self.out_bits
        inputs = (("rst", 1), ("there", count), ("free", 1))
        return Ports(inputs, (("popped", count), ("taken", 1), ("go", 1), ("x", out)))


@dataclass
class Driven:
    """What an actor's processes do when words come and places are free by the given patterns."""

    popped: Bits
    taken: Bits

    @classmethod
    def by(cls, case: Case, there: Bits, free: Bits, start: int) -> Driven:
        """there: (cycles, ports), free: (cycles,); start: the first cycle after reset."""
        processes, _ = schedule(case.op, case.result, list(case.args))
        done = [0] * len(processes)
        popped, taken = np.zeros_like(there), np.zeros_like(free)
        for cycle in range(start, len(free)):
            before = list(done)
            for number, process in enumerate(processes):
                frame, step = divmod(before[number], process.steps)
                reads = [port for port, flags in process.reads.items() if flags[step]]
                writes = process.writes is not None and bool(process.writes[step])
                waits = all(
                    w.free[step] or before[w.process] > frame * processes[w.process].steps + w.step[step]
                    for w in process.waits
                )
                if waits and all(there[cycle, p] for p in reads) and (free[cycle] or not writes):
                    popped[cycle, reads] = True
                    taken[cycle] |= writes
                    done[number] += 1
        return cls(popped, taken)


Parameters = dict[str, str | int]


def _parameters(case: Case) -> tuple[str, Parameters]:
    """Module and parameters, as the emission derives them."""
    return _RULES[type(case.op)](case)


def _convert(case: Case) -> tuple[str, Parameters]:
    return "bw_convert", {"WIDTH": case.bits, "IN": case.args[0].lanes, "OUT": case.result.lanes}


def _digits(case: Case) -> tuple[str, Parameters]:
    told = {"LANES": case.result.lanes, "WIDTH": case.bits, "SIGNED": 1, "BITS": case.op.bits}
    return "bw_digits", told | {"COUNT": case.op.count}


def _apply(case: Case) -> tuple[str, Parameters]:
    return "bw_words", {"WIDTH": case.bits * case.args[0].lanes}


def _interleave(case: Case) -> tuple[str, Parameters]:
    counts = case.op.counts
    width = case.bits * case.args[0].lanes
    return "bw_interleave", {"WIDTH": width, "PORTS": len(counts), "COUNTS": _list(counts)}


def _reduce(case: Case) -> tuple[str, Parameters]:
    biggest = case.op.reduction is Reduction.MAX
    told = {"LANES": case.result.lanes, "IN": case.bits, "OUT": case.out_bits, "COUNT": case.op.count}
    return "bw_reduce", told | {"WORDS": case.result.words, "MAX": int(biggest)}


def _window(case: Case) -> tuple[str, Parameters]:
    op = case.op
    told: Parameters = {"WIDTH": case.bits * case.args[0].lanes, "GROUPS": op.grid[2] // case.args[0].lanes}
    pads = zip(("TOP", "BOTTOM", "LEFT", "RIGHT"), (*op.pads[0], *op.pads[1]), strict=True)
    told |= {f"PAD_{side}": n for side, n in pads}
    for axis, name in enumerate(("ROWS", "COLUMNS")):
        told |= {name: op.grid[axis], f"KERNEL_{name}": op.kernel[axis], f"STRIDE_{name}": op.strides[axis]}
        told |= {f"DILATION_{name}": op.dilation[axis]}
    return "bw_window", told | {"FILL": _word([op.fill] * case.args[0].lanes, case.bits), "BLOCK": case.block}


def _rearrange(case: Case) -> tuple[str, Parameters]:
    op = case.op
    told: Parameters = {"WIDTH": case.bits * case.args[0].lanes, "DEPTH": op.depth, "LOOPS": len(op.loops)}
    told |= dict(zip(("ROWS", "COLUMNS", "WORDS"), op.grid, strict=True))
    told |= {"EXTENT": _list([x.extent for x in op.loops]), "ROW": _list([x.row for x in op.loops])}
    told |= {"COLUMN": _list([x.column for x in op.loops]), "WORD": _list([x.word for x in op.loops])}
    names = ("ORIGIN_ROW", "ORIGIN_COLUMN", "ORIGIN_WORD")
    told |= dict(zip(names, op.start, strict=True))
    fill = _word([op.fill] * case.args[0].lanes, case.bits)
    return "bw_rearrange", told | {"RELEASE": op.release, "FILL": fill, "BLOCK": case.block}


def _list(values: Sequence[int]) -> str:
    return _word(values, 32)


def _word(values: Sequence[int], bits: int) -> str:
    packed = sum((v & ((1 << bits) - 1)) << i * bits for i, v in enumerate(values))
    return f"{len(values) * bits}'h{packed:x}"


_RULES: dict[type[Actor], Callable[[Case], tuple[str, Parameters]]] = {
    Apply: _apply,
    Convert: _convert,
    Digits: _digits,
    Interleave: _interleave,
    Rearrange: _rearrange,
    Reduce: _reduce,
    Window: _window,
}
