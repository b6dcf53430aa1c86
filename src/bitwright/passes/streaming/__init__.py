"""From graphs to streams: recode, place (and fold) the layers as actors."""

from bitwright.passes.streaming import choose, linear, moves, pointwise, products, recurrent
from bitwright.passes.streaming.fold import Fold, fold_steps, legal_foldings
from bitwright.passes.streaming.folding import Folding, Kernel, Products, folding_of, foldings_of, foldings_to_json
from bitwright.passes.streaming.placer import Place
from bitwright.passes.streaming.recode import Recode
from bitwright.passes.streaming.roll import Roll
from bitwright.passes.streaming.widen import Widen

__all__ = [
    "Fold",
    "Folding",
    "Kernel",
    "Place",
    "Products",
    "Recode",
    "Roll",
    "Widen",
    "choose",
    "fold_steps",
    "folding_of",
    "foldings_of",
    "foldings_to_json",
    "legal_foldings",
    "linear",
    "moves",
    "pointwise",
    "products",
    "recurrent",
]
