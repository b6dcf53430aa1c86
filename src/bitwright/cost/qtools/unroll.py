"""How far to unroll every layer for a target throughput, at the least area.

A layer computes `cin * cout * kh * kw` products per clock. Every layer must finish within the clocks that
the target leaves for one inference; what a layer reads per clock must not outrun what the one before it
gives. Dynamic programming over the layers finds the least sum of areas.

The idea is QTools's (google/qkeras, qtools/DnC); the area model is this one, in gates: for every product
per clock its multiplier (bits of both operands multiplied) and accumulator, registers of the elements
that go in and out per clock, and a bit of ROM for every bit of weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import product
from math import ceil, prod

from bitwright.core.errors import Unsupported
from bitwright.cost.qtools.linear import macs, shape_of
from bitwright.cost.qtools.typed import LayerTypes, TypeMap, sized
from bitwright.ir.layers import Dense, Depthwise, Linear

__all__ = ["CostMode", "LayerPlan", "ModelPlan", "Targets", "Unrolling", "divisors", "unroll"]


class CostMode(Enum):
    """What area means; only ACE is modelled, as in QTools."""

    ACE = 0
    PE_AREA = 1
    PE_BW_AREA = 2


@dataclass(frozen=True)
class Targets:
    """elements_per_clock: of the last layer, of which `throughput` is enough.

    A layer may read per clock at most `read_ratio` times the elements that the one before gives.
    """

    elements_per_clock: float = 10
    throughput: float = 1.0
    read_ratio: float = 16


@dataclass(frozen=True)
class Unrolling:
    """Products per clock along input channels, output channels and the window."""

    cin: int
    cout: int
    kh: int
    kw: int

    @property
    def products(self) -> int:
        """Per clock."""
        return self.cin * self.cout * self.kh * self.kw


@dataclass(frozen=True)
class LayerPlan:
    """One layer's unrolling, its clocks for one inference and its area."""

    name: str
    unrolling: Unrolling
    clocks: int
    gates: float


@dataclass(frozen=True)
class ModelPlan:
    """The layers' plans; `clocks` is the most that one of them takes."""

    layers: tuple[LayerPlan, ...]

    @property
    def gates(self) -> float:
        """The area of all of them."""
        return sum(layer.gates for layer in self.layers)

    @property
    def clocks(self) -> int:
        """Between two inferences."""
        return max(layer.clocks for layer in self.layers)


def divisors(count: int) -> list[int]:
    """All divisors, ascending.

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    return [n for n in range(1, count + 1) if count % n == 0]


def unroll(types: TypeMap, targets: Targets, mode: CostMode = CostMode.ACE) -> ModelPlan:
    """The least area that reaches the target, or comes nearest to it; raises Unsupported without linear layers."""
    if mode is not CostMode.ACE:
        raise Unsupported(f"cost mode {mode.name}", where="DnC", remedy="use CostMode.ACE")
    layers = [typed for typed in types.layers if isinstance(typed.layer, Linear)]
    if not layers:
        raise Unsupported("no layer adds products", where="DnC", remedy="give a model with dense or conv layers")
    wanted = targets.elements_per_clock * targets.throughput
    budget = max(sized(layers[-1].layer.output_shape) / wanted, *(_least_clocks(typed) for typed in layers))
    best: dict[int, tuple[float, tuple[LayerPlan, ...]]] = {0: (0.0, ())}
    for typed in layers:
        best = _extended(best, list(_plans(typed, budget)), targets.read_ratio)
    return ModelPlan(min(best.values(), key=lambda found: found[0])[1])


def _extended(
    best: dict[int, tuple[float, tuple[LayerPlan, ...]]], plans: list[LayerPlan], ratio: float
) -> dict[int, tuple[float, tuple[LayerPlan, ...]]]:
    """Per output rate of this layer, the cheapest chain that ends in it."""
    found: dict[int, tuple[float, tuple[LayerPlan, ...]]] = {}
    for rate, (gates, chain) in best.items():
        for plan in plans:
            if rate and plan.unrolling.cin > ratio * rate:
                continue
            total, end = gates + plan.gates, plan.unrolling.cout
            if end not in found or total < found[end][0]:
                found[end] = (total, (*chain, plan))
    return found


def _dimensions(typed: LayerTypes) -> tuple[int, int, int, int]:
    """Input channels, output channels, window height and width."""
    shape = shape_of(typed.layer)
    if isinstance(typed.layer, Dense):
        return shape[0], shape[1], 1, 1
    if isinstance(typed.layer, Depthwise):
        *window, channels, multiplier = shape
        return 1, channels * multiplier, window[0], prod(window[1:])
    *window, inputs, outputs = shape
    return inputs, outputs, window[0], prod(window[1:])


def _least_clocks(typed: LayerTypes) -> float:
    return macs(typed.layer, True) / prod(_dimensions(typed))


def _plans(typed: LayerTypes, budget: float) -> Iterator[LayerPlan]:
    operations = macs(typed.layer, True)
    for factors in product(*(divisors(n) for n in _dimensions(typed))):
        chosen = Unrolling(*factors)
        if operations / chosen.products <= budget:
            yield LayerPlan(typed.layer.name, chosen, ceil(operations / chosen.products), _gates(typed, chosen))


def _gates(typed: LayerTypes, chosen: Unrolling) -> float:
    if typed.weight is None or typed.accumulator is None:
        return 0.0
    held, value = typed.accumulator.result.bits, typed.inputs[0].bits
    each = value * typed.weight.bits + held
    registers = chosen.cin * chosen.kh * chosen.kw * value + chosen.cout * typed.output.bits
    return each * chosen.products + registers + sized(shape_of(typed.layer)) * typed.weight.bits
