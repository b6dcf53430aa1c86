"""Quantized transposed convolutions: plain, depthwise, and depthwise with a pointwise one behind it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized, QuantizedTensor, Role, apply, as_numpy, factor
from bitwright.train.layers.linear import QuantizedLinear
from bitwright.train.layers.spread import spread, spread_pads
from bitwright.train.layers.stages import Stage, TwoStage
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.spec import get_activation

__all__ = ["QConv2DTranspose", "QDepthwiseConv2DTranspose", "QSeparableConv2DTranspose"]


@public("bitwright.layers")
class QConv2DTranspose(QuantizedLinear, keras.layers.Conv2DTranspose):
    """Conv2DTranspose with a quantized kernel and bias: kernel_quantizer, bias_quantizer.

    The kernel is (height, width, filters, channels): as in QKeras an automatic scale belongs to its
    last axis, an input channel (scale_axis=2 gives one per filter). Source: google/qkeras,
    qconvolutional.py.
    """

    roles = (Role("kernel", "kernel", is_kernel=True, initializer="glorot_uniform"), Role("bias", "bias"))

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
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
            output_padding=output_padding,
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
        return {**super().get_quantization_config(), "filters": str(self.filters)}

    def _is_per_channel(self, scale: Any) -> bool:
        return _per_output(scale)

    def _as_row(self, scale: Any) -> Any:
        return ops.reshape(scale, (-1,))


class _Transposed(Quantized):
    """What the two depthwise layers share: Keras's geometry, quantized points, ignored arguments."""

    has_activation = False

    filters: int
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    data_format: str
    name: str

    def __init__(self, depth_multiplier: int = 1, activation: Any = None, **arguments: Any) -> None:
        self._warn_if(depth_multiplier != 1, f"depth_multiplier={depth_multiplier}")
        self._warn_if(activation not in (None, "linear", keras.activations.linear), f"activation={activation}")
        super().__init__(**arguments)
        self.depth_multiplier = depth_multiplier

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        config = {**super().get_config(), "depth_multiplier": self.depth_multiplier}
        return {key: value for key, value in config.items() if key != "activation"}

    def get_prunable_weights(self) -> list[Any]:
        """The kernels, and the bias as in QKeras."""
        return [getattr(self, r.attribute) for r in self.roles if getattr(self, r.attribute) is not None]

    def _warn_if(self, wrong: bool, what: str) -> None:
        if wrong:
            warnings.warn(f"{type(self).__name__}: {what} has no effect, as in QKeras", stacklevel=4)

    def _spread(self, inputs: Any) -> Any:
        """Channels-last `inputs` with zeros between and around its elements, for a stride of 1."""
        x = ops.convert_to_tensor(inputs)
        x = ops.moveaxis(x, 1, -1) if self.data_format == "channels_first" else x
        return spread(x, self.strides, spread_pads(self))

    def _transposed_conv(self, inputs: Any, kernel: Any, depthwise: bool) -> Any:
        """The sums in the layer's data format; kernel (height, width, channels of a group, filters)."""
        turned, conv = ops.flip(kernel, (0, 1)), ops.depthwise_conv if depthwise else ops.conv
        total = conv(self._spread(inputs), turned, 1, "valid", "channels_last", self.dilation_rate)
        return ops.moveaxis(total, -1, 1) if self.data_format == "channels_first" else total

    def _weight(self, name: str, shape: Sequence[int]) -> Any:
        return self.add_weight(  # pyright: ignore[reportAttributeAccessIssue]
            name=name,
            shape=tuple(shape),
            initializer=self.kernel_initializer,  # pyright: ignore[reportAttributeAccessIssue]
            regularizer=self.kernel_regularizer,  # pyright: ignore[reportAttributeAccessIssue]
            constraint=self.kernel_constraint,  # pyright: ignore[reportAttributeAccessIssue]
        )

    def _bias_weight(self) -> Any:
        if not self.use_bias:  # pyright: ignore[reportAttributeAccessIssue]
            return None
        return self.add_weight(  # pyright: ignore[reportAttributeAccessIssue]
            name="bias",
            shape=(self.filters,),
            initializer=self.bias_initializer,  # pyright: ignore[reportAttributeAccessIssue]
            regularizer=self.bias_regularizer,  # pyright: ignore[reportAttributeAccessIssue]
            constraint=self.bias_constraint,  # pyright: ignore[reportAttributeAccessIssue]
        )


