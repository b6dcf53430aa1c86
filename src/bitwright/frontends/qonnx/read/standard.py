"""The operators of ONNX itself, opsets 6 to 25, in their newest form; one entry per name in `STANDARD`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.functions import Fold, Pointwise, Shrink, Two
from bitwright.frontends.qonnx.model import Operator
from bitwright.frontends.qonnx.read.attributes import Source, pairs
from bitwright.frontends.qonnx.read.tensors import dtype_of

__all__ = ["STANDARD", "Build", "average_pool", "batch_normalization", "convolution", "max_pool"]

Build = Callable[[Source], Operator]


def _unary(function: Pointwise) -> Build:
    def build(s: Source) -> Operator:
        s.arity(1)
        return o.Unary(function)

    return build


def _two(function: Two) -> Build:
    def build(s: Source) -> Operator:
        s.arity(2)
        s.skip("fmod")
        return o.Binary(function)

    return build


def _fold(function: Fold) -> Build:
    def build(s: Source) -> Operator:
        s.arity(1, 1 << 12)
        return o.Variadic(function)

    return build


def _parametric(kind: str, alpha: float, beta: float | None = None, second: str = "beta") -> Build:
    def build(s: Source) -> Operator:
        s.arity(1)
        return o.Parametric(kind, s.real("alpha", alpha), 0.0 if beta is None else s.real(second, beta))

    return build


def _identity(s: Source) -> Operator:
    """Identity, and Dropout at inference."""
    del s.inputs[1:]
    s.arity(1)
    s.skip("ratio", "seed", "is_test")
    if len(s.outputs) > 1:
        raise Unsupported("the mask of a Dropout", where=s.where, remedy="export the model in inference mode")
    return o.Unary(Pointwise.IDENTITY)


def _clip(s: Source) -> Operator:
    if s.version < 11:
        for position, name in ((1, "min"), (2, "max")):
            if name in s.protos:
                s.put(position, s.constant(s.real(name, 0.0), np.float32))
    s.arity(1, 3)
    return o.Clip()


def _cast(s: Source) -> Operator:
    s.arity(1)
    s.skip("saturate", "round_mode")
    return o.Cast(dtype_of(s.whole("to", 0), s.where))


# Linear operators.


def _window(s: Source) -> dict[str, Any]:
    found: dict[str, Any] = {
        "strides": s.wholes("strides") or (),
        "pads": pairs(s.wholes("pads"), s.where),
        "dilations": s.wholes("dilations") or (),
        "auto_pad": s.choice("auto_pad", "NOTSET", o.AutoPad),
    }
    if any(not 0 < n < 1 << 20 for n in (*found["strides"], *found["dilations"])):
        raise InvalidModel("strides or dilations that are no positive numbers", where=s.where)
    return found


def convolution(s: Source, channels_last: bool = False) -> Operator:
    """Conv; the kernel's shape is that of the weights."""
    s.arity(2, 3)
    s.skip("kernel_shape")
    return o.Conv(**_window(s), group=s.whole("group", 1), channels_last=channels_last)


def _transposed(s: Source) -> Operator:
    s.arity(2, 3)
    s.skip("kernel_shape")
    padding, shape = s.wholes("output_padding") or (), s.wholes("output_shape") or ()
    return o.ConvTranspose(**_window(s), group=s.whole("group", 1), output_padding=padding, output_shape=shape)


def _gemm(s: Source) -> Operator:
    s.arity(2, 3)
    s.skip("broadcast")
    return o.Gemm(s.real("alpha", 1.0), s.real("beta", 1.0), s.flag("transA"), s.flag("transB"))


def _matmul(s: Source) -> Operator:
    s.arity(2)
    return o.MatMul()


def batch_normalization(s: Source, channels_last: bool = False) -> Operator:
    """At inference; files in training mode are refused."""
    s.arity(5)
    s.skip("momentum", "spatial", "is_test", "consumed_inputs")
    if s.flag("training_mode") or len(s.outputs) > 1:
        raise Unsupported("batch normalization in training mode", where=s.where, remedy="export with model.eval()")
    return o.BatchNormalization(s.real("epsilon", 1e-5), channels_last)


def _layer_normalization(s: Source) -> Operator:
    s.arity(2, 3)
    s.skip("stash_type")
    return o.LayerNormalization(s.whole("axis", -1), s.real("epsilon", 1e-5))


def _softmax(log: bool) -> Build:
    def build(s: Source) -> Operator:
        s.arity(1)
        old = s.version < 13
        return o.Softmax(s.whole("axis", 1 if old else -1), old, log)

    return build


# Pools and reductions.


def _pool(s: Source) -> dict[str, Any]:
    kernel = s.wholes("kernel_shape") or ()
    if not kernel or any(not 0 < k < 1 << 20 for k in kernel):
        raise InvalidModel(f"kernel_shape {kernel[:8]}", where=s.where)
    return {"kernel": kernel, **_window(s), "ceil_mode": s.flag("ceil_mode")}


