"""The quantized layers: Keras layers under QKeras's names. Saved models name this module.

Importing it makes the layers and quantizers known to `keras.models.load_model`.
"""

from __future__ import annotations

from bitwright.train.layers import (
    QGRU,
    QLSTM,
    Clip,
    QActivation,
    QAveragePooling2D,
    QBatchNormalization,
    QBidirectional,
    QConv1D,
    QConv2D,
    QConv2DBatchnorm,
    QDense,
    QDenseBatchnorm,
    QDepthwiseConv2D,
    QDepthwiseConv2DBatchnorm,
    QGlobalAveragePooling2D,
    QGRUCell,
    QInitializer,
    QLSTMCell,
    QSimpleRNN,
    QSimpleRNNCell,
    keras2_hard_sigmoid,
    ternary_tanh,
)

__all__ = [
    "QGRU",
    "QLSTM",
    "Clip",
    "QActivation",
    "QAveragePooling2D",
    "QBatchNormalization",
    "QBidirectional",
    "QConv1D",
    "QConv2D",
    "QConv2DBatchnorm",
    "QDense",
    "QDenseBatchnorm",
    "QDepthwiseConv2D",
    "QDepthwiseConv2DBatchnorm",
    "QGRUCell",
    "QGlobalAveragePooling2D",
    "QInitializer",
    "QLSTMCell",
    "QSimpleRNN",
    "QSimpleRNNCell",
    "keras2_hard_sigmoid",
    "ternary_tanh",
]
