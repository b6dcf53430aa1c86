"""`QMobileNetSeparableConv2D`: depthwise, activation, dropout and pointwise as layers of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitwright.train.door import keras
from bitwright.train.layers.activation import QActivation
from bitwright.train.layers.linear import QConv2D, QDepthwiseConv2D

__all__ = ["QMobileNetSeparableConv2D"]


def QMobileNetSeparableConv2D(  # noqa: N802 - QKeras's name
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "VALID",
    dilation_rate: Any = (1, 1),
    depth_multiplier: int = 1,
    activation: Any = None,
    use_bias: bool = True,
    depthwise_initializer: Any = "he_normal",
    pointwise_initializer: Any = "he_normal",
    bias_initializer: Any = "zeros",
    depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    depthwise_constraint: Any = None,
    pointwise_constraint: Any = None,
    bias_constraint: Any = None,
    depthwise_quantizer: Any = None,
    pointwise_quantizer: Any = None,
    bias_quantizer: Any = None,
    depthwise_activation: Any = None,
    depthwise_range: Any = None,
    pointwise_range: Any = None,
    bias_range: Any = None,
    depthwise_dropout_rate: float = 0.0,
    pw_first: bool = False,
    name: str = "",
) -> Callable[[Any], Any]:
    """A function that applies a MobileNet block to a Keras tensor.

    The layers, named `name` and a suffix: QDepthwiseConv2D (_dw, no bias), depthwise_activation
    (_dw_act) and dropout (_dw_dropout) if given, a 1x1 QConv2D (_pw), activation (_pw_act) if given;
    with pw_first the pointwise one comes before. Ranges are ignored, as everywhere in QKeras.
    Source: google/qkeras, qconvolutional.py.
    """
    first = QDepthwiseConv2D(
        kernel_size, strides=strides, padding=padding, dilation_rate=dilation_rate, depth_multiplier=depth_multiplier,
        use_bias=False, depthwise_regularizer=depthwise_regularizer, depthwise_initializer=depthwise_initializer,
        depthwise_constraint=depthwise_constraint, depthwise_quantizer=depthwise_quantizer,
        activity_regularizer=activity_regularizer, name=f"{name}_dw",
    )  # fmt: skip
    second = QConv2D(
        filters, 1, padding="same", use_bias=use_bias, kernel_initializer=pointwise_initializer,
        kernel_regularizer=pointwise_regularizer, kernel_constraint=pointwise_constraint,
        kernel_quantizer=pointwise_quantizer, bias_initializer=bias_initializer, bias_regularizer=bias_regularizer,
        bias_constraint=bias_constraint, bias_quantizer=bias_quantizer, activity_regularizer=activity_regularizer,
        name=f"{name}_pw",
    )  # fmt: skip
    between: list[Any] = []
    if depthwise_activation is not None:
        between.append(QActivation(depthwise_activation, name=f"{name}_dw_act"))
    if depthwise_dropout_rate > 0:
        between.append(keras.layers.Dropout(depthwise_dropout_rate, name=f"{name}_dw_dropout"))
    last = [] if activation is None else [QActivation(activation, name=f"{name}_pw_act")]
    return _one_after_the_other([second, *between, first, *last] if pw_first else [first, *between, second, *last])


def _one_after_the_other(chain: list[Any]) -> Callable[[Any], Any]:
    def block(x: Any) -> Any:
        for layer in chain:
            x = layer(x)
        return x

    return block