@public("bitwright.layers")
class QSeparableConv2DTranspose(_Transposed, TwoStage, keras.layers.Conv2DTranspose):
    """A transposed depthwise convolution, then a pointwise one, with a quantized point behind each.

    depthwise_kernel_quantizer, pointwise_kernel_quantizer, bias_quantizer; depthwise_activation acts
    between the two sums, pointwise_activation behind the bias. Weights: depthwise_kernel (height,
    width, 1, channels), pointwise_kernel (1, 1, filters, channels), bias; both kernels take
    kernel_initializer, kernel_regularizer and kernel_constraint. Source: google/qkeras,
    qseparable_conv2d_transpose.py.
    """

    roles = (
        Role("depthwise_kernel", "depthwise_kernel", is_kernel=True, is_weight=False),
        Role("pointwise_kernel", "pointwise_kernel", is_kernel=True, is_weight=False),
        Role("bias", "bias", is_weight=False),
    )
    transposed = True

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        depth_multiplier: int = 1,
        depthwise_activation: Any = None,
        pointwise_activation: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            depth_multiplier=depth_multiplier,
            use_bias=use_bias,
            **kwargs,
        )
        self.depthwise_activation = _point(depthwise_activation)
        self.pointwise_activation = _point(pointwise_activation)
        self._activation_state = _states(self.depthwise_activation, self.pointwise_activation)

    def build(self, input_shape: Any) -> None:
        """Create the two kernels and the bias."""
        channels = int(input_shape[1 if self.data_format == "channels_first" else -1])
        self.depthwise_kernel = self._weight("depthwise_kernel", (*self.kernel_size, 1, channels))
        self.pointwise_kernel = self._weight("pointwise_kernel", (1, 1, self.filters, channels))
        self.bias = self._bias_weight()
        self._prepare_quantizers()

    def get_quantizers(self) -> list[Any]:
        """Those of the depthwise kernel, the pointwise kernel and the bias, then the two activations."""
        return [*super().get_quantizers(), self.depthwise_activation, self.pointwise_activation]

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        return {
            **super().get_config(),
            "depthwise_activation": keras.saving.serialize_keras_object(self.depthwise_activation),
            "pointwise_activation": keras.saving.serialize_keras_object(self.pointwise_activation),
        }

    @property
    def _last_activation(self) -> Any:
        return self.pointwise_activation

    def _depthwise_view(self, kernel: Any) -> Any:
        return ops.moveaxis(kernel, -1, -2) if len(kernel.shape) > 1 else kernel

    _pointwise_view = _depthwise_view

    def _depthwise_sum(self, inputs: Any, kernel: Any) -> Any:
        return self._transposed_conv(inputs, kernel, depthwise=True)

    def _pointwise_sum(self, middle: Any, kernel: Any) -> Any:
        return ops.conv(middle, kernel, 1, "valid", self.data_format)


