"""QKeras's `qkeras.estimate`: operations and accumulators of a quantized model."""

from __future__ import annotations

from bitwright.flow.utilities import analyze_accumulator, analyze_accumulator_from_sample, print_qstats
from bitwright.train.utilities.folding import unfold_model
from bitwright.train.utilities.operations import (
    create_activation_cache,
    extract_model_operations,
    get_operation_type,
    get_quant_mode,
)

__all__ = [
    "analyze_accumulator",
    "analyze_accumulator_from_sample",
    "create_activation_cache",
    "extract_model_operations",
    "get_operation_type",
    "get_quant_mode",
    "print_qstats",
    "unfold_model",
]
