"""Keras layers and their quantized twins, under QKeras's names."""

from __future__ import annotations

from bitwright.train.layers.activation import QActivation
from bitwright.train.layers.attention import QMultiHeadAttention
from bitwright.train.layers.base import QuantizedTensor
from bitwright.train.layers.bounds import Clip, QInitializer
from bitwright.train.layers.einsum import QEinsumDense
from bitwright.train.layers.embedding import QEmbedding
from bitwright.train.layers.folded import QConv2DBatchnorm, QDenseBatchnorm, QDepthwiseConv2DBatchnorm
from bitwright.train.layers.legacy import keras2_hard_sigmoid, ternary_tanh
from bitwright.train.layers.linear import QConv1D, QConv2D, QDense, QDepthwiseConv2D
from bitwright.train.layers.normalization import QBatchNormalization
from bitwright.train.layers.normalized import QLayerNormalization, QSoftmax
from bitwright.train.layers.pooling import QAveragePooling2D, QGlobalAveragePooling2D
from bitwright.train.layers.prelu import QPReLU
from bitwright.train.layers.recurrent import (
    QGRU,
    QLSTM,
    QBidirectional,
    QGRUCell,
    QLSTMCell,
    QSimpleRNN,
    QSimpleRNNCell,
)
from bitwright.train.layers.thermometer import BinaryToThermometer, Thermometer

__all__ = [
    "QGRU",
    "QLSTM",
    "BinaryToThermometer",
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
    "QEinsumDense",
    "QEmbedding",
    "QGRUCell",
    "QGlobalAveragePooling2D",
    "QInitializer",
    "QLSTMCell",
    "QLayerNormalization",
    "QMultiHeadAttention",
    "QPReLU",
    "QSimpleRNN",
    "QSimpleRNNCell",
    "QSoftmax",
    "QuantizedTensor",
    "Thermometer",
    "keras2_hard_sigmoid",
    "ternary_tanh",
]
