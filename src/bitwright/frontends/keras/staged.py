"""Transposed and separable convolutions, one number's scale and shift, adaptive activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from keras import ops

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece, then
from bitwright.frontends.keras.linear import conv_op, linear_of
from bitwright.frontends.keras.rules import channels_last, lower
from bitwright.frontends.keras.weights import Linear, read_linear, refuse_unfactored
from bitwright.ir.graph.ops import ConvTranspose, GraphOp
from bitwright.numeric import IntArray, Ints
from bitwright.train import layers as ql
from bitwright.train.layers.spread import spread_pads
from bitwright.train.layers.stages import Stage

__all__: list[str] = []


@lower.on(kl.Conv1DTranspose, kl.Conv2DTranspose)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    parts = read_linear(layer)
    kernel = np.moveaxis(parts.kernel, -1, -2)
    return linear_of(layer.name, walk, inputs[0], parts, kernel, _transposed(layer, kernel.shape[:-2], 1))


@lower.on(kl.SeparableConv1D, kl.SeparableConv2D, ql.QSeparableConv2DTranspose, ql.QDepthwiseConv2DTranspose)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    stages: tuple[Stage, ...] = layer.stages() if hasattr(layer, "stages") else _stages(layer)
    refuse_unfactored(layer, *(stage.kernel for stage in stages))
    lazy = inputs[0]
    for stage in stages:
        lazy = linear_of(layer.name, walk, lazy, _parts(stage), stage.kernel, _op(layer, lazy, stage))
    _refuse_hidden_head(layer, lazy)
    _refuse_wrong_shape(layer, lazy)
    return lazy


@lower.on(ql.QScaleShift)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return then(inputs[0], activation_piece(layer.activation, layer.name, lambda x: layer(x, training=False)))


@lower.on(ql.QAdaptiveActivation)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    piece = activation_piece(layer.quantizer, layer.name, lambda x: layer(x, training=False))
    return then(inputs[0], replace(piece, channelwise=layer.per_channel))


def _transposed(layer: Any, kernel: tuple[int, ...], groups: int) -> Callable[[IntArray, IntArray], GraphOp]:
    strides, dilation = (tuple(int(n) for n in given) for given in (layer.strides, layer.dilation_rate))
    reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    crops = tuple((r - before, r - after) for r, (before, after) in zip(reach, spread_pads(layer), strict=True))
    return lambda weights, bias: ConvTranspose(Ints(weights), Ints(bias), strides, crops, dilation, groups)


def _op(layer: Any, lazy: Lazy, stage: Stage) -> Callable[[IntArray, IntArray], GraphOp]:
    window = stage.kernel.shape[:-2]
    if stage.transposed:
        return _transposed(layer, window, stage.groups)
    return conv_op(layer if stage.spatial else None, lazy, window, stage.groups)


def _parts(stage: Stage) -> Linear:
    # "No activation" is known to be monotone under this name.
    last = keras.activations.linear if stage.quantizer is None else stage.quantizer
    return Linear(stage.kernel, stage.bias, stage.epilogue, stage.activation, last)


def _stages(layer: Any) -> tuple[Stage, Stage]:
    """The two sums of a plain Keras layer, whose weights may happen to lie on a grid."""
    depthwise, pointwise = (
        np.asarray(ops.convert_to_numpy(w)) for w in (layer.depthwise_kernel, layer.pointwise_kernel)
    )
    bias = np.asarray(ops.convert_to_numpy(layer.bias)) if layer.use_bias else None

    def same(total: Any) -> Any:
        return total

    def epilogue(total: Any) -> Any:
        return layer.activation(total if bias is None else ops.add(total, ops.cast(bias, total.dtype)))

    flat = depthwise.reshape(*depthwise.shape[:-2], 1, -1)
    return (
        Stage(flat, None, same, same, None, depthwise.shape[-2], spatial=True),
        Stage(pointwise, bias, epilogue, layer.activation, layer.activation),
    )


def _refuse_hidden_head(layer: Any, lazy: Lazy) -> None:
    """A float head can be taken off a layer only where it is the layer's `activation`."""
    if lazy.chain and lazy.chain[-1].head is not None and isinstance(layer, kl.Conv2DTranspose):
        raise Unsupported(
            f"a float {lazy.chain[-1].head.value} inside the layer",
            where=f"layer '{layer.name}'",
            remedy="put it into a keras.layers.Activation of its own",
        )


def _refuse_wrong_shape(layer: Any, lazy: Lazy) -> None:
    if lazy.shape[-1] != layer.filters:
        raise Unsupported(
            f"it yields {lazy.shape[-1]} channels but says filters={layer.filters}",
            where=f"layer '{layer.name}'",
            remedy="set filters to the number of input channels",
        )
