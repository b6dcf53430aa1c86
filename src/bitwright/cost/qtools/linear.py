"""Data types of layers that add products: dense, convolutions, depthwise, folded, separable."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from bitwright.core.rules import Rules
from bitwright.cost.qtools.arithmetic import Unit, accumulate, add, adjusted, multiply
from bitwright.cost.qtools.typed import Case, LayerTypes, Part, Work, sized
from bitwright.ir.layers import (
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    DepthwiseTranspose,
    Layer,
    Linear,
    Normalization,
    Operand,
    Shape,
    Weight,
)

__all__ = ["folded_types", "linear_types", "macs", "shape_of", "sum_of", "terms"]

terms: Rules[[bool], int] = Rules("terms of a sum")
"""How many products make one output. With `complete` false as QKeras counts them."""

macs: Rules[[bool], int] = Rules("multiplications")
"""How many multiplications a layer makes. With `complete` false as QKeras counts them."""


def shape_of(layer: Layer, role: str = "kernel") -> Shape:
    """The shape of the weight in this role, () if there is none."""
    found = layer.weight(role)
    return () if found is None else found.shape


@terms.on(Dense, Conv)
def _(layer: Layer, complete: bool) -> int:
    return prod(shape_of(layer)[:-1])


@terms.on(ConvTranspose)
def _(layer: Layer, complete: bool) -> int:
    """QKeras multiplies by the filters instead of the inputs."""
    *window, filters, inputs = shape_of(layer)
    return prod(window) * (inputs if complete else filters)


@terms.on(Depthwise, DepthwiseTranspose)
def _(layer: Layer, complete: bool) -> int:
    return prod(shape_of(layer)[:-2])


@macs.on(Dense)
def _(layer: Layer, complete: bool) -> int:
    return sized(layer.output_shape) * shape_of(layer)[0]


@macs.on(Conv)
def _(layer: Layer, complete: bool) -> int:
    """QKeras overlooks groups: it takes all inputs for every filter."""
    *window, inputs, _ = shape_of(layer)
    return sized(layer.output_shape) * prod(window) * (inputs if complete else layer.input_shapes[0][-1])


@macs.on(ConvTranspose)
def _(layer: Layer, complete: bool) -> int:
    """Every input meets the whole kernel; QKeras lets every output do so."""
    *window, filters, inputs = shape_of(layer)
    if complete:
        return prod(layer.input_shapes[0][:-1]) * prod(window) * filters * inputs
    return sized(layer.output_shape) * prod(window) * inputs


@macs.on(Depthwise)
def _(layer: Layer, complete: bool) -> int:
    """QKeras overlooks the depth multiplier."""
    *window, channels, multiplier = shape_of(layer)
    return prod(layer.output_shape[:-1]) * prod(window) * channels * (multiplier if complete else 1)


@macs.on(DepthwiseTranspose)
def _(layer: Layer, complete: bool) -> int:
    return prod(layer.input_shapes[0][:-1]) * prod(shape_of(layer))


def sum_of(product: Operand, count: int, bias: Operand | None, case: Case) -> Unit:
    """The accumulator of `count` products and a bias."""
    if not case.settings.rules.bias_by_adder:
        return accumulate(product, count + 1)
    held = accumulate(product, count)
    return held if bias is None else add(held.result, bias)


def linear_types(
    layer: Linear, case: Case, *, counted: bool, keep: bool = True, count: int | None = None
) -> LayerTypes:
    """The types of a layer with one kernel.

    counted: QKeras counts its operations' energy. keep: the map shows the fused accumulator. count: the
    number of terms, if not those of the layer's definition.
    """
    settings = case.settings
    weight, bias = case.weight(layer, "kernel"), _bias(layer, case)
    unit = multiply(weight, case.inputs[0], settings.rules)
    count = terms(layer, settings.complete) if count is None else count
    extras: tuple[Part, ...] = ()
    if case.plain(layer):
        unit = unit.giving(settings.result)
        held = fused = Unit("add", settings.result, settings.result.bits)
        output = settings.result
    elif case.fused is not None:
        unit = unit.giving(adjusted(unit.result, weight.scale))
        held = sum_of(unit.result, count, bias, case)
        fused, extras = _with_normalization(accumulate(unit.result, count).result, bias, case.fused, case)
        output = fused.result
    else:
        held = sum_of(unit.result, count, bias, case)
        fused = sum_of(adjusted(unit.result, _scale(weight, settings.complete)), count, bias, case)
        output = case.output(layer, held.result)
    parts = (*_weight_parts(layer, weight, bias, settings.complete), *_unit_parts(unit, held, fused, keep), *extras)
    operations = macs(layer, settings.complete)
    return LayerTypes(
        layer,
        case.inputs,
        output,
        operations,
        parts,
        (Work(operations, unit, not counted), Work(operations, held, not counted)),
        _read(layer, weight, bias, settings.complete),
        weight=weight,
        multiplier=unit,
        accumulator=held,
    )


def _bias(layer: Layer, case: Case) -> Operand | None:
    return None if layer.weight("bias") is None else case.weight(layer, "bias")


def _weight_parts(layer: Layer, weight: Operand, bias: Operand | None, complete: bool) -> tuple[Part, ...]:
    shape, found = shape_of(layer), layer.weight("bias")
    parts = (Part("weight_quantizer", weight, shape=shape),)
    if bias is None or found is None:
        return parts
    return (*parts, Part("bias_quantizer", bias, shape=found.shape[-1] if complete else shape[-1]))


def _unit_parts(unit: Unit, held: Unit, fused: Unit, keep: bool) -> tuple[Part, ...]:
    parts = (Part("multiplier", unit.result, unit.op), Part("accumulator", held.result, held.op))
    return (*parts, Part("fused_accumulator", fused.result, fused.op)) if keep else parts


def _read(layer: Layer, weight: Operand, bias: Operand | None, complete: bool) -> tuple[tuple[int, int], ...]:
    """QKeras reads as many biases as the kernel's last axis is long, whatever that axis is."""
    read = [(sized(shape_of(layer)), weight.bits)]
    if bias is not None:
        read.append((sized(shape_of(layer, "bias")) if complete else shape_of(layer)[-1], bias.bits))
    return tuple(read)


