"""Data types of what adds no products: normalization, activations, pools, merges, shapes."""

from __future__ import annotations

from math import prod

from bitwright.cost.qtools.arithmetic import Unit, accumulate, add, divide, multiply, root
from bitwright.cost.qtools.merging import merge
from bitwright.cost.qtools.rulesets import DEFAULT
from bitwright.cost.qtools.typed import Case, LayerTypes, Part, Work, sized
from bitwright.ir.layers import (
    Activation,
    AveragePool,
    Layer,
    MaxPool,
    Merge,
    Mode,
    Normalization,
    Operand,
    Upsample,
)

__all__ = [
    "activation_types",
    "average_types",
    "fused_types",
    "maximum_types",
    "merge_types",
    "normalization_types",
    "passed",
    "rounding",
    "table",
]

_ACTIVATIONS = ("Activation", "QActivation", "QAdaptiveActivation")
_COUNTED = {"Flatten", "Reshape", *_ACTIVATIONS, "MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling2D"}
_SUMMED = ("Add", "Multiply", "Subtract")


def passed(layer: Layer, case: Case) -> LayerTypes:
    """A layer that QTools knows nothing about: its type is that of its activation, or of its input."""
    output = case.handed_on(case.inputs[0]) if case.inputs else DEFAULT
    if not case.settings.for_reference and layer.output is not None:
        output = case.known(layer.output, layer)
    return LayerTypes(layer, case.inputs, output, _elements(layer))


def _elements(layer: Layer) -> int:
    if isinstance(layer, Upsample):
        return sized(layer.output_shape)
    return sized(layer.input_shapes[0]) if layer.class_name in _COUNTED else 0


def rounding(operand: Operand, count: int) -> Work:
    """Rounding and clipping `count` numbers: an addition of their width each; QKeras takes it as free."""
    return Work(count, Unit("add", operand, operand.bits), extra=True)


def table(index: Operand, entry: Operand, count: int) -> Work:
    """`count` look-ups: a tree of two-way selections as deep as the index has bits, at QKeras's 0.3 of an adder."""
    bits = min(index.bits, 16)
    return Work(count * bits, Unit("mux", entry, entry.bits, 0.3), extra=True)


def activation_types(layer: Activation, case: Case) -> LayerTypes:
    """An element-wise function, costless in QTools."""
    count = sized(layer.input_shapes[0])
    if layer.class_name not in _ACTIVATIONS:
        typed = passed(layer, case)
        output, shown = typed.output, 0 if not case.settings.complete else count
    else:
        output, shown = case.output(layer, case.settings.result), count
    value = case.inputs[0]
    work = [table(value, output, count) if layer.table else rounding(value, count)]
    if case.settings.complete and layer.weight("alpha") is not None:
        slope = multiply(case.weight(layer, "alpha"), value, case.settings.rules)
        work.append(Work(count, slope, extra=True))
    return LayerTypes(layer, case.inputs, output, shown, work=tuple(work))


def normalization_types(layer: Normalization, case: Case) -> LayerTypes:
    """gamma / sqrt(variance) * x + beta, with whatever divides and multiplies these types.

    In QTools a quantized inverse is used only in fused layers, and the addition costs nothing.
    """
    value, plain = case.inputs[0], case.plain(layer)
    roles = {role: case.weight(layer, role) for role in ("gamma", "beta", "mean", "variance")}
    deviation = root(roles["variance"])
    units: list[tuple[str, Unit]] = []
    inverse = layer.weight("inverse")
    if case.settings.complete and not plain and inverse is not None and inverse.operand is not None:
        roles["inverse"] = case.weight(layer, "inverse")
        units.append(("internal_multiplier", multiply(roles["inverse"], value, case.settings.rules)))
    elif layer.scale:
        units.append(("internal_divide_quantizer", divide(roles["gamma"], deviation)))
        units.append(("internal_multiplier", multiply(units[0][1].result, value, case.settings.rules)))
    else:
        units.append(("internal_divide_quantizer", divide(value, deviation)))
    if layer.center:
        units.append(("internal_accumulator", add(units[-1][1].result, roles["beta"])))
    if plain:
        units = [(label, unit.giving(case.settings.result)) for label, unit in units]
    count, channels = sized(layer.input_shapes[0]), _channels(layer)
    return LayerTypes(
        layer,
        case.inputs,
        units[-1][1].result,
        count,
        (
            *(Part(f"{role}_quantizer", operand) for role, operand in roles.items()),
            *(Part(label, unit.result, unit.op) for label, unit in units),
        ),
        tuple(Work(count, unit, extra=label == "internal_accumulator") for label, unit in units),
        tuple((channels, operand.bits) for role, operand in roles.items() if role != "inverse"),
    )


