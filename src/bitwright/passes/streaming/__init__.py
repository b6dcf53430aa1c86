"""From graphs to streams: recode, place (and fold) the layers as actors."""

from bitwright.passes.streaming import linear, moves, pointwise
from bitwright.passes.streaming.folding import Folding, Kernel
from bitwright.passes.streaming.placer import Place
from bitwright.passes.streaming.recode import Recode

__all__ = ["Folding", "Kernel", "Place", "Recode", "linear", "moves", "pointwise"]
