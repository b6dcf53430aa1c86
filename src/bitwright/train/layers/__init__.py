"""Keras layers and their quantized twins, under QKeras's names."""

from __future__ import annotations

from bitwright.train.layers.activation import QActivation
from bitwright.train.layers.adaptive import QAdaptiveActivation
from bitwright.train.layers.attention import QMultiHeadAttention
from bitwright.train.layers.base import QuantizedTensor
from bitwright.train.layers.bounds import (
    Clip,
    QInitializer,
    get_auto_range_constraint_initializer,
    get_constraint,
    get_initializer,
)
from bitwright.train.layers.edge_tables import QEdgeTables
from bitwright.train.layers.einsum import QEinsumDense
from bitwright.train.layers.embedding import QEmbedding
from bitwright.train.layers.fixed_point import QFixedPoint
from bitwright.train.layers.folded import QConv2DBatchnorm, QDenseBatchnorm, QDepthwiseConv2DBatchnorm
from bitwright.train.layers.legacy import keras2_hard_sigmoid, ternary_tanh
from bitwright.train.layers.linear import QConv1D, QConv2D, QDense, QDepthwiseConv2D
from bitwright.train.layers.mobile import QMobileNetSeparableConv2D
from bitwright.train.layers.normalization import QBatchNormalization
from bitwright.train.layers.normalized import QLayerNormalization, QSoftmax
from bitwright.train.layers.octave import OctaveConv2D, QOctaveConv2D
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
from bitwright.train.layers.scale_shift import QScaleShift
from bitwright.train.layers.separable import QSeparableConv1D, QSeparableConv2D
from bitwright.train.layers.spread import deconv_output_length
from bitwright.train.layers.tables import QTableDense
from bitwright.train.layers.thermometer import BinaryToThermometer, Thermometer
from bitwright.train.layers.transposed import QConv2DTranspose, QDepthwiseConv2DTranspose, QSeparableConv2DTranspose

__all__ = [
    "QGRU",
    "QLSTM",
    "BinaryToThermometer",
    "Clip",
    "OctaveConv2D",
    "QActivation",
    "QAdaptiveActivation",
    "QAveragePooling2D",
    "QBatchNormalization",
    "QBidirectional",
    "QConv1D",
    "QConv2D",
    "QConv2DBatchnorm",
    "QConv2DTranspose",
    "QDense",
    "QDenseBatchnorm",
    "QDepthwiseConv2D",
    "QDepthwiseConv2DBatchnorm",
    "QDepthwiseConv2DTranspose",
    "QEdgeTables",
    "QEinsumDense",
    "QEmbedding",
    "QFixedPoint",
    "QGRUCell",
    "QGlobalAveragePooling2D",
    "QInitializer",
    "QLSTMCell",
    "QLayerNormalization",
    "QMobileNetSeparableConv2D",
    "QMultiHeadAttention",
    "QOctaveConv2D",
    "QPReLU",
    "QScaleShift",
    "QSeparableConv1D",
    "QSeparableConv2D",
    "QSeparableConv2DTranspose",
    "QSimpleRNN",
    "QSimpleRNNCell",
    "QSoftmax",
    "QTableDense",
    "QuantizedTensor",
    "Thermometer",
    "deconv_output_length",
    "get_auto_range_constraint_initializer",
    "get_constraint",
    "get_initializer",
    "keras2_hard_sigmoid",
    "ternary_tanh",
]
