"""Bitwright: train networks in as few bits as the task needs; get firmware that is provably the same function.

`import bitwright as bw` is light: it loads neither Keras nor numpy. Every public name below is
fetched from its room when it is first used.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "bitwright.quantizers": (
        "quantized_bits", "quantized_relu", "quantized_tanh", "quantized_sigmoid", "binary", "ternary",
        "quantized_po2", "get_quantizer", "quantized_linear", "quantized_relu_po2", "quantized_hswish",
        "quantized_ulaw", "stochastic_binary", "stochastic_ternary", "bernoulli", "quantized_bits_learnable_po2",
        "quantized_bits_msqe_po2", "register_quantizer", "trained_bits", "trained_digits", "set_internal_sigmoid",
    ),
    "bitwright.layers": (
        "QDense", "QConv1D", "QConv2D", "QDepthwiseConv2D", "QActivation", "QBatchNormalization", "QAveragePooling2D",
        "QGlobalAveragePooling2D", "QSimpleRNN", "QLSTM", "QGRU", "QSimpleRNNCell", "QLSTMCell", "QGRUCell",
        "QEinsumDense", "QEmbedding", "QSoftmax", "QLayerNormalization", "QMultiHeadAttention", "QPReLU",
        "BinaryToThermometer", "Thermometer", "QBidirectional", "QConv2DBatchnorm", "QDenseBatchnorm",
        "QDepthwiseConv2DBatchnorm", "QSeparableConv1D", "QSeparableConv2D", "QConv2DTranspose",
        "QDepthwiseConv2DTranspose", "QSeparableConv2DTranspose", "QScaleShift", "QAdaptiveActivation",
        "OctaveConv2D", "QOctaveConv2D", "QMobileNetSeparableConv2D", "QTableDense", "QFixedPoint",
        "QEdgeTables",
    ),
    "bitwright.train.callbacks": ("QNoiseScheduler",),
    "bitwright.search.autoqkeras": ("AutoQKeras", "AutoQKerasScheduler"),
    "bitwright.train.pruning": (
        "Prune", "prune_now", "remove_neurons", "sparsity", "ConstantSparsity", "PolynomialDecay", "Unstructured",
        "Neurons", "Blocks", "NofM", "Magnitude", "Savings", "LutSavings",
    ),
    "bitwright.qkeras.utils": (
        "model_quantize", "model_save_quantized_weights", "quantized_model_from_json", "load_qmodel",
        "get_model_sparsity", "print_model_sparsity", "quantized_model_debug", "quantized_model_dump",
        "clone_model_and_freeze_auto_po2_scale", "convert_to_folded_model",
    ),
    "bitwright.qkeras.bn_folding_utils": ("unfold_model",),
    "bitwright.qkeras.estimate": (
        "analyze_accumulator", "analyze_accumulator_from_sample", "extract_model_operations", "print_qstats",
    ),
    "bitwright.flow": (
        "Bits", "Bitstream", "Design", "Health", "HealthLimits", "HealthWarning", "Hls", "Options", "QTools",
        "build_bitstream", "calibrate",
        "check_health", "compile", "compile_hls4ml", "compile_matrix", "explore",
        "explore_architectures", "explore_front", "explore_report", "from_torch", "Variants",
        "import_model", "load_model", "quantize",
        "StreamDesign", "read_hls4ml", "saved_by_pruning", "to_onnx",
        "Gradient", "Limits", "SearchResult", "Sensitivity", "Tables", "Trials", "save_search", "search",
        "search_report",
    ),
    "bitwright.numeric": ("Format", "Rounding", "Overflow"),
    "bitwright.core.errors": ("BitwrightError",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

_DOORS = ("zoo",)
"""Modules that are public as modules."""

__all__ = ["__version__", *_DOORS, *sorted(_HOME_OF)]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return import_module(f"bitwright.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module 'bitwright' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


class _Face(ModuleType):
    """The package as a module on which a verb stays the function, although a room of that name is imported later."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face


def __dir__() -> list[str]:
    return sorted(__all__)