@public("bitwright.layers")
class QDepthwiseConv2DTranspose(_Transposed, keras.layers.Conv2DTranspose):
    """A transposed convolution in which channels meet only within groups of `group_size`.

    depthwise_kernel_quantizer, bias_quantizer; depthwise_activation acts on the sums. Weights:
    depthwise_kernel (height, width, channels, group_size) and a bias, which as in QKeras is held but
    not added. The output has as many channels as the input, so `filters` should be their number.
    Source: google/qkeras, qdepthwise_conv2d_transpose.py.
    """

    roles = (
        Role("depthwise_kernel", "depthwise_kernel", is_kernel=True, is_weight=False),
        Role("bias", "bias", is_weight=False),
    )

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        group_size: int = 1,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        depth_multiplier: int = 1,
        depthwise_activation: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            depth_multiplier=depth_multiplier,
            use_bias=use_bias,
            **kwargs,
        )
        self.group_size = int(group_size)
        self.depthwise_activation = _point(depthwise_activation)
        self._activation_state = _states(self.depthwise_activation)

    def build(self, input_shape: Any) -> None:
        """Create the kernel and the bias that is not used."""
        channels = int(input_shape[1 if self.data_format == "channels_first" else -1])
        if channels % self.group_size:
            raise InvalidValue(
                f"{channels} channels cannot be cut into groups of {self.group_size}",
                where=f"layer '{self.name}'",
                remedy="choose a group_size that divides them",
            )
        if channels != self.filters:
            warnings.warn(
                f"layer '{self.name}' yields {channels} channels, not filters={self.filters};"
                " as in QKeras its output shape says otherwise",
                stacklevel=2,
            )
        self.depthwise_kernel = self._weight("depthwise_kernel", (*self.kernel_size, channels, self.group_size))
        self.bias = self._bias_weight()
        self._prepare_quantizers()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for `inputs`."""
        kernel, scale = self._prepared(training)
        total = self._sum(inputs, kernel)
        if self.data_format != "channels_first":
            return self._finish(total, scale, training)
        return ops.moveaxis(self._finish(ops.moveaxis(total, 1, -1), scale, training), -1, 1)

    def linear(self, inputs: Any) -> Any:
        """The sum alone, in the layer's own data format."""
        return self._sum(inputs, self._prepared(None)[0])

    def epilogue(self, total: Any) -> Any:
        """From the sum (any leading shape, channels last) to the layer's output."""
        return self._finish(ops.convert_to_tensor(total), self._prepared(None)[1], None)

    @property
    def factored(self) -> bool:
        """Whether `linear` adds dyadic weights: every other scale could be taken out of the sum."""
        return _per_output(self._factor(None)[1])

    def quantized_weights(self) -> dict[str, QuantizedTensor]:
        """The kernel as the layer uses it at inference, in the shape of its variable."""
        z, scale = self._factor(None)
        return {"depthwise_kernel": QuantizedTensor(as_numpy(z), None if scale is None else as_numpy(scale))}

    def stages(self) -> tuple[Stage]:
        """The one sum for the compiler."""
        kernel, scale = self._prepared(None)
        groups = int(kernel.shape[-2]) // self.group_size
        stage = Stage(
            np.moveaxis(as_numpy(kernel), -1, -2),
            None,
            self.epilogue,
            self.epilogue if scale is None else None,
            self.depthwise_activation,
            groups,
            spatial=True,
            transposed=True,
        )
        return (stage,)

    def get_quantizers(self) -> list[Any]:
        """Those of the kernel and the bias, then the activation."""
        return [*super().get_quantizers(), self.depthwise_activation]

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        return {
            **super().get_config(),
            "group_size": self.group_size,
            "depthwise_activation": keras.saving.serialize_keras_object(self.depthwise_activation),
        }

    def _factor(self, training: bool | None) -> tuple[Any, Any]:
        kernel = ops.convert_to_tensor(self.depthwise_kernel)
        return factor(getattr(self, self.roles[0].quantizer), kernel, training)

    def _prepared(self, training: bool | None) -> tuple[Any, Any]:
        kernel, scale = self._factor(training)
        if not _per_output(scale):
            return kernel * scale, None
        return kernel, None if scale is None else ops.reshape(scale, (-1,))

    def _sum(self, inputs: Any, kernel: Any) -> Any:
        if self.group_size == 1:
            return self._transposed_conv(inputs, kernel, depthwise=True)
        return self._transposed_conv(inputs, ops.moveaxis(kernel, -1, -2), depthwise=False)

    def _finish(self, total: Any, scale: Any, training: bool | None) -> Any:
        return apply(self.depthwise_activation, total if scale is None else total * scale, training)


def _per_output(scale: Any) -> bool:
    """Whether a scale (None or axes as those of a transposed kernel) belongs to whole filters."""
    shape = () if scale is None else tuple(scale.shape)
    return prod(shape) == 1 or (len(shape) > 1 and prod(shape) == shape[-2])


def _point(activation: Any) -> Any:
    return None if activation is None else get_activation(activation)


def _states(*activations: Any) -> list[Any]:
    return [item for q in activations if isinstance(q, BaseQuantizer) for item in q.state]
