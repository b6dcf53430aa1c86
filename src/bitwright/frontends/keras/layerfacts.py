"""Facts about one Keras layer (`bitwright.ir.layers`), for cost models: one rule per class.

A quantized twin is found by the rule of the Keras layer that it derives from.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from keras import layers as kl
from keras import ops

from bitwright.core.rules import Rules
from bitwright.frontends.keras.operands import operand_of, weight_operand
from bitwright.ir import layers as ir
from bitwright.train import layers as ql
from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["Seen", "facts"]

_SMOOTH = ("linear", "relu", "relu6", "leaky_relu", "leakyrelu", "prelu", "hard_sigmoid", "hard_tanh")
_CURVED = ("quantized_ulaw", "quantized_hswish")


@dataclass(frozen=True)
class Seen:
    """What a rule gets beside the layer: how it is wired, and whether weights are still to be quantized."""

    name: str
    inputs: tuple[str, ...]
    input_shapes: tuple[ir.Shape, ...]
    output_shape: ir.Shape
    quantize: bool

    def base(self, layer: Any, *weights: ir.Weight | None, **told: Any) -> dict[str, Any]:
        """The fields that every layer's facts have."""
        return {
            "name": self.name,
            "class_name": type(layer).__name__,
            "inputs": self.inputs,
            "input_shapes": self.input_shapes,
            "output_shape": self.output_shape,
            "weights": tuple(w for w in weights if w is not None),
            "quantized": hasattr(layer, "get_quantizers"),
            "output": operand_of(getattr(layer, "activation", None)),
            "function": _name(getattr(layer, "activation", None)),
            **told,
        }

    def weight(self, layer: Any, role: str, attribute: str, prefix: str | None = None) -> ir.Weight | None:
        """The weight at `attribute`, quantized by `<prefix>_quantizer` (by default of its role)."""
        variable = getattr(layer, attribute, None)
        if variable is None:
            return None
        quantizer = getattr(layer, f"{prefix or role}_quantizer", None)
        values = np.asarray(ops.convert_to_numpy(variable))
        operand = weight_operand(quantizer, values, quantize=self.quantize)
        return ir.Weight(role, tuple(int(n) for n in values.shape), operand)


def _name(function: Any) -> str:
    if function is None:
        return "linear"
    return type(function).__name__ if isinstance(function, BaseQuantizer) else getattr(function, "__name__", "")


facts: Rules[[Seen], ir.Layer] = Rules("facts of a Keras layer")


# ---- sums of products


@facts.on(kl.Dense)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Dense(**seen.base(layer, seen.weight(layer, "kernel", "kernel"), seen.weight(layer, "bias", "bias")))


