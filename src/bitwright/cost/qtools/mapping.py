"""The data-type map of a network: one rule per kind of layer.

Source: google/qkeras, qtools/generate_layer_data_type_map.py; where QTools passes a layer over, coverage
"complete" follows the layer's definition.
"""

from __future__ import annotations

from dataclasses import replace

from bitwright.core.errors import InvalidValue
from bitwright.core.rules import Rules
from bitwright.cost.qtools import composed, elementwise
from bitwright.cost.qtools.linear import folded_types, linear_types
from bitwright.cost.qtools.typed import Case, LayerTypes, Settings, TypeMap, sized
from bitwright.ir import layers as ir

__all__ = ["WrongInputs", "type_map", "types_of"]


class WrongInputs(InvalidValue):
    """The number of input types does not fit the number of inputs."""


types_of: Rules[[Case], LayerTypes] = Rules("data types")

types_of.on(ir.Activation)(elementwise.activation_types)
types_of.on(ir.AveragePool)(elementwise.average_types)
types_of.on(ir.MaxPool)(elementwise.maximum_types)
types_of.on(ir.Merge)(elementwise.merge_types)
types_of.on(ir.Shaping, ir.Other)(elementwise.passed)
types_of.on(ir.Separable)(composed.separable_types)
types_of.on(ir.Recurrent)(composed.recurrent_types)
types_of.on(ir.Einsum)(composed.einsum_types)
types_of.on(ir.ScaleShift)(composed.scale_shift_types)
types_of.on(ir.Embedding)(composed.embedding_types)
types_of.on(ir.TableSum)(composed.table_sum_types)
types_of.on(ir.Softmax)(composed.softmax_types)
types_of.on(ir.LayerNormalization)(composed.layer_normalization_types)
types_of.on(ir.Attention)(composed.attention_types)


@types_of.on(ir.Dense, ir.Conv, ir.Depthwise)
def _(layer: ir.Linear, case: Case) -> LayerTypes:
    return linear_types(layer, case, counted=True)


@types_of.on(ir.ConvTranspose)
def _(layer: ir.Linear, case: Case) -> LayerTypes:
    return linear_types(layer, case, counted=False)


@types_of.on(ir.DepthwiseTranspose)
def _(layer: ir.Linear, case: Case) -> LayerTypes:
    if not case.settings.complete:
        return elementwise.passed(layer, case)
    return linear_types(layer, case, counted=False)


@types_of.on(ir.Folded)
def _(layer: ir.Folded, case: Case) -> LayerTypes:
    if layer.linear is None:
        return elementwise.passed(layer, case)
    return folded_types(layer, layer.linear, case)


@types_of.on(ir.Normalization)
def _(layer: ir.Normalization, case: Case) -> LayerTypes:
    if layer.name in case.settings.fused.values() and not case.plain(layer):
        return elementwise.fused_types(layer, case)
    return elementwise.normalization_types(layer, case)


def type_map(network: ir.Network, settings: Settings) -> TypeMap:
    """The types of every layer, from those of the inputs on.

    Raises WrongInputs, UnknownQuantizer or UnacceptedDivisor, naming the layer.
    """
    known = dict(zip((layer.name for layer in network.sources), sources_of(network, settings), strict=True))
    sources = tuple(known.values())
    typed: list[LayerTypes] = []
    for layer in network.layers:
        if isinstance(layer, ir.Input):
            continue
        fused = settings.fused.get(layer.name)
        case = Case(tuple(known[name] for name in layer.inputs), settings, network[fused] if fused else None)
        found = types_of(layer, case)
        typed.append(_rounded(found) if settings.complete else found)
        known[layer.name] = found.output
    return TypeMap(tuple(typed), sources, network.outputs, settings)


def sources_of(network: ir.Network, settings: Settings) -> tuple[ir.Operand, ...]:
    """The type of every input: as told, or the one told for all of them."""
    wanted, told = len(network.sources), settings.sources
    if len(told) == wanted:
        return told
    if len(told) != 1:
        raise WrongInputs(
            f"{len(told)} types for {wanted} inputs", where="QTools", remedy="give one for all inputs, or one for each"
        )
    return told * wanted


def _rounded(typed: LayerTypes) -> LayerTypes:
    """With the rounding of an activation that a layer applies itself."""
    layer = typed.layer
    if layer.output is None or isinstance(layer, ir.Activation) or typed.accumulator is None:
        return typed
    work = elementwise.rounding(typed.accumulator.result, sized(layer.output_shape))
    return replace(typed, work=(*typed.work, work))
