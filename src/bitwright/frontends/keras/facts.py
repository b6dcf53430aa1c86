"""Keras models as facts about their layers (`bitwright.ir.layers`), for cost models: one rule per class.

A quantized twin is found by the rule of the Keras layer that it derives from. Layers without a rule
become `Other`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops

from bitwright.core.rules import Rules
from bitwright.frontends.keras.operands import operand_of, weight_operand
from bitwright.frontends.keras.read import functional_of
from bitwright.ir import layers as ir
from bitwright.train import layers as ql
from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["Seen", "facts", "network_of"]

_TRANSPARENT = (
    kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.SpatialDropout3D, kl.GaussianNoise, kl.GaussianDropout,
    kl.AlphaDropout, kl.ActivityRegularization, kl.Identity,
)  # fmt: skip
_SMOOTH = ("linear", "relu", "relu6", "leaky_relu", "hard_sigmoid", "hard_tanh", "softmax")


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


facts: Rules[[Seen], ir.Layer] = Rules("facts of a Keras layer")


def network_of(model: Any, *, quantize: bool = False) -> ir.Network:
    """The facts of a built Sequential or functional model, nested models in the place of these.

    quantize: kernels are float values that their quantizers have still to round (QKeras's
    model_weights_already_quantized=False), so that scales found from data become known.
    """
    functional = functional_of(model)
    walk = _Walk(quantize)
    sources = [walk.source(tensor) for tensor in functional.inputs]
    outputs = walk.inline(functional, sources)
    return ir.Network(tuple(walk.layers), tuple(dict.fromkeys(outputs)))


@dataclass
class _Walk:
    quantize: bool
    layers: list[ir.Layer] = field(default_factory=list[ir.Layer])

    def source(self, tensor: Any) -> str:
        history = getattr(tensor, "_keras_history", None)
        name = self._unused(history.operation.name if history is not None else str(tensor.name))
        self.layers.append(ir.Input(name, "InputLayer", (), (), _shape(tensor)))
        return name

    def inline(self, functional: Any, sources: list[str]) -> list[str]:
        known = {id(t): name for t, name in zip(functional.inputs, sources, strict=True)}
        by_depth = functional._nodes_by_depth
        for node in (node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]):
            if node.is_input:
                continue
            tensors = node.arguments.keras_tensors
            names = [known[id(t)] for t in tensors]
            for tensor, name in zip(node.output_tensors, self._apply(node, tensors, names), strict=False):
                known[id(tensor)] = name
        return [known[id(t)] for t in functional.outputs]

    def _apply(self, node: Any, tensors: Any, names: list[str]) -> list[str]:
        layer = node.operation
        if isinstance(layer, keras.Model):
            return self.inline(functional_of(layer), names)
        if isinstance(layer, _TRANSPARENT):
            return names
        seen = Seen(
            self._unused(layer.name),
            tuple(names),
            tuple(_shape(t) for t in tensors),
            _shape(node.output_tensors[0]),
            self.quantize,
        )
        self.layers.append(facts(layer, seen) if type(layer) in facts else _other(layer, seen))
        return [seen.name] * len(node.output_tensors)

    def _unused(self, name: str) -> str:
        taken, number, free = {layer.name for layer in self.layers}, 1, name
        while free in taken:
            number += 1
            free = f"{name}:{number}"
        return free


def _shape(tensor: Any) -> ir.Shape:
    return tuple(1 if n is None else int(n) for n in tensor.shape[1:])


def _other(layer: Any, seen: Seen) -> ir.Layer:
    name = type(layer).__name__
    if not isinstance(layer, keras.Layer) and name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum"):
        return ir.Merge(**seen.base(layer), kind=name)
    return ir.Other(**seen.base(layer))


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
    weights = seen.weight(layer, "kernel", "kernel"), seen.weight(layer, "bias", "bias")
    left, _, output = layer.equation.partition("->")
    labels = left.split(",")[1].strip()
    shape = weights[0].shape if weights[0] else ()
    terms = prod(n for label, n in zip(labels, shape, strict=True) if label not in output)
    return ir.Einsum(**seen.base(layer, *weights), terms=terms)


@facts.on(ql.QScaleShift)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.ScaleShift(**seen.base(layer, seen.weight(layer, "weight", "weight"), seen.weight(layer, "bias", "bias")))


@facts.on(kl.Embedding)
def _(layer: Any, seen: Seen) -> ir.Layer:
    return ir.Embedding(**seen.base(layer, seen.weight(layer, "embeddings", "embeddings")))


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
    weights = [
        seen.weight(layer, "gamma", "gamma"),
        seen.weight(layer, "beta", "beta"),
        seen.weight(layer, "mean", "moving_mean"),
        seen.weight(layer, "variance", "moving_variance"),
    ]
    inverse = getattr(layer, "inverse_quantizer", None)
    if inverse is not None:
        weights.append(ir.Weight("inverse", weights[3].shape if weights[3] else (), _inverse(layer, inverse, seen)))
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
    name = getattr(getattr(layer, "activation", None), "__name__", "relu")
    return ir.Activation(**seen.base(layer), table=isinstance(layer, kl.ELU) or name not in _SMOOTH)


@facts.on(ql.QActivation)
def _(layer: Any, seen: Seen) -> ir.Layer:
    quantizer = layer.quantizer
    name = type(quantizer).__name__ if isinstance(quantizer, BaseQuantizer) else getattr(quantizer, "__name__", "")
    curved = name in ("quantized_ulaw", "quantized_hswish") or bool(getattr(quantizer, "use_real_tanh", False))
    return ir.Activation(**seen.base(layer, output=operand_of(quantizer)), table=curved)


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
