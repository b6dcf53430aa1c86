"""From one layer's old configuration to the layer: which class, and what its settings are called today.

`OLD` has one entry per class that is not simply the class of the same name with the same settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.frontends.qkeras.objects import Context, read_setting
from bitwright.train import layers as ql
from bitwright.train import quantizers as q
from bitwright.train.door import keras

__all__ = ["OLD", "Old", "inner_of_wrapper", "make_layer", "old"]

Config = dict[str, Any]
kl: Any = keras.layers

_HGQ = "read it with HGQ's own package, or train the network anew with bw.quantize"
_GONE: dict[str, tuple[str, str]] = {
    "Lambda": ("its code is marshaled Python bytecode, which is never run", "replace it by a layer and save again"),
    **dict.fromkeys(("TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"), (
        "it runs code or a program of another file", "replace it by layers and save again")),
    **dict.fromkeys(("StringLookup", "IntegerLookup", "TextVectorization"), (
        "it may read another file", "look words up before the model")),
    "UnaryLUT": ("a table of HGQ 1 whose addresses its proxy does not store", _HGQ),
    "TensorFlowOpLayer": ("an operation of TensorFlow 2.1 to 2.3", "load it with that TensorFlow and use layers"),
    "CuDNNLSTM": ("a layer of CUDA alone", "load its weights into an LSTM and save again"),
    "CuDNNGRU": ("a layer of CUDA alone", "load its weights into a GRU with reset_after=True and save again"),
    "QuantizeWrapperV2": ("a wrapper of TensorFlow's quantization", "use bw.quantize on the model without it"),
    "QuantizeWrapper": ("a wrapper of TensorFlow's quantization", "use bw.quantize on the model without it"),
    "ClusterWeights": ("a wrapper of TensorFlow's clustering", "save the model after tfmot's strip_clustering"),
}  # fmt: skip
"""Layers that are refused by name: what they are, and the way out."""

_WRAPPERS = {"PruneLowMagnitude", "PruneForLatencyOnXNNPack"}
_EVERYWHERE = ("batch_input_shape", "batch_shape", "input_shape", "input_dtype", "input_spec")
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "time_major": (False,), "ragged": (False,), "sparse": (False,), "virtual_batch_size": (None,),
    "adjustment": (None,), "quantization_config": (None,), "kernel_range": (), "bias_range": (),
    "depthwise_range": (), "pointwise_range": (), "gamma_range": (), "beta_range": (), "recurrent_range": (),
    "fused": (), "implementation": (), "trainable": (True,), "shared_object_id": (), "mean_range": (),
    "variance_range": (), "renorm": (False,), "renorm_clipping": (None,), "synchronized": (False,),
    "renorm_momentum": (), "state_range": (), "input_length": (),
    "query_shape": (), "key_shape": (), "value_shape": (), "attention_axes": (None,), "kernel_lr_multiplier": (),
    "bias_lr_multiplier": (), "lora_rank": (None,), "groups": (1,),
}  # fmt: skip
"""Settings that a class may not take any more, with the values under which leaving them out changes nothing (): any."""


@dataclass(frozen=True)
class Old:
    """How a class of the past reads: `kind` makes it from the settings that `config` returns.

    config: changes the settings after their objects were read (None: nothing). weights: changes the
    arrays of the layer. unread: settings that stay as they are written.
    """

    kind: Any
    config: Callable[[Config], Config] | None = None
    weights: Callable[[list[Any]], list[Any]] | None = None
    unread: tuple[str, ...] = ()


def _renamed(**names: str) -> Callable[[Config], Config]:
    """A change of names: `_renamed(alpha="negative_slope")`."""
    return lambda config: {names.get(key, key): value for key, value in config.items()}


def _one_axis(config: Config) -> Config:
    axis = config.get("axis", -1)
    if isinstance(axis, list) and len(axis) != 1:
        raise Unsupported(f"it normalizes over the axes {axis}", remedy="normalize one axis")
    return {**config, "axis": int(axis[0]) if isinstance(axis, list) else int(axis)}


def _separable(config: Config) -> Config:
    """Keras 2 wrote the settings of a kernel that separable and depthwise layers do not have."""
    gone = ("kernel_initializer", "kernel_regularizer", "kernel_constraint", "groups", "filters")
    keep = "pointwise_initializer" in config or "pointwise_quantizer" in config
    return {k: v for k, v in config.items() if k not in gone or (k == "filters" and keep)}


def _sized(quantizer: Any) -> Callable[[Config], Config]:
    """BinaryDense and its kind: a Dense whose weights are `quantizer` scaled by H."""

    def change(config: Config) -> Config:
        size = config.pop("H", 1.0)
        scale = 1.0 if size == "Glorot" else float(size)
        if scale != 1.0 or size == "Glorot":
            raise Unsupported(f"H={size}", why="only weights of magnitude 1 are read", remedy="train it with H=1")
        return {**config, "kernel_quantizer": quantizer()}

    return change


def _off_ties(tie: float) -> Callable[[list[Any]], list[Any]]:
    """Weights exactly on +-tie move to the side on which the old layer put them: toward 0, and 0 below 0."""

    def change(arrays: list[Any]) -> list[Any]:
        kernel = np.asarray(arrays[0], dtype=np.float32)
        if tie == 0:
            moved = np.where(kernel == 0, np.float32(-(2.0**-60)), kernel)
        else:
            moved = np.where(kernel == tie, np.nextafter(np.float32(tie), np.float32(0)), kernel)
        return [moved, *arrays[1:]]

    return change


def _binary() -> Any:
    return q.binary(alpha=1.0)


def _ternary() -> Any:
    return q.ternary(alpha=1.0, threshold=0.5)


def _binary_like(kind: Any) -> Old:
    return Old(kind, _sized(_binary), _off_ties(0.0))


def _ternary_like(kind: Any) -> Old:
    return Old(kind, _sized(_ternary), _off_ties(0.5))


_HGQ_ROUNDING = {"TRN": "floor", "RND": "half_up", "RND_CONV": "half_even", "TRN_ZERO": "truncate"}
_HGQ_OVERFLOW = {"WRAP": "wrap", "SAT": "saturate", "SAT_SYM": "saturate_symmetric"}


def _proxy(config: Config) -> Config:
    """HGQ 1's FixedPointQuantizer; what else it tells is for hls4ml."""
    modes = config.get("RND", "TRN"), config.get("SAT", "WRAP")
    if modes[0] not in _HGQ_ROUNDING or modes[1] not in _HGQ_OVERFLOW:
        raise Unsupported(f"the modes {modes}", remedy="use TRN or RND with WRAP, SAT or SAT_SYM")
    return {
        "name": config["name"], "widths": config["shape"][1:],
        "rounding": _HGQ_ROUNDING[modes[0]], "overflow": _HGQ_OVERFLOW[modes[1]],
    }  # fmt: skip


