"""A Verilog design mapped by yosys to Xilinx cells: what it takes, how deep its chains lie, and what it computes.

The mapped netlist itself is evaluated, many vectors at a time in the bits of Python's integers, with no vendor
model in between: a wrong cell cannot pass because the source was right.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bitwright.numeric import IntArray
from bitwright.toolchain import FAMILIES
from bitwright.toolchain.stage import scratch
from bitwright.toolchain.sums import KEEP, LEARN
from bitwright.toolchain.yosys import run_yosys

__all__ = ["Mapped", "PortMap", "mapped"]

FAMILY = "xcup"
LIMIT_S = 7200.0

Bit = int | str
"""A net, or one of the constants "0", "1" and "x"."""
PortMap = Sequence[tuple[str, int, int, bool]]
"""Where words lie: (port, lowest bit, bits, signed) of each."""


@dataclass(frozen=True)
class Cell:
    """One output bit: `kind` is lut, mux, sum or carry; `init` the table of a LUT, input 0 its lowest index bit."""

    kind: str
    inputs: tuple[Bit, ...]
    init: str = ""


class Mapped:
    """A combinational module of yosys's `write_json`."""

    def __init__(self, module: Mapping[str, Any]) -> None:
        self._ports: dict[str, dict[str, Any]] = module["ports"]
        self._cells: list[dict[str, Any]] = list(module["cells"].values())
        self.kinds: dict[str, int] = {}
        for cell in self._cells:
            self.kinds[cell["type"]] = self.kinds.get(cell["type"], 0) + 1

    @property
    def luts(self) -> int:
        """LUT cells."""
        return FAMILIES[FAMILY].counts(self.kinds).luts

    @property
    def carries(self) -> int:
        """Carry cells of four columns."""
        return FAMILIES[FAMILY].counts(self.kinds).carries

    @cached_property
    def columns(self) -> tuple[int, int]:
        """(columns of carry cells in use, those of them whose S no LUT of their own drives).

        Such a column still occupies the LUT before its carry cell, as a route or as a constant.
        """
        read = self._read()
        luts = {bit for cell in self._cells if cell["type"].startswith("LUT") for bit in _lut_outputs(cell)}
        used, own = 0, set[Bit]()
        for cell in self._cells:
            if cell["type"] == "CARRY4":
                pins = cell["connections"]
                last = max((i for i in range(4) if pins["O"][i] in read or pins["CO"][i] in read), default=-1)
                used += last + 1
                own.update(bit for bit in pins["S"][: last + 1] if bit in luts)
        return used, used - len(own)

    @property
    def depth(self) -> int:
        """Carry chains in series on the longest path; a chain of several cells counts once."""
        level: dict[Bit, int] = {}
        for bit in self._order:
            cell = self._drivers[bit]
            levels = [level.get(i, 0) for i in cell.inputs]
            into = levels.pop() if cell.kind in ("sum", "carry") else 0
            joins = cell.kind in ("sum", "carry")
            same = joins and self._driver_kind(cell.inputs[-1]) == "carry"
            level[bit] = max(max(levels, default=0) + joins, into + (joins and not same))
        return max((level.get(bit, 0) for port in self._of("output") for bit in port["bits"]), default=0)

    def differing(self, inputs: PortMap, outputs: PortMap, x: IntArray, y: IntArray) -> int:
        """Outputs that are not `y` (vectors, words) for the inputs `x`."""
        values: dict[Bit, int] = {}
        for (port, low, bits, _), column in zip(inputs, x.T, strict=True):
            for i in range(bits):
                values[self._ports[port]["bits"][low + i]] = _packed((column >> i) & 1)
        self._evaluate(values, (1 << len(x)) - 1)
        wrong = 0
        for (port, low, bits, signed), column in zip(outputs, y.T, strict=True):
            nets = self._ports[port]["bits"][low : low + bits]
            found = np.zeros(len(x), dtype=np.int64)
            for i, net in enumerate(nets):
                found += _unpacked(values.get(net, 0) if net != "1" else (1 << len(x)) - 1, len(x)) << i
            if signed and bits:
                found -= (found >> bits - 1) << bits
            wrong += int((found != column).sum())
        return wrong

    def _evaluate(self, values: dict[Bit, int], ones: int) -> None:
        values |= {"0": 0, "x": 0, "1": ones}
        for bit in self._order:
            cell = self._drivers[bit]
            pins = [values.get(i, 0) for i in cell.inputs]
            values[bit] = _EVALUATE[cell.kind](cell, pins, ones)

    def _of(self, direction: str) -> list[dict[str, Any]]:
        return [port for port in self._ports.values() if port["direction"] == direction]

    def _driver_kind(self, bit: Bit) -> str:
        return self._drivers[bit].kind if bit in self._drivers else ""

    def _read(self) -> set[Bit]:
        found = {bit for port in self._of("output") for bit in port["bits"]}
        for cell in self._cells:
            outputs = _OUTPUTS.get(cell["type"], ("O",))
            found.update(bit for pin, bits in cell["connections"].items() if pin not in outputs for bit in bits)
        return found

    @cached_property
    def _drivers(self) -> dict[Bit, Cell]:
        found: dict[Bit, Cell] = {}
        for cell in self._cells:
            found |= _outputs_of(cell)
        return found

    @cached_property
    def _order(self) -> list[Bit]:
        """Every driven bit behind those that it depends on."""
        order: list[Bit] = []
        done: set[Bit] = set()
        for start in self._drivers:
            stack: list[tuple[Bit, bool]] = [(start, False)]
            while stack:
                bit, ready = stack.pop()
                if ready:
                    order.append(bit)
                elif bit not in done and bit in self._drivers:
                    done.add(bit)
                    stack.append((bit, True))
                    stack += [(i, False) for i in self._drivers[bit].inputs]
        return order