@facts.on(kl.Conv1D, kl.Conv2D, kl.Conv3D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Conv(**seen.base(layer, seen.weight(layer, "kernel", "kernel"), seen.weight(layer, "bias", "bias")))


@facts.on(kl.Conv1DTranspose, kl.Conv2DTranspose, kl.Conv3DTranspose)
def _(layer: Any, seen: Seen) -> ir.Layer:
    weights = seen.weight(layer, "kernel", "kernel"), seen.weight(layer, "bias", "bias")
    return ir.ConvTranspose(**seen.base(layer, *weights))


@facts.on(kl.DepthwiseConv1D, kl.DepthwiseConv2D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    weights = seen.weight(layer, "kernel", "kernel", "depthwise"), seen.weight(layer, "bias", "bias")
    return ir.Depthwise(**seen.base(layer, *weights))


@facts.on(ql.QDepthwiseConv2DTranspose)
def _(layer: Any, seen: Seen) -> ir.Layer:
    weights = (
        seen.weight(layer, "kernel", "depthwise_kernel", "depthwise_kernel"),
        seen.weight(layer, "bias", "bias"),
    )
    return ir.DepthwiseTranspose(**seen.base(layer, *weights))


@facts.on(ql.QConv2DBatchnorm, ql.QDenseBatchnorm, ql.QDepthwiseConv2DBatchnorm)
def _(layer: Any, seen: Seen) -> ir.Layer:
    """The bias is always there: batch normalization moves into it."""
    depthwise = isinstance(layer, kl.DepthwiseConv2D)
    kernel = seen.weight(layer, "kernel", "kernel", "depthwise" if depthwise else None)
    channels = int(prod(kernel.shape[-2:]) if depthwise else kernel.shape[-1]) if kernel else 1
    bias = ir.Weight("bias", (channels,), operand_of(layer.bias_quantizer))
    kind = ir.Depthwise if depthwise else ir.Conv if isinstance(layer, kl.Conv2D) else ir.Dense
    return ir.Folded(**seen.base(layer, kernel, bias), linear=kind(**seen.base(layer, kernel, bias)))


@facts.on(kl.SeparableConv1D, kl.SeparableConv2D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    weights = (
        seen.weight(layer, "depthwise", "depthwise_kernel"),
        seen.weight(layer, "pointwise", "pointwise_kernel"),
        seen.weight(layer, "bias", "bias"),
    )
    return ir.Separable(**seen.base(layer, *weights))


@facts.on(ql.QSeparableConv2DTranspose)
def _(layer: Any, seen: Seen) -> ir.Layer:
    weights = (
        seen.weight(layer, "depthwise", "depthwise_kernel", "depthwise_kernel"),
        seen.weight(layer, "pointwise", "pointwise_kernel", "pointwise_kernel"),
        seen.weight(layer, "bias", "bias"),
    )
    between = operand_of(getattr(layer, "depthwise_activation", None))
    output = operand_of(getattr(layer, "pointwise_activation", None))
    return ir.Separable(**seen.base(layer, *weights, output=output), transposed=True, between=between)


@facts.on(kl.EinsumDense)
def _(layer: Any, seen: Seen) -> ir.Layer:
    kernel = seen.weight(layer, "kernel", "kernel")
    left, _, output = (part.strip() for part in layer.equation.partition("->"))
    entry, labels = (part.strip() for part in left.split(","))
    sizes = dict(zip(labels, kernel.shape if kernel else (), strict=False))
    terms = prod(n for label, n in sizes.items() if label not in output)
    told = seen.base(layer, kernel, seen.weight(layer, "bias", "bias"))
    if "." not in entry:
        # Keras may leave axes open that the equation fixes.
        sizes |= dict(zip(entry[1:], seen.input_shapes[0], strict=True))
        told["output_shape"] = tuple(sizes[label] for label in output[1:])
    return ir.Einsum(**told, terms=terms)


@facts.on(ql.QScaleShift)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.ScaleShift(**seen.base(layer, seen.weight(layer, "weight", "weight"), seen.weight(layer, "bias", "bias")))


@facts.on(kl.Embedding)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Embedding(**seen.base(layer, seen.weight(layer, "embeddings", "embeddings")))


@facts.on(ql.QTableDense)
def _(layer: Any, seen: Seen) -> ir.Layer:
    found = layer.table_codes()
    top = float(np.abs(found.entries * 2.0 ** -found.fractions[:, None]).max(initial=0.0))
    whole, fraction = max(int(np.ceil(np.log2(max(top, 1.0)))), 0), max(int(found.fractions.max()), 0)
    operand = ir.Operand("quantized_bits", ir.Mode.FIXED, whole + fraction + 1, whole, True)
    tables = ir.Weight("tables", tuple(int(n) for n in found.entries.shape), operand)
    told = seen.base(layer, tables, quantized=True)
    return ir.TableSum(**told, address_bits=layer.input_bits * layer.inputs_per_table)


@facts.on(ql.QEdgeTables)
def _(layer: Any, seen: Seen) -> ir.Layer:
    tables = ir.Weight("tables", tuple(int(n) for n in layer.tables.shape), _widest(layer.quantizer))
    told = seen.base(layer, tables, quantized=True)
    return ir.TableSum(**told, address_bits=max(layer.size - 1, 1).bit_length())


@facts.on(ql.QFixedPoint)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Activation(**seen.base(layer, output=_widest(layer), function="fixed_point"))


def _widest(layer: Any) -> ir.Operand:
    """The narrowest format that holds those of all elements."""
    told = layer.formats()
    low, high, fraction = np.broadcast_arrays(told.low, told.high, told.fraction)
    signed = bool((low < 0).any())
    each = zip(low.ravel().tolist(), high.ravel().tolist(), fraction.ravel().tolist(), strict=True)
    whole = max(max(b.bit_length(), (-a - 1).bit_length() if a < 0 else 0) - f for a, b, f in each)
    places = int(fraction.max())
    return ir.Operand("quantized_bits", ir.Mode.FIXED, max(whole + places + signed, 1), whole, signed)


# ---- recurrent and attention


@facts.on(kl.SimpleRNN, kl.LSTM, kl.GRU)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return _recurrent(layer, layer, seen, 1)


@facts.on(kl.Bidirectional)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return _recurrent(layer, layer.forward_layer, seen, 2)


def _recurrent(layer: Any, inner: Any, seen: Seen, directions: int) -> ir.Layer:
    cell = inner.cell
    weights = (
        seen.weight(cell, "kernel", "kernel"),
        seen.weight(cell, "recurrent", "recurrent_kernel"),
        seen.weight(cell, "bias", "bias"),
    )
    gates, products = (4, 3) if isinstance(inner, kl.LSTM) else (3, 3) if isinstance(inner, kl.GRU) else (1, 0)
    told = seen.base(layer, *weights, output=operand_of(cell.activation), quantized=hasattr(cell, "get_quantizers"))
    return ir.Recurrent(
        **told,
        steps=seen.input_shapes[0][0],
        units=int(inner.units),
        gates=gates,
        products=products,
        directions=directions,
        state=operand_of(getattr(cell, "state_quantizer", None)),
    )


@facts.on(kl.MultiHeadAttention)
def _(layer: Any, seen: Seen) -> ir.Layer:
    projections = {
        "query": layer.query_dense, "key": layer.key_dense, "value": layer.value_dense, "output": layer.output_dense,
    }  # fmt: skip
    weights = [
        ir.Weight(role, tuple(int(n) for n in dense.kernel.shape), _projected(layer, dense, seen))
        for role, dense in projections.items()
    ]
    lengths = [shape[0] for shape in seen.input_shapes]
    return ir.Attention(
        **seen.base(layer, *weights, output=operand_of(getattr(layer, "context_quantizer", None))),
        heads=int(layer.num_heads),
        query_length=lengths[0],
        key_length=lengths[1] if len(lengths) > 1 else lengths[0],
        key_size=int(layer.key_dim),
        value_size=int(layer.value_dim),
    )


def _projected(layer: Any, dense: Any, seen: Seen) -> ir.Operand | None:
    values = np.asarray(ops.convert_to_numpy(dense.kernel))
    return weight_operand(getattr(layer, "kernel_quantizer", None), values, quantize=seen.quantize)


@facts.on(kl.Attention, kl.AdditiveAttention)
def _(layer: Any, seen: Seen) -> ir.Layer:
    query, *others = seen.input_shapes
    key = others[0] if others else query
    return ir.Attention(
        **seen.base(layer), query_length=query[0], key_length=key[0], key_size=query[-1], value_size=key[-1]
    )


# ---- element by element


@facts.on(kl.BatchNormalization)
def _(layer: Any, seen: Seen) -> ir.Layer:
    channels = tuple(int(n) for n in layer.moving_mean.shape)
    attributes = {"gamma": "gamma", "beta": "beta", "mean": "moving_mean", "variance": "moving_variance"}
    weights: list[ir.Weight] = []
    for role, attribute in attributes.items():
        # Without scale or center the quantizer is there all the same, and QTools reads it.
        missing = ir.Weight(role, channels, operand_of(getattr(layer, f"{role}_quantizer", None)))
        weights.append(seen.weight(layer, role, attribute) or missing)
    inverse = getattr(layer, "inverse_quantizer", None)
    if inverse is not None:
        weights.append(ir.Weight("inverse", channels, _inverse(layer, inverse, seen)))
    told = seen.base(layer, *weights, output=None)
    return ir.Normalization(**told, scale=bool(layer.scale), center=bool(layer.center))


def _inverse(layer: Any, quantizer: Any, seen: Seen) -> ir.Operand | None:
    """The type of gamma / sqrt(variance + epsilon)."""
    deviation = np.sqrt(np.asarray(ops.convert_to_numpy(layer.moving_variance)) + layer.epsilon)
    gamma = np.asarray(ops.convert_to_numpy(layer.gamma)) if layer.scale else 1.0
    return weight_operand(quantizer, (gamma / deviation).astype(np.float32), quantize=seen.quantize)


@facts.on(kl.LayerNormalization, kl.GroupNormalization, kl.RMSNormalization)
def _(layer: Any, seen: Seen) -> ir.Layer:
    weights = seen.weight(layer, "gamma", "gamma"), seen.weight(layer, "beta", "beta")
    return ir.LayerNormalization(**seen.base(layer, *weights))


@facts.on(kl.Softmax)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Softmax(**seen.base(layer, output=operand_of(getattr(layer, "output_quantizer", None))))


@facts.on(kl.Activation, kl.ReLU, kl.LeakyReLU, kl.PReLU, kl.ELU)
def _(layer: Any, seen: Seen) -> ir.Layer:
    told = seen.base(layer, seen.weight(layer, "alpha", "alpha") if isinstance(layer, kl.PReLU) else None)
    if not hasattr(layer, "activation") or isinstance(layer, kl.PReLU):
        told["function"] = type(layer).__name__.lower()
    return ir.Activation(**told, table=told["function"] not in _SMOOTH)


@facts.on(ql.QActivation, ql.QAdaptiveActivation)
def _(layer: Any, seen: Seen) -> ir.Layer:
    quantizer = layer.quantizer
    told = seen.base(layer, output=operand_of(quantizer), function=_name(quantizer))
    curved = told["function"] in _CURVED or bool(getattr(quantizer, "use_real_tanh", False))
    return ir.Activation(**told, table=curved)


# ---- pools, merges, shapes


@facts.on(kl.AveragePooling1D, kl.AveragePooling2D, kl.AveragePooling3D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.AveragePool(**seen.base(layer, _average(layer)), area=prod(layer.pool_size))


@facts.on(kl.GlobalAveragePooling1D, kl.GlobalAveragePooling2D, kl.GlobalAveragePooling3D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    area = prod(seen.input_shapes[0][:-1])
    return ir.AveragePool(**seen.base(layer, _average(layer)), area=area, whole=True)


def _average(layer: Any) -> ir.Weight | None:
    quantizer = getattr(layer, "average_quantizer", None)
    return None if quantizer is None else ir.Weight("average", (), operand_of(quantizer))


@facts.on(kl.MaxPooling1D, kl.MaxPooling2D, kl.MaxPooling3D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.MaxPool(**seen.base(layer), area=prod(layer.pool_size))


@facts.on(kl.GlobalMaxPooling1D, kl.GlobalMaxPooling2D, kl.GlobalMaxPooling3D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.MaxPool(**seen.base(layer), area=prod(seen.input_shapes[0][:-1]))


@facts.on(kl.Add, kl.Subtract, kl.Multiply, kl.Maximum, kl.Minimum, kl.Average, kl.Concatenate, kl.Dot)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Merge(**seen.base(layer), kind=type(layer).__name__)


@facts.on(
    kl.Flatten, kl.Reshape, kl.Permute, kl.RepeatVector, kl.ZeroPadding1D, kl.ZeroPadding2D, kl.ZeroPadding3D,
    kl.Cropping1D, kl.Cropping2D, kl.Cropping3D,
)  # fmt: skip
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Shaping(**seen.base(layer))


@facts.on(kl.UpSampling1D, kl.UpSampling2D, kl.UpSampling3D)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Upsample(**seen.base(layer))
