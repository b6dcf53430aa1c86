"""QKeras's `qkeras.codebook`: weights and activations from codebooks."""

from __future__ import annotations

from bitwright.train.utilities.codebook import (
    activation_compression,
    create_in_out_table,
    two_tier_embedding_compression,
    weight_compression,
)

__all__ = [
    "activation_compression",
    "create_in_out_table",
    "two_tier_embedding_compression",
    "weight_compression",
]
