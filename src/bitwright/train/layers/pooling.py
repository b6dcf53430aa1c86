"""Quantized average pooling: exact sums times a quantized reciprocal of the area.

The law, as for linear layers: `call(x) == epilogue(linear(x))`, where `linear` is the plain sum over
each window.
"""

from __future__ import annotations

from abc import abstractmethod
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized, Role, apply
from bitwright.train.public import public

__all__ = ["QAveragePooling2D", "QGlobalAveragePooling2D"]


class _QAverage(Quantized):
    roles = (Role("", "average", is_weight=False),)
    parent_has_activation = False

    def get_prunable_weights(self) -> list[Any]:
        """None: there are no weights."""
        return []

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for `inputs`."""
        return self._finish(self.linear(inputs), self._area(inputs), training)

    @abstractmethod
    def linear(self, inputs: Any) -> Any:
        """The sum over each window."""

    @abstractmethod
    def _area(self, inputs: Any) -> int:
        """How many elements a window adds."""

    def _finish(self, total: Any, area: int, training: bool | None) -> Any:
        # A constant factor, not a quotient: compilers turn quotients by constants into this anyway.
        reciprocal = ops.convert_to_tensor(np.float32(1.0 / area))
        factor = apply(getattr(self, "average_quantizer"), reciprocal, training)  # noqa: B009
        return apply(getattr(self, "activation"), total * ops.reshape(factor, ()), training)  # noqa: B009


@public("bitwright.layers")
class QAveragePooling2D(_QAverage, keras.layers.AveragePooling2D):
    """AveragePooling2D as the window's sum times average_quantizer(1 / area), then the activation.

    Without a quantizer the factor is 1 / area in float32. With padding="same", windows at the border
    average over fewer elements; as in QKeras their sum is first raised by area / elements, which is
    not exact: `factored` is false then.
    """

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        average_quantizer: Any = None,
        activation: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            pool_size=pool_size,
            strides=strides,
            padding=padding.lower(),
            data_format=data_format,
            average_quantizer=average_quantizer,
            activation=activation,
            **kwargs,
        )

    def linear(self, inputs: Any) -> Any:
        """The sum over each window, in the layer's own data format."""
        first = self.data_format == "channels_first"
        x = ops.moveaxis(inputs, 1, -1) if first else ops.convert_to_tensor(inputs)
        total = self._window_sums(x)
        if self.padding == "same":
            total = total * (prod(self.pool_size) / self._window_sums(ops.ones_like(x[:1, :, :, :1])))
        return ops.moveaxis(total, -1, 1) if first else total

    def epilogue(self, total: Any) -> Any:
        """From window sums (any shape) to the layer's output."""
        return self._finish(ops.convert_to_tensor(total), prod(self.pool_size), None)

    @property
    def factored(self) -> bool:
        """Whether `linear` is the plain sum over whole windows."""
        return self.padding == "valid"

    def _area(self, inputs: Any) -> int:
        return prod(self.pool_size)

    def _window_sums(self, x: Any) -> Any:
        for axis, (size, stride) in enumerate(zip(self.pool_size, self.strides, strict=True), 1):
            x = _sums(x, axis, size, stride, self.padding == "same")
        return x


def _sums(x: Any, axis: int, size: int, stride: int, same: bool) -> Any:
    """Sums of `size` neighbors along one spatial axis of a channels-last image."""
    if same:
        missing = max((-(-x.shape[axis] // stride) - 1) * stride + size - x.shape[axis], 0)
        widths = [(0, 0)] * 4
        widths[axis] = (missing // 2, missing - missing // 2)
        x = ops.pad(x, widths)
    count = (x.shape[axis] - size) // stride + 1
    parts = [
        ops.take(x, ops.arange(start, start + (count - 1) * stride + 1, stride), axis=axis) for start in range(size)
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


@public("bitwright.layers")
class QGlobalAveragePooling2D(_QAverage, keras.layers.GlobalAveragePooling2D):
    """GlobalAveragePooling2D as the sum times average_quantizer(1 / area), then the activation."""

    def __init__(
        self,
        data_format: str | None = None,
        average_quantizer: Any = None,
        activation: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, average_quantizer=average_quantizer, activation=activation, **kwargs)
        self._built_area: int | None = None

    def build(self, input_shape: Any) -> None:
        """Remember the area, if it is known, for `epilogue`."""
        height, width = (input_shape[axis] for axis in self._axes)
        self._built_area = None if None in (height, width) else int(height * width)
        self.built = True

    def linear(self, inputs: Any) -> Any:
        """The sum over each channel."""
        return ops.sum(ops.convert_to_tensor(inputs), axis=self._axes, keepdims=self.keepdims)

    def epilogue(self, total: Any) -> Any:
        """From channel sums (any shape) to the layer's output; the image size must have been known."""
        if self._built_area is None:
            raise InvalidModel(
                "the image size is unknown, so there is no factor",
                where=f"layer '{self.name}'",
                remedy="give the input a fixed height and width",
            )
        return self._finish(ops.convert_to_tensor(total), self._built_area, None)

    @property
    def factored(self) -> bool:
        """Always: `linear` is the plain sum."""
        return True

    @property
    def _axes(self) -> tuple[int, int]:
        return (2, 3) if self.data_format == "channels_first" else (1, 2)

    def _area(self, inputs: Any) -> int:
        return int(prod(inputs.shape[axis] for axis in self._axes))
