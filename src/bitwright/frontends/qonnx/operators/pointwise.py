"""Operators on one element at a time, and normalizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.frontends.qonnx.functions import Fold, Pointwise, Two
from bitwright.frontends.qonnx.model import Operator

__all__ = [
    "BatchNormalization",
    "Binary",
    "Cast",
    "Clip",
    "Foreign",
    "LayerNormalization",
    "Parametric",
    "Softmax",
    "Unary",
    "Variadic",
    "Where",
]


@dataclass(frozen=True, slots=True)
class Foreign(Operator):
    """An operator that nobody here computes; `why` says so."""

    why: str
    remedy: str = "replace it by standard ONNX or QONNX operators"


@dataclass(frozen=True, slots=True)
class Unary(Operator):
    """A function of each element without parameters."""

    function: Pointwise


@dataclass(frozen=True, slots=True)
class Parametric(Operator):
    """An activation with parameters: LeakyRelu, Elu, Selu, Celu, ThresholdedRelu, HardSigmoid, by its ONNX name."""

    kind: str
    alpha: float
    beta: float = 0.0


@dataclass(frozen=True, slots=True)
class Binary(Operator):
    """A function of two tensors, element by element."""

    function: Two


@dataclass(frozen=True, slots=True)
class Variadic(Operator):
    """Min, Max, Sum or Mean of any number of tensors."""

    function: Fold


@dataclass(frozen=True, slots=True)
class Where(Operator):
    """condition, x, y."""


@dataclass(frozen=True, slots=True)
class Clip(Operator):
    """x, and perhaps the least and the greatest value."""


@dataclass(frozen=True, slots=True)
class Cast(Operator):
    """To another dtype."""

    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class BatchNormalization(Operator):
    """x, scale, bias, mean, variance; at inference."""

    epsilon: float
    channels_last: bool = False


@dataclass(frozen=True, slots=True)
class LayerNormalization(Operator):
    """x, scale, perhaps bias; over the axes from `axis` on."""

    axis: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Softmax(Operator):
    """Over `axis`; `flattened`: over all axes from `axis` on, as before opset 13. `log`: its logarithm."""

    axis: int
    flattened: bool
    log: bool