def _scale(weight: Operand, complete: bool) -> tuple[int, int] | None:
    """The scale that widens a product; QKeras minds only those of quantized_bits."""
    return weight.scale if complete or weight.kind == "quantized_bits" else None


def _with_normalization(total: Operand, bias: Operand | None, norm: Layer, case: Case) -> tuple[Unit, tuple[Part, ...]]:
    """The accumulator of (total + bias - mean) * inverse + beta, multiplied out, and the parts to show.

    Source: google/qkeras, qtools/quantized_operators/fused_bn_factory.py.
    """
    inverse, mean = case.weight(norm, "inverse", plain=False), case.weight(norm, "mean", plain=False)
    beta = case.weight(norm, "beta", plain=False) if isinstance(norm, Normalization) and norm.center else None

    def scaled(operand: Operand) -> Operand:
        return adjusted(multiply(inverse, operand, case.settings.rules).result, inverse.scale)

    small: Operand = scaled(mean)
    if bias is not None:
        small = add(small, scaled(bias)).result
    if beta is not None:
        small = add(small, beta).result
    shown = [("bn_inverse_quantizer", inverse), ("bn_mean_quantizer", mean)]
    if beta is not None:
        shown.insert(0, ("bn_beta_quantizer", beta))
    return add(scaled(total), small), tuple(Part(label, operand) for label, operand in shown)


def folded_types(layer: Layer, linear: Linear, case: Case) -> LayerTypes:
    """The types of a linear layer that holds its batch normalization.

    Its bias is always there. Without a quantizer it takes the type of the sum of products; with one,
    QTools counts it as one more term instead of adding it.
    """
    settings, bias = case.settings, linear.weight("bias")
    count = terms(linear, True) if settings.complete else prod(shape_of(linear)[:-1])
    if bias is not None and bias.operand is None and not case.plain(layer):
        product = multiply(case.weight(linear, "kernel"), case.inputs[0], settings.rules).result
        held = accumulate(product, count).result
        linear = replace(linear, weights=tuple(_retyped(w, held) if w is bias else w for w in linear.weights))
    elif not settings.complete:
        case = replace(case, settings=replace(settings, rules=replace(settings.rules, bias_by_adder=False)))
    typed = linear_types(linear, case, counted=False, keep=False, count=count)
    typed = replace(typed, layer=layer, extra_parameters=True)
    if isinstance(linear, Depthwise) and not settings.complete:
        return replace(typed, operation_count=0)
    return typed


def _retyped(weight: Weight, operand: Operand) -> Weight:
    return replace(weight, operand=operand)
