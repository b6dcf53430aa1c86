"""Energy of a network: memory traffic and operations, layer by layer.

Source: google/qkeras, qtools/qenergy/qenergy.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil, log2

from bitwright.core.errors import InvalidValue
from bitwright.cost.qtools.processes import HOROWITZ, Process
from bitwright.cost.qtools.typed import LayerTypes, TypeMap, Work, sized
from bitwright.ir.layers import Operand, Shape

__all__ = ["INCLUDE", "Energy", "LayerEnergy", "Memory", "MemorySettings", "energy", "included"]

INCLUDE: dict[str, tuple[str, ...]] = {
    "QActivation": ("outputs",),
    "QAdaptiveActivation": ("outputs",),
    "Activation": ("outputs",),
    "QBatchNormalization": ("parameters",),
    "BatchNormalization": ("parameters",),
    "Add": ("op_cost",),
    "Subtract": ("op_cost",),
    "MaxPooling2D": ("op_cost",),
    "default": ("inputs", "parameters", "op_cost"),
}
"""Class name to the parts of the energy that a model's sum counts, so that no tensor counts twice."""


class Memory(Enum):
    """Where tensors lie; FIXED costs nothing (wires, registers)."""

    FIXED = "fixed"
    SRAM = "sram"
    DRAM = "dram"

    @classmethod
    def of(cls, word: str | Memory) -> Memory:
        """The memory of this name."""
        if isinstance(word, Memory):
            return word
        if word not in {m.value for m in cls}:
            raise InvalidValue(f"there is no memory {word!r}", where="QTools", remedy="use 'fixed', 'sram' or 'dram'")
        return cls(word)


@dataclass(frozen=True)
class MemorySettings:
    """Where weights and activations lie. min_sram_bits: the least size of a memory. io_in_dram: whether what
    lies in DRAM, and the model's inputs and outputs, also passes through SRAM."""

    weights: Memory = Memory.DRAM
    activations: Memory = Memory.DRAM
    min_sram_bits: int = 0
    io_in_dram: bool = True


@dataclass(frozen=True)
class LayerEnergy:
    """One layer's energy in pJ, rounded to 0.01 as QKeras does."""

    name: str
    class_name: str
    inputs: float
    outputs: float
    parameters: float
    op_cost: float

    def parts(self) -> dict[str, float]:
        """The four parts by QKeras's names."""
        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "parameters": self.parameters,
            "op_cost": self.op_cost,
        }


@dataclass(frozen=True)
class Energy:
    """All layers, and `total_pj`, their sum in whole pJ (unrounded parts added, then cut off)."""

    layers: tuple[LayerEnergy, ...]
    total_pj: int

    def sum_pj(self, include: Mapping[str, Sequence[str]] = INCLUDE) -> int:
        """The model's energy in whole pJ, counting for each layer what `include` names for its class."""
        return int(sum(sum(included(layer, include)) for layer in self.layers))


def included(layer: LayerEnergy, include: Mapping[str, Sequence[str]] = INCLUDE) -> list[float]:
    """The parts of a layer's energy that count."""
    parts = layer.parts()
    return [parts[word] for word in include.get(layer.class_name, include["default"])]


@dataclass(frozen=True)
class _Traffic:
    process: Process
    settings: MemorySettings

    def sram(self, bits: int) -> float:
        """Reading (writing counts alike) in words of 64 bits."""
        size = max(bits, self.settings.min_sram_bits)
        return ceil(bits / 64) * max(0.0, self.process.sram_read(log2(size))) if bits else 0.0

    def move(self, bits: int, memory: Memory) -> float:
        if memory is Memory.FIXED:
            return 0.0
        if memory is Memory.SRAM:
            return self.sram(bits)
        return self.process.dram_read(bits) + (self.sram(bits) if self.settings.io_in_dram else 0.0)

    def tensor(self, shape: Shape, operand: Operand, *, at_the_door: bool) -> float:
        bits = sized(shape) * operand.bits
        if not at_the_door:
            return self.move(bits, self.settings.activations)
        return self.move(bits, Memory.DRAM if self.settings.io_in_dram else Memory.SRAM)


def energy(types: TypeMap, settings: MemorySettings, process: Process = HOROWITZ) -> Energy:
    """The energy of one inference of a network with these data types."""
    traffic, complete = _Traffic(process, settings), types.settings.complete
    doors = _reads_input(types)
    layers: list[LayerEnergy] = []
    total = 0.0
    for typed in types.layers:
        parts = _parts(typed, traffic, complete, doors, typed.layer.name in types.outputs)
        total += sum(parts)
        rounded = [round(part, 2) for part in parts]
        layers.append(LayerEnergy(typed.layer.name, typed.layer.class_name, *rounded))
    return Energy(tuple(layers), int(total))


def _reads_input(types: TypeMap) -> set[str]:
    made = {typed.layer.name for typed in types.layers}
    return {name for typed in types.layers for name in typed.layer.inputs if name not in made}


def _parts(
    typed: LayerTypes, traffic: _Traffic, complete: bool, doors: set[str], last: bool
) -> tuple[float, float, float, float]:
    layer = typed.layer
    first = any(name in doors for name in layer.inputs)
    inputs = sum(
        traffic.tensor(shape, operand, at_the_door=first)
        for shape, operand in zip(layer.input_shapes, typed.inputs, strict=True)
    )
    outputs = traffic.tensor(layer.output_shape, typed.output, at_the_door=last)
    counted = complete or not typed.extra_parameters
    parameters = sum(traffic.move(n * bits, traffic.settings.weights) for n, bits in typed.parameters) if counted else 0
    operations = sum(_work(work, traffic.process) for work in typed.work if complete or not work.extra)
    return inputs, outputs, float(parameters), float(operations)


def _work(work: Work, process: Process) -> float:
    unit = work.unit
    each = process.multiply_pj if unit.op == "mul" else process.add_pj
    return work.count * unit.factor * each(unit.result, unit.bits)
