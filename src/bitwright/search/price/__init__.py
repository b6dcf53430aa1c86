"""What a model in training will cost in hardware, as tensors that have a gradient."""

from __future__ import annotations

from bitwright.search.price.digits import bit_spans, digit_counts
from bitwright.search.price.model import Price, price_now, price_of
from bitwright.search.price.rules import Tally, price

__all__ = ["Price", "Tally", "bit_spans", "digit_counts", "price", "price_now", "price_of"]
