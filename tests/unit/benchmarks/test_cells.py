"""A peer's ternary adders on cells: `benchmarks._cells`."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[3] / "benchmarks" / "_cells.py"
SHAPES = [*itertools.product([(3, True), (2, False)], [(2, True), (3, False)], [(2, True), (1, False)])]


@pytest.fixture(scope="module")
def cells() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cells_under_test", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


class Cells:
    """What a module of LUT6_2, CARRY4 and XORs gives for the codes at its ports: each line in turn."""

    def __init__(self, operands: dict[str, int]) -> None:
        self.operands = operands
        self.nets: dict[str, int] = {"1'b0": 0, "1'b1": 1}

    def run(self, text: str) -> int:
        forms = {
            r"LUT6_2 #\(\.INIT\(64'h(\w+)\)\) \w+ \((.*)\);": self.lut,
            r"CARRY4 \w+ \((.*)\);": self.chain,
            r"assign (s\d+|sum\[\d+\]) = ([^o]*);": self.signal,
            r"assign sum\[(\d+):(\d+)\] = (o\d+)\[": self.word,
        }
        for line in text.splitlines():
            for form, act in forms.items():
                if found := re.match(form, line):
                    act(*found.groups())
        bits = {int(name[4:-1]): bit for name, bit in self.nets.items() if name.startswith("sum[")}
        return sum(bit << i for i, bit in bits.items())

    def value(self, name: str) -> int:
        name = name.strip()
        if name.startswith("~"):
            return 1 - self.value(name[1:])
        if port := re.fullmatch(r"([abc])\[(\d+)\]", name):
            return self.operands[port[1]] >> int(port[2]) & 1
        return self.nets[name]

    def lut(self, init: str, ports: str) -> None:
        pins = dict(re.findall(r"\.(\w+)\(([^()]+)\)", ports))
        row = sum(self.value(pins[f"I{i}"]) << i for i in range(5))
        self.nets[pins["O6"]] = int(init, 16) >> 32 + row & 1
        self.nets[pins["O5"]] = int(init, 16) >> row & 1

    def chain(self, ports: str) -> None:
        pins = dict(re.findall(r"\.(\w+)\(\{?([^(){}]+)\}?\)", ports))
        s, di = ([self.value(name) for name in pins[pin].split(",")][::-1] for pin in ("S", "DI"))
        into = self.value(pins["CYINIT"]) | self.value(pins["CI"])
        for i in range(4):
            self.nets[f"{pins['O']}[{i}]"] = s[i] ^ into
            into = into if s[i] else di[i]
            self.nets[f"{pins['CO']}[{i}]"] = into

    def signal(self, name: str, terms: str) -> None:
        self.nets[name] = sum(self.value(term) for term in terms.split("^")) & 1

    def word(self, high: str, low: str, source: str) -> None:
        for i in range(int(high) - int(low) + 1):
            self.nets[f"sum[{int(low) + i}]"] = self.nets[f"{source}[{i}]"]


@pytest.mark.parametrize("negated", [(0, 0, 0), (0, 1, 0), (1, 0, 1), (0, 1, 1)])
def test_a_ternary_adder_on_cells_is_the_sum_for_every_input(cells: ModuleType, negated: tuple[int, int, int]) -> None:
    for shape, shifts in itertools.product(SHAPES, [(0, 0, 0), (0, 1, 3), (2, 0, 1), (1, 3, 1)]):
        operands = [
            cells.Operand(bits, signed, bool(minus), shift)
            for (bits, signed), minus, shift in zip(shape, negated, shifts, strict=True)
        ]
        made = cells.Ternary((operands[0], operands[1], operands[2]), 7, 0)
        text = made.verilog("cell")
        ranges = [range(-(1 << o.bits - 1), 1 << o.bits - 1) if o.signed else range(1 << o.bits) for o in operands]
        for values in itertools.product(*ranges):
            wanted = sum((-v if o.negated else v) << o.shift for v, o in zip(values, operands, strict=True)) & 127
            codes = {port: v & ((1 << o.bits) - 1) for port, v, o in zip("abc", values, operands, strict=True)}
            assert Cells(codes).run(text) == wanted, (made, values)


def test_every_instance_gets_the_module_of_its_own_parameters(cells: ModuleType) -> None:
    source = "ternary_adder #(8,1,0,0,8,1,0,0,8,1,1,0,10,0) u (a, b, c, y);"
    text = cells.on_cells([source, "module ternary_adder (); endmodule"])
    assert "ternary_adder #" not in text
    assert len(re.findall("^module", text, re.MULTILINE)) == 1
    assert sum(line.startswith("LUT6_2") for line in text.splitlines()) == 10
