"""The area of actors with a state, and of products of two streams."""

from __future__ import annotations

from bitwright.cost.actors.logic import STEP_LUTS, counter, kernel_area, register
from bitwright.cost.actors.rules import actor_area, bits_of, tail_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Inner, Recur
from bitwright.ir.dataflow.recur import loop_cycles, result_lanes, state_words
from bitwright.ir.netlist import Word, latency_cycles
from bitwright.platforms import Fabric

__all__: list[str] = []


@actor_area.on(Inner)
def _(op: Inner, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    found = register(sum(a.bits for a in args) + 3) + Area(STEP_LUTS) + counter(op.count)
    found += kernel_area(op.dot, fabric).times(op.units) + register(3 * latency_cycles(op.dot) + 1)
    total = Word(op.low, op.high).width
    return found + Area(total, total, -(-total // 4)).times(op.units) + tail_area(op, fabric)


@actor_area.on(Recur)
def _(op: Recur, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    state, cycles = bits_of(state_words(op.step)), loop_cycles(op.step)
    kept = bits_of([op.step.nodes[o].type for o in op.step.outputs[: result_lanes(op.step)]])
    found = register(args[0].bits + state + 2 + kept) + Area(STEP_LUTS) + counter(op.count) + counter(cycles)
    return found + kernel_area(op.step, fabric) + register(cycles) + tail_area(op, fabric)
