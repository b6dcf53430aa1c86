"""`QScaleShift`: one quantized factor and one quantized offset for a whole tensor."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized, Role, apply
from bitwright.train.layers.bounds import bounded
from bitwright.train.public import public
from bitwright.train.spec import get_quantizer

__all__ = ["QScaleShift"]


@public("bitwright.layers")
class QScaleShift(Quantized, keras.layers.Layer):
    """x * weight + bias with one number each, then the activation.

    weight_quantizer, bias_quantizer: as for kernels, alpha=None means "auto_po2" in both. Weights:
    weight (1, 1) and, with use_bias, bias (1, 1). Source: google/qkeras, qmac.py.
    """

    roles = (
        Role("weight", "weight", is_kernel=True, is_weight=False),
        Role("bias", "bias", is_kernel=True, is_weight=False),
    )
    parent_has_activation = False

    def __init__(
        self,
        weight_quantizer: Any = None,
        bias_quantizer: Any = None,
        use_bias: bool = True,
        activation: Any = None,
        weight_initializer: Any = "he_normal",
        weight_regularizer: Any = None,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            weight_quantizer=weight_quantizer, bias_quantizer=bias_quantizer, activation=activation, **kwargs
        )
        self.use_bias = bool(use_bias)
        self.weight_initializer, _ = bounded(get_quantizer(weight_quantizer), weight_initializer, None)
        self.weight_regularizer = keras.regularizers.get(weight_regularizer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Create the two numbers."""
        self.weight = self.add_weight(
            name="weight", shape=(1, 1), initializer=self.weight_initializer, regularizer=self.weight_regularizer
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(1, 1), initializer=self.bias_initializer, regularizer=self.bias_regularizer
            )
        self._prepare_quantizers()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The layer's output for `inputs`, in their shape."""
        found = inputs * ops.reshape(apply(self.weight_quantizer, ops.convert_to_tensor(self.weight), training), ())
        if self.bias is not None:
            found = found + ops.reshape(apply(self.bias_quantizer, ops.convert_to_tensor(self.bias), training), ())
        return apply(self.activation, found, training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_prunable_weights(self) -> list[Any]:
        """The factor, and the offset as in QKeras."""
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        return {
            **super().get_config(),
            "use_bias": self.use_bias,
            "weight_initializer": keras.initializers.serialize(self.weight_initializer),
            "weight_regularizer": keras.regularizers.serialize(self.weight_regularizer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
        }
