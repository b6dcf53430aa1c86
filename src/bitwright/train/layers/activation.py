"""`QActivation`: a quantizer as a layer."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras
from bitwright.train.layers.base import apply
from bitwright.train.public import public
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.spec import get_activation

__all__ = ["QActivation"]


@public("bitwright.layers")
class QActivation(keras.layers.Layer):
    """Applies a quantizer: an object, a QKeras string such as "quantized_relu(4)", or a config.

    `quantizer` holds it from construction on. Source: google/qkeras, qlayers.py.
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.quantizer = get_activation(activation)
        self.activation = self.quantizer
        self._quantizer_state = self.quantizer.state if isinstance(self.quantizer, BaseQuantizer) else []
        # Without variables to make it is built at once, as QKeras programs expect.
        self.built = not getattr(self.quantizer, "shaped", False)

    def build(self, input_shape: Any) -> None:
        """Make the variables of a quantizer that depend on the shape."""
        if isinstance(self.quantizer, BaseQuantizer):
            self.quantizer.prepare_activations(input_shape)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The quantized `inputs`."""
        return apply(self.quantizer, inputs, training)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_quantizers(self) -> list[Any]:
        """The one quantizer."""
        return [self.quantizer]

    def get_quantization_config(self) -> str:
        """The quantizer as a string."""
        return str(self.quantizer)

    def get_prunable_weights(self) -> list[Any]:
        """None: there are no weights."""
        return []

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        return {
            **super().get_config(),
            "activation": keras.saving.serialize_keras_object(self.quantizer),
        }
