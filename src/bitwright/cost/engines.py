"""What an engine takes: LUTs, flip-flops, multipliers and block memories, part by part.

Products and last steps are netlists, priced word by word; memories have yosys's shapes. What is between them is
priced by its sizes, with constants that `benchmarks.engine_area` fits to yosys 0.23.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bitwright.cost.actors.logic import kernel_area
from bitwright.cost.actors.memories import ram_area, rom_area, rom_estimate
from bitwright.cost.area import Area
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.engine import Engine
from bitwright.ir.engine.engine import Machine
from bitwright.ir.engine.external import map_bursts, weight_bursts
from bitwright.ir.engine.ops import Fetch, Matrix, Send, Vector
from bitwright.ir.netlist import latency_cycles
from bitwright.numeric import IntArray
from bitwright.platforms import Fabric

__all__ = ["GLUE", "EngineSizes", "engine_area", "engine_parts", "engine_sizes", "glue_sizes"]

GLUE = (17.8, 3.3, 14.0)
"""LUTs of the logic between kernels and memories, for each of `glue_sizes`."""
_IN_LOGIC = 64
"""Words up to which a memory is made of lookup tables, as the Verilog has it."""
_COUNTERS, _READS, _WRITES = 8.5, 9.5, 6.0
"""Flip-flops a bit of a field: of the sequencer, of what reads external memory, of what writes it."""
_ALIKE = 0.85
"""Flip-flops of the last steps that stay: parameters that are alike in several lanes, or never change, share theirs."""
_VARIED = 9.0
"""Fields of an instruction, of 38, that differ between instructions as if they were random."""


@dataclass(frozen=True)
class EngineSizes:
    """What area depends on beside the machine: bits of a field and number of instructions, words of memories.

    `weights` and `parameters`: the contents of constant memories, bits (words, width), where they are known. `used`:
    lanes that are not always zero, which needs constant weights to be seen; `pairs`: the share of pairs of lanes with
    a weight that is not always zero; `code`: the bits of the program, as `parameters`.
    """

    machine: Machine
    field_bits: int
    instructions: int
    parameter_words: int
    weight_words: int
    store_bits: int
    used: int
    pairs: float = 1.0
    spills: bool = False
    weights: IntArray | None = None
    parameters: IntArray | None = None
    code: IntArray | None = None


def engine_sizes(program: Engine, code: IntArray | None = None) -> EngineSizes:
    """The sizes of a program's machine; `code`: the numbers of its instructions (instructions, fields), if known."""
    machine = program.machine
    stored = program.results[0].type
    field = _field_bits(program, code)
    return EngineSizes(
        machine, field, len(program), program.parameters.shape[0],
        machine.buffered if machine.external else program.weights.shape[0],
        stored.lanes * stored.range.width,
        machine.lanes if machine.external else max(node.type.lanes for node in program.nodes),
        1.0 if machine.external else float((program.weights.array != 0).any(axis=0).mean()),
        any(isinstance(node.op, Send) for node in program.nodes),
        None if machine.external else _bits(program.weights.array, machine.weight.width), _parameter_bits(program),
        None if code is None else _bits(code, field),
    )  # fmt: skip


def engine_area(program: Engine, fabric: Fabric, code: IntArray | None = None) -> Area:
    """All parts together; `code` as for `engine_sizes`."""
    return Area.total(engine_parts(engine_sizes(program, code), fabric).values())


def engine_parts(sizes: EngineSizes, fabric: Fabric, kernels: tuple[Area, Area] | None = None) -> dict[str, Area]:
    """Area by part; `kernels`: that of a lane's products and of its last step, where it is known."""
    machine = sizes.machine
    lanes, beats = machine.lanes, machine.beats
    dot, post = kernels or (kernel_area(machine.dot, fabric), kernel_area(machine.post, fabric))
    found = {"products": dot.times(lanes * sizes.pairs)}
    last = post.times(sizes.used)
    found["last steps"] = replace(last, ffs=_ALIKE * last.ffs)
    found["features"] = _memory(sizes.used * machine.feature.width, machine.features)
    found["results"] = _memory(sizes.store_bits, machine.results)
    width = lanes**2 * machine.weight.width
    if machine.external:
        data = machine.external.data_bits
        slices = [min(data, width - at * data) for at in range(beats)]
        found["weights"] = Area.total(_memory(wide, max(sizes.weight_words, 2)) for wide in slices)
    else:
        found["weights"] = _constants(width, sizes.weight_words, sizes.weights)
    numbers = (machine.mul, machine.add, machine.result, machine.result)
    bits = sum(n.width for n in numbers) + machine.steps * (machine.threshold.width if machine.threshold else 0)
    found["parameters"] = _constants(lanes * bits, sizes.parameter_words, sizes.parameters)
    found["program"] = _program(sizes)
    luts = sum(size * each for size, each in zip(glue_sizes(sizes), GLUE, strict=True))
    found["glue"] = Area(luts, _registers(sizes), _carries(sizes))
    return found


