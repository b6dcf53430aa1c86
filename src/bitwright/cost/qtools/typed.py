"""The records of the data-type map: what every layer computes with, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod

from bitwright.core.errors import Unsupported
from bitwright.cost.qtools.arithmetic import Unit
from bitwright.cost.qtools.rulesets import DEFAULT, KNOWN_KINDS, LATEST, MISREAD_KINDS, Coverage, RuleSet
from bitwright.ir.layers import Layer, Mode, Operand, Shape

__all__ = ["Case", "LayerTypes", "Part", "Settings", "TypeMap", "UnknownQuantizer", "Work", "sized"]


class UnknownQuantizer(Unsupported, ValueError):
    """QTools has no type for this quantizer; coverage "complete" has."""


@dataclass(frozen=True)
class Settings:
    """How a network is read.

    sources: types of the inputs, one for all or one each. keras_quantizer, keras_accumulator: types of
    weights and of results in layers that are not quantized (None: quantized_bits(8,0,1)); with
    `for_reference` every layer counts as such. inference: weights are trained, their values count.
    fused: names of linear layers to names of the batch normalizations that hardware fuses into them.
    """

    sources: tuple[Operand, ...] = (DEFAULT,)
    keras_quantizer: Operand | None = None
    keras_accumulator: Operand | None = None
    for_reference: bool = False
    inference: bool = False
    rules: RuleSet = LATEST
    coverage: Coverage = Coverage.COMPATIBLE
    fused: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def complete(self) -> bool:
        """Whether everything is costed."""
        return self.coverage is Coverage.COMPLETE

    @property
    def result(self) -> Operand:
        """The type of results in layers without quantizers."""
        return self.keras_accumulator or DEFAULT


@dataclass(frozen=True)
class Part:
    """A named operand of a layer; `op` if a unit makes it; `shape` as QKeras prints it, None if not."""

    label: str
    operand: Operand
    op: str | None = None
    shape: Shape | int | None = None


@dataclass(frozen=True)
class Work:
    """`count` operations of a unit. QKeras's energy leaves those out that are `extra`."""

    count: int
    unit: Unit
    extra: bool = False


@dataclass(frozen=True)
class LayerTypes:
    """One layer of the map.

    parts: in QKeras's order. work: what its operations cost. parameters: (elements, bits) of what is
    read from the weights' memory. multiplier, accumulator, weight: where a linear layer has them.
    """

    layer: Layer
    inputs: tuple[Operand, ...]
    output: Operand
    operation_count: int
    parts: tuple[Part, ...] = ()
    work: tuple[Work, ...] = ()
    parameters: tuple[tuple[int, int], ...] = ()
    extra_parameters: bool = False
    """QKeras does not count this layer's parameters."""
    weight: Operand | None = None
    multiplier: Unit | None = None
    accumulator: Unit | None = None

    def part(self, label: str) -> Operand | None:
        """The operand of the part with this label."""
        return next((part.operand for part in self.parts if part.label == label), None)


@dataclass(frozen=True)
class TypeMap:
    """The data types of a network, its layers in order, inputs left out."""

    layers: tuple[LayerTypes, ...]
    sources: tuple[Operand, ...]
    outputs: tuple[str, ...]
    settings: Settings

    def __getitem__(self, name: str) -> LayerTypes:
        return next(typed for typed in self.layers if typed.layer.name == name)


@dataclass(frozen=True)
class Case:
    """What a rule needs besides the layer: the types that come in, and the settings."""

    inputs: tuple[Operand, ...]
    settings: Settings
    fused: Layer | None = None
    """The batch normalization that is fused into this layer."""

    def plain(self, layer: Layer) -> bool:
        """Whether the layer's types are declared and not those of its quantizers."""
        return self.settings.for_reference or not layer.quantized

    def weight(self, layer: Layer, role: str, *, plain: bool | None = None) -> Operand:
        """The type of the weight in this role."""
        if self.plain(layer) if plain is None else plain:
            return self.settings.keras_quantizer or DEFAULT
        found = layer.weight(role)
        operand = DEFAULT if found is None or found.operand is None else self.known(found.operand, layer)
        return operand if self.settings.inference else replace(operand, distinct=None)

    def output(self, layer: Layer, computed: Operand) -> Operand:
        """What leaves the layer: its activation's type, else what was computed."""
        if self.plain(layer):
            return self.settings.result
        return computed if layer.output is None else self.known(layer.output, layer)

    def handed_on(self, operand: Operand) -> Operand:
        """The type of what a layer hands on unchanged; QTools takes some types for stochastic_ternary there."""
        misread = operand.kind in MISREAD_KINDS and not self.settings.complete
        return Operand("stochastic_ternary", Mode.TERNARY, 2, 2, True) if misread else operand

    def known(self, operand: Operand, layer: Layer) -> Operand:
        """`operand`, refused if QTools would not know it and coverage is not complete."""
        if operand.kind in KNOWN_KINDS or self.settings.complete:
            return operand
        raise UnknownQuantizer(
            f"QTools has no type for {operand.kind}",
            where=f"layer '{layer.name}'",
            remedy='ask for coverage="complete"',
        )


def sized(shape: Shape) -> int:
    """The number of elements."""
    return prod(shape)
