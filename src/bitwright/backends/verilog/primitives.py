"""Sums as instances of `bw_sum` and `bw_row`: the cells of a Xilinx carry chain, placed as the chain's plan says."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.backends.verilog.operand import Operand
from bitwright.backends.verilog.tree import Expression, Instance, Literal, Ref
from bitwright.cost.chain import chain_of
from bitwright.cost.tables import by_pattern
from bitwright.ir.netlist.ops import Sum, Table, Word

__all__ = ["LIBRARY", "row_cells", "sum_cells"]

LIBRARY = ("bw_sum", "bw_row", "bw_carry")
"""The static modules that the instances need."""


_ADDRESS = 5


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


def row_cells(
    op: Sum, args: Sequence[Operand], table: Table, code: Operand, result: Word, target: str, name: str
) -> Instance:
    """The instance that drives `target` with `op`, whose last argument is `table` of `code` (`cost.neighbors`)."""
    chain = chain_of(op, result, [a.word for a in args])
    width, (first, second) = chain.width, chain.operands
    values = by_pattern(table.values.array, table.start, code.width)
    contents = 0
    for pattern in range(1 << _ADDRESS):
        value = (int(values[pattern % len(values)]) << second.shift) & second.present
        for column in range(width):
            contents |= (value >> column & 1) << ((column << _ADDRESS) + pattern)
    parameters: list[tuple[str, int | str | Literal]] = [("WIDTH", width)]
    parameters += _masks(width, {"A_BITS": first.present, "T_BITS": second.present, "CONSTANT": chain.constant})
    parameters += [("TABLE", Literal(contents, width << _ADDRESS))]
    parameters += [("FIRST", chain.first)] if chain.first else []
    connections = (("a", args[0].window(first.shift, width)), ("code", code.window(0, _ADDRESS)), ("y", Ref(target)))
    return Instance("bw_row", name, connections, tuple(parameters))


def _masks(width: int, masks: dict[str, int]) -> list[tuple[str, int | str | Literal]]:
    return [(name, Literal(mask, width)) for name, mask in masks.items() if mask]
