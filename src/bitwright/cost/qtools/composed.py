"""Data types of layers that QTools passes over: separable, recurrent, embedding, softmax, attention, ...

With coverage "complete" each is costed as the sums, products and look-ups of its definition; all of them
are marked as extra, so that "compatible" leaves them at zero.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from bitwright.cost.qtools.arithmetic import Unit, accumulate, add, bit_length, multiply
from bitwright.cost.qtools.elementwise import passed, rounding, table
from bitwright.cost.qtools.linear import shape_of, sum_of
from bitwright.cost.qtools.rulesets import DEFAULT
from bitwright.cost.qtools.typed import Case, LayerTypes, Part, Work, sized
from bitwright.ir.layers import (
    Attention,
    Einsum,
    Embedding,
    Layer,
    LayerNormalization,
    Operand,
    Recurrent,
    ScaleShift,
    Separable,
    Softmax,
    TableSum,
)

__all__ = [
    "attention_types",
    "einsum_types",
    "embedding_types",
    "layer_normalization_types",
    "recurrent_types",
    "scale_shift_types",
    "separable_types",
    "softmax_types",
    "table_sum_types",
]


def _read(layer: Layer, case: Case) -> tuple[tuple[int, int], ...]:
    return tuple((sized(w.shape), case.weight(layer, w.role).bits) for w in layer.weights)


def _optional(layer: Layer, role: str, case: Case) -> Operand | None:
    return None if layer.weight(role) is None else case.weight(layer, role)


def _products(weight: Operand, value: Operand, terms: int, bias: Operand | None, case: Case) -> tuple[Unit, Unit]:
    """The multiplier and the accumulator of a sum; both give the declared type where all is declared."""
    unit = multiply(weight, value, case.settings.rules)
    return unit, sum_of(unit.result, terms, bias, case)


def _summed(count: int, unit: Unit, held: Unit) -> tuple[Work, Work]:
    return Work(count, unit, extra=True), Work(count, held, extra=True)


def _made(layer: Layer, case: Case, result: Operand, count: int, parts: list[Part], work: list[Work]) -> LayerTypes:
    return LayerTypes(
        layer,
        case.inputs,
        case.output(layer, result),
        count,
        tuple(parts),
        tuple(work),
        _read(layer, case),
        extra_parameters=True,
    )


def _unit_parts(prefix: str, unit: Unit, held: Unit) -> list[Part]:
    return [Part(f"{prefix}multiplier", unit.result, unit.op), Part(f"{prefix}accumulator", held.result, held.op)]


def separable_types(layer: Separable, case: Case) -> LayerTypes:
    """A depthwise convolution, then one over the channels."""
    if not case.settings.complete:
        return passed(layer, case)
    *window, channels, multiplier = shape_of(layer, "depthwise")
    filters = shape_of(layer, "pointwise")[-1]
    inner, outer = case.weight(layer, "depthwise"), case.weight(layer, "pointwise")
    first, first_sum = _products(inner, case.inputs[0], prod(window), None, case)
    between = first_sum.result if layer.between is None or case.plain(layer) else layer.between
    bias = _optional(layer, "bias", case)
    second, second_sum = _products(outer, between, channels * multiplier, bias, case)
    outside = prod(layer.output_shape[:-1])
    positions = prod(layer.input_shapes[0][:-1]) if layer.transposed else outside
    counts = positions * prod(window) * channels * multiplier, outside * channels * multiplier * filters
    parts = [
        Part("depthwise_quantizer", inner, shape=shape_of(layer, "depthwise")),
        Part("pointwise_quantizer", outer, shape=shape_of(layer, "pointwise")),
        *_unit_parts("depthwise_", first, first_sum),
        *_unit_parts("pointwise_", second, second_sum),
    ]
    work = [*_summed(counts[0], first, first_sum), *_summed(counts[1], second, second_sum)]
    return _made(layer, case, second_sum.result, sum(counts), parts, work)


def recurrent_types(layer: Recurrent, case: Case) -> LayerTypes:
    """Per step and direction: inputs and state by their kernels, gates by tables, products of live values."""
    if not case.settings.complete:
        return passed(layer, case)
    inputs, units = layer.input_shapes[0][-1], layer.units
    kernel, recurrent = case.weight(layer, "kernel"), case.weight(layer, "recurrent")
    state = layer.state or layer.output or DEFAULT
    state = case.settings.result if case.plain(layer) else state
    first, first_sum = _products(kernel, case.inputs[0], inputs, _optional(layer, "bias", case), case)
    second, second_sum = _products(recurrent, state, units, None, case)
    joined = add(first_sum.result, second_sum.result)
    rounds = layer.steps * layer.directions
    wide = rounds * layer.gates * units
    parts = [
        Part("weight_quantizer", kernel, shape=shape_of(layer, "kernel")),
        Part("recurrent_quantizer", recurrent, shape=shape_of(layer, "recurrent")),
        *_unit_parts("", first, first_sum),
        *_unit_parts("recurrent_", second, second_sum),
    ]
    work = [
        *_summed(wide * inputs, first, first_sum),
        *_summed(wide * units, second, second_sum),
        Work(wide, joined, extra=True),
        table(joined.result, state, wide),
        Work(rounds * units * layer.products, multiply(state, state, case.settings.rules), extra=True),
    ]
    return _made(layer, case, state, wide * (inputs + units), parts, work)


def einsum_types(layer: Einsum, case: Case) -> LayerTypes:
    """`terms` products for every output element."""
    if not case.settings.complete:
        return passed(layer, case)
    kernel, bias = case.weight(layer, "kernel"), _optional(layer, "bias", case)
    unit, held = _products(kernel, case.inputs[0], layer.terms, bias, case)
    count = sized(layer.output_shape) * layer.terms
    parts = [Part("weight_quantizer", kernel, shape=shape_of(layer)), *_unit_parts("", unit, held)]
    typed = _made(layer, case, held.result, count, parts, list(_summed(count, unit, held)))
    return replace(typed, weight=kernel, multiplier=unit, accumulator=held)


def scale_shift_types(layer: ScaleShift, case: Case) -> LayerTypes:
    """One product and one sum for every element."""
    if not case.settings.complete:
        return passed(layer, case)
    weight, bias, count = case.weight(layer, "weight"), _optional(layer, "bias", case), sized(layer.output_shape)
    unit = multiply(weight, case.inputs[0], case.settings.rules)
    held = None if bias is None else add(unit.result, bias)
    parts = [
        Part("weight_quantizer", weight, shape=shape_of(layer, "weight")),
        Part("multiplier", unit.result, unit.op),
    ]
    work = [Work(count, unit, extra=True)]
    if held is not None:
        parts.append(Part("accumulator", held.result, held.op))
        work.append(Work(count, held, extra=True))
    return _made(layer, case, (held or unit).result, count, parts, work)


def embedding_types(layer: Embedding, case: Case) -> LayerTypes:
    """A table: every output bit comes through a selection as deep as the number of words demands."""
    if not case.settings.complete:
        return passed(layer, case)
    entry, outputs = case.weight(layer, "embeddings"), sized(layer.output_shape)
    depth = bit_length(shape_of(layer, "embeddings")[0])
    work = Work(outputs * depth, Unit("mux", entry, entry.bits, 0.3), extra=True)
    part = Part("weight_quantizer", entry, shape=shape_of(layer, "embeddings"))
    typed = _made(layer, case, entry, outputs, [part], [work])
    return replace(typed, parameters=((outputs, entry.bits),))


def table_sum_types(layer: TableSum, case: Case) -> LayerTypes:
    """Every output adds up an entry of each table, chosen as in an embedding."""
    if not case.settings.complete:
        return passed(layer, case)
    entry, shape = case.weight(layer, "tables"), shape_of(layer, "tables")
    count = sized(layer.output_shape) * shape[0]
    held = sum_of(entry, shape[0], None, case)
    work = [
        Work(count * layer.address_bits, Unit("mux", entry, entry.bits, 0.3), extra=True),
        Work(count, held, extra=True),
    ]
    parts = [Part("weight_quantizer", entry, shape=shape), Part("accumulator", held.result, held.op)]
    typed = _made(layer, case, held.result, count, parts, work)
    return replace(typed, parameters=((count, entry.bits),), accumulator=held)


def softmax_types(layer: Softmax, case: Case) -> LayerTypes:
    """Per row: an exponential from a table for each element, their sum, its inverse, and a product each."""
    if not case.settings.complete:
        return passed(layer, case)
    result = case.output(layer, DEFAULT)
    work = softmax_work(case.inputs[0], result, layer.output_shape, case)
    return LayerTypes(layer, case.inputs, result, sized(layer.output_shape), work=work)


def softmax_work(value: Operand, result: Operand, shape: tuple[int, ...], case: Case) -> tuple[Work, ...]:
    """The operations of a softmax over the last axis of `shape`."""
    count = sized(shape)
    rows = count // max(shape[-1], 1)
    total = accumulate(result, shape[-1])
    return (
        table(value, result, count),
        Work(count - rows, total, extra=True),
        table(total.result, result, rows),
        Work(count, multiply(result, result, case.settings.rules), extra=True),
    )


def layer_normalization_types(layer: LayerNormalization, case: Case) -> LayerTypes:
    """Per row: mean and mean square, an inverse root from a table, then a product and a sum per element."""
    if not case.settings.complete:
        return passed(layer, case)
    value, count, width = case.inputs[0], sized(layer.output_shape), layer.output_shape[-1]
    square = multiply(value, value, case.settings.rules)
    gamma, beta = case.weight(layer, "gamma"), case.weight(layer, "beta")
    scaled = multiply(gamma, value, case.settings.rules)
    shifted = add(scaled.result, beta)
    total = accumulate(square.result, width)
    work = [
        Work(count, accumulate(value, width), extra=True),
        Work(count, square, extra=True),
        Work(count, total, extra=True),
        table(total.result, gamma, count // max(width, 1)),
        Work(count, scaled, extra=True),
        Work(count, shifted, extra=True),
    ]
    parts = [Part("gamma_quantizer", gamma), Part("beta_quantizer", beta), *_unit_parts("", scaled, shifted)]
    return _made(layer, case, shifted.result, count, parts, work)


def attention_types(layer: Attention, case: Case) -> LayerTypes:
    """Projections of queries, keys and values, their scores, a softmax, the weighted values, a projection."""
    if not case.settings.complete:
        return passed(layer, case)
    lengths = {"query": layer.query_length, "output": layer.query_length}
    parts: list[Part] = []
    work: list[Work] = []
    live, count = case.inputs[0], 0
    for role in ("query", "key", "value", "output"):
        kernel = layer.weight(role)
        if kernel is None:
            continue
        products = lengths.get(role, layer.key_length) * sized(kernel.shape)
        operand = case.weight(layer, role)
        unit, held = _products(operand, case.inputs[0], kernel.shape[0], None, case)
        parts.append(Part(f"{role}_quantizer", operand, shape=kernel.shape))
        work.extend(_summed(products, unit, held))
        live, count = held.result, count + products
    between = layer.output or live
    pairs = layer.heads * layer.query_length * layer.key_length
    for size in (layer.key_size, layer.value_size):
        unit, held = _products(between, between, size, None, case)
        work.extend(_summed(pairs * size, unit, held))
        count += pairs * size
    shape = (layer.heads, layer.query_length, layer.key_length)
    work.extend(softmax_work(between, between, shape, case))
    work.append(rounding(between, sized(layer.output_shape)))
    return _made(layer, case, between, count, parts, work)
