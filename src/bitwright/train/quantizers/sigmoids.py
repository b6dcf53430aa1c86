"""The sigmoid and tanh stand-ins of QKeras, and the choice of the one that quantizers use inside.

Each is piecewise linear unless "real". Source: google/qkeras, quantizers.py.
"""

from __future__ import annotations

from typing import Any, Literal

from bitwright.core.errors import InvalidValue
from bitwright.train.door import ops
from bitwright.train.public import public
from bitwright.train.quantizers.straight import clip_code, inside, straight

__all__ = [
    "DEFAULT_SIGMOID",
    "binary_sigmoid",
    "binary_tanh",
    "hard_sigmoid",
    "hard_tanh",
    "internal_sigmoid",
    "set_internal_sigmoid",
    "smooth_sigmoid",
    "smooth_tanh",
]


def _linear_sigmoid(x: Any, slope: float) -> Any:
    raw = slope * ops.convert_to_tensor(x) + 0.5
    return straight(clip_code(raw, 0.0, 1.0), raw * ops.stop_gradient(inside(raw, 0.0, 1.0)))


@public("bitwright.quantizers")
def hard_sigmoid(x: Any) -> Any:
    """clip(0.5 x + 0.5, 0, 1)."""
    return _linear_sigmoid(x, 0.5)


@public("bitwright.quantizers")
def smooth_sigmoid(x: Any) -> Any:
    """clip(0.1875 x + 0.5, 0, 1)."""
    return _linear_sigmoid(x, 0.1875)


@public("bitwright.quantizers")
def binary_sigmoid(x: Any) -> Any:
    """The hard sigmoid rounded to 0 or 1, with the hard sigmoid's gradient."""
    soft = hard_sigmoid(x)
    return straight(ops.round(soft), soft)


@public("bitwright.quantizers")
def hard_tanh(x: Any) -> Any:
    """2 hard_sigmoid(x) - 1."""
    return 2.0 * hard_sigmoid(x) - 1.0


@public("bitwright.quantizers")
def smooth_tanh(x: Any) -> Any:
    """2 smooth_sigmoid(x) - 1."""
    return 2.0 * smooth_sigmoid(x) - 1.0


@public("bitwright.quantizers")
def binary_tanh(x: Any) -> Any:
    """2 binary_sigmoid(x) - 1."""
    return 2.0 * binary_sigmoid(x) - 1.0


_KINDS = {"hard": hard_sigmoid, "smooth": smooth_sigmoid, "real": ops.sigmoid}
DEFAULT_SIGMOID: Literal["hard", "smooth", "real"] = "hard"
"""The mode that `set_internal_sigmoid` starts with."""

_chosen: dict[str, str] = {"internal": DEFAULT_SIGMOID}


def set_internal_sigmoid(mode: Literal["hard", "smooth", "real"]) -> None:
    """Choose the sigmoid that quantizers use inside from now on; QKeras starts with "hard"."""
    if mode not in _KINDS:
        raise InvalidValue(f"unknown sigmoid {mode!r}", where="set_internal_sigmoid", remedy="use hard, smooth or real")
    _chosen["internal"] = mode


def internal_sigmoid(x: Any) -> Any:
    """The sigmoid chosen by `set_internal_sigmoid`."""
    return _KINDS[_chosen["internal"]](x)
