"""Bitwright: train networks in as few bits as the task needs; get firmware that is provably the same function.

`import bitwright as bw` is light: it loads neither Keras nor numpy. Every public name below is
fetched from its room when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "bitwright.quantizers": (
        "quantized_bits", "quantized_relu", "quantized_tanh", "quantized_sigmoid", "binary", "ternary",
        "quantized_po2", "get_quantizer",
    ),
    "bitwright.layers": (
        "QDense", "QConv1D", "QConv2D", "QDepthwiseConv2D", "QActivation", "QBatchNormalization", "QAveragePooling2D",
        "QGlobalAveragePooling2D", "QSimpleRNN", "QLSTM", "QGRU", "QSimpleRNNCell", "QLSTMCell", "QGRUCell",
        "QBidirectional",
        "QEinsumDense", "QEmbedding", "QSoftmax", "QLayerNormalization", "QMultiHeadAttention", "QPReLU",
        "BinaryToThermometer", "Thermometer", "QConv2DBatchnorm", "QDenseBatchnorm", "QDepthwiseConv2DBatchnorm",
    ),
    "bitwright.flow": ("Bits", "Design", "Options", "compile", "quantize"),
    "bitwright.numeric": ("Format", "Rounding", "Overflow"),
    "bitwright.core.errors": ("BitwrightError",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'bitwright' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
