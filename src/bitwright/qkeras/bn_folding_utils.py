"""QKeras's `qkeras.bn_folding_utils`: folded layers into plain ones."""

from __future__ import annotations

from bitwright.flow.utilities import populate_bias_quantizer_from_accumulator
from bitwright.train.utilities.folding import convert_folded_layer_to_unfolded, unfold_model

__all__ = [
    "convert_folded_layer_to_unfolded",
    "populate_bias_quantizer_from_accumulator",
    "unfold_model",
]