def _channels(layer: Layer) -> int:
    return next((sized(w.shape) for w in layer.weights if w.role in ("mean", "variance", "gamma")), 1)


def fused_types(layer: Normalization, case: Case) -> LayerTypes:
    """A batch normalization that happens in the layer before it, which shows its types.

    QTools fails to cost it; here it costs one multiplication and one addition per element.
    """
    value, count = case.inputs[0], sized(layer.input_shapes[0])
    inverse, mean = case.weight(layer, "inverse"), case.weight(layer, "mean")
    units = (Unit("mul", value, (inverse.bits * value.bits) ** 0.5), Unit("add", value, value.bits))
    parameters = [(_channels(layer), operand.bits) for operand in (inverse, mean)]
    if layer.center:
        parameters.append((_channels(layer), case.weight(layer, "beta").bits))
    work = tuple(Work(count, unit) for unit in units)
    return LayerTypes(layer, case.inputs, value, count, work=work, parameters=tuple(parameters))


def average_types(layer: AveragePool, case: Case) -> LayerTypes:
    """A sum over the window and, in quantized twins, a multiplication by the quantized 1 / area.

    QTools costs neither (and fails on the plain layers' energy).
    """
    settings, reference = case.settings, case.settings.for_reference
    total = accumulate(case.inputs[0], layer.area)
    total = total.giving(settings.result) if reference else total
    outputs = sized(layer.output_shape)
    work = [Work(max(layer.area - 1, 0) * outputs, total, extra=True)]
    parts = [Part("pool_sum_accumulator", total.result, total.op)]
    output = total.result
    if layer.quantized:
        average = case.weight(layer, "average", plain=False)
        unit = multiply(average, total.result, settings.rules)
        unit = unit.giving(settings.result) if reference else unit
        parts = [Part("average_quantizer", average), *parts, Part("pool_avg_multiplier", unit.result, unit.op)]
        work.append(Work(outputs, unit, extra=True))
        output = case.output(layer, unit.result)
    elif layer.area & (layer.area - 1):
        work.append(Work(outputs, multiply(DEFAULT, total.result, settings.rules), extra=True))
    return LayerTypes(layer, case.inputs, output, _pooled(layer), tuple(parts), tuple(work))


def _pooled(layer: AveragePool) -> int:
    """QKeras's count of operations: without the positions, or nothing for the quantized twin."""
    if layer.whole:
        return sized(layer.input_shapes[0])
    return 0 if layer.quantized else layer.area * layer.input_shapes[0][-1]


def maximum_types(layer: MaxPool, case: Case) -> LayerTypes:
    """The type that comes in; one comparison less per window than it has elements."""
    typed = passed(layer, case)
    value = case.inputs[0]
    compare = Work(max(layer.area - 1, 0) * sized(layer.output_shape), Unit("add", value, value.bits), extra=True)
    return LayerTypes(layer, case.inputs, typed.output, typed.operation_count, work=(compare,))


def merge_types(layer: Merge, case: Case) -> LayerTypes:
    """Several inputs into one; QTools costs sums and products."""
    unit = merge(layer.kind, case.inputs, case.settings.rules)
    if case.settings.for_reference:
        unit = unit.giving(case.settings.result)
    count = sized(layer.input_shapes[0])
    works: tuple[Work, ...] = ()
    if layer.kind in _SUMMED:
        works = (Work((len(case.inputs) - 1) * count, unit),)
    elif layer.kind in ("Maximum", "Minimum", "Average"):
        works = (Work((len(case.inputs) - 1) * count, Unit("add", unit.result, unit.bits), extra=True),)
    elif layer.kind == "Dot":
        works = _dot(layer, unit)
    parts = (Part(f"{layer.kind}_quantizer", unit.result, unit.op),)
    return LayerTypes(layer, case.inputs, case.handed_on(unit.result), count, parts, works)


def _dot(layer: Merge, unit: Unit) -> tuple[Work, ...]:
    """As many products as both operands and the result share axes for."""
    both = prod(sized(shape) for shape in layer.input_shapes)
    products = round((both * sized(layer.output_shape)) ** 0.5)
    held = unit.result if unit.result.mode is Mode.FLOAT else accumulate(unit.result, products).result
    return (Work(products, unit, extra=True), Work(products, Unit("add", held, held.bits), extra=True))