def _proxy_formats(arrays: list[Any]) -> list[Any]:
    """Sign, bits of all, and integer bits with the sign, as sign, integer and fraction bits."""
    sign, bits, integer = (np.asarray(a, dtype=np.int64) for a in arrays)
    live = bits > 0
    sign, integer = np.where(live, sign, 0), np.where(live, integer, 0)
    return [sign, integer - sign, np.where(live, bits - integer, 0)]


OLD: dict[str, Old] = {
    "FixedPointQuantizer": Old(ql.QFixedPoint, _proxy, _proxy_formats),
    "BatchNormalization": Old(kl.BatchNormalization, _one_axis),
    "BatchNormalizationV1": Old(kl.BatchNormalization, _one_axis),
    "BatchNormalizationV2": Old(kl.BatchNormalization, _one_axis),
    "SyncBatchNormalization": Old(kl.BatchNormalization, _one_axis),
    "QBatchNormalization": Old(ql.QBatchNormalization, _one_axis),
    "QConv2DBatchnorm": Old(ql.QConv2DBatchnorm, _one_axis),
    "QDepthwiseConv2DBatchnorm": Old(ql.QDepthwiseConv2DBatchnorm, _one_axis),
    "QDenseBatchnorm": Old(ql.QDenseBatchnorm, _one_axis),
    "LeakyReLU": Old(kl.LeakyReLU, _renamed(alpha="negative_slope")),
    "ThresholdedReLU": Old(kl.ReLU, _renamed(theta="threshold")),
    "DepthwiseConv1D": Old(kl.DepthwiseConv1D, _separable),
    "DepthwiseConv2D": Old(kl.DepthwiseConv2D, _separable),
    "SeparableConv1D": Old(kl.SeparableConv1D, _separable),
    "SeparableConv2D": Old(kl.SeparableConv2D, _separable),
    "QDepthwiseConv2D": Old(ql.QDepthwiseConv2D, _separable),
    "BinaryDense": _binary_like(ql.QDense),
    "TernaryDense": _ternary_like(ql.QDense),
    "BinaryConv2D": _binary_like(ql.QConv2D),
    "TernaryConv2D": _ternary_like(ql.QConv2D),
}
"""By class name: the entry for what is not a class of the same name with the same settings."""