def max_pool(s: Source, channels_last: bool = False) -> Operator:
    """MaxPool; the places of the maxima are refused."""
    s.arity(1)
    s.skip("storage_order")
    if len(s.outputs) > 1:
        raise Unsupported("the indices of MaxPool", where=s.where, remedy="use its first output only")
    return o.MaxPool(**_pool(s), channels_last=channels_last)


def average_pool(s: Source) -> Operator:
    """AveragePool."""
    s.arity(1)
    return o.AveragePool(**_pool(s), count_include_pad=s.flag("count_include_pad"))


def _global(function: Shrink) -> Build:
    def build(s: Source) -> Operator:
        s.arity(1)
        return o.GlobalPool(function)

    return build


def _reduce(function: Shrink) -> Build:
    def build(s: Source) -> Operator:
        if s.version < (13 if function is Shrink.SUM else 18):
            s.move("axes", 1)
        s.arity(1, 2)
        return o.Reduce(function, s.flag("keepdims", True), s.flag("noop_with_empty_axes"))

    return build


def _extreme(largest: bool) -> Build:
    def build(s: Source) -> Operator:
        s.arity(1)
        return o.Extreme(s.whole("axis", 0), s.flag("keepdims", True), s.flag("select_last_index"), largest)

    return build


def _top(s: Source) -> Operator:
    if s.version < 10:
        s.put(1, s.constant([s.whole("k", 1)]))
    s.arity(2)
    s.skip("sorted")
    return o.TopK(s.whole("axis", -1), s.flag("largest", True))


# Shapes.


def _reshape(s: Source) -> Operator:
    s.move("shape", 1)
    s.arity(2)
    return o.Reshape(s.flag("allowzero"))


def _flatten(s: Source) -> Operator:
    s.arity(1)
    return o.Flatten(s.whole("axis", 1))


def _transpose(s: Source) -> Operator:
    s.arity(1)
    return o.Transpose(s.wholes("perm"))


def _squeeze(s: Source) -> Operator:
    s.move("axes", 1)
    s.arity(1, 2)
    return o.Squeeze()


def _unsqueeze(s: Source) -> Operator:
    s.move("axes", 1)
    s.arity(2)
    return o.Unsqueeze()


def _concat(s: Source) -> Operator:
    s.arity(1, 1 << 12)
    return o.Concat(s.whole("axis", 1))


def _split(s: Source) -> Operator:
    s.move("split", 1)
    s.arity(1, 2)
    s.skip("num_outputs")
    return o.Split(s.whole("axis", 0))


def _slice(s: Source) -> Operator:
    if s.version < 10:
        for position, name in ((1, "starts"), (2, "ends"), (3, "axes")):
            s.move(name, position)
    s.arity(3, 5)
    return o.Slice()


def _pad(s: Source) -> Operator:
    if s.version < 11:
        s.move("pads", 1)
        s.put(2, s.constant(s.real("value", 0.0), np.float32))
    s.arity(2, 4)
    mode = s.text("mode", "constant")
    if mode not in ("constant", "reflect", "edge"):
        raise Unsupported(f"Pad with mode={mode!r}", where=s.where, remedy="use constant, reflect or edge")
    return o.Pad(mode)


def _gather(s: Source) -> Operator:
    s.arity(2)
    return o.Gather(s.whole("axis", 0))


def _plain(make: Callable[[], Operator], least: int, most: int | None = None) -> Build:
    def build(s: Source) -> Operator:
        s.arity(least, most)
        return make()

    return build


def _shape(s: Source) -> Operator:
    s.arity(1)
    end = s.whole("end", 0) if "end" in s.protos else None
    return o.Shape(s.whole("start", 0), end)


def _constant_of_shape(s: Source) -> Operator:
    s.arity(1)
    value = s.tensor("value")
    return o.ConstantOfShape(np.zeros(1, np.float32) if value is None else value)


def _blocks(s: Source) -> int:
    s.arity(1)
    block = s.whole("blocksize", 0)
    if not 0 < block < 1 << 10:
        raise InvalidModel(f"blocksize {block}", where=s.where)
    return block


def _depth_to_space(s: Source) -> Operator:
    return o.DepthToSpace(_blocks(s), s.choice("mode", "DCR", ["DCR", "CRD"].index) == 1)


def _space_to_depth(s: Source) -> Operator:
    return o.SpaceToDepth(_blocks(s))


def _resize(s: Source) -> Operator:
    if s.version < 11:  # Upsample, Resize-10: x, scales; asymmetric coordinates
        scales = s.reals("scales")
        told = s.inputs[1] if len(s.inputs) > 1 else s.constant([] if scales is None else scales, np.float32)
        s.inputs[1:] = ["", told]
        return o.Resize(s.text("mode", "nearest"), "asymmetric", "floor")
    s.arity(1, 4)
    s.skip("cubic_coeff_a", "exclude_outside", "extrapolation_value", "antialias")
    if s.flag("antialias") or s.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unsupported("Resize with antialias or an aspect ratio", where=s.where, remedy="resize without them")
    coordinates = s.text("coordinate_transformation_mode", "half_pixel")
    mode = s.text("mode", "nearest")
    return o.Resize(mode, coordinates, s.text("nearest_mode", "round_prefer_floor"), s.wholes("axes"))


