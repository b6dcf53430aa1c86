"""Layers of two sums in one call: a depthwise one, perhaps a quantizer, then a pointwise one.

The law of linear layers holds for each: its kernel lies on a dyadic grid, so that float32 adds
integers exactly, and scales come after the sum. `stages` says what the compiler has to know.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import ops
from bitwright.train.layers.base import Quantized, QuantizedTensor, apply, as_numpy, factor

__all__ = ["Stage", "TwoStage"]


@dataclass(frozen=True)
class Stage:
    """One exact sum of a layer, and what the layer does with it.

    kernel: float32 (*window, channels // groups, filters) on a dyadic grid; bias: float32 or None.
    `spatial`: the layer's strides, padding and dilation are this stage's; `transposed`: it is a
    transposed convolution. `epilogue` maps the sum to the stage's output; `activation` maps sum + bias
    to it and is None where a scale comes in between. `quantizer` is the activation as the user gave it.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    epilogue: Callable[[Any], Any]
    activation: Callable[[Any], Any] | None
    quantizer: Any
    groups: int = 1
    spatial: bool = False
    transposed: bool = False


class TwoStage(Quantized):
    """Mixin for layers with a `depthwise_kernel`, a `pointwise_kernel` and an optional bias.

    A subclass implements the two sums, and the views where its kernels lie another way. A scale of the
    depthwise kernel that is one number for all of it waits until after the pointwise sum, unless a
    depthwise activation wants it before.
    """

    transposed: ClassVar[bool] = False
    depthwise_activation: Any = None

    # What every Keras layer has; this mixin comes before one.
    depthwise_kernel: Any
    pointwise_kernel: Any
    bias: Any
    use_bias: bool

    @abstractmethod
    def _depthwise_sum(self, inputs: Any, kernel: Any) -> Any:
        """The depthwise sums of `inputs`, in the layer's own data format."""

    @abstractmethod
    def _pointwise_sum(self, middle: Any, kernel: Any) -> Any:
        """The pointwise sums, in the layer's own data format."""

    def _depthwise_view(self, kernel: Any) -> Any:
        """A depthwise kernel (or its scale) with the axes (*window, channels, multiplier)."""
        return kernel

    def _pointwise_view(self, kernel: Any) -> Any:
        """A pointwise kernel (or its scale) with the axes (..., inputs, filters)."""
        return kernel

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for `inputs`."""
        kernels, scales = self._prepared(training)
        middle = self._depthwise_sum(inputs, kernels[0])
        if self.depthwise_activation is not None:
            middle = apply(self.depthwise_activation, _times(middle, scales[0]), training)
        total = self._pointwise_sum(middle, kernels[1])
        if getattr(self, "data_format", None) != "channels_first":
            return self._finish(total, scales[1], training)
        return ops.moveaxis(self._finish(ops.moveaxis(total, 1, -1), scales[1], training), -1, 1)

    def epilogue(self, total: Any) -> Any:
        """From the pointwise sum (any leading shape, channels last) to the layer's output."""
        return self._finish(ops.convert_to_tensor(total), self._prepared(None)[1][1], None)

    def linear(self, inputs: Any) -> Any:
        """The pointwise sum alone: no bias and no last activation. In the layer's own data format."""
        kernels, scales = self._prepared(None)
        middle = self._depthwise_sum(inputs, kernels[0])
        if self.depthwise_activation is not None:
            middle = apply(self.depthwise_activation, _times(middle, scales[0]), None)
        return self._pointwise_sum(middle, kernels[1])

    @property
    def factored(self) -> bool:
        """Whether both sums add dyadic weights: every other scale could be taken out of them."""
        (_, early), (_, late) = self._factors(None)
        return self._may_follow(early) and _is_row(late)

    def quantized_weights(self) -> dict[str, QuantizedTensor]:
        """The weights as the layer uses them at inference, seen as `_depthwise_view` and `_pointwise_view` do."""
        named = zip(("depthwise_kernel", "pointwise_kernel"), self._factors(None), strict=True)
        found = {n: QuantizedTensor(as_numpy(z), None if s is None else as_numpy(s)) for n, (z, s) in named}
        bias = self._quantized_bias(None)
        return found if bias is None else {**found, "bias": QuantizedTensor(as_numpy(bias))}

    def stages(self) -> tuple[Stage, Stage]:
        """The two sums for the compiler."""
        (first, second), (early, late) = self._prepared(None)
        depthwise, pointwise = as_numpy(first), as_numpy(second)
        bias, middle = self._quantized_bias(None), self.depthwise_activation
        last = self._last_activation

        def between(total: Any) -> Any:
            return apply(middle, _times(total, early), None)

        def after(total: Any) -> Any:
            return apply(last, total, None)

        flat = depthwise.reshape(*depthwise.shape[:-2], 1, -1)
        return (
            Stage(
                flat,
                None,
                between,
                between if early is None else None,
                middle,
                depthwise.shape[-2],
                True,
                self.transposed,
            ),
            Stage(
                pointwise,
                None if bias is None else as_numpy(bias),
                self.epilogue,
                after if late is None else None,
                last,
            ),
        )

    @property
    def _last_activation(self) -> Any:
        return getattr(self, "activation", None)

    def _factors(self, training: bool | None) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """(z, scale) of the two kernels, through their views."""
        found: list[tuple[Any, Any]] = []
        views = (self._depthwise_view, self._pointwise_view)
        for role, kernel, view in zip(self.roles, (self.depthwise_kernel, self.pointwise_kernel), views, strict=False):
            z, scale = factor(getattr(self, role.quantizer), ops.convert_to_tensor(kernel), training)
            found.append((view(z), None if scale is None else view(scale)))
        return found[0], found[1]

    def _may_follow(self, early: Any) -> bool:
        """Whether the depthwise kernel's scale can be applied after the depthwise sum, or after both."""
        if early is None or all(length == 1 for length in early.shape):
            return True
        return self.depthwise_activation is not None and all(length == 1 for length in tuple(early.shape)[:-2])

    def _prepared(self, training: bool | None) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """The kernels that the sums use; the scales (None or one row) that follow the first and the second sum."""
        (first, early), (second, late) = self._factors(training)
        if not self._may_follow(early):
            first, early = first * early, None
        if not _is_row(late):
            second, late = second * late, None
        if early is not None and prod(early.shape) != 1:
            early = ops.broadcast_to(early, (*[1] * (len(first.shape) - 2), *first.shape[-2:]))
        early = None if early is None else ops.reshape(early, (-1,))
        late = None if late is None else ops.reshape(late, (-1,))
        if self.depthwise_activation is None and early is not None:
            early, late = None, early if late is None else early * late
        return (first, second), (early, late)

    def _quantized_bias(self, training: bool | None) -> Any:
        if not self.use_bias:
            return None
        return apply(getattr(self, self.roles[2].quantizer), ops.convert_to_tensor(self.bias), training)

    def _finish(self, total: Any, scale: Any, training: bool | None) -> Any:
        total, bias = _times(total, scale), self._quantized_bias(training)
        return apply(self._last_activation, total if bias is None else total + bias, training)


def _times(total: Any, scale: Any) -> Any:
    return total if scale is None else total * scale


def _is_row(scale: Any) -> bool:
    return scale is None or all(length == 1 for length in tuple(scale.shape)[:-1])
