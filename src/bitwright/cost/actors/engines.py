"""What an engine takes: its sequencer, memories, and for each lane products, a total and the last step."""

from __future__ import annotations

from dataclasses import dataclass, fields

from bitwright.cost.actors.logic import adder, kernel_area, register
from bitwright.cost.actors.memories import bits_for, block_area, ram_area, rom_estimate
from bitwright.cost.actors.rules import actor_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow import Execute, Stream
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.engine import Engine, Machine
from bitwright.ir.netlist import latency_cycles
from bitwright.platforms import Fabric

__all__ = ["EngineSizes", "engine_area", "sizes_of"]

_IN_LOGIC = 64
"""Words up to which a memory is made of LUTs (`backends.verilog.engine`)."""
_SEQUENCER_LUTS = 28.0
_SEQUENCER_FFS = 15.0
"""A bit of an instruction's fields, the program's memory included: most fields are alike in all instructions."""
_MELTED = Area(0.635, 0.76, 0.635, 1.0, 1.0, 1.0)
"""What is left of the parts where they stand together: lanes that no layer fills, and numbers that are alike, melt.

With the sequencer's it is fitted to four engines by yosys 0.23 on xc7 (the perceptron and the residual network of
`tests/engine_graphs.py` with 4 lanes, the residual and the wide head with 8): LUTs came within 18 %, DSPs were exact.
"""
_LANE_LUTS = 3.1
"""A bit of a lane's total: added to, compared with, chosen."""


@dataclass(frozen=True, slots=True)
class EngineSizes:
    """How much of everything: words of constants, instructions, bits of a word that comes in and of one that leaves."""

    weights: int
    parameters: int
    instructions: int
    given_bits: int
    left_bits: int


def sizes_of(program: Engine) -> EngineSizes:
    """Those of a program with one input and one output."""
    load, store = program.inputs[0].type, program.results[0].type
    return EngineSizes(
        program.weights.shape[0], program.parameters.shape[0], len(program), load.lanes * load.range.width,
        store.lanes * store.range.width,
    )  # fmt: skip


def engine_area(machine: Machine, sizes: EngineSizes, fabric: Fabric) -> Area:
    """The whole unit; a product that yosys maps to a multiplier block is one here too."""
    lanes = machine.lanes
    total = machine.total.width + (not machine.total.signed)
    dot, post = latency_cycles(machine.dot), latency_cycles(machine.post)
    each = kernel_area(machine.dot, fabric) + kernel_area(machine.post, fabric)
    each += adder(total, _LANE_LUTS) + register(total)
    word = lanes * machine.feature.width
    numbers = sum(w.width for w in (machine.mul, machine.add, machine.result, machine.result))
    numbers += machine.steps * machine.threshold.width if machine.threshold else 0
    found = each.times(lanes) + _memories(machine, sizes, word, lanes * numbers)
    # The word beside the products, flags beside everything, and what feature memory takes: outside or results.
    found += register(word * dot + 4 * dot + post + bits_for(sizes.parameters) * (1 + dot) + 8) + Area(word)
    return _melted(found) + _sequencer(machine, sizes)


def _melted(area: Area) -> Area:
    shares = {f.name: getattr(area, f.name) * getattr(_MELTED, f.name) for f in fields(Area)}
    return Area(**shares)


def _sequencer(machine: Machine, sizes: EngineSizes) -> Area:
    bits = bits_for(max(machine.features, machine.results, sizes.weights, sizes.parameters)) + 2
    return Area(_SEQUENCER_LUTS * bits, _SEQUENCER_FFS * bits, 3 * bits // 4)


def _memories(machine: Machine, sizes: EngineSizes, word: int, numbers: int) -> Area:
    """Features, results, weights, parameters."""
    constants = ((machine.lanes**2 * machine.weight.width, sizes.weights), (numbers, sizes.parameters))
    found = _ram(word, machine.features) + _ram(sizes.left_bits, machine.results)
    for width, words in constants:
        block = words > _IN_LOGIC
        found += block_area(width, words, constant=True) if block else rom_estimate(width, words, Memory.LUT)
    return found


def _ram(width: int, words: int) -> Area:
    kind = Memory.BLOCK if words > _IN_LOGIC else Memory.LUT
    # One made of LUTs has a register behind it.
    return ram_area(width, words, kind) + (Area() if kind is Memory.BLOCK else register(width))


@actor_area.on(Execute)
def _(op: Execute, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    return engine_area(op.program.machine, sizes_of(op.program), fabric) + Area(4)
