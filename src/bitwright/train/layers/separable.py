"""Quantized separable convolutions: a depthwise sum, then a pointwise one, nothing rounded in between."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Role
from bitwright.train.layers.stages import TwoStage
from bitwright.train.public import public

__all__ = ["QSeparableConv1D", "QSeparableConv2D"]

_IDLE = ("kernel_initializer", "kernel_regularizer", "kernel_constraint", "groups")
"""Arguments of Keras 2's base class, held by old configurations, that never had an effect."""


class _QSeparable(TwoStage):
    roles = (
        Role("depthwise_kernel", "depthwise", is_kernel=True, initializer="glorot_uniform"),
        Role("pointwise_kernel", "pointwise", is_kernel=True, initializer="glorot_uniform"),
        Role("bias", "bias"),
    )

    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    kernel_size: tuple[int, ...]
    padding: str
    data_format: str
    filters: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        *,
        depthwise_quantizer: Any = None,
        pointwise_quantizer: Any = None,
        bias_quantizer: Any = None,
        **kwargs: Any,
    ) -> None:
        for idle in _IDLE:
            kwargs.pop(idle, None)
        # Keras 3's separable layers do not know it; the others refuse it.
        causal = padding.lower() == "causal" and isinstance(self, keras.layers.SeparableConv1D)
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding="valid" if causal else padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            depth_multiplier=depth_multiplier,
            activation=activation,
            use_bias=use_bias,
            depthwise_quantizer=depthwise_quantizer,
            pointwise_quantizer=pointwise_quantizer,
            bias_quantizer=bias_quantizer,
            **kwargs,
        )
        if causal:
            self.padding = "causal"

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to strings, the number of filters among them."""
        return {**super().get_quantization_config(), "filters": str(self.filters)}

    def _depthwise_sum(self, inputs: Any, kernel: Any) -> Any:
        padding, x = self.padding, ops.convert_to_tensor(inputs)
        if padding == "causal":
            behind = (self.kernel_size[0] - 1) * self.dilation_rate[0]
            time = (0, 0), (behind, 0), (0, 0)
            x = ops.pad(x, time if self.data_format != "channels_first" else (time[0], time[2], time[1]))
            padding = "valid"
        return ops.depthwise_conv(x, kernel, self.strides, padding, self.data_format, self.dilation_rate)

    def _pointwise_sum(self, middle: Any, kernel: Any) -> Any:
        return ops.conv(middle, kernel, 1, "valid", self.data_format)


@public("bitwright.layers")
class QSeparableConv1D(_QSeparable, keras.layers.SeparableConv1D):
    """SeparableConv1D with quantized kernels and bias: depthwise_, pointwise_ and bias_quantizer.

    padding may be "causal" too. Kernel quantizers without alpha scale themselves ("auto_po2"). As in
    QKeras nothing is rounded between the two sums. Source: google/qkeras, qconvolutional.py.
    """


@public("bitwright.layers")
class QSeparableConv2D(_QSeparable, keras.layers.SeparableConv2D):
    """SeparableConv2D with quantized kernels and bias; see `QSeparableConv1D` for the quantizers."""
