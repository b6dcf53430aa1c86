"""Functions that ONNX names with a word, as enums that compute in the dtype of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FloatRounding", "Fold", "Pointwise", "Shrink", "Two"]

Array = NDArray[Any]


class FloatRounding(Enum):
    """How QONNX rounds floats to integers; its HALF_UP is half away from zero."""

    HALF_EVEN = "ROUND"
    CEIL = "CEIL"
    FLOOR = "FLOOR"
    UP = "UP"
    DOWN = "DOWN"
    HALF_UP = "HALF_UP"
    HALF_DOWN = "HALF_DOWN"

    @classmethod
    def of(cls, word: str) -> FloatRounding:
        """From the attribute, in any case; raises `ValueError` for another word."""
        upper = word.upper()
        return cls.HALF_EVEN if upper == "HALF_EVEN" else cls(upper)

    def __call__(self, x: Array) -> Array:
        """`x` rounded, in its own dtype."""
        match self:
            case FloatRounding.HALF_EVEN:
                return np.rint(x)
            case FloatRounding.CEIL:
                return np.ceil(x)
            case FloatRounding.FLOOR:
                return np.floor(x)
            case FloatRounding.UP:
                return np.copysign(np.ceil(np.abs(x)), x)
            case FloatRounding.DOWN:
                return np.trunc(x)
            case FloatRounding.HALF_UP:
                return np.copysign(np.floor(np.abs(x) + np.asarray(0.5, x.dtype)), x)
            case FloatRounding.HALF_DOWN:
                return np.copysign(np.ceil(np.abs(x) - np.asarray(0.5, x.dtype)), x)


def _sigmoid(x: Array) -> Array:
    """Without the overflow of e**-x: both halves use the exponential of a negative number."""
    small = np.exp(-np.abs(x))
    return (np.where(x >= 0, np.ones_like(x), small) / (1 + small)).astype(x.dtype)


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _erf(x: Array) -> Array:
    """From the standard library, element by element: numpy has none."""
    from math import erf

    return np.array([erf(v) for v in x.ravel().tolist()], dtype=x.dtype).reshape(x.shape)


_RISING = {"Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Exp", "Log", "Sqrt", "Floor", "Ceil", "Round",
           "Sign", "Identity", "Neg"}  # fmt: skip

_CALLS: dict[str, Callable[[Array], Array]] = {
    "Relu": lambda x: np.maximum(x, np.zeros((), x.dtype)),
    "Sigmoid": _sigmoid,
    "Tanh": np.tanh,
    "Softplus": _softplus,
    "Softsign": lambda x: x / (1 + np.abs(x)),
    "Erf": _erf,
    "Exp": np.exp,
    "Log": np.log,
    "Sqrt": np.sqrt,
    "Abs": np.abs,
    "Neg": np.negative,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.rint,
    "Reciprocal": lambda x: (1 / x).astype(x.dtype),
    "Sign": np.sign,
    "Identity": lambda x: x,
    "Sin": np.sin,
    "Cos": np.cos,
    "Not": np.logical_not,
    "HardSwish": lambda x: x * np.clip(x / np.asarray(6, x.dtype) + np.asarray(0.5, x.dtype), 0, 1).astype(x.dtype),
    "Mish": lambda x: x * np.tanh(_softplus(x)),
}


class Pointwise(Enum):
    """A function of one element without parameters, by its ONNX name."""

    RELU = "Relu"
    SIGMOID = "Sigmoid"
    TANH = "Tanh"
    SOFTPLUS = "Softplus"
    SOFTSIGN = "Softsign"
    ERF = "Erf"
    EXP = "Exp"
    LOG = "Log"
    SQRT = "Sqrt"
    ABS = "Abs"
    NEG = "Neg"
    FLOOR = "Floor"
    CEIL = "Ceil"
    ROUND = "Round"
    RECIPROCAL = "Reciprocal"
    SIGN = "Sign"
    IDENTITY = "Identity"
    SIN = "Sin"
    COS = "Cos"
    NOT = "Not"
    HARD_SWISH = "HardSwish"
    MISH = "Mish"

    @property
    def monotone(self) -> bool:
        """Whether it rises or falls everywhere."""
        return self.value in _RISING

    def __call__(self, x: Array) -> Array:
        """The function of each element."""
        return _CALLS[self.value](x)


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":  # C division: toward zero
        quotient = np.abs(a) // np.abs(b)
        return (quotient * np.sign(a) * np.sign(b)).astype(a.dtype)
    return a / b


def _power(a: Array, b: Array) -> Array:
    return np.power(a, b).astype(a.dtype)


_TWO: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divide,
    "Pow": _power,
    "Mod": np.mod,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
    "PRelu": lambda x, slope: np.where(x < 0, x * slope, x),
}


class Two(Enum):
    """A function of two elements, by its ONNX name; shapes broadcast."""

    ADD = "Add"
    SUB = "Sub"
    MUL = "Mul"
    DIV = "Div"
    POW = "Pow"
    MOD = "Mod"
    EQUAL = "Equal"
    GREATER = "Greater"
    GREATER_OR_EQUAL = "GreaterOrEqual"
    LESS = "Less"
    LESS_OR_EQUAL = "LessOrEqual"
    AND = "And"
    OR = "Or"
    XOR = "Xor"
    PRELU = "PRelu"

    def __call__(self, a: Array, b: Array) -> Array:
        """The function of each pair."""
        return _TWO[self.value](a, b)


class Fold(Enum):
    """A function of any number of tensors, taken two by two; shapes broadcast."""

    MIN = "Min"
    MAX = "Max"
    SUM = "Sum"
    MEAN = "Mean"

    def __call__(self, a: Array, b: Array) -> Array:
        """One step of it (the mean divides at the end)."""
        match self:
            case Fold.MIN:
                return np.minimum(a, b)
            case Fold.MAX:
                return np.maximum(a, b)
            case _:
                return np.add(a, b)


class Shrink(Enum):
    """A function that takes axes away, by its ONNX name."""

    MEAN = "ReduceMean"
    SUM = "ReduceSum"
    MAX = "ReduceMax"
    MIN = "ReduceMin"
    PROD = "ReduceProd"
    L1 = "ReduceL1"
    L2 = "ReduceL2"
    SUM_SQUARE = "ReduceSumSquare"

    def __call__(self, x: Array, axes: tuple[int, ...] | None, keepdims: bool) -> Array:
        """`x` reduced over `axes` (None: all), in its own dtype."""
        told: dict[str, Any] = {"axis": axes, "keepdims": keepdims}
        match self:
            case Shrink.MEAN:
                return np.mean(x, **told, dtype=x.dtype)
            case Shrink.SUM:
                return np.sum(x, **told, dtype=x.dtype)
            case Shrink.MAX:
                return np.max(x, **told)
            case Shrink.MIN:
                return np.min(x, **told)
            case Shrink.PROD:
                return np.prod(x, **told, dtype=x.dtype)
            case Shrink.L1:
                return np.sum(np.abs(x), **told, dtype=x.dtype)
            case Shrink.L2:
                return np.sqrt(np.sum(x * x, **told, dtype=x.dtype)).astype(x.dtype)
            case Shrink.SUM_SQUARE:
                return np.sum(x * x, **told, dtype=x.dtype)
