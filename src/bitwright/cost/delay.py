"""Delay of netlist words on a fabric, in ns: the stated model that pipelining uses."""

from __future__ import annotations

from math import ceil, log

from bitwright.core.rules import Rules
from bitwright.cost.area import area
from bitwright.cost.chain import chain_of
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Input,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Sum,
    Table,
    Word,
)
from bitwright.platforms import Fabric

__all__ = ["delay_ns"]

delay_ns: Rules[[Word, list[Word], Fabric], float] = Rules("delay of a netlist operator")


@delay_ns.on(Input, Constant, Shift, Bits, Register)
def _(op: object, out: Word, args: list[Word], fabric: Fabric) -> float:
    return 0.0


@delay_ns.on(Add, Subtract)
def _(op: Add | Subtract, out: Word, args: list[Word], fabric: Fabric) -> float:
    found = area(op, out, args, fabric)
    if found.carries:
        last = min(fabric.inverter_luts, 1)  # there the top bit has no carry cell
        return chain_ns(int(found.carries) * fabric.carry_bits + last, fabric)
    return min(found.luts, 1 + (found.luts > 2)) * fabric.lut_ns


@delay_ns.on(Sum)
def _(op: Sum, out: Word, args: list[Word], fabric: Fabric) -> float:
    chain = chain_of(op, out, args)
    twice = fabric.lut_ns if chain.saved else 0.0  # the saved carry passes two LUTs
    return twice + chain_ns(chain.carry_bits, fabric)


def chain_ns(bits: int, fabric: Fabric) -> float:
    """A LUT, then the carry over `bits` bits; LUTs alone where that is too short, nothing for no bits."""
    if bits < fabric.shortest_chain:
        return min(bits, 1 + (bits > 2)) * fabric.lut_ns
    return fabric.lut_ns + fabric.chain_ns + bits * fabric.carry_ns


@delay_ns.on(AtLeast)
def _(op: AtLeast, out: Word, args: list[Word], fabric: Fabric) -> float:
    width = max(a.width for a in args)
    fixed = any(a.low == a.high for a in args)
    if fixed and (width <= fabric.lut_inputs or not fabric.carry_luts):
        return levels(width, fabric) * fabric.lut_ns
    return chain_ns(width, fabric)


def levels(inputs: int, fabric: Fabric) -> int:
    """LUT levels that a function of `inputs` bits needs at least."""
    return max(1, ceil(log(max(inputs, 2), fabric.lut_inputs) - 1e-9))


@delay_ns.on(Clip)
def _(op: Clip, out: Word, args: list[Word], fabric: Fabric) -> float:
    if args[0].width <= 1:
        return 0.0
    spare = args[0].width - out.width + 1
    return fabric.lut_ns * (1 + (levels(spare, fabric) if spare > 3 else 0))


@delay_ns.on(Mux)
def _(op: Mux, out: Word, args: list[Word], fabric: Fabric) -> float:
    return fabric.lut_ns


@delay_ns.on(Table)
def _(op: Table, out: Word, args: list[Word], fabric: Fabric) -> float:
    beyond = max(args[0].width - fabric.lut_inputs, 0)
    return fabric.lut_ns * (1 + ceil(beyond / 2) * 0.6)


@delay_ns.on(Multiply)
def _(op: Multiply, out: Word, args: list[Word], fabric: Fabric) -> float:
    rows = min(a.width for a in args)
    return chain_ns(out.width, fabric) * max(1, ceil(log(max(rows, 2), 2)))
