"""Sums as instances of `bw_sum`: the cells of a Xilinx carry chain, placed as the chain's plan says."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.backends.verilog.operand import Operand
from bitwright.backends.verilog.tree import Expression, Instance, Literal, Ref
from bitwright.cost.chain import chain_of
from bitwright.ir.netlist.ops import Sum, Word

__all__ = ["LIBRARY", "sum_cells"]

LIBRARY = ("bw_sum", "bw_carry")
"""The static modules that the instances need."""


def sum_cells(op: Sum, args: Sequence[Operand], result: Word, target: str, name: str) -> Instance | None:
    """The instance `name` that drives the net `target` with `op`; None for a sum that is only wires."""
    chain = chain_of(op, result, [a.word for a in args])
    if chain.first >= chain.width:
        return None
    width = chain.width
    parameters: list[tuple[str, int | str | Literal]] = [("WIDTH", width)]
    connections: list[tuple[str, Expression]] = []
    for port, place, operand in zip("abc", chain.operands, args, strict=False):
        parameters += _masks(width, {f"{port.upper()}_BITS": place.present, f"{port.upper()}_INVERTED": place.inverted})
        connections.append((port, operand.window(place.shift, width)))
    connections += [(port, Literal(0, width)) for port in "abc"[len(args) :]]
    parameters += _masks(width, {"CONSTANT": chain.constant, "SAVED": chain.saved, "REST": chain.rest})
    parameters += [(word, value) for word, value in (("FREE", chain.free), ("FIRST", chain.first)) if value]
    return Instance("bw_sum", name, (*connections, ("y", Ref(target))), tuple(parameters))


def _masks(width: int, masks: dict[str, int]) -> list[tuple[str, int | str | Literal]]:
    return [(name, Literal(mask, width)) for name, mask in masks.items() if mask]