_GATES = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}


def _recurrent(kind: str) -> Build:
    def build(s: Source) -> Operator:
        s.arity(3, 8)
        s.skip("output_sequence")
        if s.flag("input_forget"):
            raise Unsupported("input_forget=1", where=s.where, remedy="export a plain LSTM")
        word = s.text("direction", "forward")
        directions = {"bidirectional": ("forward", "reverse")}.get(word, (word,))
        names = s.texts("activations") or list(_GATES[kind]) * len(directions)
        if len(names) != len(_GATES[kind]) * len(directions) or word not in ("forward", "reverse", "bidirectional"):
            raise InvalidModel(f"{len(names)} activations in direction {word!r}", where=s.where)
        alphas, betas = (iter(s.reals(f"activation_{end}") or ()) for end in ("alpha", "beta"))
        functions = tuple(_gate(name, alphas, betas, s) for name in names)
        clip = s.real("clip", 0.0) if "clip" in s.protos else None
        hidden, before = s.whole("hidden_size", 0), s.flag("linear_before_reset")
        return o.Recurrent(kind, hidden, directions, functions, clip, before, s.flag("layout"))

    return build


_PLAIN_GATES = (Pointwise.SIGMOID, Pointwise.TANH, Pointwise.RELU, Pointwise.SOFTSIGN, Pointwise.SOFTPLUS)
_GATES_TOLD = {"HardSigmoid": (0.2, 0.5), "LeakyRelu": (0.01, None), "ThresholdedRelu": (1.0, None), "Elu": (1.0, None)}
"""Activations with parameters, and these where the file tells none."""


def _gate(name: str, alphas: Iterator[float], betas: Iterator[float], s: Source) -> Operator:
    """An activation by its name in any case; it takes the parameters that it has from those told."""
    known = {p.value.lower(): p for p in _PLAIN_GATES}
    if name.lower() in known:
        return o.Unary(known[name.lower()])
    kind = next((k for k in _GATES_TOLD if k.lower() == name.lower()), None)
    if kind is None:
        words = ", ".join([*(p.value for p in _PLAIN_GATES), *_GATES_TOLD])
        raise Unsupported(f"gates with {name}", where=s.where, remedy=f"use one of {words}")
    alpha, beta = _GATES_TOLD[kind]
    return o.Parametric(kind, next(alphas, alpha), 0.0 if beta is None else next(betas, beta))


STANDARD: dict[str, Build] = {
    **{function.value: _unary(function) for function in Pointwise if function is not Pointwise.IDENTITY},
    **{function.value: _two(function) for function in Two},
    **{function.value: _fold(function) for function in Fold},
    **{function.value: _reduce(function) for function in Shrink},
    "Identity": _identity, "Dropout": _identity,
    "LeakyRelu": _parametric("LeakyRelu", 0.01), "Elu": _parametric("Elu", 1.0), "Celu": _parametric("Celu", 1.0),
    "ThresholdedRelu": _parametric("ThresholdedRelu", 1.0), "HardSigmoid": _parametric("HardSigmoid", 0.2, 0.5),
    "Selu": _parametric("Selu", 1.67326319217681884765625, 1.05070102214813232421875, "gamma"),
    "Clip": _clip, "Cast": _cast, "Where": _plain(o.Where, 3),
    "Conv": convolution, "ConvTranspose": _transposed, "Gemm": _gemm, "MatMul": _matmul,
    "BatchNormalization": batch_normalization, "LayerNormalization": _layer_normalization,
    "Softmax": _softmax(False), "LogSoftmax": _softmax(True),
    "MaxPool": max_pool, "AveragePool": average_pool, "GlobalAveragePool": _global(Shrink.MEAN),
    "GlobalMaxPool": _global(Shrink.MAX), "ArgMax": _extreme(True), "ArgMin": _extreme(False), "TopK": _top,
    "Reshape": _reshape, "Flatten": _flatten, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze,
    "Concat": _concat, "Split": _split, "Slice": _slice, "Pad": _pad, "Gather": _gather,
    "Expand": _plain(o.Expand, 2), "Tile": _plain(o.Tile, 2), "Shape": _shape, "Size": _plain(o.Size, 1),
    "ConstantOfShape": _constant_of_shape, "Range": _plain(o.Range, 3), "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth, "Resize": _resize, "Upsample": _resize,
    "LSTM": _recurrent("LSTM"), "GRU": _recurrent("GRU"), "RNN": _recurrent("RNN"),
}  # fmt: skip
