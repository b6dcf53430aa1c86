"""One entry per layer class of HGQ2: the Keras layers that compute the same, with its weights quantized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import log2, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.hgq.part import Part
from bitwright.frontends.hgq.tables import table_layer
from bitwright.train.door import keras
from bitwright.train.layers import QEinsumDense

__all__ = ["LAYERS", "REFUSED", "make"]

kl: Any = keras.layers
Made = Callable[..., Any]

_FOLDED_EPSILON = np.float32(1e-7)
"""What QEinsumDenseBatchnorm of HGQ2 0.2 adds to a variance, whatever its argument says."""
_LOGITS = "end the model with the logits, and put a plain keras.layers.Softmax behind them if you need one"
REFUSED: dict[str, str] = {
    "QSoftmax": _LOGITS,
    **dict.fromkeys(("QMultiHeadAttention", "QMultiHeadAttentionT", "QLinformerAttention", "QLinformerAttentionT"), (
        "train it with bw.QMultiHeadAttention")),
    **dict.fromkeys(("QGRU", "QSimpleRNN"), "train it with bw.QGRU or bw.QSimpleRNN"),
}  # fmt: skip
"""Classes that are not read, and what to do instead."""


def make(part: Part) -> Made:
    """What the layer does to its input tensors: input quantizers, the layer itself, the output quantizer."""
    if part.kind not in LAYERS:
        raise Unsupported(
            f"a {part.kind} layer of HGQ2",
            where=part.where,
            why=f"known are {', '.join(sorted(LAYERS))}",
            remedy=REFUSED.get(part.kind, "replace it by one of these and train on"),
        )
    core = LAYERS[part.kind](part)
    entries, after = _entries(part), part.formats("oq")
    end = None if after is None else _late(after, f"{part.name}_oq")

    def apply(*tensors: Any) -> Any:
        flat = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else list(tensors)
        inside = [t if entry is None else entry(t) for t, entry in zip(flat, entries, strict=True)]
        found = core(inside[0] if len(inside) == 1 else inside)
        return found if end is None else end(found)

    return apply


def _entries(part: Part) -> list[Any]:
    """The quantizer of each input."""
    if "iq_confs" not in part.config:
        formats = None if part.kind in _OWN_INPUTS else part.formats("iq")
        return [None if formats is None else formats.layer(part.shapes[0], f"{part.name}_iq")]
    entries: list[Any] = []
    for n, (config, shape) in enumerate(zip(part.config["iq_confs"], part.shapes, strict=True)):
        place = "iq/quantizers/quantizer" + (f"_{n}" if n else "")
        on = part.config.get("enable_iq", True)
        formats = part.formats(place, config) if on else None
        entries.append(None if formats is None else formats.layer(shape, f"{part.name}_iq{n}"))
    return entries


def _late(formats: Any, name: str) -> Made:
    """A quantizer that learns the shape of its samples when it is called."""
    return lambda tensor: formats.layer(tuple(tensor.shape[1:]), name)(tensor)


def _given(layer: Any, shape: tuple[int, ...], weights: Sequence[NDArray[Any]]) -> Any:
    """The layer, built for samples of `shape`, with these weights."""
    layer.build((None, *shape))
    layer.set_weights(list(weights))
    return layer


def _linear(part: Part) -> list[NDArray[np.float32]]:
    """Kernel and bias, quantized."""
    stored = part.weights()
    kernel = part.quantized("kq", stored[0])
    return [kernel, part.quantized("bq", stored[1])] if _biased(part) else [kernel]


def _biased(part: Part) -> bool:
    return bool(part.config.get("use_bias", part.config.get("bias_axes") is not None))


def _dense(part: Part) -> Made:
    weights = _linear(part)
    layer = kl.Dense(part.config["units"], part.activation(), use_bias=len(weights) > 1, name=part.name)
    return _given(layer, part.shapes[0], weights)


def _folded_dense(part: Part) -> Made:
    """A batch normalization of the input, multiplied into the kernel before both are quantized.

    The bias takes the mean through the kernel as it was before: so HGQ2 0.2 computes it.
    """
    stored = part.weights()
    kernel, bias = stored[0], stored[1] if _biased(part) else np.float32(0)
    gamma = stored[1 + _biased(part)] if part.config.get("scale", True) else np.float32(1)
    mean, variance = stored[-2:]
    factor = gamma / np.sqrt(variance + np.float32(part.config["epsilon"]))
    weights = [part.quantized("kq", kernel * factor[:, None]), part.quantized("bq", bias - mean @ kernel)]
    return _given(kl.Dense(part.config["units"], part.activation(), name=part.name), part.shapes[0], weights)


def _conv(kind: Any) -> Callable[[Part], Made]:
    def build(part: Part) -> Made:
        weights = _linear(part)
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", "groups")
        layer = kind(
            **part.settings(*names), activation=part.activation(), use_bias=len(weights) > 1, name=part.name
        )
        return _given(layer, part.shapes[0], weights)

    return build


def _einsum(part: Part) -> Made:
    return _einsum_of(part, _linear(part))


def _einsum_of(part: Part, weights: list[NDArray[np.float32]]) -> Made:
    told = part.settings("equation", "output_shape", "bias_axes")
    told["output_shape"] = tuple(told["output_shape"])
    return _given(QEinsumDense(**told, activation=part.activation(), name=part.name), part.shapes[0], weights)


def _folded_einsum(part: Part) -> Made:
    """A batch normalization of the output, multiplied into the kernel before both are quantized."""
    stored = part.weights()
    if len(stored) != 5 or any(a.shape != stored[0].shape[-1:] for a in stored[1:]):
        raise Unsupported(
            "a normalization of other axes than the kernel's last",
            where=part.where,
            why="the file does not tell which",
            remedy="use the default normalize_axes with center and scale",
        )
    kernel, bias, gamma, mean, variance = stored
    factor = gamma / np.sqrt(variance + _FOLDED_EPSILON)
    return _einsum_of(part, [part.quantized("kq", kernel * factor), part.quantized("bq", bias - mean * factor)])


def _normalized(part: Part) -> Made:
    """One quantized factor and one quantized offset a channel."""
    stored = part.weights()
    axis = part.config.get("axis", -1)
    rank = len(part.shapes[0])
    if axis not in (-1, rank):
        raise Unsupported(f"axis={axis}", where=part.where, remedy="normalize the last axis")
    scaled, centered = bool(part.config.get("scale", True)), bool(part.config.get("center", True))
    gamma = stored[0] if scaled else np.float32(1)
    beta = stored[scaled] if centered else np.float32(0)
    mean, variance = stored[-2:]
    factor = gamma / np.sqrt(variance + np.float32(part.config["epsilon"]))
    scale, offset = part.quantized("kq", factor), part.quantized("bq", beta - mean * factor)
    return kl.Rescaling([float(v) for v in scale], [float(v) for v in offset], name=part.name)


def _plain(kind: Any, *names: str) -> Callable[[Part], Made]:
    """A Keras layer without weights that takes these settings."""
    return lambda part: kind(**part.settings(*names), name=part.name)


def _function(part: Part) -> Made:
    return kl.Activation(part.activation() or "linear", name=part.name)


def _affine_function(part: Part) -> Made:
    scale, offset = (float(a.ravel()[0]) for a in part.weights())
    before, after = kl.Rescaling(scale, offset, name=f"{part.name}_affine"), _function(part)
    return lambda tensor: after(before(tensor))


def _quantizer(part: Part) -> Made:
    formats = part.formats("", part.config["config"])
    if formats is None:
        raise InvalidModel("a quantizer without formats", where=part.where, remedy="save it again")
    return formats.layer(part.shapes[0], part.name)


def _summed(scale: Callable[[Part, int], float]) -> Callable[[Part], Made]:
    """A sum over some axes: these last, and a product with ones."""

    def build(part: Part) -> Made:
        shape, rank = part.shapes[0], len(part.shapes[0])
        told = part.config["axes"]
        axes = [a - 1 if a > 0 else a + rank for a in ([told] if isinstance(told, int) else told)]
        kept = [a for a in range(rank) if a not in axes]
        count = prod(shape[a] for a in axes)
        order = [*kept, *axes]
        layers: list[Any] = []
        if order != sorted(order):
            layers.append(kl.Permute([a + 1 for a in order], name=f"{part.name}_permute"))
        if len(axes) > 1 or not kept:
            layers.append(kl.Reshape([*(shape[a] for a in kept), count], name=f"{part.name}_flat"))
        front = tuple(shape[a] for a in kept)
        ones = np.full((count, 1), scale(part, count), np.float32)
        layers.append(_given(kl.Dense(1, use_bias=False, name=part.name), (*front, count), [ones]))
        left = [1 if a in axes else n for a, n in enumerate(shape)] if part.config.get("keepdims") else list(front)
        layers.append(kl.Reshape(left or [1], name=f"{part.name}_out"))
        return lambda tensor: reduce(lambda x, layer: layer(x), layers, tensor)

    return build


_POOL = ("pool_size", "strides", "padding", "data_format")
_GLOBAL = ("data_format", "keepdims")
_OWN_INPUTS = ("QDenseT", "Quantizer")
"""Classes whose entry reads the input's quantizer itself."""

