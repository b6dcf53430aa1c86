"""QKeras's `qkeras.utils`: converting, exporting and looking into models."""

from __future__ import annotations

from bitwright.flow.utilities import (
    clone_model_and_freeze_auto_po2_scale,
    load_qmodel,
    print_model_sparsity,
    quantized_model_debug,
    quantized_model_dump,
    quantized_model_from_json,
)
from bitwright.train.utilities.constants import get_y_from_TFOpLambda, is_TFOpLambda_layer
from bitwright.train.utilities.dictionary import get_config as get_config
from bitwright.train.utilities.dictionary import model_quantize, quantize_activation
from bitwright.train.utilities.folding import convert_to_folded_model
from bitwright.train.utilities.freezing import clone_model as clone_model
from bitwright.train.utilities.fusing import add_bn_fusing_weights, find_bn_fusing_layer_pair
from bitwright.train.utilities.objects import (
    add_supported_quantized_objects as _add_supported_quantized_objects,  # pyright: ignore[reportUnusedImport]  # noqa: F401
)
from bitwright.train.utilities.saved import model_save_quantized_weights
from bitwright.train.utilities.sparsity import get_model_sparsity

# Not clone_model and get_config: a star import would hide Keras's functions of these names.
__all__ = [
    "add_bn_fusing_weights",
    "clone_model_and_freeze_auto_po2_scale",
    "convert_to_folded_model",
    "find_bn_fusing_layer_pair",
    "get_model_sparsity",
    "get_y_from_TFOpLambda",
    "is_TFOpLambda_layer",
    "load_qmodel",
    "model_quantize",
    "model_save_quantized_weights",
    "print_model_sparsity",
    "quantize_activation",
    "quantized_model_debug",
    "quantized_model_dump",
    "quantized_model_from_json",
]
