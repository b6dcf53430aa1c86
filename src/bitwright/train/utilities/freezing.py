"""Copies of models: as they are, or with automatic power-of-two scales fixed to their present values.

Source: google/qkeras, utils.py, `clone_model_and_freeze_auto_po2_scale`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras
from bitwright.train.quantizers import quantized_bits
from bitwright.train.rewrite import plain_config, rebuilt, same
from bitwright.train.utilities.saved import model_save_quantized_weights
from bitwright.train.wiring import values

__all__ = ["clone_model", "frozen_copy"]

_KERNELS = {"QDense": "kernel", "QConv2D": "kernel", "QDepthwiseConv2D": "depthwise"}


def clone_model(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A copy of `model` with layers, quantizers and weights of its own; not compiled."""
    with keras.saving.custom_object_scope(dict(custom_objects or {})):
        return rebuilt(model, same).carry_weights()


def frozen_copy(orig_model: Any, quantize_model_weights: bool = False) -> tuple[Any, dict[str, dict[str, Any]]]:
    """(a copy whose "auto_po2" scales are the constants that the weights give now, its saved weights).

    The kernel quantizers of QDense, QConv2D and QDepthwiseConv2D, and the inverse quantizer of
    QBatchNormalization, get `post_training_scale`. The second value is what
    `model_save_quantized_weights` returns for the copy; with quantize_model_weights the copy keeps
    the quantized weights, else it has the original ones. Raises InvalidValue for a layer in which
    another quantizer has alpha="auto_po2" too: its scale would stay loose.
    """
    copy = rebuilt(orig_model, _frozen).carry_weights()
    hardware = clone_model(copy) if not quantize_model_weights else copy
    return copy, model_save_quantized_weights(hardware)


def _frozen(layer: Any) -> Any:
    name = type(layer).__name__
    prefix = _KERNELS.get(name, "inverse" if name == "QBatchNormalization" else None)
    if prefix is None:
        return same(layer)
    argument = f"{prefix}_quantizer"
    quantizer = getattr(layer, argument)
    for other in layer.get_quantizers():
        if other is not quantizer and _is_automatic(other):
            raise InvalidValue(
                f"{other} would keep a scale of its own",
                where=f"layer '{layer.name}'",
                why=f"only the scale of {argument} is frozen",
                remedy="give the other quantizer alpha=1",
            )
    if not _is_automatic(quantizer):
        return same(layer)
    scale = values(quantizer.parts(_quantized_tensor(layer)).scale)
    frozen = type(quantizer).from_config({**quantizer.get_config(), "post_training_scale": scale.tolist()})
    return type(layer).from_config({**plain_config(layer), argument: frozen})


def _is_automatic(quantizer: Any) -> bool:
    return isinstance(quantizer, quantized_bits) and quantizer.alpha == "auto_po2"


def _quantized_tensor(layer: Any) -> Any:
    if type(layer).__name__ != "QBatchNormalization":
        return layer.weights[0]
    inverse = keras.ops.rsqrt(layer.moving_variance + layer.epsilon)
    return inverse * layer.gamma if layer.scale else inverse