_UNREAD = {"QAdaptiveActivation": ("activation",)}
_SEPARABLE = {"QSeparableConv1D", "QSeparableConv2D"}


def inner_of_wrapper(item: Config) -> Config | None:
    """The layer within a pruning wrapper, which does nothing once training is over; None for other layers."""
    return item["config"]["layer"] if item["class_name"] in _WRAPPERS else None


def old(name: str, context: Context, layer: str) -> Old:
    """How the class called `name` reads. Raises Unsupported for a class that nobody knows."""
    if name in context.custom:
        return Old(context.custom[name])
    if name in _GONE:
        what, remedy = _GONE[name]
        raise Unsupported(f"a {name} layer", where=context.at(layer), why=what, remedy=remedy)
    if name in OLD:
        return OLD[name]
    kind = getattr(ql, name, None) or getattr(kl, name, None)
    if not (isinstance(kind, type) and issubclass(kind, kl.Layer)):
        raise _unknown(name, context, layer)
    return Old(kind, _separable if name in _SEPARABLE else None, unread=_UNREAD.get(name, ()))


def _unknown(name: str, context: Context, layer: str) -> Unsupported:
    known = [*ql.__all__, *(n for n in dir(kl) if n[:1].isupper()), *OLD]
    near = get_close_matches(name, known, 1)
    return Unsupported(
        f"the layer class {name} is unknown",
        where=context.at(layer),
        why=f"the nearest known one is {near[0]}" if near else "",
        remedy=f"pass it: custom_objects={{'{name}': <class>}}, or replace the layer and save again",
    )


def make_layer(item: Config, context: Context) -> Any:
    """The layer that {"class_name", "config"} describes, unbuilt; weights come later."""
    name, config = item["class_name"], item["config"]
    label = str(config.get("name", name))
    how = old(name, context, label)
    quantized = getattr(ql, how.kind.__name__, None) is how.kind
    made = {
        key: value if key in how.unread else _read(key, value, context, label, quantized)
        for key, value in config.items()
        if key not in _EVERYWHERE
    }
    try:
        return _called(how.kind, how.config(made) if how.config else made, context, label)
    except BitwrightError as error:
        if error.where.startswith(context.where):
            raise
        raise type(error)(error.what, where=context.at(label), why=error.why, remedy=error.remedy) from error


def _read(key: str, value: Any, context: Context, label: str, quantized: bool) -> Any:
    """A setting; one that is a layer itself (of wrappers and recurrent layers) is made too."""
    if key in ("layer", "backward_layer", "cell") and isinstance(value, dict) and "class_name" in value:
        return make_layer(value, context)
    if key == "cells" and isinstance(value, list):
        return [make_layer(item, context) for item in value]
    return read_setting(key, value, context, label, quantized)


def _called(kind: Any, config: Config, context: Context, label: str) -> Any:
    """`kind(**config)`, leaving out what it does not take any more, where that changes nothing."""
    for _ in range(len(config) + 1):
        try:
            return kind(**config)
        except (TypeError, ValueError) as error:
            key = _refused(str(error), config)
            if key is None or not _may_go(key, config[key]):
                raise InvalidModel(
                    f"{kind.__name__} does not take {'its settings' if key is None else f'{key}={config[key]!r}'}",
                    where=context.at(label),
                    why=str(error).splitlines()[0],
                    remedy="save the model without it, or pass a class that takes it in custom_objects",
                ) from error
            config = {k: v for k, v in config.items() if k != key}
    raise AssertionError("each round leaves a setting out")


def _refused(message: str, config: Config) -> str | None:
    """The setting that a message about unexpected arguments names."""
    if "unexpected" not in message and "Unrecognized" not in message and "not recognized" not in message.lower():
        return None
    return next((key for key in config if f"'{key}'" in message or f'"{key}"' in message), None)


def _may_go(key: str, value: Any) -> bool:
    if key not in _HARMLESS:
        return value is None
    return not _HARMLESS[key] or value in _HARMLESS[key]
