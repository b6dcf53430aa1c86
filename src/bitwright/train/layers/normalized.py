"""`QSoftmax` and `QLayerNormalization`: sums and products of numbers on known grids.

Every intermediate value goes through a quantizer, so that float32 computes exactly what integers
do: exponentials, inverses and roots are functions from one grid to another, that is, tables.
"""

from __future__ import annotations

from math import prod
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized, Role, apply
from bitwright.train.public import public

__all__ = ["QLayerNormalization", "QSoftmax"]

_SMALLEST = 2.0**-20


@public("bitwright.layers")
class QSoftmax(Quantized, keras.layers.Softmax):
    """output_quantizer(e * inverse_quantizer(1 / sum e)), e = exp_quantizer(exp(x - max x)).

    axis: an int or a list. exp_quantizer must reach 1, the exponential of the largest element; the
    inverse lies between 1 / n and 1 for n elements. In `call`, elements where `mask` is false count as 0.
    """

    roles = (
        Role("", "exp", is_weight=False),
        Role("", "inverse", is_weight=False),
        Role("", "output", is_weight=False),
    )
    has_activation = False

    def __init__(
        self,
        axis: Any = -1,
        *,
        exp_quantizer: Any = "quantized_relu(8,1)",
        inverse_quantizer: Any = "quantized_relu(10,1)",
        output_quantizer: Any = "quantized_relu(8,0)",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            axis=axis,
            exp_quantizer=exp_quantizer,
            inverse_quantizer=inverse_quantizer,
            output_quantizer=output_quantizer,
            **kwargs,
        )

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """The probabilities, on the output quantizer's grid."""
        axis = tuple(self.axis) if isinstance(self.axis, list | tuple) else self.axis
        x = ops.convert_to_tensor(inputs)
        kept = None if mask is None else ops.cast(mask, "bool")
        seen = x if kept is None else ops.where(kept, x, ops.full_like(x, -1e9))
        top = ops.stop_gradient(ops.max(seen, axis=axis, keepdims=True))
        e = self.exponential(ops.minimum(x - top, 0.0), training)
        e = e if kept is None else ops.where(kept, e, ops.zeros_like(e))
        return self.output_of(e * self.inverse(ops.sum(e, axis=axis, keepdims=True), training), training)

    def exponential(self, x: Any, training: bool | None = None) -> Any:
        """exp(x), quantized."""
        return apply(self.exp_quantizer, ops.exp(x), training)

    def inverse(self, total: Any, training: bool | None = None) -> Any:
        """1 / total, quantized."""
        return apply(self.inverse_quantizer, 1.0 / ops.maximum(total, _SMALLEST), training)

    def output_of(self, x: Any, training: bool | None = None) -> Any:
        """The quantized product."""
        return apply(self.output_quantizer, x, training)


@public("bitwright.layers")
class QLayerNormalization(Quantized, keras.layers.LayerNormalization):
    """(x - m) * r * gamma + beta with m and r on known grids, then an activation.

    m = mean_quantizer(mean x), r = inverse_quantizer(1 / sqrt(mean (x - m)^2 + epsilon)). gamma_quantizer,
    beta_quantizer: of the parameters (None: float). activation: a quantizer or a Keras function.
    All other arguments are those of keras.layers.LayerNormalization, without rms_scaling.
    """

    roles = (
        Role("gamma", "gamma"),
        Role("beta", "beta"),
        Role("", "mean", is_weight=False),
        Role("", "inverse", is_weight=False),
    )
    parent_has_activation = False

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        *,
        mean_quantizer: Any = "quantized_bits(10,3,alpha=1)",
        inverse_quantizer: Any = "quantized_relu(10,5)",
        gamma_quantizer: Any = None,
        beta_quantizer: Any = None,
        activation: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("rms_scaling", False):
            raise InvalidValue("rms_scaling is not quantized", where="QLayerNormalization", remedy="leave it out")
        super().__init__(
            axis=axis,
            epsilon=epsilon,
            center=center,
            scale=scale,
            mean_quantizer=mean_quantizer,
            inverse_quantizer=inverse_quantizer,
            gamma_quantizer=gamma_quantizer,
            beta_quantizer=beta_quantizer,
            activation=activation,
            **{"gamma_initializer": "ones", **kwargs},
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The normalized `inputs`."""
        x = ops.convert_to_tensor(inputs)
        axis = tuple(self.axis)
        count = prod(x.shape[a] for a in axis)
        d = x - self.mean(ops.sum(x, axis=axis, keepdims=True), count, training)
        r = self.inverse(ops.sum(d * d, axis=axis, keepdims=True), count, training)
        return ops.cast(self.epilogue(d * r, training), self.compute_dtype)

    def mean(self, total: Any, count: int, training: bool | None = None) -> Any:
        """From the sum of `count` elements to their quantized mean."""
        return apply(self.mean_quantizer, total * (1.0 / count), training)

    def inverse(self, squares: Any, count: int, training: bool | None = None) -> Any:
        """From the sum of `count` squares to the quantized inverse of the deviation."""
        # Added before it is multiplied: a compiler cannot fuse the two into one rounding.
        variance = (squares + count * self.epsilon) * (1.0 / count)
        return apply(self.inverse_quantizer, 1.0 / ops.sqrt(variance), training)

    def epilogue(self, x: Any, training: bool | None = None) -> Any:
        """From the normalized elements to the output: gamma, beta, activation."""
        if self.scale:
            x = x * self._spread(apply(self.gamma_quantizer, ops.convert_to_tensor(self.gamma), training), x)
        if self.center:
            x = x + self._spread(apply(self.beta_quantizer, ops.convert_to_tensor(self.beta), training), x)
        return apply(self.activation, x, training)

    def _spread(self, parameter: Any, x: Any) -> Any:
        axes = [a % len(x.shape) for a in self.axis]
        return ops.reshape(parameter, [x.shape[a] if a in axes else 1 for a in range(len(x.shape))])