def glue_sizes(sizes: EngineSizes) -> tuple[float, ...]:
    """What LUTs between kernels and memories go with: bits of a field, of a word, of a field of transfers."""
    machine = sizes.machine
    reads = sizes.field_bits if machine.external else 0
    return sizes.field_bits, sizes.used * machine.feature.width, reads * (2.0 if sizes.spills else 1.0)


def _memory(width: int, words: int) -> Area:
    """A memory that is written, with the word that was read."""
    kind = Memory.BLOCK if words > _IN_LOGIC else Memory.LUT
    return ram_area(width, words, kind) + Area(ffs=0 if kind is Memory.BLOCK else width)


def _constants(width: int, words: int, contents: IntArray | None) -> Area:
    """Words that never change; of known ones only columns that are not the same in all of them."""
    kind = Memory.BLOCK if words > _IN_LOGIC else Memory.LUT
    if contents is None:
        return rom_estimate(width, words, kind)
    varied = contents[:, (contents != contents[:1]).any(axis=0)]
    return rom_area(varied, kind) if varied.size else Area()


def _program(sizes: EngineSizes) -> Area:
    if sizes.instructions > _IN_LOGIC:
        return _constants(38 * sizes.field_bits, sizes.instructions, sizes.code)
    return rom_estimate(round(_VARIED * sizes.field_bits), sizes.instructions, Memory.LUT)


def _registers(sizes: EngineSizes) -> float:
    """Flip-flops: counters, totals, what goes beside the products, what comes in."""
    machine, field = sizes.machine, sizes.field_bits
    depth, late = latency_cycles(machine.dot), latency_cycles(machine.post)
    place = max(machine.features, machine.results, 2).bit_length()
    found = _COUNTERS * field + sizes.used * (machine.total.width + depth * machine.feature.width)
    found += (place + 1) * (depth + late + 2)
    if machine.external:
        found += _READS * field + machine.external.data_bits + machine.beats
        found += (_WRITES * field + machine.external.data_bits * (machine.feature_beats - 1)) * sizes.spills
    return found


def _carries(sizes: EngineSizes) -> float:
    machine, field = sizes.machine, sizes.field_bits
    adders = 14 + (8 if machine.external else 0) + (8 if sizes.spills else 0)
    return adders * field / 4 + sizes.used * (machine.total.width / 4 + 0.5)


def _field_bits(program: Engine, code: IntArray | None) -> int:
    """Bits that hold every number of an instruction, and a sign; where they are not known, about so many."""
    machine = program.machine
    most = [machine.features, machine.results, program.parameters.shape[0], 16]
    most.append(machine.buffered if machine.external else program.weights.shape[0])
    if code is not None:
        return max(*most, int(code.max()), -int(code.min()) - 1).bit_length() + 1
    for node in program.nodes:
        most.append(node.type.words)
        if isinstance(node.op, Matrix | Vector):
            most += [n for loop in node.op.walk.loops for n in (loop.extent - 1, abs(loop.address))]
        elif isinstance(node.op, Fetch):
            most.append(node.type.words * machine.beats)
    if machine.external:
        most.append(weight_bursts(program) + map_bursts(program))
    return max(most).bit_length() + 1


def _bits(numbers: IntArray, width: int) -> IntArray:
    """Words (words, ...) as rows of bits."""
    flat = numbers.reshape(len(numbers), -1)
    return (flat[:, :, None] >> np.arange(width) & 1).reshape(len(flat), -1)


def _parameter_bits(program: Engine) -> IntArray:
    machine, numbers = program.machine, program.parameters.array
    widths = [machine.mul.width, machine.add.width, machine.result.width, machine.result.width]
    widths += [machine.threshold.width] * machine.steps if machine.threshold else []
    return np.concatenate([_bits(numbers[..., at], width) for at, width in enumerate(widths)], axis=1)

