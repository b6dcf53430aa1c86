"""The gradient method: widths trained against the price of the hardware that they make."""

from __future__ import annotations

from bitwright.search.checkpoint import Row
from bitwright.search.gradient.archive import Archive, Candidate
from bitwright.search.gradient.options import Gradient
from bitwright.search.gradient.prepare import trainable_copy
from bitwright.search.gradient.run import Found, gradient_front
from bitwright.search.gradient.state import State, set_weights
from bitwright.search.gradient.wrapping import wrapped

__all__ = [
    "Archive",
    "Candidate",
    "Found",
    "Gradient",
    "Row",
    "State",
    "gradient_front",
    "set_weights",
    "trainable_copy",
    "wrapped",
]
