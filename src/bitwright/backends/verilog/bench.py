"""Self-checking benches: golden vectors as memory images, and the module that joins them to a top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.verilog.axis import byte_slices
from bitwright.backends.verilog.ports import PortBits, pack_tight
from bitwright.backends.verilog.tree import Expression, Instance, Item, Literal, Module, Net, Part, Ref
from bitwright.core.errors import InvalidValue
from bitwright.numeric import IntArray

__all__ = ["Vectors", "axis_bench", "axis_images", "bench", "hex_lines", "images"]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Golden inputs and outputs: int64 (n, *shape) per port."""

    inputs: tuple[IntArray, ...]
    outputs: tuple[IntArray, ...]

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return len(self.outputs[0])

    def checked(self) -> Vectors:
        """Itself, or `InvalidValue` when there is none or the lengths differ."""
        lengths = {len(a) for a in (*self.inputs, *self.outputs)}
        if len(lengths) != 1 or 0 in lengths:
            raise InvalidValue(f"arrays of {sorted(lengths)} vectors", where="vectors", remedy="give one at least")
        return self


def images(vectors: Vectors, ports: Sequence[PortBits], name: str) -> dict[str, str]:
    """The memory images of the plain bench: a line per vector, all buses side by side, the first lowest."""
    sides = _sides(ports)
    return {
        f"tb/{name}_{tail}.hex": hex_lines(pack_tight(arrays, side), sum(p.bits for p in side))
        for tail, arrays, side in (("in", vectors.inputs, sides[0]), ("out", vectors.outputs, sides[1]))
    }


def axis_images(vectors: Vectors, ports: Sequence[PortBits], name: str) -> dict[str, str]:
    """The memory images of the AXI4-Stream bench: a line per beat, every bus in whole bytes."""
    files: dict[str, str] = {}
    pairs = (("in", vectors.inputs), ("out", vectors.outputs))
    for (tail, arrays), side in zip(pairs, _sides(ports), strict=True):
        lines = [
            hex_lines(pack_tight([a], [p]), -(-p.bits // 8) * 8).splitlines() for a, p in zip(arrays, side, strict=True)
        ]
        rows = ("".join(reversed(row)) for row in zip(*lines, strict=True))
        files[f"tb/{name}_axis_{tail}.hex"] = "\n".join(rows) + "\n"
    return files


def _sides(ports: Sequence[PortBits]) -> tuple[list[PortBits], list[PortBits]]:
    return [p for p in ports if p.direction == "input"], [p for p in ports if p.direction == "output"]


def hex_lines(words: NDArray[np.uint32], bits: int) -> str:
    """Bus words (n, words) as a memory image: a line of hexadecimal digits per row, the highest bits first."""
    text = words[:, ::-1].astype(">u4").tobytes().hex()
    row = words.shape[1] * 8
    digits = -(-bits // 4)
    return "".join(f"{text[end - digits : end]}\n" for end in range(row, len(text) + 1, row))


def bench(name: str, ports: Sequence[PortBits], latency: int, vectors: int, valid: bool) -> Module:
    """The bench of the plain top."""
    inputs, outputs = _sides(ports)
    in_bits, out_bits = sum(p.bits for p in inputs), sum(p.bits for p in outputs)
    items: list[Item] = [
        Net("wire", "clk", 1),
        Net("wire", "rst", 1),
        Net("wire", "in_valid", 1),
        Net("wire", "out_valid", 1, value=None if valid else Literal(0, 1)),
        Net("wire", "stimulus", in_bits),
        Net("wire", "answer", out_bits),
    ]
    controls = ("clk", "rst", "in_valid", "out_valid") if valid else ("clk",)
    joined = [*((c, Ref(c)) for c in controls), *_cut("stimulus", inputs), *_cut("answer", outputs)]
    names = ("clk", "rst", "in_valid", "stimulus", "out_valid", "answer")
    parameters = (
        ("IN_BITS", in_bits),
        ("OUT_BITS", out_bits),
        ("VECTORS", vectors),
        ("LATENCY", latency),
        ("CHECK_VALID", int(valid)),
        ("IN_FILE", f"{name}_in.hex"),
        ("OUT_FILE", f"{name}_out.hex"),
    )
    items.append(Instance(name, "dut", tuple(joined)))
    items.append(Instance("bw_bench", "bench", tuple((n, Ref(n)) for n in names), parameters))
    return Module(f"{name}_tb", _about(name, "bw_bench.v"), (), tuple(items))


def axis_bench(name: str, ports: Sequence[PortBits], vectors: int) -> Module:
    """The bench of the AXI4-Stream top, with random pauses on both sides."""
    inputs, outputs = _sides(ports)
    in_bits, out_bits = byte_slices(inputs)[-1], byte_slices(outputs)[-1]
    widths = {"tdata": 0, "tvalid": 1, "tready": 1, "tlast": 1}
    items: list[Item] = [Net("wire", "aclk", 1), Net("wire", "aresetn", 1)]
    for side, bits in (("s", in_bits), ("m", out_bits)):
        items += [Net("wire", f"{side}_{n}", width or bits) for n, width in widths.items()]
    streams = [f"{side}_{n}" for side in "sm" for n in widths]
    clocks = [("aclk", Ref("aclk")), ("aresetn", Ref("aresetn"))]
    joined = (*clocks, *((f"{n[0]}_axis_{n[2:]}", Ref(n)) for n in streams))
    parameters = (
        ("IN_BITS", in_bits),
        ("OUT_BITS", out_bits),
        ("VECTORS", vectors),
        ("IN_FILE", f"{name}_axis_in.hex"),
        ("OUT_FILE", f"{name}_axis_out.hex"),
    )
    items.append(Instance(f"{name}_axis", "dut", joined))
    items.append(Instance("bw_axis_bench", "bench", (*clocks, *((n, Ref(n)) for n in streams)), parameters))
    return Module(f"{name}_axis_tb", _about(f"{name}_axis", "bw_axis_bench.v"), (), tuple(items))


def _about(top: str, library: str) -> str:
    bench = f"{top}_tb"
    return (
        f"Self-checking bench of {top}. In this folder:\n"
        f"    $ iverilog -g2005 -s {bench} -o {bench}.vvp ../rtl/*.v {library} {bench}.v && vvp {bench}.vvp\n"
        f"    $ verilator --binary --top-module {bench} ../rtl/*.v {library} {bench}.v && obj_dir/V{bench}"
    )


def _cut(net: str, ports: Sequence[PortBits]) -> list[tuple[str, Expression]]:
    joined: list[tuple[str, Expression]] = []
    low, total = 0, sum(p.bits for p in ports)
    for port in ports:
        joined.append((port.name, Ref(net) if total == 1 else Part(net, low + port.bits - 1, low)))
        low += port.bits
    return joined
