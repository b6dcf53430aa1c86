"""Sums on cells: proved against what a Sum means, as many LUTs as planned, right after synthesis as before."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from bitwright.backends.verilog.operand import Operand
from bitwright.backends.verilog.primitives import LIBRARY, row_cells, sum_cells
from bitwright.backends.verilog.printer import module
from bitwright.backends.verilog.tree import Literal, Module, PortDeclaration
from bitwright.core.origin import Origin
from bitwright.core.progress import Silent
from bitwright.cost.chain import chain_of
from bitwright.flow.design import Design
from bitwright.flow.options import Options
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.flow.verification import simulate
from bitwright.ir import graph as graphs
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense, Map
from bitwright.ir.netlist.infer import infer
from bitwright.ir.netlist.ops import Sum, Table, Word
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.toolchain import Miter, Ports, Verdict, synthesize
from bitwright.toolchain import prove as prove_modules

pytestmark = pytest.mark.tool("yosys")


@dataclass(frozen=True)
class Case:
    """A sum of small words."""

    op: Sum
    args: tuple[Word, ...]

    @property
    def result(self) -> Word:
        return infer(self.op, list(self.args))

    @property
    def luts(self) -> int:
        return chain_of(self.op, self.result, self.args).lut_count


def _word(rng: random.Random) -> Word:
    width = rng.randint(1, 6)
    return Word(0, (1 << width) - 1) if rng.random() < 0.5 else Word(-(1 << (width - 1)), (1 << (width - 1)) - 1)


def cases(count: int, seed: int) -> list[Case]:
    """Sums of one to three words with any shifts, signs and constants, some of which cannot ride on the chain."""
    rng = random.Random(seed)
    found: list[Case] = []
    while len(found) < count:
        args = tuple(_word(rng) for _ in range(rng.choice((1, 2, 3, 3, 3))))
        shifts = tuple(rng.randint(0, 4) for _ in args)
        constant = rng.choice((0, rng.randint(-40, 40), rng.randint(-400, 400)))
        case = Case(Sum(shifts, tuple(rng.choice((1, -1)) for _ in args), constant), args)
        if case.result.low < case.result.high and _instance(case, 0) is not None:
            found.append(case)
    return found


def _instance(case: Case, number: int):
    operands = [Operand(f"{name}{number}", word) for name, word in zip("abc", case.args, strict=False)]
    return sum_cells(case.op, operands, case.result, f"y{number}", f"u{number}")


def _ports(given: list[Case]) -> Ports:
    inputs = [(f"{n}{k}", w.width) for k, case in enumerate(given) for n, w in zip("abc", case.args, strict=False)]
    return Ports(tuple(inputs), tuple((f"y{k}", case.result.width) for k, case in enumerate(given)), clock="")


def written(given: list[Case], folder: Path) -> list[Path]:
    """`cells`: an instance per sum; `meaning`: its formula on wide signed numbers."""
    ports, items, lines = _ports(given), [], list[str]()
    for number, case in enumerate(given):
        items.append(_instance(case, number))
        terms = [f"64'sd{case.op.constant & (1 << 62) - 1}"]
        for name, word, shift, sign in zip("abc", case.args, case.op.shifts, case.op.signs, strict=False):
            value = f"$signed({name}{number})" if word.signed else f"$signed({{1'b0, {name}{number}}})"
            lines.append(f"  wire signed [63:0] {name}{number}_w = {value};")
            terms.append(f"{'' if sign > 0 else '-'}({name}{number}_w <<< {shift})")
        lines += [f"  wire signed [63:0] t{number} = {' + '.join(terms)};", f"  assign y{number} = t{number};"]
    heads = [PortDeclaration("input", "wire", n, w) for n, w in ports.inputs]
    heads += [PortDeclaration("output", "wire", n, w) for n, w in ports.outputs]
    declared = ", ".join(f"{p.direction} wire [{p.width - 1}:0] {p.name}" for p in heads)
    texts = {"cells": module(Module("cells", "", tuple(heads), tuple(items)))}
    texts["meaning"] = f"module meaning({declared});\n" + "\n".join(lines) + "\nendmodule\n"
    source = resources.files("bitwright.backends.verilog") / "library"
    texts |= {name: (source / f"{name}.v").read_text() for name in LIBRARY}
    for name, text in texts.items():
        (folder / f"{name}.v").write_text(text)
    return [folder / f"{name}.v" for name in texts]


def test_a_sum_of_cells_is_the_sum_for_every_input(tmp_path: Path) -> None:
    given = cases(30, seed=1)
    found = prove_modules(written(given, tmp_path), Miter("meaning", "cells", _ports(given)), workdir=tmp_path)
    assert [proof.output for proof in found if proof.verdict is not Verdict.PROVED] == []


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_sums_of_cells_are_sums(tmp_path: Path, seed: int) -> None:
    given = cases(150, seed)
    found = prove_modules(written(given, tmp_path), Miter("meaning", "cells", _ports(given)), workdir=tmp_path)
    assert [proof.output for proof in found if proof.verdict is not Verdict.PROVED] == []


FAULTS = {
    "a bit of the truth table": ("bw_sum", "init[32 + row] = (^bits)", "init[32 + row] = (row != 5) & (^bits)"),
    "the saved carry": ("bw_sum", "assign di[i] = k[i];", "assign di[i] = 1'b0;"),
    "the carry between cells": ("bw_carry", ".CI(carry[4*n-1])", ".CI(1'b0)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_cells_is_refuted(tmp_path: Path, fault: str) -> None:
    given, (name, right, wrong) = cases(12, seed=1), FAULTS[fault]
    sources = written(given, tmp_path)
    text = (tmp_path / f"{name}.v").read_text()
    assert text.count(right) == 1
    (tmp_path / f"{name}.v").write_text(text.replace(right, wrong))
    found = prove_modules(sources, Miter("meaning", "cells", _ports(given)), workdir=tmp_path)
    refuted = [proof for proof in found if proof.verdict is Verdict.REFUTED]
    assert refuted
    assert all(proof.reference != proof.candidate for proof in refuted)


@pytest.mark.parametrize("family", ["xcup", pytest.param("xc7", marks=pytest.mark.long)])
def test_synthesis_takes_the_luts_of_the_plan(tmp_path: Path, family: str) -> None:
    given = cases(40, seed=5)
    found = synthesize(written(given, tmp_path), "cells", workdir=tmp_path, family=family)
    assert found.luts == sum(case.luts for case in given)
    assert found.cells["LUT6_2"] > 40


def network(device: str = "xcvu9p") -> Design:
    """Two dense layers with a rounding between them."""
    rng, builder = np.random.default_rng(0), GraphBuilder()
    x = builder.input(TensorType((6,), Ints(-8), Ints(7), Steps.of(1)), "x")
    weights = [rng.integers(-7, 8, (6, 4)), rng.integers(-7, 8, (4, 3))]
    first = builder.apply(
        Dense(Ints(weights[0]), Ints([5, -9, 0, 33])), [x], step=Steps.of(1), name="fc1", origin=Origin("fc1")
    )
    form = ShiftRoundSaturate(*(Ints([n]) for n in (1, 0, 3)), Rounding.HALF_EVEN, Ints([0]), Ints([15]))
    relu = builder.apply(Map(form, Ints(0)), [first], step=Steps.of(1), name="relu", origin=Origin("relu"))
    last = builder.apply(
        Dense(Ints(weights[1]), Ints([1, 2, -3])), [relu], step=Steps.of(1), name="fc2", origin=Origin("fc2")
    )
    graph = builder.graph("net", [last])
    return Design("net", Options(clock_mhz=300.0, device=device), graph, graph, (), ())


@pytest.mark.tool("verilator", "g++", "make")
@pytest.mark.parametrize("device", ["xcvu9p", pytest.param("lfe5u-85", marks=pytest.mark.long)])
def test_what_synthesis_made_answers_as_the_graph_does(tmp_path: Path, device: str) -> None:
    design = network(device)
    pairs = zip(random_codes(design.graph, 4000, 1), corner_codes(design.graph, 1), strict=True)
    codes = [np.concatenate(pair) for pair in pairs]
    found, _ = simulate(design, codes, tmp_path, Silent(), synthesized=True)
    assert np.array_equal(found[0], graphs.run(design.graph, codes)[0])
    assert (tmp_path / "rtl" / "bw_sum.v").exists() == (device == "xcvu9p")


def test_masks_print_in_hexadecimal() -> None:
    case = Case(Sum((0, 1), (1, -1)), (Word(0, 15), Word(0, 15)))
    made = _instance(case, 0)
    assert made is not None
    assert dict(made.parameters)["B_INVERTED"] == Literal(0b11110, 6)
    text = module(Module("m", "", (PortDeclaration("output", "wire", "y0", 6),), (made,)))
    assert ".B_INVERTED(6'h1e)" in text


def test_a_row_of_cells_is_a_table_and_a_sum_for_every_input_in_the_luts_of_the_table(tmp_path: Path) -> None:
    rng, items, lines, ports = random.Random(4), [], list[str](), []
    expected = 0
    for k in range(12):
        width, high = rng.randint(1, 5), rng.randint(1, 60)
        values = [rng.randrange(1, 16) for _ in range(1 << width)]
        table, code = Table(0, Ints(values)), Word(0, (1 << width) - 1)
        args = (Word(0, high), Word(min(values), max(values)))
        # A constant below and above both operands is wires.
        op = Sum((rng.randint(1, 3), rng.randint(1, 3)), (1, 1), rng.choice((0, 1, -(1 << 10))))
        result = infer(op, list(args))
        operands = [Operand(f"a{k}", args[0]), Operand(f"t{k}", args[1])]
        items.append(row_cells(op, operands, table, Operand(f"c{k}", code), result, f"y{k}", f"u{k}"))
        ports += [("input", f"a{k}", args[0].width), ("input", f"c{k}", width), ("output", f"y{k}", result.width)]
        arms = " ".join(f"{code}: t{k} = {value};" for code, value in enumerate(values))
        lines.append(f"  reg [5:0] t{k}; always @* case (c{k}) {arms} default: t{k} = 0; endcase")
        total = f"(a{k} << {op.shifts[0]}) + (t{k} << {op.shifts[1]}) + 32'd{op.constant & (1 << 31) - 1}"
        lines.append(f"  wire [31:0] s{k} = {total}; assign y{k} = s{k};")
        expected += args[1].width
    heads = tuple(PortDeclaration(d, "wire", n, w) for d, n, w in ports)
    declared = ", ".join(f"{d} wire [{w - 1}:0] {n}" for d, n, w in ports)
    texts = {"cells": module(Module("cells", "", heads, tuple(items)))}
    texts["meaning"] = f"module meaning({declared});\n" + "\n".join(lines) + "\nendmodule\n"
    source = resources.files("bitwright.backends.verilog") / "library"
    texts |= {name: (source / f"{name}.v").read_text() for name in LIBRARY}
    for name, text in texts.items():
        (tmp_path / f"{name}.v").write_text(text)
    sides = [tuple((n, w) for d, n, w in ports if d == direction) for direction in ("input", "output")]
    files = [tmp_path / f"{name}.v" for name in texts]
    found = prove_modules(files, Miter("meaning", "cells", Ports(*sides, clock="")), workdir=tmp_path)
    assert [proof.output for proof in found if proof.verdict is not Verdict.PROVED] == []
    measured = synthesize([f for f in files if f.stem != "meaning"], "cells", workdir=tmp_path / "s", family="xcup")
    assert measured.luts <= expected
