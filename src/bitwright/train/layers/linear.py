"""Quantized Dense, Conv1D, Conv2D and DepthwiseConv2D.

The law of all of them: `call(x) == epilogue(linear(x))`. `linear` is the Keras layer's own sum with
the kernel on a dyadic grid, so that float32 adds integers exactly; scales that are no powers of two,
the bias and the activation come afterwards, in `epilogue`.
"""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from bitwright.train.door import keras, ops
from bitwright.train.layers.attribute import Overlaid, overlaid
from bitwright.train.layers.base import Quantized, QuantizedTensor, Role, apply, as_numpy, factor
from bitwright.train.public import public

__all__ = ["QConv1D", "QConv2D", "QDense", "QDepthwiseConv2D", "QuantizedLinear"]


class QuantizedLinear(Quantized):
    """Mixin for layers with one kernel and an optional bias."""

    roles = (Role("kernel", "kernel", is_kernel=True), Role("bias", "bias"))
    output_axes: ClassVar[int] = 1
    """How many last axes of the kernel together index the output channels."""

    kernel = Overlaid()
    bias = Overlaid()
    use_bias = Overlaid()
    activation = Overlaid()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for `inputs`."""
        kernel, scale = self._kernel_and_scale(training)
        return self._completed(self._sum(inputs, kernel), scale, self.unquantized_weights()[1], training)

    def linear(self, inputs: Any) -> Any:
        """The sum alone: no scale, no bias, no activation. In the layer's own data format."""
        return self._sum(inputs, self._kernel_and_scale(None)[0])

    def epilogue(self, total: Any) -> Any:
        """From the sum (any leading shape, channels last) to the layer's output."""
        scale, bias = self._kernel_and_scale(None)[1], self.unquantized_weights()[1]
        return self._finish(ops.convert_to_tensor(total), scale, bias, None)

    def unquantized_weights(self) -> tuple[Any, Any]:
        """(kernel, bias) that the quantizers see at inference; the bias is None where there is none."""
        return self.kernel, self.bias if self.use_bias else None

    @property
    def factored(self) -> bool:
        """Whether `linear` adds dyadic weights: every other scale could be taken out of the sum."""
        scale = self._factor(None)[1]
        return scale is None or self._is_per_channel(scale)

    def quantized_weights(self) -> dict[str, QuantizedTensor]:
        """The weights as the layer uses them at inference: "kernel" and, with a bias, "bias".

        The kernel's z is what `linear` multiplies by; if a scale could not be factored out, it is in z.
        """
        kernel, scale = self._factor(None)
        if scale is not None and not self._is_per_channel(scale):
            kernel, scale = self._kernel_and_scale(None)
        found = {"kernel": QuantizedTensor(as_numpy(kernel), None if scale is None else as_numpy(scale))}
        bias = self.unquantized_weights()[1]
        if bias is not None:
            found["bias"] = QuantizedTensor(as_numpy(apply(self._bias_quantizer, bias, None)))
        return found

    @property
    def _kernel_quantizer(self) -> Any:
        return getattr(self, self.roles[0].quantizer)

    @property
    def _bias_quantizer(self) -> Any:
        return getattr(self, self.roles[1].quantizer)

    def _factor(self, training: bool | None, kernel: Any = None) -> tuple[Any, Any]:
        chosen = self.unquantized_weights()[0] if kernel is None else kernel
        return factor(self._kernel_quantizer, chosen, training)

    def _kernel_and_scale(self, training: bool | None, kernel: Any = None) -> tuple[Any, Any]:
        """The kernel that the sum uses, and what is left to multiply it by: None or one row."""
        kernel, scale = self._factor(training, kernel)
        if scale is None:
            return kernel, None
        if not self._is_per_channel(scale):
            return kernel * scale, None
        return kernel, self._as_row(scale)

    def _is_per_channel(self, scale: Any) -> bool:
        return all(length == 1 for length in tuple(scale.shape)[: -self.output_axes])

    def _as_row(self, scale: Any) -> Any:
        if prod(scale.shape) == 1:
            return ops.reshape(scale, (1,))
        axes = tuple(self.kernel.shape)[-self.output_axes :]
        return ops.reshape(ops.broadcast_to(ops.reshape(scale, _last(scale, self.output_axes)), axes), (-1,))

    def _sum(self, inputs: Any, kernel: Any) -> Any:
        with overlaid(self, kernel=kernel, bias=None, use_bias=False, activation=None):
            return super().call(inputs)  # pyright: ignore[reportAttributeAccessIssue]

    def _completed(self, total: Any, scale: Any, bias: Any, training: bool | None) -> Any:
        """From the sum, in the layer's own data format, to the output."""
        if getattr(self, "data_format", None) != "channels_first":
            return self._finish(total, scale, bias, training)
        last = self._finish(ops.moveaxis(total, 1, -1), scale, bias, training)
        return ops.moveaxis(last, -1, 1)

    def _finish(self, total: Any, scale: Any, bias: Any, training: bool | None) -> Any:
        if scale is not None:
            total = total * scale
        if bias is not None:
            total = total + apply(self._bias_quantizer, ops.convert_to_tensor(bias), training)
        return apply(self.activation, total, training)