LAYERS: dict[str, Callable[[Part], Made]] = {
    "Quantizer": _quantizer,
    "QDense": _dense,
    "QBatchNormDense": _folded_dense,
    "QConv1D": _conv(kl.Conv1D),
    "QConv2D": _conv(kl.Conv2D),
    "QEinsumDense": _einsum,
    "QEinsumDenseBatchnorm": _folded_einsum,
    "QBatchNormalization": _normalized,
    "QDenseT": table_layer,
    "QAdd": _plain(kl.Add),
    "QSubtract": _plain(kl.Subtract),
    "QMultiply": _plain(kl.Multiply),
    "QMaximum": _plain(kl.Maximum),
    "QMinimum": _plain(kl.Minimum),
    "QUnaryFunctionLUT": _function,
    "QAffinedUnaryFunctionLUT": _affine_function,
    "QSum": _summed(lambda part, count: float(part.config.get("scale", 1.0))),
    "QMeanPow2": _summed(lambda part, count: 2.0 ** -round(log2(count))),
}
"""By class name: what makes the layer's function from its part of the file."""
for _space in ("1D", "2D"):
    for _short in ("Max", "Average"):
        _names = (f"{_short}Pooling{_space}", f"{'Avg' if _short == 'Average' else 'Max'}Pool{_space}")
        for _name in _names:
            LAYERS[f"Q{_name}"] = _plain(getattr(kl, _names[0]), *_POOL)
            LAYERS[f"QGlobal{_name}"] = _plain(getattr(kl, f"Global{_names[0]}"), *_GLOBAL)
