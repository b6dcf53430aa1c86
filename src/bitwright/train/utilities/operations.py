"""How many operations of which kind a quantized model takes. Source: google/qkeras, estimate.py."""

from __future__ import annotations

import warnings
from collections import defaultdict
from enum import IntEnum
from math import prod
from typing import Any

from bitwright.core.errors import Unsupported
from bitwright.train import quantizers as q
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.utilities.folding import unfold_model
from bitwright.train.utilities.sparsity import get_model_sparsity
from bitwright.train.wiring import every_network, functional_of

__all__ = [
    "Mode",
    "create_activation_cache",
    "extract_model_operations",
    "get_operation_type",
    "get_quant_mode",
    "statistics_text",
]

Type = tuple[int, int, int]
"""(mode, bits, 1 if signed) of the numbers that a quantizer yields."""


class Mode(IntEnum):
    """The kinds of numbers that operations tell apart, numbered as in QKeras."""

    FIXED = 0
    POWER = 1
    TERNARY = 2
    BINARY = 3
    BERNOULLI = 4
    FLOAT = 5


_OPERATIONS = (
    ("mult", "barrel", "mux", "mux", "mux", "fmult"),
    ("barrel", "adder", "mux", "xor", "mux", "fmult"),
    ("mux", "mux", "mux", "mux", "xor", "fmult"),
    ("mux", "xor", "mux", "xor", "xor", "fmult"),
    ("mux", "mux", "xor", "xor", "xor", "fmult"),
    ("fmult",) * 6,
)
"""By the mode of the weight and that of the input: what multiplies them."""

_FLOAT: Type = (Mode.FLOAT, 32, 1)
_SIGN_ONLY: dict[str, Type] = {
    "binary": (Mode.BINARY, 1, 1),
    "stochastic_binary": (Mode.BINARY, 1, 1),
    "ternary": (Mode.TERNARY, 2, 1),
    "stochastic_ternary": (Mode.TERNARY, 2, 1),
    "bernoulli": (Mode.BERNOULLI, 1, 0),
}
_UNSIGNED = ("quantized_relu", "quantized_sigmoid", "quantized_relu_po2")
_COUNTED = ("QDense", "QConv1D", "QConv2D", "QConv2DTranspose", "QDepthwiseConv2D")
_SEPARABLE = ("QSeparableConv1D", "QSeparableConv2D")
_POOLS = ("QAveragePooling2D", "QGlobalAveragePooling2D")


def get_quant_mode(quant: Any) -> Type:
    """(mode, bits, 1 if signed) of what `quant` yields; see `Mode`. None is 32-bit float.

    Raises Unsupported for what is no quantizer of ours.
    """
    if quant is None:
        return _FLOAT
    name = type(quant).__name__
    if name in _SIGN_ONLY:
        return _SIGN_ONLY[name]
    if isinstance(quant, BaseQuantizer) and hasattr(quant, "bits"):
        mode = Mode.POWER if isinstance(quant, q.quantized_po2 | q.quantized_relu_po2) else Mode.FIXED
        return mode, int(getattr(quant, "bits")), int(name not in _UNSIGNED)  # noqa: B009
    raise Unsupported(
        f"{quant} is no quantizer", where="get_quant_mode", remedy="give a quantizer of bitwright.quantizers, or None"
    )


def create_activation_cache(model: Any) -> dict[int, Any]:
    """By the id of each tensor of the model: the quantizer that its values went through.

    Model inputs count as quantized_relu(8); a layer without an activation of its own passes on what its
    first input had; a quantized layer with a float activation yields floats (None).
    """
    network = functional_of(model)
    cache: dict[int, Any] = {id(tensor): q.quantized_relu(8, 0) for tensor in network.inputs}
    for nodes in (network._nodes_by_depth[depth] for depth in sorted(network._nodes_by_depth, reverse=True)):  # pyright: ignore[reportPrivateUsage]
        for node in nodes:
            if node.input_tensors:
                passed = cache.get(id(node.input_tensors[0]))
                for tensor in node.output_tensors:
                    cache[id(tensor)] = _after(node.operation, passed)
    return cache


def get_operation_type(layer: Any, output_cache: dict[int, Any]) -> tuple[str, tuple[int, int], tuple[int, int], Any]:
    """(operation, modes, bits, signs), each for (weight, input), of the products in `layer`."""
    weight = get_quant_mode(layer.get_quantizers()[0] if hasattr(layer, "get_quantizers") else None)
    tensor = layer.input[0] if isinstance(layer.input, list | tuple) else layer.input
    read = get_quant_mode(output_cache.get(id(tensor)))
    modes, bits, signs = zip(weight, read, strict=True)
    return _OPERATIONS[weight[0]][read[0]], modes, bits, signs