def _last(scale: Any, axes: int) -> tuple[int, ...]:
    shape = tuple(scale.shape)[-axes:]
    return (1,) * (axes - len(shape)) + shape


@public("bitwright.layers")
class QDense(QuantizedLinear, keras.layers.Dense):
    """Dense with a quantized kernel and bias.

    kernel_quantizer, bias_quantizer: quantizers or QKeras strings (None: float). A kernel quantizer
    without alpha scales itself ("auto_po2"); give alpha=1 for the plain format. All other arguments
    are those of keras.layers.Dense; kernels start as he_normal. Source: google/qkeras, qlayers.py.
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        *,
        kernel_quantizer: Any = None,
        bias_quantizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units=units,
            activation=activation,
            use_bias=use_bias,
            kernel_quantizer=kernel_quantizer,
            bias_quantizer=bias_quantizer,
            **kwargs,
        )

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to strings, the number of units among them."""
        return {**super().get_quantization_config(), "units": str(self.units)}


class _QConv(QuantizedLinear):
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        *,
        kernel_quantizer: Any = None,
        bias_quantizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_quantizer=kernel_quantizer,
            bias_quantizer=bias_quantizer,
            **kwargs,
        )

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to strings, the number of filters among them."""
        return {**super().get_quantization_config(), "filters": str(getattr(self, "filters"))}  # noqa: B009


@public("bitwright.layers")
class QConv1D(_QConv, keras.layers.Conv1D):
    """Conv1D with a quantized kernel and bias; see `QDense` for the quantizers."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        # QKeras's order; its QConv1D has no data_format in it.
        data_format = kwargs.pop("data_format", None)
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, **kwargs
        )


@public("bitwright.layers")
class QConv2D(_QConv, keras.layers.Conv2D):
    """Conv2D with a quantized kernel and bias; see `QDense` for the quantizers.

    mask: 0/1 array that the quantized kernel is multiplied by, of the kernel's shape or of its two
    spatial axes alone.
    """

    def __init__(self, filters: int, kernel_size: Any, *args: Any, mask: Any = None, **kwargs: Any) -> None:
        super().__init__(filters, kernel_size, *args, **kwargs)
        self.mask = None if mask is None else np.asarray(mask, dtype=np.float32)

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        return {**super().get_config(), "mask": None if self.mask is None else self.mask.tolist()}

    def _factor(self, training: bool | None, kernel: Any = None) -> tuple[Any, Any]:
        kernel, scale = super()._factor(training, kernel)
        if self.mask is None:
            return kernel, scale
        mask = self.mask[:, :, None, None] if self.mask.ndim == 2 else self.mask
        return kernel * ops.convert_to_tensor(mask), scale


@public("bitwright.layers")
class QDepthwiseConv2D(QuantizedLinear, keras.layers.DepthwiseConv2D):
    """DepthwiseConv2D with a quantized kernel and bias: depthwise_quantizer, bias_quantizer.

    As in QKeras an automatic scale belongs to the kernel's last axis, the depth multiplier: with a
    multiplier of 1, one scale for the whole kernel (scale_axis=2 gives one per channel).
    """

    roles = (Role("kernel", "depthwise", is_kernel=True), Role("bias", "bias"))
    output_axes = 2

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        *,
        depthwise_quantizer: Any = None,
        bias_quantizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            depth_multiplier=depth_multiplier,
            data_format=data_format,
            activation=activation,
            use_bias=use_bias,
            depthwise_quantizer=depthwise_quantizer,
            bias_quantizer=bias_quantizer,
            **kwargs,
        )