_OUTPUTS = {"CARRY4": ("O", "CO"), "LUT6_2": ("O5", "O6")}


def _lut_outputs(cell: Mapping[str, Any]) -> list[Bit]:
    return cell["connections"].get("O6") or cell["connections"]["O"]


def _outputs_of(cell: Mapping[str, Any]) -> dict[Bit, Cell]:
    """The output bits of a yosys cell. Raises KeyError for a cell that no combinational Xilinx netlist has."""
    kind, pins = cell["type"], cell["connections"]
    if kind == "CARRY4":
        return _carry(pins)
    if kind == "INV":
        return {pins["O"][0]: Cell("lut", (pins["I"][0],), "01")}
    if kind.startswith("MUXF"):
        return {pins["O"][0]: Cell("mux", (pins["I0"][0], pins["I1"][0], pins["S"][0]))}
    init = str(cell["parameters"]["INIT"])
    if kind == "LUT6_2":
        inputs = tuple(pins[f"I{i}"][0] for i in range(6))
        return {pins["O6"][0]: Cell("lut", inputs, init), pins["O5"][0]: Cell("lut", inputs[:5], init[32:])}
    return {pins["O"][0]: Cell("lut", tuple(pins[f"I{i}"][0] for i in range(int(kind.removeprefix("LUT")))), init)}


def _carry(pins: Mapping[str, list[Bit]]) -> dict[Bit, Cell]:
    found: dict[Bit, Cell] = {}
    into = pins["CYINIT"][0] if pins["CI"][0] in ("0", "x") else pins["CI"][0]
    for s, di, o, co in zip(pins["S"], pins["DI"], pins["O"], pins["CO"], strict=True):
        found |= {o: Cell("sum", (s, into)), co: Cell("carry", (s, di, into))}
        into = co
    return found


def _lut(table: str, pins: Sequence[int], ones: int) -> int:
    """`table` is written as Verilog writes it, the entry of index 0 last."""
    if "1" not in table:
        return 0
    if "0" not in table:
        return ones
    half = len(table) // 2
    high, low, pin = table[:half], table[half:], pins[-1]
    if high == low:
        return _lut(low, pins[:-1], ones)
    if high == low.translate(_FLIP):
        return _lut(low, pins[:-1], ones) ^ pin
    return (_lut(high, pins[:-1], ones) & pin) | (_lut(low, pins[:-1], ones) & ~pin)


_FLIP = str.maketrans("01", "10")
_EVALUATE: dict[str, Callable[[Cell, list[int], int], int]] = {
    "lut": lambda cell, pins, ones: _lut(cell.init, pins, ones),
    "mux": lambda _, pins, ones: (pins[1] & pins[2]) | (pins[0] & ~pins[2]),
    "sum": lambda _, pins, ones: pins[0] ^ pins[1],
    "carry": lambda _, pins, ones: (pins[2] & pins[0]) | (pins[1] & ~pins[0]),
}


def _packed(bits: IntArray) -> int:
    return int.from_bytes(np.packbits(bits.astype(np.uint8), bitorder="little").tobytes(), "little")


def _unpacked(value: int, count: int) -> IntArray:
    data = np.frombuffer(value.to_bytes((count + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(data, bitorder="little")[:count].astype(np.int64)


def mapped(verilog: str, top: str, workdir: Path, *, keep_sums: bool) -> Mapped:
    """`top` through `synth_xilinx -family xcup -flatten -noiopad`; with `keep_sums` as `toolchain.sums` says."""
    family = FAMILIES[FAMILY]
    models = "read_verilog -lib +/xilinx/cells_sim.v\n"
    before, after = (LEARN + models, f"hierarchy -check -top {top}\n{KEEP}") if keep_sums else ("", "")
    with scratch(workdir, "mapped") as folder:
        (folder / "all.v").write_text(verilog)
        script = (
            f"{before}read_verilog all.v\n{after}{family.command} {family.flat} -top {top}\nwrite_json mapped.json\n"
        )
        run_yosys(script, folder, LIMIT_S, note=top)
        parsed: dict[str, Any] = json.loads((folder / "mapped.json").read_text())
    return Mapped(parsed["modules"][top])
