"""The quantized layers: Keras layers under QKeras's names. Saved models name this module.

Importing it makes the layers and quantizers known to `keras.models.load_model`.
"""

from __future__ import annotations

from bitwright.train.layers import (
    Clip,
    QActivation,
    QAveragePooling2D,
    QBatchNormalization,
    QConv1D,
    QConv2D,
    QDense,
    QDepthwiseConv2D,
    QGlobalAveragePooling2D,
    QInitializer,
)

__all__ = [
    "Clip",
    "QActivation",
    "QAveragePooling2D",
    "QBatchNormalization",
    "QConv1D",
    "QConv2D",
    "QDense",
    "QDepthwiseConv2D",
    "QGlobalAveragePooling2D",
    "QInitializer",
]
