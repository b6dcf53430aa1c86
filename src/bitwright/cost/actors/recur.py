"""The area of actors with a state, and of products of two streams."""

from __future__ import annotations

import numpy as np

from bitwright.cost.actors.logic import STEP_LUTS, counter, kernel_area, register
from bitwright.cost.actors.memories import bits_for, ram_area, rom_area
from bitwright.cost.actors.rules import actor_area, bits_of, tail_area
from bitwright.cost.area import Area
from bitwright.cost.neighbors import area_of
from bitwright.ir.dataflow import Stream, phases_of
from bitwright.ir.dataflow.cell import CellSizes, cell_sizes, operand_words, weight_words
from bitwright.ir.dataflow.ops import Cell, Inner, Memory, Recur
from bitwright.ir.dataflow.recur import loop_cycles, result_lanes, state_words
from bitwright.ir.netlist import Netlist, Word, latency_cycles
from bitwright.ir.netlist.ops import Multiply
from bitwright.numeric import IntArray
from bitwright.platforms import Fabric

__all__: list[str] = []


_ROUND_LUTS = 6.0
"""Flags of a round and of its state."""


_LIVE = 1.2
"""LUTs of a product of words that are looked up or live, where `cost.area` counts one."""


def _products(dot: Netlist, fabric: Fabric) -> Area:
    """A dot product whose factors are all but constant."""
    more = sum(
        found.luts for node, found in zip(dot.nodes, area_of(dot, fabric), strict=True)
        if isinstance(node.op, Multiply) and not found.dsps
    )  # fmt: skip
    return kernel_area(dot, fabric) + Area((_LIVE - 1) * more)


@actor_area.on(Inner)
def _(op: Inner, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    found = register(sum(a.bits for a in args) + 3) + Area(STEP_LUTS) + counter(op.count)
    found += _products(op.dot, fabric).times(op.units) + register(3 * latency_cycles(op.dot) + 1)
    total = Word(op.low, op.high).width
    return found + Area(total, total, -(-total // 4)).times(op.units) + tail_area(op, fabric)


@actor_area.on(Cell)
def _(op: Cell, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    sizes, words = cell_sizes(op, args), operand_words(op, args)
    own, back = bits_of(words[: args[0].lanes]), bits_of(words[: op.back])
    place = bits_for(sizes.blocks * sizes.folds)
    found = Area(STEP_LUTS + 2, 9 + place) + counter(sizes.steps) + counter(sizes.folds) + counter(op.rows)
    # The operand is one of two words, in a register; the row's own waits for the blocks after the first.
    found += Area(max(own, back), own + max(own, back))
    if sizes.blocks > 1 and sizes.own > 1:
        found += ram_area(own, sizes.own, Memory.LUT) + Area(own)
    found += _feedback(back, sizes.blocks, sizes.blocks, op.rows)
    if sizes.states:
        found += _feedback(bits_of(state_words(op.step)), sizes.blocks, 1, op.rows)
    found += rom_area(_bits_of(op, sizes), op.memory) + _products(op.dot, fabric).times(op.units)
    total, late = Word(op.low, op.high).width, latency_cycles(op.dot)
    found += Area(total, total, -(-total // 4)).times(op.units) + register(4 * late + 2)
    found += kernel_area(op.step, fabric) + register(2 * latency_cycles(op.step)) + counter(phases_of(op.step))
    return found + tail_area(op, fabric)


def _bits_of(op: Cell, sizes: CellSizes) -> IntArray:
    """The memory of weights as bits (words, width)."""
    rows = weight_words(op, sizes)
    width = Word(int(rows.min()), int(rows.max())).width
    return ((rows[:, :, None] >> np.arange(width)) & 1).reshape(len(rows), -1)


def _feedback(width: int, parts: int, turns: int, rows: int) -> Area:
    """`bw_feedback`: a memory with its register, and what counts words, turns and rows."""
    words = 2 << bits_for(parts) if turns > 1 else max(1 << bits_for(parts), 2)
    found = counter(parts).times(2) + counter(turns) + counter(rows) + Area(4, 2 * (turns > 1))
    return found + ram_area(width, words, Memory.LUT) + register(width)


@actor_area.on(Recur)
def _(op: Recur, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    state, cycles = bits_of(state_words(op.step)), loop_cycles(op.step)
    kept = bits_of([op.step.nodes[o].type for o in op.step.outputs[: result_lanes(op.step)]])
    found = register(args[0].bits + state + 2 + kept) + counter(op.count) + counter(cycles)
    # Beside a step: the first and the last place of a round, and when the state is set, kept, or begins anew.
    found += Area(STEP_LUTS + _ROUND_LUTS)
    return found + kernel_area(op.step, fabric) + register(cycles) + tail_area(op, fabric)
