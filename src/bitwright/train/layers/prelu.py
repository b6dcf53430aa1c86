"""`QPReLU`: a rectifier whose negative slopes are trained and quantized."""

from __future__ import annotations

from typing import Any

from bitwright.train.door import keras, ops
from bitwright.train.layers.attribute import Overlaid, overlaid
from bitwright.train.layers.base import Quantized, Role, apply
from bitwright.train.public import public

__all__ = ["QPReLU"]


@public("bitwright.layers")
class QPReLU(Quantized, keras.layers.PReLU):
    """PReLU with quantized slopes, then an activation.

    alpha_quantizer: of the slopes, one an element (fewer with shared_axes); activation: a quantizer or
    a Keras function. All other arguments are those of keras.layers.PReLU.
    """

    roles = (Role("alpha", "alpha"),)
    parent_has_activation = False

    alpha = Overlaid()

    def __init__(self, *, alpha_quantizer: Any = None, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(alpha_quantizer=alpha_quantizer, activation=activation, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The rectified `inputs`."""
        quantizer = getattr(self, "alpha_quantizer")  # noqa: B009
        with overlaid(self, alpha=apply(quantizer, ops.convert_to_tensor(self.alpha), training)):
            return apply(self.activation, super().call(inputs), training)