def extract_model_operations(in_model: Any) -> dict[str, dict[str, Any]]:
    """By layer name, for each quantized linear layer: what it multiplies, how often, and what it stores.

    "type": see `get_operation_type`; "number_of_operations": products per sample; "number_of_weights",
    "type_of_weights" (lists of two for separable convolutions), "number_of_bias", "type_of_bias".
    Folded layers count as unfolded ones; float layers are left out with a warning. Two figures are
    QKeras's, though too high or too low: a depthwise kernel counts one weight per pair of channels, and
    the pointwise part of a separable convolution one product per output. QTools counts these as they are.
    """
    model = unfold_model(in_model)
    operations: dict[str, dict[str, Any]] = {}
    left: list[str] = []
    for network in every_network(model):
        cache = create_activation_cache(network)
        for layer in network.layers:
            name = type(layer).__name__
            if name in _COUNTED or name in _SEPARABLE:
                operations[layer.name] = _row(layer, cache)
            elif f"Q{name}" in _COUNTED or f"Q{name}" in _SEPARABLE:
                left.append(layer.name)
    if left:
        warnings.warn(f"float layers are not counted: {', '.join(left)}", stacklevel=2)
    return operations


def statistics_text(model: Any) -> str:
    """What `print_qstats` prints: operations by layer and kind, weights in bits, sparsity."""
    rows = extract_model_operations(model)
    total, layers = get_model_sparsity(model, per_layer=True)
    kinds: dict[str, int] = defaultdict(int)
    lines = ["", "Number of operations in model:"]
    for name in sorted(rows):
        operation, _, bits, signs = rows[name]["type"]
        kind = f"{'s' if any(signs) else 'u'}{operation}_{bits[0]}_{bits[1]}"
        number = rows[name]["number_of_operations"]
        kinds[kind] += number
        lines.append(f"    {name:30}: {number:5} ({kind})")
    lines += ["", "Number of operation types in model:"]
    lines += [f"    {kind:30}: {kinds[kind]}" for kind in sorted(kinds) if kinds[kind]]
    stored, bits = _stored(rows)
    lines += ["", "Weight profiling:", *stored, "    " + "-" * 40, f"    {'Total Bits':30} : {bits:5}"]
    lines += ["", "Weight sparsity:", *(f"    {name:30} : {share:.4f}" for name, share in layers)]
    return "\n".join([*lines, "    " + "-" * 40, f"    {'Total Sparsity':30} : {total:.4f}"])


def _stored(rows: dict[str, dict[str, Any]]) -> tuple[list[str], int]:
    lines, total = list[str](), 0
    for name in sorted(rows):
        row = rows[name]
        parts = [("weights", row["number_of_weights"], row["type_of_weights"])]
        if isinstance(row["number_of_weights"], list):
            both = zip(row["number_of_weights"], row["type_of_weights"], strict=True)
            parts = [(f"weights_{i}", number, kind) for i, (number, kind) in enumerate(both)]
        for label, number, kind in [*parts, ("bias", row["number_of_bias"], row["type_of_bias"])]:
            lines.append(f"    {name + '_' + label:30} : {number:5} ({kind[1]}-bit unit)")
            total += number * kind[1]
    return lines, total


def _after(operation: Any, passed: Any) -> Any:
    """The quantizer of what `operation` yields, given that of its first input."""
    if hasattr(operation, "quantizer"):
        return operation.quantizer
    name, activation = type(operation).__name__, getattr(operation, "activation", None)
    # A recurrent layer yields products of its activations: as in QKeras it passes on what it read.
    if isinstance(activation, BaseQuantizer) and name in (*_COUNTED, *_SEPARABLE, *_POOLS):
        return activation
    return None if name in (*_COUNTED, *_SEPARABLE) else passed


def _row(layer: Any, cache: dict[int, Any]) -> dict[str, Any]:
    counts = _separable(layer) if type(layer).__name__ in _SEPARABLE else _single(layer)
    return {
        "type": get_operation_type(layer, cache),
        **counts,
        "number_of_bias": int(prod(layer.bias.shape)) if layer.use_bias else 0,
        "type_of_bias": get_quant_mode(layer.get_quantizers()[-1]),
    }


def _single(layer: Any) -> dict[str, Any]:
    kernel = tuple(layer.get_weights()[0].shape)
    weights, positions = prod(kernel), _positions(layer)
    depthwise = type(layer).__name__ == "QDepthwiseConv2D"
    return {
        "number_of_operations": weights * positions,
        "number_of_weights": weights * kernel[-2] if depthwise else weights,
        "type_of_weights": get_quant_mode(layer.get_quantizers()[0]),
    }


def _separable(layer: Any) -> dict[str, Any]:
    depthwise, pointwise = (tuple(kernel.shape) for kernel in layer.get_weights()[:2])
    return {
        "number_of_operations": (prod(depthwise) + pointwise[-1]) * _positions(layer),
        "number_of_weights": [prod(depthwise), prod(pointwise)],
        "type_of_weights": [get_quant_mode(quantizer) for quantizer in layer.get_quantizers()[:2]],
    }


def _positions(layer: Any) -> int:
    """How often the kernel is applied to one sample."""
    if type(layer).__name__ == "QDense":
        return 1 if len(layer.output.shape) == 2 else int(prod(layer.output.shape[1:-1]))
    # A transposed convolution applies its kernel at each position of its input.
    shape = layer.input.shape if type(layer).__name__ == "QConv2DTranspose" else layer.output.shape
    return int(prod(shape[2:] if layer.data_format == "channels_first" else shape[1:-1]))
