"""Names of our layers and quantizers for `custom_objects`, which QKeras programs hand about."""

from __future__ import annotations

from typing import Any

from bitwright.train import layers
from bitwright.train.spec import QUANTIZERS

__all__ = ["add_supported_quantized_objects"]


def add_supported_quantized_objects(custom_objects: dict[str, Any]) -> None:
    """Add every quantized layer and quantizer, by class name, to `custom_objects`; Keras finds them without."""
    custom_objects.update({name: getattr(layers, name) for name in layers.__all__})
    custom_objects.update(QUANTIZERS)
