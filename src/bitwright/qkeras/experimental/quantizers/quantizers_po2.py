"""QKeras's `qkeras.experimental.quantizers.quantizers_po2`; see `bitwright.quantizers`."""

from __future__ import annotations

from bitwright.train.quantizers import quantized_bits_learnable_po2, quantized_bits_msqe_po2

__all__ = ["quantized_bits_learnable_po2", "quantized_bits_msqe_po2"]
