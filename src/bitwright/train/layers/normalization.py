"""`QBatchNormalization`: batch normalization with quantized parameters and statistics."""

from __future__ import annotations

import warnings
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized, Role, apply
from bitwright.train.public import public

__all__ = ["QBatchNormalization"]


@public("bitwright.layers")
class QBatchNormalization(Quantized, keras.layers.BatchNormalization):
    """x * inverse + (beta - mean * inverse), where inverse = gamma / sqrt(variance + epsilon).

    beta, gamma, mean and variance go through their quantizers (None: float), also the batch's own
    statistics in training. With inverse_quantizer the whole inverse is quantized, and gamma and
    variance must not be quantized as well. axis may be a list of one, as QKeras writes it.
    Source: google/qkeras, qnormalization.py.
    """

    roles = (
        Role("gamma", "gamma"),
        Role("beta", "beta"),
        Role("moving_mean", "mean", is_weight=False),
        Role("moving_variance", "variance", is_weight=False),
        Role("", "inverse", is_weight=False),
    )
    has_activation = False

    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        activation: Any = None,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        *,
        beta_quantizer: Any = "quantized_po2(5)",
        gamma_quantizer: Any = "quantized_relu_po2(6,2048)",
        mean_quantizer: Any = "quantized_po2(5)",
        variance_quantizer: Any = "quantized_relu_po2(6,quadratic_approximation=True)",
        inverse_quantizer: Any = None,
        **kwargs: Any,
    ) -> None:
        if inverse_quantizer is not None and not (gamma_quantizer is None and variance_quantizer is None):
            raise InvalidValue(
                "inverse_quantizer would quantize gamma and variance twice",
                where="QBatchNormalization",
                remedy="set gamma_quantizer=None and variance_quantizer=None",
            )
        if activation is not None:
            warnings.warn(f"QBatchNormalization: activation={activation} has no effect, as in QKeras", stacklevel=2)
        super().__init__(
            axis=axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis,
            momentum=momentum,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_quantizer=beta_quantizer,
            gamma_quantizer=gamma_quantizer,
            mean_quantizer=mean_quantizer,
            variance_quantizer=variance_quantizer,
            inverse_quantizer=inverse_quantizer,
            **kwargs,
        )
        if self.renorm:
            raise InvalidValue("renorm is not quantized", where="QBatchNormalization", remedy="use renorm=False")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """The normalized `inputs`, by batch statistics in training and moving ones otherwise."""
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        mean, variance = self._statistics(x, training, mask)
        mean = apply(self.mean_quantizer, mean, training)
        variance = apply(self.variance_quantizer, variance, training)
        inverse = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            inverse = inverse * apply(self.gamma_quantizer, ops.cast(self.gamma, x.dtype), training)
        inverse = apply(self.inverse_quantizer, inverse, training)
        offset = -mean * inverse
        if self.center:
            offset = offset + apply(self.beta_quantizer, ops.cast(self.beta, x.dtype), training)
        outputs = x * self._spread(inverse, x) + self._spread(offset, x)
        return ops.cast(outputs, self.compute_dtype)

    def get_quantization_config(self) -> dict[str, str]:
        """Argument names to quantizer strings."""
        return {role.quantizer: str(getattr(self, role.quantizer)) for role in self.roles}

    def get_prunable_weights(self) -> list[Any]:
        """None of the parameters is pruned."""
        return []

    def _statistics(self, x: Any, training: bool | None, mask: Any) -> tuple[Any, Any]:
        moving = ops.cast(self.moving_mean, x.dtype), ops.cast(self.moving_variance, x.dtype)
        if not (training and self.trainable):
            return moving
        found = self._moments(x, mask)
        for variable, old, new in zip((self.moving_mean, self.moving_variance), moving, found, strict=True):
            variable.assign(old * self.momentum + new * (1.0 - self.momentum))
        return found

    def _spread(self, parameter: Any, x: Any) -> Any:
        shape = [1] * len(x.shape)
        shape[self.axis] = x.shape[self.axis]
        return ops.reshape(parameter, shape)
